"""Great Expectations' SQL engine on a snapshot's one connection. Imports Great Expectations: import it late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from great_expectations.core.batch import Batch
from great_expectations.core.batch_spec import SqlAlchemyDatasourceBatchSpec
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.exceptions.exceptions import MetricResolutionError
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.util import convert_to_json_serializable
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import Validator

from affidavit.errors import AffidavitError
from affidavit.quality.sharing import Share, Unique, failing, share
from affidavit.warehouse import Snapshot, TableRef

COUNTS_ONLY = {"result_format": "SUMMARY", "partial_unexpected_count": 0}
"""Decide and count, without the extra scan per expectation that looks for examples."""

_WITH_VALUES = {"result_format": "SUMMARY", "partial_unexpected_count": 1}

_MOST_COLUMNS = 1_000
"""Of one statement; Postgres takes 1,664."""


class SnapshotEngine(SqlAlchemyExecutionEngine):
    """Runs each query in the snapshot's transaction, within its time limit, and never on another connection.

    Great Expectations swallows errors into results; the first one of ours is kept in ``failure``, after which nothing
    more is asked.
    """

    def __init__(self, snapshot: Snapshot, table: TableRef, *, about: str) -> None:
        self.failure: AffidavitError | None = None
        self._snapshot = snapshot
        self._about = about
        super().__init__(engine=snapshot.connection.engine, create_temp_table=False)
        if snapshot.dialect.name == "duckdb":
            self.dialect_module = _duckdb_module()
        self._columns = self._reflect(table)
        self.table = table

    def others(self, names: Sequence[str]) -> list[TableRef]:
        """The tables called so, but for the one that is validated."""
        found = [self._snapshot.table(name) for name in names]
        return [other for other in found if other != self.table]

    def run(
        self,
        table: TableRef,
        configurations: Sequence[ExpectationConfiguration],
        *,
        result_format: Mapping[str, Any] = COUNTS_ONLY,
    ) -> list[Any]:
        """Validate; one ``ExpectationValidationResult`` for each configuration, in no promised order."""
        quoted = {"table_name": sa.sql.quoted_name(table.name, True), "schema_name": None}
        if table.schema is not None:
            quoted["schema_name"] = sa.sql.quoted_name(table.schema, True)
        spec = SqlAlchemyDatasourceBatchSpec(**quoted, create_temp_table=False)
        data, markers = self.get_batch_data_and_markers(spec)
        # Its annotation says "a class of batch data"; what it takes, and is given everywhere, is an instance.
        batch = Batch(data=data, batch_spec=spec, batch_markers=markers)  # type: ignore[arg-type]
        validator = QuietValidator(execution_engine=self, batches=[batch])
        results: list[ExpectationValidationResult] = validator.graph_validate(
            list(configurations), {"result_format": dict(result_format)}
        )
        return results

    def resolve_metrics(
        self,
        metrics_to_resolve: Iterable[MetricConfiguration],
        metrics: dict[Any, Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[Any, Any]:
        """What can share a scan waits, round by round, until nothing else is left to resolve; then it is one scan.

        Values that were unexpected are not looked for (:data:`COUNTS_ONLY` wants none of them).
        """
        asked, known = list(metrics_to_resolve), metrics or {}
        if examples := [metric for metric in asked if metric.metric_name.endswith(".unexpected_values")]:
            return {metric.id: [] for metric in examples}
        shares = {metric: share(metric, known, self) for metric in asked}
        if own := [metric for metric in asked if shares[metric] is None]:
            resolved: dict[Any, Any] = super().resolve_metrics(own, metrics, runtime_configuration)
            return resolved
        try:
            return self._scan(shares)
        except AffidavitError as failure:
            raise MetricResolutionError(message=str(failure), failed_metrics=asked) from failure

    def _scan(self, shares: Mapping[MetricConfiguration, Share | None]) -> dict[Any, Any]:
        """All that is shared, by id: one statement, and one more that decides whether values are unique."""
        counts = {metric: one for metric, one in shares.items() if isinstance(one, sa.ColumnElement)}
        found = dict(zip(counts, self._values(list(counts.values())), strict=True))
        unique = {metric: one for metric, one in shares.items() if isinstance(one, Unique)}
        decided = self._values([expression for one in unique.values() for expression in one.decided()])
        for (metric, one), there, different in zip(unique.items(), decided[::2], decided[1::2], strict=True):
            repeating = one.repeating(self.table.selectable)
            found[metric] = 0 if there == different else int(self.execute_query(repeating).scalar_one())
        return {metric.id: convert_to_json_serializable(value) for metric, value in found.items()}

    def _values(self, expressions: Sequence[sa.ColumnElement[Any]]) -> list[Any]:
        """The values of aggregates over the table, in order."""
        values: list[Any] = []
        for start in range(0, len(expressions), _MOST_COLUMNS):
            part = [one.label(f"a{n}") for n, one in enumerate(expressions[start : start + _MOST_COLUMNS])]
            values += self.execute_query(sa.select(*part).select_from(self.table.selectable)).one()
        return values

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        """The snapshot's connection; it outlives the block."""
        yield self._snapshot.connection

    def execute_query(self, query: Any) -> Any:
        """Run and fetch: a driver fetches late, when the time limit would no longer hold."""
        if self.failure is not None:
            raise self.failure
        try:
            with self._snapshot.guard(self._about):
                fetched = self._snapshot.connection.execute(query).freeze()
        except AffidavitError as failure:
            self.failure = failure
            raise
        return fetched()

    def execute_query_in_transaction(self, query: Any) -> Any:
        """The same: the snapshot's transaction is never committed."""
        return self.execute_query(query)

    def get_inspector(self) -> Any:
        """What was reflected once, at the start; Great Expectations' own inspector would open a connection."""
        return self

    def get_columns(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        """As SQLAlchemy's inspector gives them, for the one table there is."""
        return self._columns

    def get_pk_constraint(self, *_: Any, **__: Any) -> dict[str, list[str]]:
        """None: no expectation needs it."""
        return {"constrained_columns": []}

    def close(self) -> None:
        """Nothing: the connection belongs to the snapshot."""

    def _reflect(self, table: TableRef) -> list[dict[str, Any]]:
        if self._snapshot.dialect.name == "duckdb":
            # Reflection through duckdb-engine asks for catalogues of Postgres, and the failure ends the transaction.
            return [{"name": column.name, "type": _generic_type(column.type)} for column in table.columns]
        with self._snapshot.guard(self._about):
            return list(sa.inspect(self._snapshot.connection).get_columns(table.name, schema=table.schema))  # type: ignore[arg-type]


class FailingRows(SnapshotEngine):
    """Asks which rows fail one expectation; what was counted before is not counted again."""

    _found: sa.ColumnElement[bool] | None = None

    def of(self, configuration: ExpectationConfiguration) -> sa.ColumnElement[bool] | None:
        """The condition on rows of the table; None where the expectation has none. Raises what the warehouse says."""
        self.run(self.table, [configuration], result_format=_WITH_VALUES)
        if self.failure:
            raise self.failure
        return self._found

    def resolve_metrics(
        self,
        metrics_to_resolve: Iterable[MetricConfiguration],
        metrics: dict[Any, Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[Any, Any]:
        """The condition is kept where values are asked for; counts are answered with 0, since nobody reads them."""
        asked = list(metrics_to_resolve)
        found: dict[Any, Any] = {}
        for metric in asked:
            if metric.metric_name.endswith(".unexpected_values"):
                self._found, found[metric.id] = failing(metric, metrics or {}, self, self.table.selectable), []
            elif metric.metric_name == "table.row_count" or metric.metric_name.endswith(".unexpected_count"):
                found[metric.id] = 0
        rest = [metric for metric in asked if metric.id not in found]
        return found | (super().resolve_metrics(rest, metrics, runtime_configuration) if rest else {})


class QuietValidator(Validator):
    """Without a data context there is no setting for progress bars."""

    def _determine_progress_bars(self) -> bool:
        return False


def _duckdb_module() -> ModuleType:
    """What Great Expectations looks into to learn what a dialect can do; it has none for DuckDB.

    Types are SQLAlchemy's own. It takes a module that has a ``TrinoDialect`` for one with LIKE and ``regexp_like``,
    which DuckDB has too (:meth:`affidavit.warehouse.duckdb.DuckDB.begin` defines the second).
    """
    module = ModuleType("sqlalchemy.types")
    vars(module).update({name: value for name, value in vars(sa.types).items() if isinstance(value, type)})
    vars(module)["TrinoDialect"] = None
    return module


def _generic_type(name: str) -> Any:
    generic = getattr(sa.types, name.partition("(")[0], None)
    return generic() if isinstance(generic, type) and issubclass(generic, sa.types.TypeEngine) else sa.types.NullType()

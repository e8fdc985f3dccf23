"""What of a suite is counted in one scan of the table, and how each count is written. Imports Great Expectations.

Great Expectations asks one query for each kind of thing it counts: for each row condition, each pair of columns, each
unique column, each level of its graph of metrics. What each means is taken from it, expression by expression; here
they are only put side by side, as aggregates over the whole table:

- a count under a row condition becomes a count of the rows that fulfil both;
- whether values are unique is first asked as ``count(x) = count(DISTINCT x)``, and only where they are not, the rows
  that repeat a value are counted, by a query of its own.

Everything else (a median, the values of a column, an aggregate of one column under a row condition) stays a query of
its own, as Great Expectations makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from great_expectations.exceptions.exceptions import GreatExpectationsError
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.validator.metric_configuration import MetricConfiguration

_UNIQUE = "column_values.unique.unexpected_count"
_COMPOUND = "compound_columns.unique.unexpected_count"

Filter = sa.ColumnElement[bool] | None
"""Which rows count; None: all."""


@dataclass(frozen=True)
class Unique:
    """Whether the values of some columns, together, are each there once among the rows that count.

    A row with a null in one of them is no row that repeats another, as SQL compares.
    """

    columns: tuple[sa.ColumnElement[Any], ...]
    counted: sa.ColumnElement[bool]

    def decided(self) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
        """How many values there are, and how many different ones."""
        value = self.columns[0] if len(self.columns) == 1 else sa.tuple_(*self.columns)
        return sa.func.count().filter(self.counted), sa.func.count(sa.distinct(value)).filter(self.counted)

    def repeating(self, table: sa.FromClause) -> sa.Select[tuple[int]]:
        """How many rows have a value that another row has too."""
        rows = sa.func.count().label("n")
        groups = sa.select(rows).select_from(table).where(self.counted).group_by(*self.columns).having(rows > 1)
        return sa.select(sa.func.coalesce(sa.func.sum(groups.subquery().c.n), 0))

    def failing(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        """Whether a row is one of these."""
        value: Any = self.columns[0] if len(self.columns) == 1 else sa.tuple_(*self.columns)
        groups = sa.select(*self.columns).select_from(table).where(self.counted).group_by(*self.columns)
        return sa.and_(self.counted, value.in_(groups.having(sa.func.count() > 1)))


Share = sa.ColumnElement[Any] | Unique
"""One value of the scan that is shared, or a question of uniqueness."""


def share(metric: MetricConfiguration, known: Mapping[Any, Any], engine: SqlAlchemyExecutionEngine) -> Share | None:
    """How ``metric`` is asked together with others; None where it is a matter of its own.

    ``known`` are the values of metrics by id, those that it rests on among them.
    """
    name, domain = metric.metric_name, metric.metric_domain_kwargs
    bundled = metric.metric_dependencies.get("metric_partial_fn")
    condition = (bundled or metric).metric_dependencies.get("unexpected_condition")
    try:
        if name in {_UNIQUE, _COMPOUND}:
            if engine.dialect_name == "sqlite" and len(domain.get("column_list", ())) > 1:
                raise _OwnQuery  # it counts no distinct rows
            return _repeated(domain, engine)
        if name.endswith(".filtered_row_count"):
            return _rows(_filter(engine, domain))
        if name.endswith(".unexpected_count") and condition is not None:
            return _unexpected(known[condition.id][0], _filter(engine, domain), bundled=bundled is not None)
        if bundled is not None:
            aggregate, compute, _ = known[bundled.id]
            which = _filter(engine, compute)
            if name == "table.row_count":
                return _rows(which)
            if which is None:
                return cast("sa.ColumnElement[Any]", aggregate)
    except (GreatExpectationsError, _OwnQuery):
        pass  # Great Expectations meets the same difficulty on its own way, and says what it is.
    return None


def failing(
    metric: MetricConfiguration, known: Mapping[Any, Any], engine: SqlAlchemyExecutionEngine, table: sa.FromClause
) -> sa.ColumnElement[bool] | None:
    """Which rows of ``table`` the unexpected ``metric``, values, are of; None where no condition says it."""
    domain = metric.metric_domain_kwargs
    name = metric.metric_name.removesuffix("unexpected_values") + "unexpected_count"
    condition = metric.metric_dependencies.get("unexpected_condition")
    try:
        if name in {_UNIQUE, _COMPOUND}:
            return _repeated(domain, engine).failing(table)
        which = _filter(engine, domain)
    except (GreatExpectationsError, _OwnQuery):
        return None
    if condition is None:
        return None
    there = cast("sa.ColumnElement[bool]", known[condition.id][0])
    return there if which is None else sa.and_(which, there)


class _OwnQuery(Exception):
    """What is asked reads something else than rows of the one table."""


def _unexpected(condition: sa.ColumnElement[bool], which: Filter, *, bundled: bool) -> sa.ColumnElement[Any]:
    """The number of rows, as Great Expectations gives it: of no rows, null where it bundles, else 0."""
    if any(_reads_elsewhere(part) for part in sa.sql.visitors.iterate(condition)):
        raise _OwnQuery
    each: sa.ColumnElement[Any] = sa.case((condition, 1), else_=0)
    total: sa.ColumnElement[Any] = sa.func.sum(each if which is None else sa.case((which, each)))
    return total if bundled else sa.func.coalesce(total, 0)


def _reads_elsewhere(part: Any) -> bool:
    """Whether a part of a condition reads another table, or numbers or counts rows in a window."""
    if isinstance(part, sa.sql.functions.FunctionElement):
        return False  # a row of values to SQLAlchemy, one value here
    of_another = isinstance(part, sa.ColumnClause) and part.table is not None
    return of_another or isinstance(part, sa.sql.expression.Selectable | sa.Over)


def _rows(which: Filter) -> sa.ColumnElement[int]:
    return sa.func.count() if which is None else sa.func.count(sa.case((which, 1)))


def _repeated(domain: Mapping[str, Any], engine: SqlAlchemyExecutionEngine) -> Unique:
    names = [domain["column"]] if "column" in domain else list(domain["column_list"])
    which = _filter(engine, domain)
    columns: tuple[sa.ColumnElement[Any], ...] = tuple(sa.column(sa.sql.quoted_name(name, True)) for name in names)
    present = [column.is_not(None) for column in columns]
    return Unique(columns, sa.and_(*present, *([] if which is None else [which])))


def _filter(engine: SqlAlchemyExecutionEngine, domain: Mapping[str, Any]) -> Filter:
    """What Great Expectations would put into WHERE for a domain, without the table it puts it on."""
    if domain.get("table") is not None:
        raise _OwnQuery
    whole = engine.get_domain_records({"batch_id": domain.get("batch_id")})
    found: list[sa.ColumnElement[bool]] = []
    rows: Any = engine.get_domain_records(dict(domain))
    while rows is not whole:
        if isinstance(rows, sa.Subquery):
            rows = rows.element
            continue
        if not isinstance(rows, sa.Select) or rows.whereclause is None or len(rows.get_final_froms()) != 1:
            raise _OwnQuery
        found.append(rows.whereclause)
        (rows,) = rows.get_final_froms()
    return sa.and_(*found) if found else None

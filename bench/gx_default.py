"""Great Expectations as it comes, to be measured and compared against: its own data sources, its default results.

For DuckDB it has no data source that works (decision 2), so there it is given the connection of a snapshot; everything
else is its own: one query for each thing it counts, and examples looked for with each expectation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from affidavit.inventory import Connection, Suite
from affidavit.quality import load
from affidavit.quality.gx import quiet
from affidavit.warehouse import snapshot

Run = Callable[[Suite], list[Any]]
"""Validates, and gives one ``ExpectationValidationResult`` for each expectation, its name in ``meta["test"]``."""


@contextmanager
def default(connection: Connection, table: str, *, timeout_seconds: int) -> Iterator[Run]:
    """A way to run suites on ``table`` as Great Expectations does by default."""
    load()
    if connection.type == "duckdb":
        with _over_duckdb(connection, table, timeout_seconds) as run:
            yield run
        return
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    if connection.type == "sqlite":
        source = context.data_sources.add_sqlite("s", connection_string=f"sqlite:///{connection.path}")
    else:
        address = f"postgresql+psycopg://{connection.login}@localhost/{connection.schema}?host={connection.host}"
        source = context.data_sources.add_postgres("s", connection_string=address)
    asset = source.add_table_asset(table, table_name=table)
    whole = asset.add_batch_definition_whole_table("w")

    def run(suite: Suite) -> list[Any]:
        with quiet():
            theirs = gx.ExpectationSuite("s", expectations=_configurations(suite))
            return list(whole.get_batch().validate(theirs).results)

    try:
        yield run
    finally:
        source.get_execution_engine().close()
        source.get_engine().dispose()


def _configurations(suite: Suite) -> list[Any]:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return [
        ExpectationConfiguration(type=one.type, kwargs=dict(one.kwargs), meta={"test": one.test})
        for one in suite.expectations
    ]


@contextmanager
def _over_duckdb(connection: Connection, table: str, timeout_seconds: int) -> Iterator[Run]:
    from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine

    from affidavit.quality.engine import SnapshotEngine

    class Unshared(SnapshotEngine):
        """Our connection, and their own way over it."""

        resolve_metrics = SqlAlchemyExecutionEngine.resolve_metrics

    with snapshot(connection, timeout_seconds=timeout_seconds) as opened:
        found = opened.table(table)

        def run(suite: Suite) -> list[Any]:
            with quiet():
                engine = Unshared(opened, found, about=table)
                return engine.run(found, _configurations(suite), result_format={"result_format": "SUMMARY"})

        yield run

"""A copy of some rows of a table under a name of its own, with a defect: what a control is challenged with.

The only code here that writes to a warehouse. It never names what exists: each copy has a new name with 64 random bits
(in a schema of that name, where the warehouse has schemas), is created by a statement that fails if something of that
name is there, and nothing but what this very call created is ever dropped. The defect is part of the statement that
copies, so that no statement changes a row of anything. Rows do not leave the warehouse.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from affidavit.errors import SourceRefused
from affidavit.inventory import Connection
from affidavit.warehouse.dialect import Dialect
from affidavit.warehouse.files import existing_file
from affidavit.warehouse.profile import is_number
from affidavit.warehouse.snapshot import dialect_of, snapshot, translate
from affidavit.warehouse.tables import Column, TableRef

MOST_ROWS = 100_000
"""Rows of a copy: a suite that asks for more fails on the copy without a defect too, which is no catch."""

EVERY = 4
"""Of the copied rows one in so many has the defect."""

PREFIX = "affidavit_canary_"

_FIX = "name a connection that may create a table or, where there are schemas, a schema (--through)"

_TOKEN = re.compile(r"[0-9a-f]{16}")

Kind = Literal["missing", "sign", "repeated"]
KINDS: tuple[Kind, ...] = ("missing", "sign", "repeated")


@dataclass(frozen=True)
class Defect:
    """What is wrong with a copy: values that are missing, numbers below zero that were above, or rows that stand twice.

    ``column`` is the one that has it; None of rows that stand twice.
    """

    kind: Kind
    column: str | None


def defects(columns: Sequence[Column]) -> tuple[Defect, ...]:
    """Every defect that a table of these columns can be given."""
    missing = [Defect("missing", column.name) for column in columns]
    sign = [Defect("sign", column.name) for column in columns if is_number(column)]
    return (*missing, *sign, Defect("repeated", None))


@contextmanager
def planted(
    connection: Connection, table: str, defect: Defect | None, *, token: str, timeout_seconds: int
) -> Iterator[str]:
    """A copy of :data:`MOST_ROWS` rows of ``table`` at most, by its name, with ``defect``; gone with the block.

    ``token`` are 16 hexadecimal digits that nobody used before. Raises as :func:`affidavit.warehouse.snapshot`, and
    ``SourceRefused`` where the connection may not create a table, or one of that name is there.
    """
    if not _TOKEN.fullmatch(token):
        raise ValueError("a token is 16 hexadecimal digits")
    with snapshot(connection, timeout_seconds=timeout_seconds) as opened:
        found = opened.table(table)
    dialect, name = dialect_of(connection), f"{PREFIX}{token}"
    schema = name if found.schema is not None else None
    create, drop = _statements(dialect, found, defect, name=name, schema=schema)
    where = f"warehouse://{connection.id}/{f'{schema}.{name}' if schema else name}"
    _written(connection, create, where=where, timeout_seconds=timeout_seconds)
    try:
        yield f"{schema}.{name}" if schema else name
    finally:
        _written(connection, drop, where=where, timeout_seconds=timeout_seconds)


def _statements(
    dialect: Dialect, found: TableRef, defect: Defect | None, *, name: str, schema: str | None
) -> tuple[list[str], list[str]]:
    """What creates the copy, and what drops it: never by a name that could be anybody's."""
    quoted = f'"{schema}"."{name}"' if schema else f'"{name}"'
    copied = f"CREATE TABLE {quoted} AS {_copy(dialect, found, defect)}"
    if schema is None:
        return [copied], [f"DROP TABLE {quoted}"]
    # Without CASCADE: what somebody else put into the schema keeps it.
    return [f'CREATE SCHEMA "{schema}"', copied], [f"DROP TABLE {quoted}", f'DROP SCHEMA "{schema}"']


def _copy(dialect: Dialect, found: TableRef, defect: Defect | None) -> str:
    columns: list[sa.ColumnElement[Any]] = [
        sa.column(sa.sql.quoted_name(column.name, True)) for column in found.columns
    ]
    number = sa.func.row_number().over().label("affidavit_row")
    first = sa.select(*columns, number).select_from(found.selectable).limit(MOST_ROWS).subquery("copied")
    hit = first.c.affidavit_row % sa.literal_column(str(EVERY)) == sa.literal_column("0")
    chosen = [
        _spoilt(first.c[column.name], column, hit, defect).label(sa.sql.quoted_name(column.name, True))
        for column in found.columns
    ]
    rows: sa.Select[Any] | sa.CompoundSelect[Any] = sa.select(*chosen)
    if defect and defect.kind == "repeated":
        rows = sa.union_all(sa.select(*chosen), sa.select(*chosen))
    compiled = rows.compile(dialect=_sql(dialect), compile_kwargs={"literal_binds": True})
    # Doubled for a driver that takes one for the place of a parameter.
    return str(compiled).replace("%%", "%")


def _spoilt(
    value: sa.ColumnElement[Any], column: Column, hit: sa.ColumnElement[bool], defect: Defect | None
) -> sa.ColumnElement[Any]:
    if defect is None or defect.column != column.name:
        return value
    if defect.kind == "missing":
        return sa.case((sa.not_(hit), value))
    # Of the same type, so that it is the value that is caught.
    below = sa.cast(-sa.func.abs(value) - sa.literal_column("1"), _Named(column.type))
    return sa.case((hit, below), else_=value)


class _Named(sa.types.UserDefinedType[Any]):
    """A type as the warehouse's catalogue names it."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


def _sql(dialect: Dialect) -> sa.Dialect:
    # DuckDB reads what Postgres does.
    made: sa.Dialect = sa.dialects.registry.load("sqlite" if dialect.name == "sqlite" else "postgresql")()
    return made


def _written(connection: Connection, statements: Sequence[str], *, where: str, timeout_seconds: int) -> None:
    """Run statements in one transaction. Raises as :func:`planted`."""
    dialect = dialect_of(connection)
    try:
        if dialect.name == "postgresql":
            _by_server(connection, dialect, statements)
        else:
            _in_file(connection, dialect, statements)
    except sa.exc.SQLAlchemyError as error:
        try:
            translate(error, dialect, where=where, timeout_seconds=timeout_seconds)
        except SourceRefused as refused:
            raise SourceRefused(refused.problem, where=where, fix=_FIX) from None
    except (sqlite3.Error, OSError) as error:
        raise SourceRefused(f"nothing can be written ({type(error).__name__})", where=where, fix=_FIX) from None


def _by_server(connection: Connection, dialect: Dialect, statements: Sequence[str]) -> None:
    opened = dialect.connect(connection).execution_options(postgresql_readonly=False)
    try:
        with opened.begin():
            for statement in statements:
                opened.exec_driver_sql(statement.replace("%", "%%"))  # psycopg takes one for a parameter
    finally:
        opened.close()
        opened.engine.dispose()


def _in_file(connection: Connection, dialect: Dialect, statements: Sequence[str]) -> None:
    path = existing_file(connection)
    if dialect.name == "sqlite":
        database = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=2)
        run = database.execute
    else:
        import duckdb

        try:
            database = duckdb.connect(str(path))  # type: ignore[assignment]
        except duckdb.Error as error:
            raise sa.exc.DBAPIError(None, None, error) from error
        run = database.execute
    try:
        run("BEGIN")
        for statement in statements:
            run(statement)
        run("COMMIT")
    except Exception as error:
        if isinstance(error, sqlite3.Error):
            raise
        raise sa.exc.DBAPIError(None, None, error) from error
    finally:
        database.close()

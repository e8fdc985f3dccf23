"""The driver itself, for the statements that every append makes.

SQLAlchemy's way costs more for each of them than the database does. The transaction is still SQLAlchemy's, and every
BEGIN is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Dialect, Table

Query = tuple[str, Sequence[Any]]
"""A query, in which each of the values has the place ``{}``; that of a list stands for "is among these"."""

Rows = list[tuple[Any, ...]]

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _noticing(call: Callable[Concatenate[Connection, _P], _T]) -> Callable[Concatenate[Connection, _P], _T]:
    def noticing(connection: Connection, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return call(connection, *args, **kwargs)
        except BaseException as error:
            _notice(connection, error)
            raise

    update_wrapper(noticing, call)
    return noticing


def _notice(connection: Connection, error: BaseException) -> None:
    # What SQLAlchemy would do itself: a connection that is broken is not given to the next, nor is any of its age. A
    # signal's exception leaves one with answers still to come, at which ROLLBACK would fail in that exception's place.
    if connection.invalidated:
        return
    if not isinstance(error, connection.dialect.loaded_dbapi.Error):
        connection.invalidate(error)
    elif connection.dialect.is_disconnect(error, _plain(connection), None):
        connection.invalidate(error)
        connection.engine.dispose()


@_noticing
def run(connection: Connection, statement: str) -> None:
    """Run a statement that takes nothing and gives nothing."""
    _plain(connection).execute(statement)


def rows(connection: Connection, query: str, values: Sequence[Any] = ()) -> Rows:
    """All rows of one :data:`Query`."""
    return asked(connection, [(query, values)])[0]


@_noticing
def asked(connection: Connection, queries: Sequence[Query], *, first: Sequence[str] = ()) -> list[Rows]:
    """All rows of each query, asked in this order after the statements ``first``.

    Postgres is sent several at once and waited for once; it still answers one after the other, each with a snapshot of
    its own (READ COMMITTED).
    """
    plain = _plain(connection)
    if len(queries) == 1 and not first:
        return [plain.execute(*_written(connection, query)).fetchall() for query in queries]
    with pipelined(connection):
        for statement in first:
            plain.execute(statement)
        cursors = [plain.execute(*_written(connection, query)) for query in queries]
    return [cursor.fetchall() for cursor in cursors]


@_noticing
def insert(connection: Connection, table: Table, new: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of all columns."""
    several = len(new) > 1
    statement = _insertion(table, connection.dialect, several)
    if not several:
        _plain(connection).execute(statement, new[0])
    elif _on_postgres(connection):
        _plain(connection).execute(statement, [list(column) for column in zip(*new, strict=True)])
    else:
        _plain(connection).executemany(statement, new)


@contextmanager
def pipelined(connection: Connection) -> Iterator[None]:
    """Postgres is sent what is run meanwhile without waiting for answers; an error may come at the end only.

    SQLAlchemy's own statements find no answer in here.
    """
    if not _on_postgres(connection):
        yield
        return
    try:
        with _plain(connection).pipeline():
            yield
    except BaseException as error:
        # Where a signal's exception ends the waiting, psycopg fails to leave its pipeline, and hides that exception.
        hidden = error.__context__
        told = error if hidden is None or isinstance(hidden, Exception) else hidden
        _notice(connection, told)
        raise told from error.__cause__


def _plain(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _on_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _written(connection: Connection, query: Query) -> tuple[str, list[Any]]:
    text, values = query
    if _on_postgres(connection):  # which takes its time to read hundreds of places
        return text.format(*["= ANY(%s)" if isinstance(value, list) else "%s" for value in values]), list(values)
    places = [f"IN ({', '.join('?' * len(value))})" if isinstance(value, list) else "?" for value in values]
    flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return text.format(*places), flat


@lru_cache
def _insertion(table: Table, dialect: Dialect, several: bool) -> str:
    names = ", ".join([f'"{column.name}"' for column in table.columns])
    begin = f"INSERT INTO {table.name} ({names})"
    if several and dialect.name == "postgresql":  # a column as one binary array costs little more than COPY
        arrays = ", ".join([f"%b::{column.type.compile(dialect)}[]" for column in table.columns])
        return f"{begin} SELECT * FROM UNNEST({arrays})"  # noqa: S608 - names of ours
    place = "%s" if dialect.name == "postgresql" else "?"
    return f"{begin} VALUES ({', '.join([place] * len(table.columns))})"

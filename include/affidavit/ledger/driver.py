"""The driver itself, for the statements that every append makes.

SQLAlchemy's way costs more for each of them than the database does. Every BEGIN and COMMIT is ours; what SQLAlchemy
itself is asked in between runs in the same transaction, and it gives the connection back with ROLLBACK.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache, update_wrapper
from hashlib import sha256
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Dialect, Table, Text

from affidavit.errors import LedgerError

Query = tuple[str, Sequence[Any]]
"""A query, in which each of the values has the place ``{}``; that of a list stands for "is among these"."""

Rows = list[tuple[Any, ...]]

Kept = tuple[Table, str, str, Mapping[int, bytes | str]]
"""Rows of a table, the name of its key, that of another column, and what this must hold for each key."""

_AT_ONCE = 256
"""Rows of one message to Postgres, which takes in 1 GB at most, and where 17 MB of the largest leaves are costly."""

_TAKEN_IN = re.compile(r"(\d+) rows taken in by table (\w+)")

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
    if connection.invalidated or isinstance(error, LedgerError):
        return
    if not isinstance(error, connection.dialect.loaded_dbapi.Error):
        connection.invalidate(error)
    elif connection.dialect.is_disconnect(error, plain(connection), None):
        connection.invalidate(error)
        connection.engine.dispose()


@_noticing
def run(connection: Connection, statement: str) -> None:
    """Run a statement that takes nothing and gives nothing."""
    plain(connection).execute(statement)


@_noticing
def commit(connection: Connection) -> None:
    """COMMIT, unless that was run already. Without it the transaction ends with ROLLBACK when the connection goes."""
    plain(connection).commit()


def rows(connection: Connection, query: str, values: Sequence[Any] = ()) -> Rows:
    """All rows of one :data:`Query`."""
    return asked(connection, [(query, values)])[0]


@_noticing
def asked(connection: Connection, queries: Sequence[Query], *, first: Sequence[str] = ()) -> list[Rows]:
    """All rows of each query, asked in this order after the statements ``first``.

    Postgres is sent several at once and waited for once; it still answers one after the other, each with a snapshot of
    its own (READ COMMITTED).
    """
    own = plain(connection)
    if len(queries) == 1 and not first:
        return [own.execute(*_written(connection, query)).fetchall() for query in queries]
    with pipelined(connection):
        for statement in first:
            own.execute(statement)
        cursors = [own.execute(*_written(connection, query)) for query in queries]
    return [cursor.fetchall() for cursor in cursors]


@_noticing
def insert(connection: Connection, table: Table, new: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of all columns.

    Raises ``LedgerError`` where the table took in fewer: a trigger, or a rule of Postgres, can swallow rows and call
    that a success. Postgres itself compares, so that a COMMIT sent behind it is passed over.
    """
    if not _on_postgres(connection):
        statement = _insertion(table, connection.dialect, len(new) > 1)
        own = plain(connection)
        cursor = own.executemany(statement, new) if len(new) > 1 else own.execute(statement, new[0])
        if cursor.rowcount != len(new):
            raise _swallowed(cursor.rowcount, table.name)
        return
    for start in range(0, len(new), _AT_ONCE):
        some = new[start : start + _AT_ONCE]
        values = [*map(list, zip(*some, strict=True)), len(some)] if len(some) > 1 else some[0]
        # What more than one message takes is waited for in between: they would be kept until all are sent.
        with pipelined(connection) if len(new) > _AT_ONCE else nullcontext():
            plain(connection).execute(_insertion(table, connection.dialect, len(some) > 1), values)


@_noticing
def demand_kept(connection: Connection, *kept: Kept) -> None:
    """Raise ``LedgerError`` unless the rows are there as they were inserted.

    A trigger may have changed or removed them since, and one of Postgres may wait for COMMIT to do so. Asked last.
    """
    own = plain(connection)
    if not _on_postgres(connection):
        query = _reading_back(tuple([each[:3] for each in kept]))
        ranges = [limit for *_, new in kept for limit in (min(new), max(new))]
        found = set(own.execute(query, ranges).fetchall())
        for table, _, _, new in kept:
            there = len(new.items() & found)
            if there != len(new):
                raise _swallowed(there, table.name)
        return
    own.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table, key, data, new in kept:
        digests = [_digest(each) for each in new.values()]
        own.execute(_counting(table, key, data), [len(new), list(new), digests, min(new), max(new)])


def swallowed(message: str) -> LedgerError | None:
    """The error of an insertion that took in fewer rows than it was given, where Postgres' ``message`` is that."""
    told = _TAKEN_IN.search(message)
    return _swallowed(int(told[1]), told[2]) if told else None


def _swallowed(kept: int, table: str) -> LedgerError:
    problem = f"table {table} took in {kept} rows, fewer than it was given, and called that a success"
    return LedgerError(problem, fix="nothing was acknowledged; drop the trigger on it that swallows or changes rows")


def pipelined(connection: Connection) -> AbstractContextManager[None]:
    """Postgres is sent what is run meanwhile without waiting for answers; an error may come at the end only.

    SQLAlchemy's own statements find no answer in here.
    """
    return _pipeline(connection) if _on_postgres(connection) else nullcontext()


@contextmanager
def _pipeline(connection: Connection) -> Iterator[None]:
    try:
        with plain(connection).pipeline():
            yield
    except BaseException as error:
        # Where a signal's exception ends the waiting, psycopg fails to leave its pipeline, and hides that exception.
        hidden = error.__context__
        told = error if hidden is None or isinstance(hidden, Exception) else hidden
        _notice(connection, told)
        raise told from error.__cause__


def plain(connection: Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.dbapi_connection


def _on_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _written(connection: Connection, query: Query) -> tuple[str, list[Any]]:
    text, values = query
    if _on_postgres(connection):  # which takes its time to read hundreds of places
        return _placed(text, tuple(["= ANY(%s)" if isinstance(value, list) else "%s" for value in values])), list(
            values
        )
    places = tuple([f"IN ({', '.join('?' * len(value))})" if isinstance(value, list) else "?" for value in values])
    flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return _placed(text, places), flat


@lru_cache
def _placed(text: str, places: tuple[str, ...]) -> str:
    return text.format(*places)


@lru_cache
def _insertion(table: Table, dialect: Dialect, several: bool) -> str:
    names = ", ".join([f'"{column.name}"' for column in table.columns])
    insert = f"INSERT INTO {table.name} ({names})"
    if dialect.name != "postgresql":
        return f"{insert} VALUES ({', '.join('?' * len(table.columns))})"
    given = "1"
    if several:  # a column as one binary array costs little more than COPY
        arrays = ", ".join([f"%b::{column.type.compile(dialect)}[]" for column in table.columns])
        insert, given = f"{insert} SELECT * FROM UNNEST({arrays})", "%s"  # noqa: S608 - names of ours
    else:
        insert = f"{insert} VALUES ({', '.join(['%s'] * len(table.columns))})"
    return f"WITH new AS ({insert} RETURNING 1) SELECT {_counted(table, given)} FROM new"  # noqa: S608


def _counted(table: Table, given: str) -> str:
    # Without a function of ours, a cast that fails is how a statement raises an error; its message holds the text.
    return f"CASE COUNT(*) WHEN {given} THEN 0 ELSE (COUNT(*) || ' rows taken in by table {table.name}')::int END"


@lru_cache
def _reading_back(columns: tuple[tuple[Table, str, str], ...]) -> str:
    read = 'SELECT "{1}", "{2}" FROM {0} WHERE "{1}" BETWEEN ? AND ?'
    return " UNION ALL ".join([read.format(table.name, key, data) for table, key, data in columns])


@lru_cache
def _counting(table: Table, key: str, data: str) -> str:
    stored = f"convert_to({data}, 'UTF8')" if isinstance(table.columns[data].type, Text) else data
    new = "UNNEST(%b::bigint[], %b::bytea[]) AS new (key, digest)"
    same = f'"{key}" = new.key AND sha256({stored}) = new.digest'
    # The range is asked for by index: left to the join, Postgres would hash every row that was ever stored.
    found = f'{table.name} JOIN {new} ON {same} WHERE "{key}" BETWEEN %s AND %s'
    return f"SELECT {_counted(table, '%s')} FROM {found}"  # noqa: S608 - names of ours


def _digest(data: bytes | str) -> bytes:
    return sha256(data.encode() if isinstance(data, str) else data).digest()

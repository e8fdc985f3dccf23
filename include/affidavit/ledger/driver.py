"""The driver's own cursor, for the statements that every append makes.

SQLAlchemy's way costs more for each of them than the database does. The transaction is still SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection


def run(connection: Connection, statement: str) -> None:
    """Run a statement that takes nothing and gives nothing."""
    with _cursor(connection) as cursor:
        cursor.execute(statement)


def rows(connection: Connection, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query, in which each of ``values`` has the place ``{}``."""
    with _cursor(connection) as cursor:
        cursor.execute(query.format(*[_place(connection)] * len(values)), values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def insert(connection: Connection, table: str, columns: Sequence[str], new: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows; names of tables and columns are ours, never a user's."""
    names = ", ".join([f'"{name}"' for name in columns])
    places = ", ".join([_place(connection)] * len(columns))
    statement = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608
    with _cursor(connection) as cursor:
        if len(new) == 1:
            cursor.execute(statement, new[0])
        else:
            cursor.executemany(statement, new)


def _place(connection: Connection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


@contextmanager
def _cursor(connection: Connection) -> Iterator[Any]:
    plain = connection.connection
    cursor = plain.cursor()
    try:
        yield cursor
    except connection.dialect.loaded_dbapi.Error as error:
        # What SQLAlchemy would do itself: a connection that is broken is not given to the next.
        if connection.dialect.is_disconnect(error, plain.driver_connection, cursor):
            connection.invalidate(error)
        raise
    finally:
        cursor.close()

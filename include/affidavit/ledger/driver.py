"""The driver's own cursor, for the statements that every append makes.

SQLAlchemy's way costs more for each of them than the database does. The transaction is still SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table


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


def among(connection: Connection, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """What stands behind a column in a query that asks for any of ``values``, and the values for :func:`rows`."""
    if connection.dialect.name == "postgresql":  # which takes its time to read hundreds of places
        return "= ANY({})", [list(values)]
    return f"IN ({', '.join(['{}'] * len(values))})", list(values)


def insert(connection: Connection, table: Table, new: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of all columns."""
    names = ", ".join([f'"{column.name}"' for column in table.columns])
    with _cursor(connection) as cursor:
        if len(new) > 1 and connection.dialect.name == "postgresql":
            with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types([column.type.compile(connection.dialect).lower() for column in table.columns])
                for row in new:
                    copy.write_row(row)
            return
        places = ", ".join([_place(connection)] * len(table.columns))
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({places})"  # noqa: S608
        if len(new) > 1:
            cursor.executemany(statement, new)
        else:
            cursor.execute(statement, new[0])


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

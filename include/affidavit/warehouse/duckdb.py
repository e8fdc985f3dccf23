"""DuckDB: the file opened read-only, rows hashed and sorted by DuckDB itself."""

from __future__ import annotations

import bisect
import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import duckdb_engine
import sqlalchemy as sa

from affidavit.errors import SourceRefused
from affidavit.inventory import Connection
from affidavit.warehouse.dialect import Bucket, Diagnosis, Trouble, declared
from affidavit.warehouse.files import existing_file
from affidavit.warehouse.tables import Column, TableRef

MEMORY = "800MB"
"""What DuckDB, which works in this process, may hold of a table; what it sorts beyond that goes to disk.

With the interpreter and what else is loaded the process stays below 1 GiB: 150 MB more than DuckDB holds were seen.
"""

_PLAIN = frozenset(
    [
        *("boolean", "uuid", "float", "double", "decimal", "bignum", "hugeint", "uhugeint"),
        *("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"),
        *("date", "time", "time_ns", "time with time zone", "interval", "timestamp", "timestamp with time zone"),
        *("timestamp_s", "timestamp_ms", "timestamp_ns"),
    ]
)
"""Types whose cast to text tells any two values apart (floats: shortest text that reads back as the same float; times
with a zone: in UTC, which :meth:`DuckDB.begin` sets), is never empty and holds no bar."""

_COUNTED = frozenset(["varchar", "enum", "bit", "null"])
"""Types whose text may hold anything, or nothing."""

_NESTED = frozenset(["list", "array", "struct", "map"])

_BATCH = 100_000
"""Hashes that pass by at a time: 6.4 MB."""


class DuckDB:
    """See :class:`affidavit.warehouse.dialect.Dialect`."""

    name = "duckdb"
    method = "rows-sha256-buckets/2 duckdb"
    one_state = True

    def connect(self, connection: Connection) -> sa.Connection:
        """Opens the file read-only, or joins what this process already holds open of it and leaves that as it is."""
        path = existing_file(connection)
        held = contextlib.ExitStack()
        try:
            ours = _ours(held.enter_context(_spill(os.getpid())))
            # DuckDB opens a file once per process, in one configuration. The transaction is read-only in each.
            for how in (ours, {"read_only": True}):
                try:
                    return _open(path, how, held)
                except sa.exc.DBAPIError as error:
                    if "different configuration" not in str(error.orig):
                        raise
            return _open(path, {"read_only": False}, held)
        except BaseException:
            held.close()
            raise

    def begin(self, connection: sa.Connection, *, timeout_seconds: int) -> str:
        """``BEGIN TRANSACTION READ ONLY``, pinned by a first read."""
        del timeout_seconds
        connection.exec_driver_sql("ROLLBACK")
        # The text of times depends on the zone, the order of hashes on the collation; a bar would be drawn into logs.
        for setting in ("TimeZone = 'UTC'", "default_collation = ''", "enable_progress_bar = false"):
            connection.exec_driver_sql(f"SET {setting}")
        # Great Expectations asks for a regular expression by this name; a temporary macro is of this connection alone.
        connection.exec_driver_sql(
            "CREATE OR REPLACE TEMP MACRO regexp_like(text, pattern) AS regexp_matches(text, pattern)"
        )
        connection.exec_driver_sql("BEGIN TRANSACTION READ ONLY")
        connection.exec_driver_sql("SELECT count(*) FROM duckdb_tables()").fetchall()
        return "one connection in one read-only transaction (snapshot isolation)"

    def interrupt(self, connection: sa.Connection) -> Callable[[], None] | None:
        """DuckDB's own interrupt."""
        driver: Any = connection.connection.driver_connection
        stop: Callable[[], None] = driver.interrupt
        return stop

    def diagnose(self, error: BaseException) -> Diagnosis:
        """By exception class; DuckDB has no error codes."""
        text = str(error).split("\n")[0]
        match error:
            case duckdb.InterruptException():
                found = Diagnosis(Trouble.TIMED_OUT, "stopped")
            case duckdb.IOException() if "Could not set lock" in text or "being used by another process" in text:
                found = Diagnosis(
                    Trouble.UNAVAILABLE,
                    "another process has the DuckDB file open for writing",
                    fix="let the writer close the file, then try again",
                )
            case duckdb.SerializationException():
                found = Diagnosis(Trouble.GARBLED, "the file is broken, or from another version of DuckDB")
            case duckdb.IOException() if "not a valid DuckDB database" in text:
                found = Diagnosis(Trouble.GARBLED, "the file is not a DuckDB database")
            case duckdb.OperationalError() | duckdb.FatalException() | duckdb.InternalException():
                found = Diagnosis(Trouble.UNAVAILABLE, f"DuckDB cannot read now ({type(error).__name__})")
            case duckdb.CatalogException() | duckdb.BinderException() | duckdb.PermissionException():
                found = Diagnosis(Trouble.REFUSED, f"DuckDB refused the query ({text})")
            case _:
                reason = f"DuckDB refused the query ({type(error).__name__})"
                found = Diagnosis(Trouble.REFUSED, reason, quotes_rows=True)
        return found

    def tables(self) -> sa.Executable:
        """Tables and views of the file itself, not of what is attached to it."""
        return sa.text(
            "SELECT schema_name, name, schema_name = current_schema() FROM ("
            " SELECT schema_name, table_name AS name, database_name FROM duckdb_tables() WHERE NOT internal"
            " UNION ALL SELECT schema_name, view_name, database_name FROM duckdb_views() WHERE NOT internal"
            ") WHERE database_name = current_database()"
        )

    def views(self) -> sa.Executable:
        """From ``duckdb_views()``, those of the file itself."""
        return sa.text(
            "SELECT schema_name, view_name, 'view', sql FROM duckdb_views()"
            " WHERE NOT internal AND database_name = current_database()"
        )

    def columns(self, table: TableRef) -> sa.Executable:
        """From ``duckdb_columns()``."""
        return sa.text(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database()"
            " AND schema_name = :schema AND table_name = :name ORDER BY column_index"
        ).bindparams(schema=table.schema, name=table.name)

    def buckets(self, connection: sa.Connection, table: TableRef, *, where: str) -> Iterable[Bucket]:
        """DuckDB hashes and sorts, on disk where there are many rows; sorted hashes pass by here, a batch at a time."""
        digest = self.row_digest(table, where=where)
        statement = sa.select(digest.label("h")).select_from(table.selectable).order_by(sa.literal_column("1"))
        driver: Any = connection.connection.driver_connection
        text = str(statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
        try:
            yield from _bucketed(driver.sql(text).to_arrow_reader(_BATCH))
        except duckdb.Error as error:
            raise sa.exc.DBAPIError(None, None, error) from error
        except OSError as error:
            # Arrow's wrapping of what ends a stream half way; its text may quote a row.
            interrupted = str(error).startswith("INTERRUPT Error")
            cause = duckdb.InterruptException() if interrupted else duckdb.OperationalError()
            raise sa.exc.DBAPIError(None, None, cause) from None

    def row_digest(self, table: TableRef, *, where: str) -> sa.ColumnElement[Any]:
        """As hexadecimal text."""
        columns = zip(declared(table.columns), table.columns, strict=True)
        values = (_value(expression, column, where=where) for expression, column in columns)
        return sa.func.sha256(_joined([part for parts in values for part in parts]))

    def count_if(self, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        """DuckDB takes seven times as long over ``FILTER``; of no rows its ``count_if`` is null."""
        return sa.func.coalesce(sa.func.count_if(condition), 0)

    def distinct(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any] | None:
        """HyperLogLog."""
        return sa.func.approx_count_distinct(column)

    def text_sha256(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """DuckDB's own."""
        return sa.func.sha256(text)

    def size(self, table: TableRef) -> tuple[sa.Executable, str]:
        """DuckDB keeps a row count per table; of a view it knows nothing."""
        statement = sa.text(
            "SELECT max(estimated_size), NULL FROM duckdb_tables() WHERE database_name = current_database()"
            " AND schema_name = :schema AND table_name = :name"
        ).bindparams(schema=table.schema, name=table.name)
        return statement, "DuckDB's catalogue"


class _Spill:
    """A folder that only we may read, there while a connection of this process is open.

    One for all of them, since DuckDB opens a file once per process, in one configuration. Removed at the last close,
    not at the end of the process: a forked task ends without running what was kept for then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._folder = ""

    def __enter__(self) -> str:
        with self._lock:
            if not self._users:
                self._folder = tempfile.mkdtemp(prefix="affidavit-")
            self._users += 1
            return self._folder

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                shutil.rmtree(self._folder, ignore_errors=True)


@functools.cache
def _spill(process: int) -> _Spill:
    """The folder of this process, by its id: a fork has one of its own."""
    del process
    return _Spill()


def _ours(spill: str) -> dict[str, Any]:
    """How this process opens a file that nobody in it has open: settings of a whole database.

    Nothing is to be downloaded. What is sorted on disk may hold values of rows, and DuckDB would put it beside the
    file: it goes to the folder ``spill``.
    """
    config = {"autoinstall_known_extensions": "false", "memory_limit": MEMORY, "temp_directory": spill}
    return {"read_only": True, "config": config}


class _Connection(duckdb_engine.ConnectionWrapper):
    """The driver's connection, which lets go of what it ``held`` once it is closed."""

    def __init__(self, connection: Any, held: contextlib.ExitStack) -> None:
        super().__init__(connection)
        self._held = held

    def close(self) -> None:
        super().close()
        self._held.close()


def _open(path: Path, how: Mapping[str, Any], held: contextlib.ExitStack) -> sa.Connection:
    # Through a creator, since the engine's own way adds a user agent, which DuckDB counts as another configuration.
    engine = sa.create_engine(
        "duckdb://",
        creator=lambda: _Connection(duckdb.connect(str(path), **how), held),
        poolclass=sa.NullPool,
        hide_parameters=True,
    )
    return engine.connect()


def _bucketed(batches: Iterable[Any]) -> Iterator[Bucket]:
    """Buckets of sorted hexadecimal hashes, of 64 characters each, that come in Arrow batches of one text column."""
    prefix, joined, rows = "", hashlib.sha256(), 0
    for batch in batches:
        # One after the other in memory: hashed without making an object of each.
        hashes = memoryview(batch.column(0).buffers()[2])
        count, start = len(batch), 0
        while start < count:
            first = _prefix(hashes, start)
            if first != prefix:
                if rows:
                    yield Bucket(prefix, rows, joined.hexdigest())
                prefix, joined, rows = first, hashlib.sha256(), 0
            end = bisect.bisect_right(range(count), first, lo=start, key=lambda row: _prefix(hashes, row))
            joined.update(hashes[64 * start : 64 * end])
            rows += end - start
            start = end
    if rows:
        yield Bucket(prefix, rows, joined.hexdigest())


def _prefix(hashes: memoryview, row: int) -> str:
    return bytes(hashes[64 * row : 64 * row + 3]).decode("ascii")


def _joined(parts: list[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    return sa.func.concat(*parts) if parts else sa.literal_column("''")


def _value(expression: sa.ColumnElement[Any], column: Column, *, where: str) -> list[sa.ColumnElement[Any]]:
    try:
        return _encoded(expression, duckdb.sqltype(column.type))
    except duckdb.Error as error:
        raise SourceRefused(
            f"the column {column.name!r} has type {column.type}, whose values have no exact text",
            where=where,
            fix="declare a view that leaves it out or casts it",
        ) from error


def _encoded(expression: sa.ColumnElement[Any], kind: Any, *, depth: int = 0) -> list[sa.ColumnElement[Any]]:
    """Parts of the value's text, which says where it ends: no two values of a type, and no two rows, read the same.

    ``<text>|`` where the text is never empty and holds no bar, else ``<bytes>:<text>``; null leaves out bytes and
    text, which DuckDB's ``concat`` does by itself. Nested values are ``v<bytes>:<text>``, and null is ``n``.
    """
    text = _text(expression, kind, depth)
    name = str(kind.id)
    if name in _NESTED:
        counted = _joined([sa.literal_column("'v'"), sa.func.strlen(text), sa.literal_column("':'"), text])
        return [sa.case((expression.is_(None), sa.literal_column("'n'")), else_=counted)]
    if name in _PLAIN:
        return [text, sa.literal_column("'|'")]
    return [sa.func.strlen(text), sa.literal_column("':'"), text]


def _text(expression: sa.ColumnElement[Any], kind: Any, depth: int) -> sa.ColumnElement[Any]:
    name = str(kind.id)
    if name == "blob":
        return sa.func.hex(expression)
    if name in _PLAIN or name in _COUNTED:
        return sa.cast(expression, sa.Text)
    if name not in _NESTED:
        raise duckdb.NotSupportedError(name)
    children = dict(kind.children)
    if name == "struct":
        fields = (sa.func.struct_extract(expression, sa.literal_column(_literal(key))) for key in children)
        encoded = (_encoded(f, child, depth=depth + 1) for f, child in zip(fields, children.values(), strict=True))
        return _joined([part for parts in encoded for part in parts])
    if name == "map":
        # As a list of entries, in the order the map keeps them.
        return _text(sa.func.map_entries(expression), duckdb.list_type(duckdb.struct_type(children)), depth)
    element: sa.ColumnElement[Any] = sa.literal_column(f"x{depth}")
    item = _joined(_encoded(element, children["child"], depth=depth + 1))
    each = sa.literal_column(f"lambda x{depth}:").op(" ")(item)
    return sa.func.array_to_string(sa.func.list_transform(expression, each), sa.literal_column("''"))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

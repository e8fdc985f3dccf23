"""SQLite: the engine is this process, so the row hash is a function that we register on the connection."""

from __future__ import annotations

import hashlib
import itertools
import math
import sqlite3
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from affidavit.inventory import Connection
from affidavit.warehouse.dialect import Bucket, Diagnosis, Trouble, declared
from affidavit.warehouse.files import existing_file
from affidavit.warehouse.tables import TableRef

_ARGUMENTS = 100
"""Arguments of one function call: SQLite allows 127 by default; a column takes two."""


class SQLite:
    """See :class:`affidavit.warehouse.dialect.Dialect`."""

    name = "sqlite"
    method = "rows-sha256-buckets/1 sqlite"
    one_state = True

    def connect(self, connection: Connection) -> sa.Connection:
        """Opens the file read-only; waits two seconds at most for a writer."""
        uri = f"{existing_file(connection).as_uri()}?mode=ro"

        def connect() -> sqlite3.Connection:
            # Another thread interrupts a statement that runs too long, so the check of threads is off.
            driver = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=2)
            driver.create_function("affidavit_encode", -1, _encode, deterministic=True)
            driver.create_function("affidavit_row_sha256", -1, _row_sha256, deterministic=True)
            driver.create_function("affidavit_text_sha256", 1, _text_sha256, deterministic=True)
            driver.create_function("sqrt", 1, _sqrt, deterministic=True)  # Great Expectations' deviations need it
            return driver

        engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool, hide_parameters=True)
        return engine.connect()

    def begin(self, connection: sa.Connection, *, timeout_seconds: int) -> str:
        """A deferred transaction, pinned by a first read."""
        del timeout_seconds
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").fetchall()
        return "one connection in one read transaction on a file opened read-only"

    def interrupt(self, connection: sa.Connection) -> Callable[[], None] | None:
        """SQLite's own interrupt."""
        driver: Any = connection.connection.driver_connection
        stop: Callable[[], None] = driver.interrupt
        return stop

    def diagnose(self, error: BaseException) -> Diagnosis:
        """By SQLite's result code, which Python gives since 3.11."""
        code = str(getattr(error, "sqlite_errorname", ""))
        if code == "SQLITE_INTERRUPT":
            return Diagnosis(Trouble.TIMED_OUT, "stopped")
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return Diagnosis(
                Trouble.UNAVAILABLE,
                "another process is writing to the SQLite file",
                fix="let the writer finish, then try again",
            )
        if code.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            return Diagnosis(Trouble.GARBLED, "the file is not a SQLite database, or is broken")
        if code.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_NOMEM", "SQLITE_FULL", "SQLITE_PROTOCOL")):
            return Diagnosis(Trouble.UNAVAILABLE, f"SQLite cannot read the file now ({code})")
        text = str(error)
        if text.startswith(("no such table", "no such column")):
            return Diagnosis(Trouble.REFUSED, text)
        return Diagnosis(
            Trouble.REFUSED, f"SQLite refused the query ({code or type(error).__name__})", quotes_rows=True
        )

    def tables(self) -> sa.Executable:
        """Tables and views of the file."""
        return sa.text(
            "SELECT NULL, name, 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%'"
            " ESCAPE '\\'"
        )

    def views(self) -> sa.Executable:
        """The statements that made them."""
        return sa.text("SELECT NULL, name, 'view', sql FROM sqlite_schema WHERE type = 'view'")

    def columns(self, table: TableRef) -> sa.Executable:
        """From ``pragma_table_xinfo``, generated columns included."""
        return sa.text("SELECT name, type FROM pragma_table_xinfo(:name) WHERE hidden <> 1 ORDER BY cid").bindparams(
            name=table.name
        )

    def buckets(self, connection: sa.Connection, table: TableRef, *, where: str) -> Iterable[Bucket]:
        """SQLite sorts the row hashes (on disk where there are many); here they only pass by, in constant memory."""
        digest = self.row_digest(table, where=where)
        statement = sa.select(digest.label("h")).select_from(table.selectable).order_by("h")
        found = connection.execution_options(yield_per=10_000).execute(statement)
        return _bucketed(row[0] for row in found)

    def row_digest(self, table: TableRef, *, where: str) -> sa.ColumnElement[Any]:
        """As 32 bytes."""
        del where  # every value of SQLite has exact bytes
        arguments: list[Any] = []
        for column in declared(table.columns):
            kind: Any = sa.func.typeof(column)
            # As bytes, since SQLite lets a text hold bytes that are no UTF-8.
            arguments += [kind, sa.case((kind == sa.literal_column("'text'"), _as_blob(column)), else_=column)]
        parts = [
            sa.func.affidavit_encode(*arguments[start : start + _ARGUMENTS])
            for start in range(0, len(arguments), _ARGUMENTS)
        ]
        return sa.func.affidavit_row_sha256(*parts)

    def count_if(self, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        """Standard SQL."""
        return sa.func.count().filter(condition)

    def distinct(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any] | None:
        """None: it would sort each column."""
        del column
        return None

    def text_sha256(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Python's, registered on the connection."""
        return sa.func.affidavit_text_sha256(text)

    def size(self, table: TableRef) -> tuple[sa.Executable, str]:
        """The greatest row id: exact where no row was ever deleted. A view has none."""
        return sa.select(sa.func.max(sa.literal_column("rowid")), sa.null()).select_from(table.selectable), (
            "SQLite's greatest row id"
        )


def _as_blob(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(column, sa.BLOB)


def _bucketed(hashes: Iterable[bytes]) -> Iterator[Bucket]:
    for prefix, group in itertools.groupby(hashes, key=lambda digest: digest.hex()[:3]):
        joined, rows = hashlib.sha256(), 0
        for digest in group:
            joined.update(digest)
            rows += 1
        yield Bucket(prefix, rows, joined.hexdigest())


def _encode(*pairs: Any) -> bytes:
    """Type and value of each column, by turns, as ``<type letter><bytes>:<value>``; reals as the bits they are."""
    parts = []
    for kind, value in zip(pairs[::2], pairs[1::2], strict=True):
        match kind:
            case "null":
                data = b""
            case "integer":
                data = str(value).encode()
            case "real":
                data = struct.pack(">d", value)
            case _:
                data = bytes(value)
        parts.append(b"%s%d:%s" % (kind[:1].encode(), len(data), data))
    return b"".join(parts)


def _row_sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _text_sha256(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def _sqrt(value: float | None) -> float | None:
    return None if value is None or value < 0 else math.sqrt(value)

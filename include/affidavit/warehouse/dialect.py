"""The seam between what we ask of a warehouse and how each kind of warehouse says it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import sqlalchemy as sa

from affidavit.inventory import Connection
from affidavit.warehouse.tables import Column, TableRef


class Trouble(Enum):
    """What a driver's error means to us."""

    TIMED_OUT = "timed out"
    UNAVAILABLE = "unavailable"
    GARBLED = "garbled"
    REFUSED = "refused"


@dataclass(frozen=True)
class Diagnosis:
    """A driver's error, understood.

    ``reason`` is safe to show: it never quotes a row. ``quotes_rows`` says that the driver's own text might, so that
    it must not be chained either.
    """

    trouble: Trouble
    reason: str
    fix: str = ""
    quotes_rows: bool = False


@dataclass(frozen=True)
class Bucket:
    """The row hashes that share a prefix of three hexadecimal digits.

    ``sha256`` is that of the sorted row hashes, joined in the form that the method's name fixes.
    """

    prefix: str
    rows: int
    sha256: str


class Dialect(Protocol):
    """One kind of warehouse.

    ``method`` names how a row becomes bytes and how a bucket is hashed: other bytes need another name. ``one_state``
    says that every statement of a transaction sees the same rows; where not, a look has to notice that they moved.
    """

    name: str
    method: str
    one_state: bool

    def connect(self, connection: Connection) -> sa.Connection:
        """One connection, not yet reading. Raises the driver's errors, or ``SourceRefused`` for an absent file."""

    def begin(self, connection: sa.Connection, *, timeout_seconds: int) -> str:
        """Start the read-only transaction that pins the snapshot; says in words how consistent it is."""

    def interrupt(self, connection: sa.Connection) -> Callable[[], None] | None:
        """Stops the running statement from another thread; None where the server limits each statement itself."""

    def diagnose(self, error: BaseException) -> Diagnosis:
        """What a driver's error means."""

    def tables(self) -> sa.Executable:
        """Rows (schema or None, name, whether a bare name reaches it) of every table and view."""

    def views(self) -> sa.Executable:
        """Rows (schema or None, name, kind of view, definition) of every view, named as :meth:`tables` names them."""

    def columns(self, table: TableRef) -> sa.Executable:
        """Rows (name, type) of a table's columns, in order."""

    def buckets(self, connection: sa.Connection, table: TableRef, *, where: str) -> Iterable[Bucket]:
        """The non-empty buckets of the table, each once, in constant memory of this process.

        Raises SQLAlchemy's errors, and ``SourceRefused``, naming ``where``, for a column whose values have no exact
        text.
        """

    def row_digest(self, table: TableRef, *, where: str) -> sa.ColumnElement[Any]:
        """The SHA-256 of a row's columns, in order, as :meth:`buckets` hashes it: comparable among equal types.

        Raises as :meth:`buckets`.
        """

    def count_if(self, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        """The aggregate that counts rows for which the condition holds, as the warehouse is fastest at it."""

    def distinct(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any] | None:
        """The aggregate that estimates a column's distinct values in one pass; None where it would cost a sort."""

    def text_sha256(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """The SHA-256 of a text's UTF-8 bytes, in lower-case hexadecimal."""

    def size(self, table: TableRef) -> tuple[sa.Executable, str]:
        """A statement that yields (rows or None, bytes or None) without a scan, and what that rests on."""


def declared(columns: Iterable[Column]) -> list[sa.ColumnElement[Any]]:
    """The columns as expressions, each name quoted by the dialect."""
    return [sa.column(sa.sql.quoted_name(column.name, True)) for column in columns]

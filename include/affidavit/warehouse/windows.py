"""Windows of rows that are compared with one another: a whole table, or a range of its time column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from affidavit.errors import SourceRefused, UsageError, WindowsOverlap
from affidavit.warehouse.dialect import declared
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Window:
    """Rows of ``table`` (``table`` or ``schema.table``) that ``time_column`` dates from ``start`` to before ``end``.

    Without a time column all rows of the table. A time of the table without a zone is taken as UTC. SQLite's
    texts are read to the millisecond. A row without a time lies in no window that has a range.
    """

    table: str
    time_column: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        ends = (self.time_column, self.start, self.end)
        if any(each is None for each in ends) and any(each is not None for each in ends):
            raise UsageError("a range of time needs a time column, a start and an end", where=f"window of {self.table}")
        if self.start is None or self.end is None:
            return
        if self.start.tzinfo is None or self.end.tzinfo is None or self.start >= self.end:
            raise UsageError(
                "the range of time does not start before it ends, or has no zone",
                where=f"window of {self.table}",
                fix="give two moments with a zone, the earlier one as start",
            )

    @classmethod
    def last(cls, table: str, *, time_column: str, days: float, until: datetime) -> Window:
        """The last ``days`` days up to ``until``, which is no longer part of it."""
        return cls(table, time_column, until - timedelta(days=days), until)


@dataclass(frozen=True)
class Opened:
    """A window in a snapshot: the rows of ``table``, and how many ``undated`` ones of it lie in no window."""

    window: Window
    table: TableRef
    undated: int


def open_windows(snapshot: Snapshot, reference: Window, current: Window) -> tuple[Opened, Opened]:
    """Both windows, which share no row.

    Raises ``WindowsOverlap`` where they are of one table and might: without a range on both, with ranges that share an
    instant, or by different time columns. Raises ``SourceRefused`` for a time column that is absent or holds something
    else than times, and as :meth:`Snapshot.query`.
    """
    tables = [snapshot.table(window.table) for window in (reference, current)]
    if (tables[0].schema, tables[0].name) == (tables[1].schema, tables[1].name):
        _refuse_overlap(reference, current, where=snapshot.where(current.table))
    first, second = (_open(snapshot, window, table) for window, table in zip((reference, current), tables, strict=True))
    return first, second


def _refuse_overlap(reference: Window, current: Window, *, where: str) -> None:
    fix = "give each a range of the same time column, of which one ends before the other starts, or where it starts"
    if reference.start is None or reference.end is None or current.start is None or current.end is None:
        problem = "the reference and the current window share rows: one is the whole table"
        raise WindowsOverlap(problem, where=where, fix=fix)
    if reference.time_column != current.time_column:
        problem = "the two windows are ranges of different time columns, so a row can lie in both"
        raise WindowsOverlap(problem, where=where, fix=fix)
    if reference.start < current.end and current.start < reference.end:
        start, end = max(reference.start, current.start), min(reference.end, current.end)
        raise WindowsOverlap(
            f"the reference and the current window share the time from {start.isoformat()} to {end.isoformat()}",
            where=where,
            fix=fix,
        )


def _open(snapshot: Snapshot, window: Window, table: TableRef) -> Opened:
    if window.time_column is None or window.start is None or window.end is None:
        return Opened(window, table, 0)
    where = snapshot.where(window.table)
    column = table.column(window.time_column, where=where)
    (value,) = declared([column])
    fix = "name a column of type date or timestamp as time_column, or mend the values"
    if snapshot.dialect.name != "sqlite":
        part = table.dated(column, window.start, window.end)
        if part is None:
            raise SourceRefused(f"the time column {column.name!r} is of type {column.type}", where=where, fix=fix)
        broken: sa.ColumnElement[bool] = sa.false()
    else:
        # SQLite keeps times as texts, which it reads itself; other text and numbers are no time.
        moment = milliseconds_of_text(value)
        bounds: list[sa.ColumnElement[int]] = [
            sa.literal_column(str((each - _EPOCH) // _MILLISECOND)) for each in (window.start, window.end)
        ]
        part = replace(table, only=sa.and_(moment >= bounds[0], moment < bounds[1]))
        broken = sa.and_(value.is_not(None), moment.is_(None))
    counted = sa.select(snapshot.dialect.count_if(value.is_(None)), snapshot.dialect.count_if(broken))
    undated, unread = snapshot.query(counted.select_from(table.selectable), about=window.table)[0]
    if unread:
        raise SourceRefused(
            f"the time column {column.name!r} holds something that is not an ISO date or time in {unread} rows",
            where=where,
            fix=fix,
        )
    return Opened(window, part, int(undated))


def milliseconds_of_text(value: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """SQLite: milliseconds since 1970 of a text that begins with a date; of anything else null."""
    days = sa.func.julianday(value) - sa.literal_column("2440587.5")
    moment = sa.cast(sa.func.round(days * sa.literal_column("86400000")), sa.Integer)
    text = sa.func.typeof(value) == sa.literal_column("'text'")
    return sa.case((sa.and_(text, value.like(sa.literal_column("'____-__-__%'"))), moment))

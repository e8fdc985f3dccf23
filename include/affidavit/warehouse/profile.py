"""What one scan says about a table: counts, and the period of its time column. No other value of a row.

Of numbers it says how many lie in each bin. The edges of bins are the same for every table, so that they tell nothing
of a row; a minimum or maximum would be a value of one. Of texts it counts nulls, and where that costs no sort, how many
there are.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from affidavit.errors import SourceRefused
from affidavit.evidence import Period
from affidavit.warehouse.dialect import Dialect, declared
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import Column, TableRef

_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d.*)?")


EDGES = (-1e6, -1e3, -1, 0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e9)
"""Between the bins of every histogram: the first bin is below the first edge, each edge belongs to the bin above it."""

MOST_AT_ONCE = 1_500
"""Aggregates of one statement: Postgres answers with 1,664 columns at most. More of them take another scan each."""

_NUMBER = re.compile(
    r"(u?(tiny|small|big|huge)?int(eger)?|real|float|double( precision)?|decimal|numeric)(\(\d+(, ?-?\d+)?\))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ColumnProfile:
    """Counts of one column.

    ``distinct`` is an estimate (HyperLogLog) where the warehouse makes one, else None. ``histogram`` counts the values
    of a column of numbers in the bins between :data:`EDGES`, None for any other; NaN, and in SQLite what is no number,
    count in the last bin. A bin that holds nothing says that no value lies there: so the histogram is the range too.
    """

    nulls: int
    distinct: int | None
    histogram: tuple[int, ...] | None


@dataclass(frozen=True)
class Profile:
    """Counts of one table.

    ``counts`` by column name. ``earliest`` and ``latest`` are the time column's ends as the warehouse writes them, and
    ``period`` the same as moments; None without a time column or without a dated row. ``until`` counts the rows dated
    up to the time that was asked about; None where none was.
    """

    rows: int
    columns: tuple[Column, ...]
    counts: Mapping[str, ColumnProfile]
    earliest: str | None
    latest: str | None
    period: Period | None
    until: int | None = None


def profile(
    snapshot: Snapshot, table: TableRef, *, about: str, time_column: str | None, until: str | None = None
) -> Profile:
    """Profile ``table`` in one scan; ``about`` is the table's declared name, ``until`` a time that it gave as its end.

    A time without a zone is taken as UTC. Raises as :meth:`Snapshot.query`, and ``SourceRefused`` for a time column
    that is absent or does not hold ISO times.
    """
    where = snapshot.where(about)
    ends: list[sa.ColumnElement[Any]] = []
    if time_column is not None:
        dated = declared([table.column(time_column, where=where)])[0]
        ends = [sa.cast(sa.func.min(dated), sa.Text), sa.cast(sa.func.max(dated), sa.Text)]
        if until is not None:
            ends.insert(0, snapshot.dialect.count_if(dated <= _literal(until)))
    asked = [_aggregates(column, snapshot.dialect) for column in table.columns]
    flat = [sa.func.count(), *(aggregate for each in asked for aggregate in each), *ends]
    row: list[Any] = []
    for start in range(0, len(flat), MOST_AT_ONCE):
        statement = sa.select(*flat[start : start + MOST_AT_ONCE]).select_from(table.selectable)
        row += snapshot.query(statement, about=about)[0]
    rows, found = int(row[0]), iter(row[1:])
    counts = {
        column.name: _counted(rows, [next(found) for _ in each], histogram=is_number(column))
        for column, each in zip(table.columns, asked, strict=True)
    }
    earliest, latest = (row[-2], row[-1]) if time_column is not None else (None, None)
    period = period_of(earliest, latest, where=where, column=time_column or "")
    return Profile(
        rows=rows,
        columns=table.columns,
        counts=counts,
        earliest=earliest,
        latest=latest,
        period=period,
        until=int(row[-3]) if time_column is not None and until is not None else None,
    )


def _literal(time: str) -> sa.ColumnElement[Any]:
    # Untyped, so that it is read as what the column holds; a typed parameter would be a text.
    return sa.literal_column("'" + time.replace("'", "''") + "'")


def is_number(column: Column) -> bool:
    """Whether the column's type is one of numbers."""
    return _NUMBER.fullmatch(column.type) is not None


def _aggregates(column: Column, dialect: Dialect) -> list[sa.ColumnElement[Any]]:
    """Values, values below each edge of a column of numbers, and distinct values where they can be had."""
    (value,) = declared([column])
    asked: list[sa.ColumnElement[Any]] = [sa.func.count(value)]
    if is_number(column):
        asked += [dialect.count_if(value < sa.literal_column(f"{edge:.0f}")) for edge in EDGES]
    distinct = dialect.distinct(value)
    return asked if distinct is None else [*asked, distinct]


def _counted(rows: int, found: list[Any], *, histogram: bool) -> ColumnProfile:
    values, rest = int(found[0]), [int(each) for each in found[1:]]
    bins = None
    if histogram:
        below = [0, *rest[: len(EDGES)], values]
        bins = tuple(more - less for less, more in itertools.pairwise(below))
        rest = rest[len(EDGES) :]
    return ColumnProfile(rows - values, rest[0] if rest else None, bins)


def period_of(earliest: str | None, latest: str | None, *, where: str, column: str) -> Period | None:
    """The period between two times as a warehouse writes them. Raises ``SourceRefused`` where they are no ISO times."""
    if earliest is None or latest is None:
        return None
    return Period(*(_moment(text, where=where, column=column) for text in (earliest, latest)))


def _moment(text: str, *, where: str, column: str) -> datetime:
    try:
        if not _ISO.fullmatch(text):
            raise ValueError("not an ISO time")
        moment = datetime.fromisoformat(text)
    except ValueError:
        # The cause would quote the value.
        raise SourceRefused(
            f"the time column {column!r} holds something that is not an ISO date or time",
            where=where,
            fix="name a column of type date or timestamp as time_column, or mend the values",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

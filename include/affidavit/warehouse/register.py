"""What is counted of a register: rows by day and by the values that somebody listed. No other value leaves its source.

A day is the one that the text of a date or time begins with, as the warehouse writes it: its own zone where it has one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from affidavit.warehouse.dialect import declared
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Category:
    """Rows by listed value; ``other`` have a value that is not listed, ``blank`` none."""

    values: Mapping[str, int]
    other: int
    blank: int


@dataclass(frozen=True)
class Day:
    """Rows of one day, and of these by column and listed value; what is not listed is left out."""

    rows: int
    categories: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Counts:
    """``blank`` by column, None where there is no such column, as is its category; ``undated`` None without dates."""

    rows: int
    blank: Mapping[str, int | None]
    categories: Mapping[str, Category | None]
    days: Mapping[date, Day]
    undated: int | None


def count_register(
    snapshot: Snapshot,
    table: TableRef,
    *,
    about: str,
    columns: Sequence[str],
    date_column: str | None,
    categories: Mapping[str, Sequence[str]],
) -> Counts:
    """Count the rows of ``table``: one scan, and one more for each of ``categories`` (column to the values listed).

    Raises as :meth:`Snapshot.query`.
    """
    there = {column.name: declared([column])[0] for column in table.columns}
    blanks = [snapshot.dialect.count_if(_is_blank(there[name])) for name in columns if name in there]
    row = snapshot.query(sa.select(sa.func.count(), *blanks).select_from(table.selectable), about=about)[0]
    found = iter(row[1:])
    blank = {name: int(next(found)) if name in there else None for name in columns}
    day = _day(there[date_column]) if date_column in there else sa.null()
    days: dict[date, Day] = {}
    undated = 0
    for text, rows in _grouped(snapshot, table, [day], about=about):
        if (at := _read(text)) is None:
            undated += rows
        else:
            days[at] = Day(days[at].rows + rows if at in days else rows)
    counted: dict[str, Category | None] = {}
    for name, values in categories.items():
        counted[name] = None
        if name in there:
            counted[name] = _category(snapshot, table, (name, there[name], values), day, days, about=about)
    return Counts(int(row[0]), blank, counted, days, undated if date_column in there else None)


def _category(
    snapshot: Snapshot,
    table: TableRef,
    asked: tuple[str, sa.ColumnElement[Any], Sequence[str]],
    day: sa.ColumnElement[Any],
    days: dict[date, Day],
    *,
    about: str,
) -> Category:
    name, column, values = asked
    # Positions, not values, come back: one that is not listed never leaves the warehouse.
    text = _text(column)
    listed: list[tuple[sa.ColumnElement[bool], Any]] = [
        (text == value, sa.literal_column(str(n))) for n, value in enumerate(values)
    ]
    which = sa.case((_is_blank(column), sa.literal_column("-2")), *listed, else_=sa.literal_column("-1"))
    total: Counter[int] = Counter()
    for at, position, rows in _grouped(snapshot, table, [day, which], about=about):
        total[position] += rows
        if position >= 0 and (when := _read(at)) is not None:
            of_day = days[when].categories.setdefault(name, {})
            of_day[values[position]] = of_day.get(values[position], 0) + rows
    return Category({value: total[n] for n, value in enumerate(values)}, total[-1], total[-2])


def _grouped(
    snapshot: Snapshot, table: TableRef, by: Sequence[sa.ColumnElement[Any]], *, about: str
) -> list[tuple[Any, ...]]:
    """Rows (each of ``by``, how many)."""
    inner = sa.select(*(each.label(f"k{n}") for n, each in enumerate(by))).select_from(table.selectable).subquery()
    statement = sa.select(*inner.c, sa.func.count()).group_by(*inner.c)
    return [(*row[:-1], int(row[-1])) for row in snapshot.query(statement, about=about)]


def _text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(column, sa.Text)


def _is_blank(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return sa.or_(column.is_(None), sa.func.trim(_text(column)) == sa.literal_column("''"))


def _day(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    # What is no day is no group of its own: a column of anything else would give as many as it has values.
    text = sa.func.substr(_text(column), 1, 10)
    return sa.case((text.like("____-__-__"), text))


def _read(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text and _DAY.fullmatch(text) else None
    except ValueError:
        return None

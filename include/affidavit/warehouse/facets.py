"""Columns as expressions: positions among declared values, numbers, spans of time.

A value that is not declared never comes back from the warehouse.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import sqlalchemy as sa

from affidavit.errors import SourceRefused
from affidavit.measure.estimate import Group
from affidavit.measure.rows import MISSING, named
from affidavit.warehouse.dialect import declared
from affidavit.warehouse.profile import is_number
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import Column, TableRef

Expression = sa.ColumnElement[Any]

_GREATEST = "1.7976931348623157e308"
_VERSION, _LONGEST_VERSION = re.compile(r"[1-9][0-9]*", re.ASCII), 9
_TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


@dataclass(frozen=True)
class GroupColumn:
    """A column that tells groups apart, and the values that may be named; other values are pooled, null is its own."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class TimeColumn:
    """A column of dates or times that tells spans apart; a group is named by its first day. Weeks begin on Monday."""

    column: str
    every: Literal["day", "week", "month"]


By = Sequence[GroupColumn | TimeColumn]


def whole(number: int) -> Expression:
    """A number that is part of the statement: a parameter would be another one at each place, also in ``GROUP BY``."""
    return sa.literal_column(str(number))


def real(number: float) -> Expression:
    """The same, of double precision."""
    return sa.cast(sa.literal_column(repr(float(number))), sa.Double)


def those(table: TableRef, column: str, value: str, *, where: str) -> TableRef:
    """The rows whose ``column`` is what ``value`` writes. Raises ``SourceRefused`` for a column that is not there."""
    found = table.column(column, where=where)
    equal = _equal(found, declared([found])[0], value)
    return replace(table, only=sa.false() if equal is None else equal)


def versions(snapshot: Snapshot, table: TableRef, column: str, *, about: str) -> tuple[str, ...]:
    """The model versions that ``column`` names, the newest first: whole numbers, as MLflow counts them.

    Whatever else the column holds stays in the warehouse's answer. Raises ``SourceRefused`` for a column that is not
    there, and as :meth:`Snapshot.query`.
    """
    (value,) = declared([table.column(column, where=snapshot.where(about))])
    text = sa.cast(value, sa.Text)
    asked = sa.select(text).select_from(table.selectable).where(sa.func.length(text) <= _LONGEST_VERSION).distinct()
    found = {row[0] for row in snapshot.query(asked, about=about)}
    return tuple(sorted((name for name in found if _VERSION.fullmatch(name)), key=int, reverse=True))


def position(column: Column, values: Sequence[str]) -> Expression:
    """The position of the value among ``values``, their number for any other, one more for null and NaN."""
    (value,) = declared([column])
    cases: list[tuple[Expression, Expression]] = [(value.is_(None), whole(len(values) + 1))]
    if is_number(column) and any(word in column.type.lower() for word in ("float", "double", "real")):
        cases.append((sa.func.lower(sa.cast(value, sa.Text)) == sa.literal("nan"), whole(len(values) + 1)))
    for n, each in enumerate(values):
        if (equal := _equal(column, value, each)) is not None:
            cases.append((equal, whole(n)))
    return sa.case(*cases, else_=whole(len(values)))


def _equal(column: Column, value: Expression, wanted: str) -> Expression | None:
    """Whether a value is the one that is written so; None where the column's type cannot hold it."""
    if is_number(column):
        try:
            return value == sa.literal_column(repr(float(wanted)))
        except ValueError:
            return None
    if column.type.lower() in {"boolean", "bool"}:
        truth = _TRUTHS.get(wanted.lower())
        return None if truth is None else value == (sa.true() if truth else sa.false())
    return sa.cast(value, sa.Text) == sa.literal(wanted)


def number(snapshot: Snapshot, column: Column, *, where: str) -> Expression:
    """The value in double precision; infinite for what SQLite holds in a column of numbers and is none.

    Raises ``SourceRefused`` for a column of another type.
    """
    (value,) = declared([column])
    if snapshot.dialect.name == "sqlite":
        kind = sa.func.typeof(value)
        numeric = kind.in_([sa.literal_column("'integer'"), sa.literal_column("'real'")])
        cases: list[tuple[Expression, Expression]] = [
            (value.is_(None), sa.null()),
            (numeric, sa.cast(value, sa.Double)),
        ]
        return sa.case(*cases, else_=sa.literal_column("9e999"))
    if not is_number(column):
        raise SourceRefused(
            f"the column {column.name!r} is of type {column.type}, and a number is needed",
            where=where,
            fix="name a column of numbers, or make a view that casts it",
        )
    return sa.cast(value, sa.Double)


def finite(value: Expression) -> Expression:
    """Whether it is a number that is neither infinite nor NaN (which warehouses hold to be the greatest of all)."""
    least, most = (sa.cast(sa.literal_column(f"{sign}{_GREATEST}"), sa.Double) for sign in ("-", ""))
    return sa.func.coalesce(value.between(least, most), sa.false())


@dataclass(frozen=True)
class Split:
    """How rows are told apart: by two expressions, a position among ``groups``, and the span of time or null."""

    code: Expression
    span: Expression
    columns: tuple[GroupColumn, ...]
    time: TimeColumn | None

    def groups(self, spans: Sequence[str | None]) -> tuple[Group, ...]:
        """Every group, for each of ``spans`` (as met, in order) all positions: as ``code + n * combinations``."""
        names = [[(each.column, value) for value in named(each.values)] for each in self.columns]
        combinations = list(itertools.product(*names))
        if self.time is None:
            return tuple(combinations)
        pairs = [(self.time.column, span or MISSING) for span in spans]
        return tuple(tuple(sorted((*each, pair))) for pair in pairs for each in combinations)

    def places(self, keys: Sequence[tuple[int, str | None]]) -> tuple[tuple[Group, ...], list[int]]:
        """The groups, and the position among them of each key (code, span) that came back."""
        spans = sorted({span for _, span in keys}, key=lambda span: span or "~")
        first = {span: n * self.combinations for n, span in enumerate(spans)}
        return self.groups(spans), [first[span] + int(code) for code, span in keys]

    @property
    def combinations(self) -> int:
        """How many positions there are."""
        sizes = (len(each.values) + 2 for each in self.columns)
        total = 1
        for size in sizes:
            total *= size
        return total


def split(snapshot: Snapshot, table: TableRef, by: By, *, where: str) -> Split:
    """How ``by`` tells the rows of ``table`` apart.

    Raises ``SourceRefused`` for a column that is absent, and ValueError for two columns of time.
    """
    columns = sorted((each for each in by if isinstance(each, GroupColumn)), key=lambda each: each.column)
    times = [each for each in by if isinstance(each, TimeColumn)]
    if len(times) > 1:
        raise ValueError("rows are told apart by one column of time at most")
    code: Expression = whole(0)
    for each in columns:
        code = code * whole(len(each.values) + 2) + position(table.column(each.column, where=where), each.values)
    span: Expression = sa.cast(sa.null(), sa.Text)
    if times:
        span = _span(snapshot, table.column(times[0].column, where=where), times[0].every)
    return Split(code, span, tuple(columns), times[0] if times else None)


def _span(snapshot: Snapshot, column: Column, every: str) -> Expression:
    """The first day of the span as text, null where the text does not begin with a day."""
    text = sa.func.substr(sa.cast(declared([column])[0], sa.Text), 1, 10)
    if every == "day":
        first: Expression = text
    elif every == "month":
        first = sa.func.substr(text, 1, 7).concat(sa.literal_column("'-01'"))
    elif snapshot.dialect.name == "sqlite":
        first = sa.func.date(text, sa.literal_column("'-6 days'"), sa.literal_column("'weekday 1'"))
    else:
        first = sa.func.substr(sa.cast(sa.func.date_trunc("week", sa.cast(text, sa.Date)), sa.Text), 1, 10)
    return sa.case((text.like(sa.literal_column("'____-__-__'")), first))

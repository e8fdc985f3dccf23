"""Two windows of columns, compared where they lie: what comes back are distances and counts, no value of a row.

One statement for each window counts all columns, and one for each column sorts its distinct values: so every figure is
exact, and this process holds ten lines for a column of numbers and a thousand at most for one of categories. A number
is compared as the double that is nearest to it, a time as its seconds since 1970, anything else as its text. Figures
that depend on the order in which threads add are rounded to twelve significant digits, so that the same rows give the
same evidence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from affidavit.errors import SourceRefused
from affidavit.measure.drift import (
    BINS,
    EXPECTED,
    LARGEST,
    MOST_CATEGORIES,
    Categories,
    Compared,
    NotCompared,
    Numbers,
    Side,
    expected,
    merged,
)
from affidavit.warehouse.dialect import declared
from affidavit.warehouse.profile import is_number
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import Column
from affidavit.warehouse.windows import Opened, Window, milliseconds_of_text, open_windows

AT_ONCE = 200
"""Columns that one statement counts: several aggregates each, and Postgres answers with 1,664 at most."""

_TEXT = re.compile(
    r"bool(ean)?|uuid|(n?(var)?char|character( varying)?|bpchar|text|clob|enum|name)(\(.*\))?|",
    re.IGNORECASE | re.DOTALL,
)
_WHOLE = re.compile(r"u?(tiny|small|big|huge)?int(eger)?", re.IGNORECASE)

_NUMBERS, _CATEGORIES = "numbers or times", "categories"


@dataclass(frozen=True)
class _Read:
    """A column in one window: its ``value`` where it has one, else null; ``broken`` where it holds none of its kind."""

    kind: str
    value: sa.ColumnElement[Any]
    broken: sa.ColumnElement[bool] | None = None


@dataclass(frozen=True)
class _Counted:
    """A column of one window, counted."""

    side: Side
    broken: int
    extreme: int
    mean: float | None


@dataclass(frozen=True)
class _Half:
    """One window: ``weight`` is None where each row weighs 1."""

    opened: Opened
    weight: sa.ColumnElement[float] | None
    columns: Mapping[str, _Read | NotCompared]


def compare_windows(
    snapshot: Snapshot,
    reference: Window,
    current: Window,
    *,
    columns: Mapping[str, Sequence[str] | None],
    weight: str | None = None,
) -> dict[str, Compared]:
    """Compare each of ``columns`` between two windows of one snapshot, by name, in the order given.

    A column with a list is compared by these categories, by the text that the warehouse makes of a value; all others
    are one more. None leaves it to the column's type: numbers and times by their order, texts, truths and identifiers
    as categories, of which the thousand most frequent are compared one by one. ``weight`` names a column of weights.
    What cannot be compared says why.

    Raises ``WindowsOverlap`` (:func:`affidavit.warehouse.windows.open_windows`), ``SourceRefused`` for a column that is
    absent and for a row without a weight of at least 0, and as :meth:`Snapshot.query`.
    """
    halves = [
        _half(snapshot, opened, columns=columns, weight=weight) for opened in open_windows(snapshot, reference, current)
    ]
    counted = [_count(snapshot, half) for half in halves]
    return {name: _compare(snapshot, name, halves, [each[name] for each in counted]) for name in columns}


def _half(
    snapshot: Snapshot, opened: Opened, *, columns: Mapping[str, Sequence[str] | None], weight: str | None
) -> _Half:
    where = snapshot.where(opened.window.table)
    lite = snapshot.dialect.name == "sqlite"
    read = {name: _read(opened.table.column(name, where=where), listed, lite=lite) for name, listed in columns.items()}
    heavy = None
    if weight is not None:
        heavy = sa.cast(declared([opened.table.column(weight, where=where)])[0], sa.Double)
    return _Half(opened, heavy, read)


def _read(column: Column, listed: Sequence[str] | None, *, lite: bool) -> _Read | NotCompared:
    (value,) = declared([column])
    if listed is not None:
        text = sa.cast(value, sa.Text)
        # Positions: a value that is not listed is not even grouped by.
        found: list[tuple[Any, Any]] = [(text == each, sa.literal_column(str(n))) for n, each in enumerate(listed)]
        return _Read(_CATEGORIES, sa.case((value.is_(None), sa.null()), *found, else_=sa.literal_column("-1")))
    if column.is_time:
        moment = milliseconds_of_text(value) / _number(1000) if lite else sa.cast(sa.extract("epoch", value), sa.Double)
        return _Read(_NUMBERS, moment, sa.and_(value.is_not(None), moment.is_(None)) if lite else None)
    if is_number(column):
        return _read_number(value, column.type, lite=lite)
    if _TEXT.fullmatch(column.type):
        return _Read(_CATEGORIES, sa.cast(value, sa.Text))
    kind_of_type = re.split(r"[(\[]", column.type)[0]
    return NotCompared(f"values of type {kind_of_type} are neither numbers, times nor categories: list its categories")


def _read_number(value: sa.ColumnElement[Any], declared_type: str, *, lite: bool) -> _Read:
    number = sa.cast(value, sa.Double) + _number(0)  # which makes of -0 what it is equal to
    if lite:
        kind = sa.func.typeof(value)
        numbers = kind.in_([sa.literal_column("'integer'"), sa.literal_column("'real'")])
        return _Read(_NUMBERS, sa.case((numbers, number)), sa.and_(value.is_not(None), sa.not_(numbers)))
    if _WHOLE.fullmatch(declared_type):
        return _Read(_NUMBERS, number)
    return _Read(_NUMBERS, sa.case((number != sa.cast(sa.literal_column("'NaN'"), sa.Double), number)))


def _number(value: float) -> sa.ColumnElement[float]:
    return sa.cast(sa.literal_column(repr(float(value))), sa.Double)


def _count(snapshot: Snapshot, half: _Half) -> dict[str, _Counted | NotCompared]:
    """All columns of one window."""
    found: dict[str, _Counted | NotCompared] = {}
    names = list(half.columns)
    for start in range(0, len(names), AT_ONCE):
        some = {name: half.columns[name] for name in names[start : start + AT_ONCE]}
        asked = {name: _aggregates(snapshot, half, read) for name, read in some.items() if isinstance(read, _Read)}
        whole = _aggregates(snapshot, half, None)
        flat = [*whole, *(aggregate for each in asked.values() for aggregate in each)]
        statement = sa.select(*flat).select_from(half.opened.table.selectable)
        row = iter(snapshot.query(statement, about=half.opened.window.table)[0])
        totals = [next(row) for _ in whole]
        if half.weight is not None and totals[1]:
            raise SourceRefused(
                f"{totals[1]} rows have no weight, or one that is no number of at least 0",
                where=snapshot.where(half.opened.window.table),
                fix="give each row a weight, or compare without weights",
            )
        for name, read in some.items():
            found[name] = read if isinstance(read, NotCompared) else _counted(totals, [next(row) for _ in asked[name]])
    return found


def _aggregates(snapshot: Snapshot, half: _Half, read: _Read | None) -> list[sa.ColumnElement[Any]]:
    """Of all rows (None): rows, bad weights, two sums of weights. Of a column: see :func:`_counted`."""
    count_if, weight = snapshot.dialect.count_if, half.weight
    if read is None:
        nothing = [sa.null()] * 3
        if weight is None:
            return [sa.func.count(), *nothing]
        fit = sa.and_(weight >= _number(0), weight <= _number(LARGEST))
        return [sa.func.count(), count_if(sa.or_(weight.is_(None), sa.not_(fit))), *_sums(weight)]
    broken = sa.null() if read.broken is None else count_if(read.broken)
    weighed: list[sa.ColumnElement[Any]] = [sa.null(), sa.null()]
    if weight is not None:
        weighed = _sums(sa.case((read.value.is_not(None), weight)))
    if read.kind == _CATEGORIES:
        return [sa.func.count(read.value), broken, sa.null(), sa.null(), *weighed]
    small = sa.func.abs(read.value) <= _number(LARGEST)
    mean = sa.func.avg(sa.case((small, read.value)))
    beyond = sa.not_(small)
    if weight is not None:
        mean = sa.func.sum(sa.case((small, read.value * weight)))
        beyond = sa.and_(beyond, weight > _number(0))
    return [sa.func.count(read.value), broken, count_if(beyond), mean, *weighed]


def _sums(weight: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    return [sa.func.sum(weight), sa.func.sum(weight * weight)]


def _counted(totals: Sequence[Any], found: Sequence[Any]) -> _Counted:
    """From the sums of all rows, and of a column: values, broken ones, extreme ones, mean, two sums of weights."""
    rows, values = int(totals[0]), int(found[0])
    missing = rows - values
    if totals[2] is None:
        side = Side.counted(rows, missing)
    else:
        weights = (_steady(float(each or 0)) for each in (*found[4:6], *totals[2:4]))
        side = Side(rows, missing, *weights)
    mean = None if found[3] is None else float(found[3])
    if mean is not None and totals[2] is not None:
        mean = mean / side.weight if side.weight else None
    return _Counted(side, int(found[1] or 0), int(found[2] or 0), mean)


def _compare(
    snapshot: Snapshot, name: str, halves: Sequence[_Half], counted: Sequence[_Counted | NotCompared]
) -> Compared:
    before, now = counted
    reads = [half.columns[name] for half in halves]
    for each in (before, now, *reads):
        if isinstance(each, NotCompared):
            return each
    assert isinstance(before, _Counted)
    assert isinstance(now, _Counted)
    kinds = [read.kind for read in reads if isinstance(read, _Read)]
    if kinds[0] != kinds[1]:
        return NotCompared(f"it holds {kinds[0]} in the reference window, and {kinds[1]} in the current one")
    if before.broken or now.broken:
        return NotCompared(f"{before.broken + now.broken} rows hold something that is no number or no time")
    empty = not before.side.weight or not now.side.weight
    if kinds[0] == _NUMBERS:
        return Numbers(before.side, now.side) if empty else _numbers(snapshot, name, halves, (before, now))
    return Categories(before.side, now.side) if empty else _categories(snapshot, name, halves, (before, now))


def _grouped(name: str, halves: Sequence[_Half]) -> sa.Subquery:
    """Rows (v, r, c): each distinct value, and the weight that it has in both windows."""
    parts = []
    for position, half in enumerate(halves):
        read = half.columns[name]
        assert isinstance(read, _Read)
        weight = _number(1) if half.weight is None else half.weight
        both = [_number(0), _number(0)]
        both[position] = weight
        part = sa.select(read.value.label("v"), both[0].label("r"), both[1].label("c"))
        part = part.select_from(half.opened.table.selectable).where(read.value.is_not(None))
        parts.append(part if half.weight is None else part.where(weight > _number(0)))
    rows = sa.union_all(*parts).subquery()
    return (
        sa.select(rows.c.v, sa.func.sum(rows.c.r).label("r"), sa.func.sum(rows.c.c).label("c"))
        .group_by(rows.c.v)
        .subquery()
    )


def _numbers(snapshot: Snapshot, name: str, halves: Sequence[_Half], counted: tuple[_Counted, _Counted]) -> Numbers:
    before, now = counted
    one = _grouped(name, halves)
    order: Any = {"order_by": one.c.v}
    steps = sa.select(
        one.c.v,
        one.c.r,
        one.c.c,
        sa.func.sum(one.c.r).over(rows=(None, 0), **order).label("f"),
        sa.func.sum(one.c.c).over(rows=(None, 0), **order).label("g"),
        sa.func.lead(one.c.v).over(**order).label("after"),
    ).subquery()
    apart = sa.func.abs(steps.c.f / _number(before.side.weight) - steps.c.g / _number(now.side.weight))
    below = (steps.c.f - steps.c.r) * _number(BINS)
    tenth = sa.case(*((below >= _number(k * before.side.weight), k) for k in range(BINS - 1, 0, -1)), else_=0)
    extreme = before.extreme + now.extreme
    distance: sa.ColumnElement[Any] = sa.null()
    squares: sa.ColumnElement[Any] = sa.null()
    if not extreme and before.mean is not None:
        # Postgres raises an error where a product of what is not 0 comes out as 0.
        gap, off = steps.c.after - steps.c.v, steps.c.v - _number(before.mean)
        distance = sa.func.sum(sa.case((gap > _number(1 / LARGEST), apart * gap), else_=_number(0)))
        far = sa.and_(steps.c.r > _number(0), sa.func.abs(off) > _number(1 / LARGEST))
        squares = sa.func.sum(sa.case((far, steps.c.r * (off * off)), else_=_number(0)))
    statement = sa.select(
        tenth.label("tenth"),
        sa.func.sum(steps.c.r),
        sa.func.sum(steps.c.c),
        sa.func.max(apart),
        distance,
        squares,
        sa.func.count(),
        snapshot.dialect.count_if(steps.c.r > _number(0)),
    ).group_by("tenth")
    found = _query(snapshot, statement, halves, counted)
    deviation = None
    if squares_of := [row[5] for row in found if row[5] is not None]:
        constant = sum(row[7] for row in found) == 1
        deviation = 0.0 if constant else _steady(math.sqrt(sum(squares_of) / before.side.weight))
    weights = {int(row[0]): (_steady(row[1]), _steady(row[2])) for row in found}
    return Numbers(
        before.side,
        now.side,
        ks=_steady(max(row[3] for row in found)),
        distance=None if extreme else _steady(sum(row[4] for row in found if row[4] is not None)),
        deviation=deviation,
        bins=tuple(weights.get(k, (0.0, 0.0)) for k in range(BINS)),
        extreme=extreme,
        constant=sum(row[6] for row in found) == 1,
    )


def _categories(
    snapshot: Snapshot, name: str, halves: Sequence[_Half], counted: tuple[_Counted, _Counted]
) -> Categories:
    before, now = (each.side for each in counted)
    one = _grouped(name, halves)
    rank = sa.func.row_number().over(order_by=[(one.c.r + one.c.c).desc(), one.c.r.desc()])
    ranked = sa.select(one.c.r, one.c.c, rank.label("rank")).subquery()
    total = ranked.c.r * _number(before.effective / before.weight) + ranked.c.c * _number(now.effective / now.weight)
    alone = sa.and_(ranked.c.rank <= MOST_CATEGORIES, expected(total, before, now) >= _number(EXPECTED))
    cell = sa.case((alone, ranked.c.rank), else_=0)
    unseen = sa.func.sum(sa.case((ranked.c.r == _number(0), ranked.c.c), else_=_number(0)))
    statement = sa.select(
        cell.label("cell"), sa.func.sum(ranked.c.r), sa.func.sum(ranked.c.c), unseen, sa.func.count()
    ).group_by("cell")
    found = sorted(_query(snapshot, statement, halves, counted), key=lambda row: int(row[0]))
    weights = {int(row[0]): (_steady(row[1]), _steady(row[2])) for row in found}
    pooled = weights.pop(0, None)
    return Categories(
        before,
        now,
        cells=merged(list(weights.values()), pooled, before, now),
        unseen=_steady(sum(row[3] for row in found)),
        constant=sum(row[4] for row in found) == 1,
    )


def _query(
    snapshot: Snapshot, statement: sa.Select[Any], halves: Sequence[_Half], counted: tuple[_Counted, _Counted]
) -> list[Any]:
    """Rows whose second and third values are weights: these of all are what was counted before."""
    table = halves[1].opened.window.table
    found = snapshot.query(statement, about=table)
    for position, (half, each) in enumerate(zip(halves, counted, strict=True), 1):
        if half.weight is None:
            snapshot.agree(half.opened.window.table, {each.side.values, round(sum(row[position] for row in found))})
    return found


def _steady(value: float) -> float:
    return float(f"{float(value):.12g}")

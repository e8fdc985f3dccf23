"""Charts of estimates: points with intervals in, :class:`Figure` out; each carries the table of the same numbers.

    groups     an estimate for each group of people
    drift      how far each feature has moved
    paired     two versions on the same rows
    over_time  an estimate for each period; gaps stay gaps

What cannot be judged is drawn as such and never left out. Needs the extra ``measure``; importing it takes a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import altair as alt

from affidavit.pages import plot
from affidavit.pages.figures import (
    Cell,
    Figure,
    Limit,
    Pair,
    Point,
    Table,
    described,
    estimate_cells,
    group_words,
    left_to_table,
    measure_words,
    nothing,
    number,
)
from affidavit.pages.text import counted, name
from affidavit.rules.thresholds import WORST_FIRST, Met

DRAWN = 30
"""Rows of a chart. Those that are worst off are drawn, the table has all."""

PERIODS = 120
"""Periods of a chart over time, the newest."""

_COLUMNS = ("value", "95 % interval, or why not", "rows", "threshold")


def groups(points: Sequence[Point], *, limit: Limit | None = None) -> Figure:
    """One measure for each group: where it lies, how sure that is, and on how many rows.

    Drawn in the order given; of more than ``DRAWN`` those that are not met, or cannot be judged, are drawn first.
    """
    if not points:
        return nothing("By group", "No group was looked at.")
    measure = measure_words(points[0].estimate)
    rows = [_Row(point, group_words(point.estimate), _behind(point)) for point in points]
    drawing, *size = _rows(_chosen(rows), axis=measure, limit=limit)
    return Figure(
        title=f"{_capital(measure)} by group",
        description=described(points, f"{_capital(measure)} in {counted(len(points), 'group')}"),
        drawing=drawing,
        width=size[0],
        height=size[1],
        keys=plot.keys(points, limit),
        table=Table.of(("group", *_COLUMNS), [(name(row.label), *_cells(row.point)) for row in rows]),
        note=left_to_table(len(points) - DRAWN, "group"),
    )


def drift(points: Sequence[Point], *, limit: Limit | None = None, of: str = "feature") -> Figure:
    """One measure of drift for each feature (``about``), the largest first, what cannot be judged last.

    ``of`` says in one word what it is told of, where not of features. Of more than ``DRAWN`` those that are not met, or
    cannot be judged, are drawn first.
    """
    if not points:
        return nothing(f"Drift by {of}", f"No {of} was looked at.")
    measure = measure_words(points[0].estimate)
    rows = sorted((_Row(p, p.estimate.about or f"every {of}", _behind(p)) for p in points), key=_size, reverse=True)
    drawing, *size = _rows(sorted(_chosen(rows), key=_size, reverse=True), axis=measure, limit=limit, zero=True)
    return Figure(
        title=f"{_capital(measure)} by {of}",
        description=described(points, f"{_capital(measure)} of {counted(len(points), of)}"),
        drawing=drawing,
        width=size[0],
        height=size[1],
        keys=plot.keys(points, limit),
        table=Table.of((of, *_COLUMNS), [(name(row.label), *_cells(row.point)) for row in rows]),
        note=left_to_table(len(points) - DRAWN, of),
    )


def paired(pairs: Sequence[Pair]) -> Figure:
    """A new version minus the one in use, on the same rows, measure by measure, all in one unit."""
    if not pairs:
        return nothing("New version against the one in use", "No measure was compared.")
    points = [pair.difference for pair in pairs]
    rows = [_Row(pair.difference, _compared(pair), _moved(pair)) for pair in pairs]
    axis = "difference: new version minus the one in use"
    drawing, *size = _rows(_chosen(rows), axis=axis, limit=None, zero=True)
    cells = [
        (name(row.label), estimate_cells(pair.in_use)[0], estimate_cells(pair.new)[0], *_cells(row.point))
        for row, pair in zip(rows, pairs, strict=True)
    ]
    columns = ("measure", "in use", "new", "difference", *_COLUMNS[1:])
    return Figure(
        title="New version against the one in use",
        description=described(points, f"Difference in {counted(len(pairs), 'measure')}"),
        drawing=drawing,
        width=size[0],
        height=size[1],
        keys=plot.keys(points, None),
        table=Table.of(columns, cells),
        note=left_to_table(len(pairs) - DRAWN, "measure"),
    )


def over_time(points: Sequence[Point], *, limit: Limit | None = None) -> Figure:
    """One measure for each period (``when``), oldest first.

    Every period of the window is in ``points``: an empty one is an estimate that cannot be judged, and a gap in the
    line. Of more than ``PERIODS`` the newest are drawn.
    """
    if not points:
        return nothing("Over time", "No period was looked at.")
    shown, measure = points[-PERIODS:], measure_words(points[0].estimate)
    width, height = 660, 230
    at = alt.Y("value:Q", **plot.axis(measure, plot.span(shown, limit), ticks=5, room=plot.NUMBERS))
    when = alt.X("at:Q", axis=None, scale=alt.Scale(domain=[-0.5, len(shown) - 0.5], nice=False, zero=False))
    layers = plot.limit_lines(limit, along="y", end=width)
    if steps := _steps(shown):
        layers.append(plot.rule(steps, colour=plot.QUIET).encode(x=when, x2=alt.X2("then:Q"), y=at, y2=alt.Y2("to:Q")))
    layers += plot.estimates(shown, places=range(len(shown)), value=at, place=when, edge=height - 12)
    names: plot.Rows = [{"at": n, "when": plot.short(shown[n].when, pixels=90)} for n in _spread(len(shown))]
    labels = plot.words(names, field="when", align="center", colour=plot.QUIET, size=plot.SMALL)
    layers.append(labels.encode(x=when, y=plot.y_at(height + 16)))
    drawing, *size = plot.finished([plot.sheet(layers, width=width, height=height)], left=plot.NUMBERS + 34)
    return Figure(
        title=f"{_capital(measure)} over time",
        description=described(points, f"{_capital(measure)} in {counted(len(points), 'period')}"),
        drawing=drawing,
        width=size[0],
        height=size[1],
        keys=plot.keys(shown, limit),
        table=Table.of(("period", *_COLUMNS), [(name(point.when), *_cells(point)) for point in points]),
        note=left_to_table(len(points) - len(shown), "period"),
    )


@dataclass(frozen=True)
class _Row:
    """A point with its name left of the axis and a note right of it."""

    point: Point
    label: str
    note: str


def _rows(rows: Sequence[_Row], *, axis: str, limit: Limit | None, zero: bool = False) -> tuple[str, int, int]:
    """One row for each point along a common axis; ``zero`` is on the axis and marked."""
    points, height = [row.point for row in rows], plot.ROW * len(rows)
    value = alt.X("value:Q", **plot.axis(axis, plot.span(points, limit, zero=zero)))
    place = plot.place(len(rows))
    layers = [plot.rule([{"value": 0}], colour=plot.QUIET).encode(x=value)] if zero else []
    layers += plot.limit_lines(limit, along="x")
    layers += plot.estimates(points, places=range(len(rows)), value=value, place=place, edge=12)
    texts = [{"at": n, "label": plot.short(row.label), "note": row.note} for n, row in enumerate(rows)]
    layers += plot.row_texts(texts, place)
    reasons = [(n, point.estimate.why) for n, point in enumerate(points) if point.estimate.why is not None]
    if unmeasured := [{"at": n, "why": plot.short(why, pixels=plot.WIDTH - 60)} for n, why in reasons]:
        why = plot.words(unmeasured, field="why", align="left", colour=plot.QUIET, size=plot.SMALL)
        text = why.encode(x=plot.x_at(26), y=place)
        layers += [plot.halo(text), text]
    return plot.finished([plot.sheet(layers, height=height)], top=16 + 14 * len(limit.lines if limit else ()))


def _chosen(rows: Sequence[_Row]) -> list[_Row]:
    """The ``DRAWN`` rows that are worst off, in the order given."""
    rank: dict[Met | None, int] = {outcome: n for n, outcome in enumerate((*WORST_FIRST, None))}
    worst = sorted(range(len(rows)), key=lambda n: rank[plot.outcome_of(rows[n].point)])[:DRAWN]
    return [rows[n] for n in sorted(worst)]


def _size(row: _Row) -> tuple[bool, float]:
    value = row.point.estimate.value
    return (value is not None, value or 0.0)


def _cells(point: Point) -> tuple[Cell, Cell, Cell, Cell]:
    return (*estimate_cells(point.estimate), point.outcome.value if point.outcome else "none set")


def _behind(point: Point) -> str:
    return f"n = {number(point.estimate.n).shown}"


def _moved(pair: Pair) -> str:
    then, now = (e.value for e in (pair.in_use, pair.new))
    if then is None or now is None:
        return _behind(pair.difference)
    return f"{number(then).shown} → {number(now).shown}, {_behind(pair.difference)}"


def _compared(pair: Pair) -> str:
    of = f" of {pair.new.about}" if pair.new.about else ""
    return f"{measure_words(pair.new)}{of}, {pair.better} is better"


def _steps(points: Sequence[Point]) -> plot.Rows:
    """The line between neighbours that both have a value."""
    values = [point.estimate.value for point in points]
    return [
        {"at": n, "then": n + 1, "value": here, "to": there}
        for n, (here, there) in enumerate(pairwise(values))
        if here is not None and there is not None
    ]


def _spread(count: int, most: int = 6) -> Iterator[int]:
    """At most ``most`` places of ``count``, evenly apart, the newest among them."""
    apart = -(-count // most)
    return (n for n in range(count) if (count - 1 - n) % apart == 0)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""The marks that charts are made of, in Altair: where they stand is said here, and never measured from a font.

Loads Altair, which takes a second: import it only where something is drawn.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Literal

import altair as alt

from affidavit.pages.figures import Key, Limit, Point
from affidavit.pages.svg import drawn, paint
from affidavit.pages.text import LONGEST_TITLE, visible
from affidavit.rules.thresholds import Met

WIDTH = 460
"""Pixels between the ends of a horizontal axis, at natural size."""

LABELS = 250
"""Pixels left of it, for names."""

NOTES = 190
"""Pixels right of it, for counts."""

NUMBERS = 56
"""Pixels for the numbers of an axis that stands."""

ROW = 26
"""Pixels from one row to the next."""

INK, QUIET, LINE = paint("page-ink"), paint("quiet-ink"), paint("line")
SMALL, TEXT = 11.5, 13
_BELOW, _BETWEEN = 52, 90
_LEGIBLE = (1e-3, 1e7)

_CROSS = "M-1-.55L-.55-1L0-.45L.55-1L1-.55L.45 0L1 .55L.55 1L0 .45L-.55 1L-1 .55L-.45 0Z"
_DISC = "M1 0C1 .55 .55 1 0 1C-.55 1-1 .55-1 0C-1-.55-.55-1 0-1C.55-1 1-.55 1 0Z"
MARKS: Mapping[Met | None, Key] = {
    Met.NOT_MET: Key(_CROSS, "not-met", "threshold not met"),
    Met.CANNOT: Key("M0-1L1 .85L-1 .85Z", "unjudged", "cannot be judged"),
    Met.MET: Key(_DISC, "met", "threshold met"),
    None: Key("M-.8-.8L.8-.8L.8 .8L-.8 .8Z", "measured", "measured; no threshold is set"),
}
"""Shape and words of an outcome. Colours are the style's, and tell nothing that the shape does not."""

BEFORE = Key(_DISC, "unfilled", "baseline window")
NOW = Key(_DISC, "met", "now")
INTERVAL = Key("M-1 0L1 0", "line", "95 % interval")
LIMIT = Key("M-1 0L-.35 0M.35 0L1 0", "line", "threshold")
DIAGONAL = Key("M-.9 .9L-.4 .4M.4-.4L.9-.9", "line", "where a score of 0.7 means 7 in 10")

_PAINTS = {
    "not-met": (paint("failing-fill"), paint("failing-fill")),
    "unjudged": ("none", paint("undetermined-fill")),
    "met": (INK, INK),
    "measured": (INK, INK),
    "unfilled": (paint("page-fill"), INK),
}
_AREA = {"not-met": 110, "unjudged": 110}
_USUAL_AREA = 75

Rows = list[dict[str, Any]]


def axis(title: str, domain: tuple[float, float], *, ticks: int = 6, room: int = 26) -> dict[str, Any]:
    """Title, scale and axis of a quantitative channel; ``room`` pixels are for the numbers beside it."""
    look = alt.Axis(
        grid=True,
        tickCount=ticks,
        labelFlush=False,
        labelOverlap=False,
        minExtent=room,
        maxExtent=room,
        format=",f" if _LEGIBLE[0] <= max(map(abs, domain)) < _LEGIBLE[1] else ".2~e",
    )
    return {"title": title, "scale": alt.Scale(domain=list(domain), nice=True, zero=False), "axis": look}


def x_at(pixels: float) -> alt.XValue:
    """The place ``pixels`` right of the vertical axis."""
    return alt.XValue(pixels)  # type: ignore[no-untyped-call]


def y_at(pixels: float) -> alt.YValue:
    """The place ``pixels`` below the upper end."""
    return alt.YValue(pixels)  # type: ignore[no-untyped-call]


def points(rows: Rows, key: Key) -> alt.Chart:
    """One mark of ``key`` for each row; the caller says where."""
    fill, stroke = _PAINTS[key.paint]
    area = _AREA.get(key.paint, _USUAL_AREA)
    return _mark(rows, "point", shape=key.path, size=area, fill=fill, stroke=stroke, strokeWidth=1.6)


def estimates(
    found: Sequence[Point], *, places: Sequence[float], value: alt.X | alt.Y, place: alt.X | alt.Y, edge: float
) -> list[alt.Chart]:
    """Interval and mark of each point: its value along the axis of ``value``, its place along that of ``place``.

    A point without a value stands ``edge`` pixels along the axis of values, in its own shape.
    """
    # Channels as objects: Altair looks long for the class of one that is only text or a plain value.
    along, across = ("y", "x") if isinstance(value, alt.Y) else ("x", "y")
    far, fixed = (alt.Y2("high:Q"), y_at(edge)) if along == "y" else (alt.X2("high:Q"), x_at(edge))
    rows = [
        (outcome_of(p), {"at": at, "value": p.estimate.value, "low": p.estimate.low, "high": p.estimate.high})
        for p, at in zip(found, places, strict=True)
    ]
    layers = []
    if sure := [row for _, row in rows if row["low"] is not None]:
        ends: dict[str, Any] = {along: type(value)("low:Q"), f"{along}2": far, across: place}
        layers.append(rule(sure).encode(**ends))
    for outcome, key in MARKS.items():
        of = [row for each, row in rows if each is outcome]
        if judged := [row for row in of if row["value"] is not None]:
            where: dict[str, Any] = {along: value, across: place}
            layers.append(points(judged, key).encode(**where))
        if without := [row for row in of if row["value"] is None]:
            where = {along: fixed, across: place}
            layers.append(points(without, key).encode(**where))
    return layers


def place(count: int) -> alt.Y:
    """The channel of ``count`` rows under each other, the first on top."""
    return alt.Y("at:Q", axis=None, scale=alt.Scale(domain=[count - 0.5, -0.5], nice=False, zero=False))


def row_texts(rows: Rows, at: alt.Y) -> list[alt.Chart]:
    """Left of the axis the ``label`` of each row, right of it the ``note``."""
    label = words(rows, field="label", align="right").encode(x=x_at(-12), y=at)
    note = words(rows, field="note", align="left", colour=QUIET, size=SMALL)
    return [label, note.encode(x=x_at(WIDTH + 14), y=at)]


def bars(rows: Rows) -> alt.Chart:
    """A bar for each row; the caller says from where to where."""
    return _mark(rows, "rect", fill=paint("neutral-fill"), stroke=INK, strokeWidth=0.8)


def rule(rows: Rows, *, colour: str = INK, width: float = 1.4, dash: tuple[int, int] | None = None) -> alt.Chart:
    """A line for each row; the caller says from where to where."""
    look: dict[str, Any] = {"strokeDash": list(dash)} if dash else {}
    return _mark(rows, "rule", stroke=colour, strokeWidth=width, **look)


def words(rows: Rows, *, field: str, align: str, colour: str = INK, size: float = TEXT) -> alt.Chart:
    """The text in ``field`` for each row, on the middle line of its place."""
    mark = _mark(rows, "text", align=align, baseline="middle", fill=colour, fontSize=size)
    text: alt.Chart = mark.encode(text=alt.Text(field, type="nominal"))
    return text


def halo(text: alt.Chart) -> alt.Chart:
    """The ground of the page around ``text``, to stand below it where lines cross it."""
    below = text.copy()
    below.mark = alt.MarkDef(
        **{**text.mark.to_dict(), "fill": paint("page-fill"), "stroke": paint("page-fill"), "strokeWidth": 5}
    )
    return below


def _mark(rows: Rows, kind: Literal["point", "rect", "rule", "text"], **look: Any) -> alt.Chart:
    # A tuple, which Altair passes on, and not a list, of which it makes a copy at each step.
    return alt.Chart(alt.InlineData(values=tuple(rows)), mark=alt.MarkDef(type=kind, opacity=1, **look))


def limit_lines(limit: Limit | None, *, along: str, end: float = 0) -> list[alt.Chart]:
    """The threshold as dashed lines: standing where ``along`` is x, with their words above; else up to ``end``."""
    layers = []
    for n, (value, said) in enumerate(limit.lines if limit else ()):
        row: Rows = [{"limit": value, "said": said}]
        text = words(row, field="said", align="center" if along == "x" else "left", size=SMALL)
        line = rule(row, width=1.6, dash=(5, 4))
        if along == "x":
            across = alt.X("limit:Q")
            layers += [line.encode(x=across), text.encode(x=across, y=y_at(-10 - 14 * n))]
        else:
            up = alt.Y("limit:Q")
            layers += [line.encode(y=up), text.encode(x=x_at(end + 8), y=up)]
    return layers


def keys(found: Sequence[Point], limit: Limit | None) -> tuple[Key, ...]:
    """The key of a chart of ``found``: only what is in it."""
    outcomes = {outcome_of(point) for point in found}
    marks = [key for outcome, key in MARKS.items() if outcome in outcomes]
    marks += [INTERVAL] if any(point.estimate.low is not None for point in found) else []
    return (*marks, *((LIMIT,) if limit else ()))


def outcome_of(point: Point) -> Met | None:
    """The outcome that is drawn: an estimate without a value cannot be judged, with a threshold or without."""
    return Met.CANNOT if point.estimate.value is None else point.outcome


def span(found: Sequence[Point], limit: Limit | None, *, zero: bool = False) -> tuple[float, float]:
    """The ends of an axis that holds every value, interval and threshold; within 0 and 1 where all of them are."""
    estimates = [point.estimate for point in found]
    numbers = [n for e in estimates for n in (e.value, e.low, e.high) if n is not None]
    numbers += [value for value, _ in limit.lines] if limit else []
    numbers += [0.0] if zero or not numbers else []
    low, high = min(numbers), max(numbers)
    room = (high / 2 - low / 2) / 10 or max(abs(high) / 10, 0.05)
    start = max(0.0, low - room) if low >= 0 else low - room
    end = min(1.0, high + room) if low >= 0 and high <= 1 else high + room
    largest = 1e300  # beyond it the axis itself would not be finite
    return (start, end) if math.isfinite(end - start) else (-largest, largest)


def short(text: str, *, pixels: int = LABELS - 20) -> str:
    """``text`` fit for a place ``pixels`` wide in any usual font, cut in the middle; the table has it whole."""
    text = visible(text[:LONGEST_TITLE])
    widths = [_width(c) for c in text]
    if sum(widths) <= pixels:
        return text
    half = (pixels - _width("…")) / 2
    head = sum(1 for total in accumulate(widths) if total <= half)
    tail = sum(1 for total in accumulate(reversed(widths)) if total <= half)
    return f"{text[:head]}…{text[len(text) - tail :]}"


def _width(char: str) -> float:
    """Pixels that a character may take at ``TEXT``: measured on none, so that a drawing is the same everywhere."""
    if unicodedata.east_asian_width(char) in "WF":
        return 14.5
    if char.isupper() or char in "mwMW@%—…":
        return 10.5
    return 4.5 if char in "iljtf.,:;'|!()[] " else 7.5


def sheet(layers: Sequence[alt.Chart], *, height: int, width: int = WIDTH) -> alt.LayerChart:
    """The layers on one pair of axes, ``width`` × ``height`` pixels between their ends."""
    return alt.LayerChart(layer=list(layers), width=width, height=height)


def finished(
    sheets: Sequence[alt.LayerChart], *, left: int = LABELS, right: int = NOTES, top: int = 14
) -> tuple[str, int, int]:
    """The drawing of the sheets under each other, with its margins, and its width and height."""
    margins = {"left": left, "right": right, "top": top, "bottom": _BELOW}
    chart = sheets[0] if len(sheets) == 1 else alt.VConcatChart(vconcat=list(sheets), spacing=_BETWEEN, bounds="flush")
    whole = chart.properties(autosize=alt.AutoSizeParams(type="none"), padding=margins)
    quiet = {"labelColor": QUIET, "titleColor": QUIET, "gridColor": LINE, "tickColor": LINE, "domainColor": LINE}
    look = whole.configure_view(stroke=None).configure_axis(
        labelFontSize=SMALL, titleFontSize=SMALL + 0.5, titleFontWeight="normal", **quiet
    )
    height = sum(each.height for each in sheets) + _BETWEEN * (len(sheets) - 1)
    return drawn(look), left + max(each.width for each in sheets) + right, top + height + _BELOW

"""Charts of counts: bins and mixes in, :class:`Figure` out; each carries the table of the same numbers.

    score_distribution  how many rows have which score, by outcome
    calibration         the share that is positive, where the score says how large it should be
    tool_mix            which tools an agent calls, before and now

Needs the extra ``measure``; importing it takes a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import altair as alt

from affidavit.pages import plot
from affidavit.pages.figures import (
    Cell,
    Figure,
    Histogram,
    Point,
    ReliabilityBin,
    Table,
    described,
    estimate_cells,
    left_to_table,
    nothing,
    number,
)
from affidavit.pages.text import counted, name

PANELS = 6
"""Outcomes of a score distribution that are drawn, those with most rows."""

TOOLS = 30
"""Tools that are drawn, those with the largest share before or now."""

_SQUARE = 380


def score_distribution(histogram: Histogram, *, score: str = "score") -> Figure:
    """Rows by score, one panel for each outcome, on one scale of scores; ``score`` names the axis."""
    counts = [(outcome, each) for outcome, each in histogram.counts if sum(each)]
    if not counts:
        return nothing("Scores by outcome", "No row was scored.")
    largest = sorted(range(len(counts)), key=lambda n: -sum(counts[n][1]))[:PANELS]
    panels = []
    for n in sorted(largest):
        outcome, each = counts[n]
        bars = [(*ends, count) for ends, count in zip(pairwise(histogram.edges), each, strict=True)]
        said = f"{plot.short(outcome)}, n = {number(sum(each)).shown}"
        panels.append(_bars(bars, width=plot.WIDTH + 140, height=110, said=said, axis=score))
    drawing, *size = plot.finished(panels, left=plot.NUMBERS + 34, right=40, top=30)
    rows: list[tuple[Cell, ...]] = [
        (_between(low, high), *(number(each[n]) for _, each in histogram.counts))
        for n, (low, high) in enumerate(pairwise(histogram.edges))
    ]
    totals = ", ".join(f"{number(sum(each)).shown} of {plot.short(outcome)}" for outcome, each in counts[:PANELS])
    return Figure(
        title="Scores by outcome",
        description=f"Rows in {counted(len(rows), 'bin')} of the score: {totals}.",
        drawing=drawing,
        width=size[0],
        height=size[1],
        keys=(),
        table=Table.of((score, *(name(outcome) for outcome, _ in histogram.counts)), rows),
        note=left_to_table(len(counts) - PANELS, "outcome"),
    )


def calibration(bins: Sequence[ReliabilityBin], *, score: str = "score") -> Figure:
    """Reliability: the share of positives in each bin against its mean score, and below it how many rows a bin has.

    The dashed diagonal is where of the rows that are scored 0.7, 7 in 10 are positive.
    """
    held = [each for each in bins if each.mean_score is not None]
    if not held:
        return nothing("Calibration", "No row was scored.")
    points = [Point(each.observed) for each in held]
    means = [each.mean_score for each in held if each.mean_score is not None]
    mean = alt.X("at:Q", **plot.axis(f"mean {score} of the bin", (0, 1)))
    share = alt.Y("value:Q", **plot.axis("share observed positive", (0, 1), room=plot.NUMBERS))
    diagonal = plot.rule([{"at": 0, "value": 0, "then": 1, "to": 1}], colour=plot.QUIET, dash=(5, 4))
    layers = [diagonal.encode(x=mean, x2=alt.X2("then:Q"), y=share, y2=alt.Y2("to:Q"))]
    layers += plot.estimates(points, places=means, value=share, place=mean, edge=_SQUARE - 12)
    counts = [(each.low, each.high, each.observed.n) for each in bins]
    strip = _bars(counts, width=_SQUARE, height=70, said="rows in each bin", axis=score)
    square = plot.sheet(layers, width=_SQUARE, height=_SQUARE)
    drawing, *size = plot.finished([square, strip], left=plot.NUMBERS + 34, right=40)
    rows: list[tuple[Cell, ...]] = [
        (
            _between(each.low, each.high),
            "no row" if each.mean_score is None else number(each.mean_score),
            *estimate_cells(each.observed),
        )
        for each in bins
    ]
    return Figure(
        title="Calibration",
        description=described(points, f"Share of positives in {counted(len(held), 'bin')} of the score"),
        drawing=drawing,
        width=size[0],
        height=size[1],
        keys=(*plot.keys(points, None), plot.DIAGONAL),
        table=Table.of((score, f"mean {score}", "share positive", "95 % interval, or why not", "rows"), rows),
    )


def tool_mix(before: Mapping[str, int], now: Mapping[str, int]) -> Figure:
    """Calls of each tool in a baseline window and now, as shares of all calls of the window, with both counts."""
    of_before, of_now = sum(before.values()), sum(now.values())
    if not of_before + of_now:
        return nothing("Tools called", "No call of a tool was recorded.")

    def shares(tool: str) -> tuple[float, float]:
        return before.get(tool, 0) / max(of_before, 1), now.get(tool, 0) / max(of_now, 1)

    def fractions(tool: str) -> tuple[str, str]:
        return f"{before.get(tool, 0):,} of {of_before:,}", f"{now.get(tool, 0):,} of {of_now:,}"

    tools = sorted({*before, *now}, key=lambda tool: (-max(shares(tool)), tool))
    texts: plot.Rows = [
        {"at": n, "label": plot.short(tool), "note": " → ".join(fractions(tool))}
        for n, tool in enumerate(tools[:TOOLS])
    ]
    ends: plot.Rows = [{"at": n, "then": shares(t)[0], "value": shares(t)[1]} for n, t in enumerate(tools[:TOOLS])]
    most = max(max(shares(tool)) for tool in tools)
    value = alt.X("value:Q", **plot.axis("share of all calls in the window", (0, most)))
    place = plot.place(len(texts))
    layers = []
    if of_before and of_now:
        layers.append(plot.rule(ends, colour=plot.QUIET, width=3).encode(x=value, x2=alt.X2("then:Q"), y=place))
    if of_before:
        layers.append(plot.points(ends, plot.BEFORE).encode(x=alt.X("then:Q"), y=place))
    if of_now:
        layers.append(plot.points(ends, plot.NOW).encode(x=value, y=place))
    sheet = plot.sheet([*layers, *plot.row_texts(texts, place)], height=plot.ROW * len(texts))
    drawing, *size = plot.finished([sheet])
    rows: list[tuple[Cell, ...]] = [
        (name(tool), *(part for pair in zip(fractions(tool), map(number, shares(tool)), strict=True) for part in pair))
        for tool in tools
    ]
    return Figure(
        title="Tools called",
        description=f"Calls of {counted(len(tools), 'tool')}: {of_before:,} in the baseline window, {of_now:,} now.",
        drawing=drawing,
        width=size[0],
        height=size[1],
        keys=(plot.BEFORE, plot.NOW),
        table=Table.of(("tool", "calls in the baseline", "share", "calls now", "share now"), rows),
        note=left_to_table(len(tools) - TOOLS, "tool"),
    )


def _bars(bars: Sequence[tuple[float, float, int]], *, width: int, height: int, said: str, axis: str) -> alt.LayerChart:
    """Counts as bars between the ends of their bins."""
    rows: plot.Rows = [{"low": low, "high": high, "count": count, "zero": 0} for low, high, count in bars if count]
    ends = (bars[0][0], bars[-1][1])
    x = alt.X("low:Q", **plot.axis(axis, ends))
    y = alt.Y("count:Q", **plot.axis("rows", (0, max(count for _, _, count in bars)), ticks=3, room=plot.NUMBERS))
    mark = plot.bars(rows).encode(x=x, x2=alt.X2("high:Q"), y=y, y2=alt.Y2("zero:Q"))
    title = plot.words([{"said": said}], field="said", align="left").encode(x=plot.x_at(0), y=plot.y_at(-14))
    return plot.sheet([mark, title], width=width, height=height)


def _between(low: float, high: float) -> str:
    return f"{number(low).shown} to {number(high).shown}"

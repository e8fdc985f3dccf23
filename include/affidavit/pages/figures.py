"""What a chart is made from, and what it becomes: a drawing without ids, its key, and the table of the same numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from affidavit.measure import Estimate
from affidavit.pages.text import Name, counted, name
from affidavit.rules.thresholds import WORST_FIRST, Met

_ACRONYMS = frozenset({"auc", "f1", "ks", "psi", "r2", "roc"})

LISTED = 1_000
"""Rows of one table that a page shows; the evidence holds them all."""


@dataclass(frozen=True)
class Point:
    """An estimate in a chart, with what its threshold says of it; None where no threshold is set for it.

    ``when`` names the period that it is of, in charts over time. An estimate without a value cannot have met anything:
    ``ValueError``.
    """

    estimate: Estimate
    outcome: Met | None = None
    when: str = ""

    def __post_init__(self) -> None:
        if self.estimate.value is None and self.outcome in (Met.MET, Met.NOT_MET):
            raise ValueError(f"{self.estimate.measure}: without a value it is neither met nor not met")


@dataclass(frozen=True)
class Limit:
    """The threshold that a chart draws as a line, or as two. Finite, and at least one is there: else ``ValueError``."""

    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if not self.lines or not all(math.isfinite(value) for value, _ in self.lines):
            raise ValueError("a threshold needs a finite number")

    @property
    def lines(self) -> tuple[tuple[float, str], ...]:
        """Each line with its words."""
        ends = ((self.at_least, "at least"), (self.at_most, "at most"))
        return tuple((value, f"{words} {number(value).shown}") for value, words in ends if value is not None)


@dataclass(frozen=True)
class Histogram:
    """Counts of rows by outcome in bins of a score: ``edges`` has one more than each list of counts."""

    edges: tuple[float, ...]
    counts: tuple[tuple[str, tuple[int, ...]], ...]

    def __post_init__(self) -> None:
        if sorted(set(self.edges)) != list(self.edges) or not all(math.isfinite(edge) for edge in self.edges):
            raise ValueError("the edges of bins rise, and are finite")
        if any(len(counts) != len(self.edges) - 1 or min(counts, default=0) < 0 for _, counts in self.counts):
            raise ValueError("a count, none below zero, for each bin between two edges")


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose score lies in a bin: their mean score (None where there are none), and the share that is positive."""

    low: float
    high: float
    mean_score: float | None
    observed: Estimate

    def __post_init__(self) -> None:
        if self.mean_score is not None and not 0 <= self.mean_score <= 1:
            raise ValueError("calibration is of probabilities: a mean score lies between 0 and 1")


@dataclass(frozen=True)
class Pair:
    """A measure of the version in use and of a new one on the same rows, and ``difference``, new minus in use."""

    in_use: Estimate
    new: Estimate
    difference: Point
    better: Literal["higher", "lower"]


@dataclass(frozen=True)
class Number:
    """A number as a page shows it, with the exact one beside it."""

    shown: str
    exact: str


def number(value: float | int) -> Number:
    """``value`` to four significant digits, or to one decimal from a thousand on; counts are whole."""
    if isinstance(value, int):
        return Number(f"{value:,}", str(value))
    shown = f"{value:,.1f}" if 1_000 <= abs(value) < 1e15 else f"{value:.4g}"
    return Number("0" if shown == "-0" else shown.replace("-", "−"), repr(value))


Cell = Name | Number | str
"""A name from elsewhere, a number, or words of ours."""


@dataclass(frozen=True)
class Table:
    """Numbers for people; ``more`` rows are not on the page."""

    columns: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: int = 0

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers."""
        return tuple(any(isinstance(row[n], Number) for row in self.rows) for n in range(len(self.columns)))

    @classmethod
    def of(cls, columns: Sequence[Cell], rows: Sequence[tuple[Cell, ...]]) -> Table:
        """The first ``LISTED`` rows."""
        return cls(tuple(columns), tuple(rows[:LISTED]), max(0, len(rows) - LISTED))


@dataclass(frozen=True)
class Key:
    """A mark of the chart in words: ``path`` draws it between -1 and 1, ``paint`` is its class in the style."""

    path: str
    paint: str
    words: str


@dataclass(frozen=True)
class Figure:
    """A chart: ``drawing`` is what stands in an ``<svg>`` of ``width`` × ``height``, and empty where nothing is drawn.

    ``title`` is ours and short; ``description`` says in a sentence what a reader who sees no picture should know;
    ``note`` what the picture leaves to the table.
    """

    title: str
    description: str
    drawing: str
    width: int
    height: int
    keys: tuple[Key, ...]
    table: Table
    note: str = ""


def measure_words(estimate: Estimate) -> str:
    """``selection rate ratio`` for ``selection_rate_ratio``, ``ROC AUC`` for ``roc_auc``."""
    return " ".join(word.upper() if word in _ACRONYMS else word for word in estimate.measure.split("_"))


def group_words(estimate: Estimate) -> str:
    """Which rows: ``race = Black, sex = Female``, or ``all rows``."""
    return ", ".join(f"{column} = {value}" for column, value in estimate.group) or "all rows"


def estimate_cells(estimate: Estimate) -> tuple[Cell, Cell, Cell]:
    """Value, interval and rows of an estimate, or why there is no value."""
    if estimate.value is None:
        return "cannot be judged", name(estimate.why or ""), number(estimate.n)
    interval = "none given"
    if estimate.low is not None and estimate.high is not None:
        interval = f"{number(estimate.low).shown} to {number(estimate.high).shown}"
    return number(float(estimate.value)), interval, number(estimate.n)


def outcomes_in_words(outcomes: Sequence[Met | None]) -> str:
    """``1 is not met, 2 cannot be judged and 4 are met``, worst first; empty where no threshold is set."""
    verbs = {
        Met.NOT_MET: ("is not met", "are not met"),
        Met.CANNOT: ("cannot be judged", "cannot be judged"),
        Met.MET: ("is met", "are met"),
    }
    counts = [(outcomes.count(outcome), verbs[outcome]) for outcome in WORST_FIRST if outcome in outcomes]
    parts = [f"{count:,} {one if count == 1 else many}" for count, (one, many) in counts]
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def described(points: Sequence[Point], what: str) -> str:
    """``what`` with its range and what cannot be judged, for a reader who sees no picture."""
    values = [point.estimate.value for point in points if point.estimate.value is not None]
    said = outcomes_in_words([point.outcome for point in points])
    range_ = f", from {number(min(values)).shown} to {number(max(values)).shown}" if values else ""
    without = len(points) - len(values)
    return f"{what}{range_}{f'; {without:,} without a value' if without else ''}{f'; {said}' if said else ''}."


def nothing(title: str, why: str) -> Figure:
    """What stands where there is nothing to draw."""
    return Figure(title, why, "", 0, 0, (), Table((), ()))


def left_to_table(count: int, one: str) -> str:
    """``And 170 more groups, in the table.``; empty for none."""
    return f"And {counted(count, f'more {one}')}, in the table." if count > 0 else ""

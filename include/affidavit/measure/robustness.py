"""How often a decision flips when its row is changed a little, damaged, or changed by somebody who wants it to flip.

``flip_rate`` is the share of the rows that a change does change, whose decision is another one then (Wilson's
interval), and of the group in which it is greatest. The adversarial search asks a bounded number of questions and
knows nothing of the model but its answers: what it finds is a lower bound of what can be found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import SourceRefused
from affidavit.measure.asking import (
    Ask,
    Feature,
    Floats,
    Table,
    absent,
    answers,
    chosen,
    is_number,
    with_column,
)
from affidavit.measure.estimate import Estimate, Group, cannot
from affidavit.measure.intervals import wilson
from affidavit.measure.rows import OTHER, Facet, grouped

UNITS = (10.0, 1_000.0, 0.01)
"""Factors of the mistakes that are tried: a digit too many, thousands for units, percent for shares."""

NOISE = 0.1
"""Standard deviation of the noise, in standard deviations of the column."""

MINIMUM = 30
"""Changed rows below which no rate is given."""

RATE, FLIPPED, RADIUS = "flip_rate", "adversarial_flip_rate", "adversarial_median_radius"

_HALVINGS = 6
"""Questions a flipped row costs more, to find how near the flip is: to 1/64 of the radius."""


def flip_rates(
    ask: Ask, table: Table, features: Sequence[Feature], *, seed: int, by: Sequence[Facet] = ()
) -> list[Estimate]:
    """``flip_rate`` of each change of each feature, over all rows, then of the worst declared group of ``by``.

    ``about`` is the change and its column. A change that the model refuses to answer says so.
    """
    before = answers(ask, table)
    found: list[Estimate] = []
    for feature in features:
        # Of each feature the same changes, whatever others are tried before it.
        rng = np.random.default_rng([seed, *feature.name.encode()])
        for change, column in _changes(table[feature.name], feature, rng):
            about = f"{change} {feature.name}"
            moved = _differ(table[feature.name], column)
            if not moved.any():
                found.append(cannot(RATE, "no row is changed by it", about=about))
                continue
            try:
                after = answers(ask, chosen(with_column(table, feature.name, column), moved))
            except SourceRefused:
                found.append(cannot(RATE, "the model refuses such rows", n=int(moved.sum()), about=about))
                continue
            found += _rates(after != before[moved], [_of(facet, moved) for facet in by], about)
    return found


def _changes(column: NDArray[Any], feature: Feature, rng: np.random.Generator) -> Iterator[tuple[str, NDArray[Any]]]:
    if not is_number(column):
        missing = np.full(len(column), None, object)
        yield "missing", missing
        yield "swap of", _swapped(column, feature.categories, rng)
        return
    numbers = column.astype(float)
    yield "missing", np.full(len(numbers), np.nan)
    there = numbers[~absent(numbers)]
    yield "noise in", numbers + rng.normal(0.0, NOISE * (there.std() if there.size else 0.0), len(numbers))
    for name, end, edge in (("low", feature.low, np.min), ("high", feature.high, np.max)):
        if end is not None or there.size:
            yield f"{name} boundary of", np.full(len(numbers), edge(there) if end is None else end)
    for factor in UNITS:
        yield f"unit x{factor:g} in", numbers * factor


def _swapped(column: NDArray[Any], categories: Sequence[str], rng: np.random.Generator) -> NDArray[Any]:
    """Each value replaced by another declared one; as it is where there is no other, or none at all."""
    swapped = column.copy()
    for row, value in enumerate(column.tolist()):
        others = [each for each in categories if each != value]
        if value is not None and others:
            swapped[row] = others[rng.integers(len(others))]
    return swapped


def _differ(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.bool_]:
    gone = absent(before)
    moved: NDArray[np.bool_] = np.where(absent(after), ~gone, ~gone & (before != after))
    return moved


def _of(facet: Facet, rows: NDArray[np.bool_]) -> Facet:
    return Facet(facet.column, facet.values[rows], facet.declared)


def _rates(flipped: NDArray[np.bool_], by: Sequence[Facet], about: str) -> list[Estimate]:
    found = [_rate(flipped, about)]
    if not by:
        return found
    groups, of_row = grouped(by, len(flipped))
    named = [n for n, group in enumerate(groups) if OTHER not in {value for _, value in group}]
    rates = [_rate(flipped[of_row == n], about, groups[n]) for n in named if (of_row == n).any()]
    judged = [each for each in rates if each.value is not None]
    if not judged:
        return [*found, cannot(RATE, f"no group has {MINIMUM} rows that it changes", about=f"{about}, worst group")]
    return [*found, max(judged, key=lambda each: each.value or 0.0)]


def _rate(flipped: NDArray[np.bool_], about: str | None, group: Group = (), *, measure: str = RATE) -> Estimate:
    n = len(flipped)
    if n < MINIMUM:
        return cannot(measure, f"too few: {n} rows, {MINIMUM} are asked for", n=n, about=about, group=group)
    value = float(flipped.mean())
    low, high = wilson(value, n)
    return Estimate(measure, value, n, float(low), float(high), about=about, group=group)


def adversarial(
    ask: Ask, table: Table, numbers: Sequence[str], *, radius: float, questions: int, seed: int
) -> list[Estimate]:
    """Search for the nearest row with another decision, within ``radius`` standard deviations of each of ``numbers``.

    First each column by itself, then all at once at random corners of the box; then the way to each flip is halved.
    At most ``questions`` rows are asked. ``adversarial_flip_rate`` is the share of rows flipped, with the median
    distance of those (largest move of a column, in its standard deviations). Rows that miss a value stay out.
    """
    whole = ~np.logical_or.reduce([absent(table[name]) for name in numbers]) if numbers else np.zeros(0, bool)
    rows = chosen(table, whole) if numbers else {}
    n = int(whole.sum())
    rounds = questions // n - 1 - _HALVINGS if n else 0
    if rounds < 1:
        why = f"not tested: {questions} questions are not enough for {n} rows" if n else "not tested: no row is whole"
        return [cannot(FLIPPED, why, n=n), cannot(RADIUS, why, n=n)]
    here = np.stack([rows[name].astype(float) for name in numbers], axis=1)
    spread = here.std(axis=0)
    if not spread.any():
        why = "not tested: every column is constant"
        return [cannot(FLIPPED, why, n=n), cannot(RADIUS, why, n=n)]
    search = _Search(ask, rows, tuple(numbers), here, spread)
    directions = _directions(len(numbers), rounds, np.random.default_rng(seed))
    distance = search.nearest(directions, radius)
    flipped = np.isfinite(distance)
    return [_rate(flipped, f"radius {radius:g}", measure=FLIPPED), _median(distance[flipped], radius)]


class _Search:
    """Questions about rows moved from where they are; which decision they had is asked first."""

    def __init__(self, ask: Ask, rows: Table, numbers: tuple[str, ...], here: Floats, spread: Floats) -> None:
        self._ask, self._rows, self._numbers, self._here, self._spread = ask, rows, numbers, here, spread
        self._before = answers(ask, rows)

    def nearest(self, directions: Floats, radius: float) -> Floats:
        """How far each row is from a flip along the first direction that flips it; infinite where none does."""
        distance = np.full(len(self._here), np.inf)
        way = np.zeros_like(self._here)
        for direction in directions:
            left = np.flatnonzero(np.isinf(distance))
            if not left.size:
                break
            hit = left[self._flips(left, np.tile(direction, (left.size, 1)) * radius)]
            distance[hit], way[hit] = radius, direction
        found = np.flatnonzero(np.isfinite(distance))
        inside = np.zeros(found.size)
        for _ in range(_HALVINGS if found.size else 0):
            middle = (inside + distance[found]) / 2
            flips = self._flips(found, way[found] * middle[:, None])
            distance[found] = np.where(flips, middle, distance[found])
            inside = np.where(flips, inside, middle)
        return distance

    def _flips(self, at: NDArray[np.intp], moves: Floats) -> NDArray[np.bool_]:
        moved = self._here[at] + moves * self._spread
        table = {**chosen(self._rows, at), **{name: moved[:, n] for n, name in enumerate(self._numbers)}}
        flips: NDArray[np.bool_] = answers(self._ask, table) != self._before[at]
        return flips


def _directions(columns: int, rounds: int, rng: np.random.Generator) -> Floats:
    single = np.concatenate([np.eye(columns), -np.eye(columns)])
    corners = rng.choice([-1.0, 1.0], size=(max(0, rounds - len(single)), columns))
    return np.concatenate([single, corners])[:rounds]


def _median(distance: Floats, radius: float) -> Estimate:
    about = f"radius {radius:g}"
    if len(distance) < MINIMUM:
        why = f"too few: {len(distance)} rows flipped, {MINIMUM} are asked for"
        return cannot(RADIUS, why, n=len(distance), about=about)
    from scipy import stats

    ordered = np.sort(distance)
    # Ends by rank: how many of n fall below the median is binomial.
    down = int(stats.binom.ppf(0.025, len(ordered), 0.5))
    ends = float(ordered[max(0, down - 1)]), float(ordered[min(len(ordered) - 1, len(ordered) - down)])
    return Estimate(RADIUS, float(np.median(ordered)), len(ordered), *ends, about=about)

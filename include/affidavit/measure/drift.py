"""How far two windows of one column lie apart: a reference, and what is current.

:class:`Numbers` and :class:`Categories` hold all that is needed of a column, and no value of a row. They come from
arrays (:func:`compare_numbers`), from counts (:func:`compare_categories`), or from a warehouse, which counts itself
(:mod:`affidavit.warehouse.drift`). :func:`estimates` makes numbers of them; :mod:`affidavit.measure.alarms` judges.

Every distance is exact. Missing (null, NaN) is no value: it is compared on its own, as a share of the rows. A weighted
row counts as its weight in shares and distances; in a test a window counts as its effective number of rows, the square
of the sum of weights over the sum of their squares (Kish 1965), which is the number of rows where all weigh the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from affidavit.measure.estimate import Estimate, cannot

LEAST = 30
"""Rows with a value that each window needs before its values are judged."""

BINS = 10
"""Bins of the population stability index: between the deciles of the reference."""

EXPECTED = 5.0
"""Rows that a category is expected to have in the smaller window, or else it is pooled (Cochran 1954)."""

MOST_CATEGORIES = 1_000
"""Categories that are compared one by one, the most frequent ones; all others are pooled."""

LARGEST = 1e100
"""What lies beyond it counts as infinite: sums of its squares would be."""

DRIFT = "drift"
"""What stands for all measures of a column that is not compared."""

SAME = "constant in both windows, and the same in both"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Side:
    """One window of one column: ``rows``, of which ``missing`` have no value.

    ``weight`` and ``squares`` are the sums of the weights, and of their squares, of rows that have a value;
    ``all_weight`` and ``all_squares`` those of all rows.
    """

    rows: int
    missing: int
    weight: float
    squares: float
    all_weight: float
    all_squares: float

    @classmethod
    def counted(cls, rows: int, missing: int) -> Side:
        """Where each row weighs 1."""
        values = float(rows - missing)
        return cls(rows, missing, values, values, float(rows), float(rows))

    @property
    def values(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing

    @property
    def effective(self) -> float:
        """The effective number of rows that have a value."""
        return self.weight**2 / self.squares if self.squares else 0.0

    @property
    def all_effective(self) -> float:
        """The effective number of all rows."""
        return self.all_weight**2 / self.all_squares if self.all_squares else 0.0

    @property
    def missing_share(self) -> float:
        """By weight; of no rows it is 0."""
        return 1 - self.weight / self.all_weight if self.missing and self.all_weight else 0.0


@dataclass(frozen=True, slots=True)
class Numbers:
    """Two windows of a column whose values have an order.

    ``ks`` is the largest difference between the two distribution functions, ``distance`` the area between them, in the
    column's unit; ``deviation`` is the reference's standard deviation, 0 exactly where it is constant. Both are None
    where ``extreme`` values are infinite or beyond :data:`LARGEST`. ``bins`` are the weights (reference, current)
    between the deciles of the reference: a value lies in bin k where k tenths of the reference lie below it.
    ``constant`` says that all values of both windows are one.
    """

    reference: Side
    current: Side
    ks: float = 0.0
    distance: float | None = None
    deviation: float | None = None
    bins: tuple[tuple[float, float], ...] = ()
    extreme: int = 0
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Categories:
    """Two windows of a column whose values have no order.

    ``cells`` are the weights (reference, current) of each category that is compared, the most frequent first, and then
    of all others together. ``unseen`` is the current weight of categories that the reference does not have.
    ``constant`` says that all values of both windows are one.
    """

    reference: Side
    current: Side
    cells: tuple[tuple[float, float], ...] = ()
    unseen: float = 0.0
    constant: bool = False


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A column that cannot be compared, because ``why``: words without a value of any row."""

    why: str


Compared = Numbers | Categories | NotCompared


def compare_numbers(
    reference: npt.ArrayLike,
    current: npt.ArrayLike,
    *,
    reference_weights: npt.ArrayLike | None = None,
    current_weights: npt.ArrayLike | None = None,
) -> Numbers:
    """Compare two arrays of numbers, of any length; NaN and None are missing.

    Weights are one finite number of at least 0 for each row. Raises ``ValueError`` for what is no number or no weight.
    """
    left, left_weights, before = _numbers(reference, reference_weights)
    right, right_weights, now = _numbers(current, current_weights)
    if not before.weight or not now.weight:
        return Numbers(before, now)
    values, below, above = _ladder((left, left_weights), (right, right_weights))
    shares = below / before.weight - above / now.weight
    # Weights only add up, so the first value of each bin is found by halving.
    strictly = np.concatenate(([0.0], below[:-1]))
    first = np.searchsorted(BINS * strictly, np.arange(1, BINS) * before.weight, side="left")
    counted = [np.diff(np.concatenate(([0.0], each))[[0, *first, len(values)]]) for each in (below, above)]
    extreme = int(sum(np.count_nonzero(np.abs(each) > LARGEST) for each in (left, right)))
    distance, deviation = None, None
    if not extreme:
        distance = float(np.abs(shares[:-1]) @ np.diff(values))
        deviation = _deviation(left, left_weights)
    bins_found = tuple((float(one), float(other)) for one, other in zip(*counted, strict=True))
    ks = float(np.max(np.abs(shares)))
    return Numbers(before, now, ks, distance, deviation, bins_found, extreme, len(values) == 1)


_Weighted = tuple[Floats, Floats | None]
"""Values, and the weight of each; None where each weighs 1."""


def _ladder(left: _Weighted, right: _Weighted) -> tuple[Floats, Floats, Floats]:
    """The distinct values of both sides, which are in order, and the weight of either side up to each."""
    both = np.concatenate((left[0], right[0]))
    if left[1] is None and right[1] is None:
        # Two sorted halves are merged in one pass, which a stable sort notices.
        order = np.argsort(both, kind="stable")
        values = both[order]
        last = np.flatnonzero(np.append(values[1:] != values[:-1], True))
        rows = np.cumsum(order < len(left[0]))[last]
        return values[last], rows.astype(np.float64), (last + 1 - rows).astype(np.float64)
    order = np.argsort(both)
    values, from_left = both[order], order < len(left[0])
    weights = np.concatenate([np.ones(len(each)) if of is None else of for each, of in (left, right)])[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    below = np.cumsum(np.where(from_left, weights, 0.0))[last]
    return values[last], below, np.cumsum(np.where(from_left, 0.0, weights))[last]


def _numbers(given: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[Floats, Floats | None, Side]:
    """The values that are there, in order, their weights where they have any, and what is counted of all."""
    raw = np.asarray(given)
    if raw.dtype.kind not in "biufO" or raw.ndim != 1:
        raise ValueError("numbers come as one row of numbers")
    values = raw.astype(np.float64)
    there = ~np.isnan(values)
    if weights is None:
        side = Side.counted(len(values), int(np.count_nonzero(~there)))
        return np.sort(values)[: side.values], None, side  # NaN comes last
    weight = np.asarray(weights, dtype=np.float64)
    if weight.shape != values.shape or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("weights are one finite number of at least 0 for each row")
    kept = weight[there]
    sums = (float(each.sum()) for each in (kept, kept**2, weight, weight**2))
    order = np.flatnonzero(there & (weight > 0))
    order = order[np.argsort(values[order])]
    return values[order], weight[order], Side(len(values), int(np.count_nonzero(~there)), *sums)


def _deviation(values: Floats, weights: Floats | None) -> float:
    if (values == values[0]).all():
        return 0.0
    mean = np.average(values, weights=weights)
    return float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))


def compare_categories(
    reference: Sequence[int], current: Sequence[int], *, missing: tuple[int, int] = (0, 0)
) -> Categories:
    """Compare counts of rows: the same categories in the same order on both sides.

    ``missing`` counts the rows without a value of both. Raises ``ValueError`` for counts that are none.
    """
    before, now = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if before.shape != now.shape or before.ndim != 1 or min((*before, *now, *missing), default=0) < 0:
        raise ValueError("counts are numbers of at least 0, one of each category on both sides")
    sides = [
        Side.counted(int(each.sum()) + absent, absent) for each, absent in zip((before, now), missing, strict=True)
    ]
    if not sides[0].weight or not sides[1].weight:
        return Categories(sides[0], sides[1])
    there = before + now > 0
    before, now = before[there], now[there]
    order = np.lexsort((-before, -(before + now)))
    frequent = expected(before + now, sides[0], sides[1]) >= EXPECTED
    alone = [rank for position, rank in enumerate(order) if frequent[rank] and position < MOST_CATEGORIES]
    rest = np.setdiff1d(order, alone)
    cells = [(float(before[rank]), float(now[rank])) for rank in alone]
    pooled = (float(before[rest].sum()), float(now[rest].sum())) if len(rest) else None
    unseen = float(now[before == 0].sum())
    return Categories(sides[0], sides[1], merged(cells, pooled, *sides), unseen, len(before) == 1)


def expected(total: Any, reference: Side, current: Side) -> Any:
    """Rows that a category of ``total`` rows in both windows is expected to have in the smaller one."""
    both = reference.effective + current.effective
    return total * (min(reference.effective, current.effective) / both if both else 0.0)


def merged(
    cells: Sequence[tuple[float, float]], pooled: tuple[float, float] | None, reference: Side, current: Side
) -> tuple[tuple[float, float], ...]:
    """The cells, and those that were pooled as the last one, together with the rarest where they are too few still."""
    if pooled is None or not sum(pooled):
        return tuple(cells)
    total = sum(_effective(pooled, reference, current))
    if cells and expected(total, reference, current) < EXPECTED:
        rarest = cells[-1]
        return (*cells[:-1], (rarest[0] + pooled[0], rarest[1] + pooled[1]))
    return (*cells, pooled)


def _effective(cell: tuple[float, float], reference: Side, current: Side) -> tuple[float, float]:
    """A cell's weights as effective numbers of rows."""
    return cell[0] * reference.weight / reference.squares, cell[1] * current.weight / current.squares


def estimates(compared: Compared, *, about: str, least: int = LEAST) -> tuple[Estimate, ...]:
    """What the comparison of the column ``about`` comes to.

    Of numbers: ``ks_statistic`` and ``ks_p_value`` (two-sided, the law of the one-sample statistic at the harmonic size
    m·n/(m+n), above 10,000 its limit; conservative where values are tied), ``wasserstein_distance``
    (the first, in the column's unit), ``normalised_wasserstein_distance`` (over the reference's standard deviation,
    divided by the number of rows), ``population_stability_index``. Of categories: ``chi_square``,
    ``chi_square_p_value`` (Pearson, no correction), ``cramers_v``, ``total_variation_distance``,
    ``population_stability_index``, ``unseen_share`` (of the current rows). Of both: ``missing_share_difference``
    (current less reference) and ``missing_share_p_value`` (chi-square, or Fisher's exact test where a count is expected
    below :data:`EXPECTED`).

    The population stability index is the sum of (p - q)·ln(p / q) over bins or categories (Kullback's J-divergence;
    Siddiqi 2006); an empty one counts as half a row, so that it is finite. Without any change it is about (bins - 1)
    times (1/m + 1/n). ``cramers_v`` is smaller the more unequal the windows are; ``total_variation_distance``, half the
    sum of |p - q|, is not. Too few rows in a window: each is ``cannot``.
    """
    if isinstance(compared, NotCompared):
        return (cannot(DRIFT, compared.why, about=about),)
    if isinstance(compared, Numbers):
        return (*_of_numbers(compared, about, least), *_of_missing(compared, about, least))
    return (*_of_categories(compared, about, least), *_of_missing(compared, about, least))


def _too_few(reference: int, current: int, least: int, what: str) -> str | None:
    for window, rows in (("reference", reference), ("current", current)):
        if not rows:
            return f"the {window} window has no {what}"
        if rows < least:
            return f"too few: the {window} window has {rows} {what}, {least} are asked for"
    return None


def _values_too_few(compared: Numbers | Categories, least: int) -> str | None:
    before, now = compared.reference, compared.current
    why = _too_few(before.rows, now.rows, least, "rows") or _too_few(
        before.values, now.values, least, "rows with a value"
    )
    if why is None and not (before.weight and now.weight):
        return "the weights of a window are all 0"
    return why


def _of_numbers(compared: Numbers, about: str, least: int) -> list[Estimate]:
    names = (
        *("ks_statistic", "ks_p_value", "wasserstein_distance"),
        *("normalised_wasserstein_distance", "population_stability_index"),
    )
    n = compared.reference.values + compared.current.values
    if why := _values_too_few(compared, least):
        return [cannot(name, why, n=n, about=about) for name in names]
    ks_p = _ks_p_value(compared.ks, compared.reference.effective, compared.current.effective)
    found = (compared.ks, ks_p, *_distances(compared), _stability(compared.bins, compared.reference, compared.current))
    return [_estimate(name, value, n, about) for name, value in zip(names, found, strict=True)]


def _distances(compared: Numbers) -> tuple[float | str, float | str]:
    """As it is, and normalised."""
    if compared.distance is None:
        infinite = f"{compared.extreme} values are infinite or beyond {LARGEST:g}"
        return infinite, infinite
    if not compared.distance:
        return 0.0, 0.0
    if not compared.deviation:
        return compared.distance, "the reference window is constant: there is no standard deviation to measure by"
    return compared.distance, compared.distance / compared.deviation


def _of_categories(compared: Categories, about: str, least: int) -> list[Estimate]:
    names = (
        *("chi_square", "chi_square_p_value", "cramers_v"),
        *("total_variation_distance", "population_stability_index", "unseen_share"),
    )
    n = compared.reference.values + compared.current.values
    if why := _values_too_few(compared, least):
        return [cannot(name, why, n=n, about=about) for name in names]
    before, now = compared.reference, compared.current
    found: list[float | str]
    if not compared.constant and len(compared.cells) < 2:
        found = [f"no category is expected in {EXPECTED:g} rows of each window, so none is compared alone"] * 5
    else:
        apart = sum(abs(one / before.weight - other / now.weight) for one, other in compared.cells) / 2
        found = [*_associated(compared), apart, _stability(compared.cells, before, now)]
    found.append(compared.unseen / now.weight)
    return [_estimate(name, value, n, about) for name, value in zip(names, found, strict=True)]


def _associated(compared: Categories) -> list[float | str]:
    """Chi-square, its p-value, and Cramér's V."""
    if compared.constant:
        return [SAME] * 3
    counts = np.array([_effective(cell, compared.reference, compared.current) for cell in compared.cells])
    statistic, p_value = _chi_square(counts)
    return [statistic, p_value, math.sqrt(statistic / counts.sum())]


def _of_missing(compared: Numbers | Categories, about: str, least: int) -> list[Estimate]:
    before, now = compared.reference, compared.current
    n = before.rows + now.rows
    names = ("missing_share_difference", "missing_share_p_value")
    why = _too_few(before.rows, now.rows, least, "rows")
    if why is None and not (before.all_weight and now.all_weight):
        why = "the weights of a window are all 0"
    if why:
        return [cannot(name, why, n=n, about=about) for name in names]
    shares = [(side.missing_share, 1 - side.missing_share) for side in (before, now)]
    counts = np.array(shares) * np.array([[before.all_effective], [now.all_effective]])
    return [
        Estimate(names[0], now.missing_share - before.missing_share, n, about=about),
        Estimate(names[1], _two_by_two(counts), n, about=about),
    ]


def _estimate(name: str, value: float | str, n: int, about: str) -> Estimate:
    return cannot(name, value, n=n, about=about) if isinstance(value, str) else Estimate(name, value, n, about=about)


def _ks_p_value(statistic: float, reference: float, current: float) -> float:
    from scipy.special import kolmogorov
    from scipy.stats import kstwo

    size = max(round(reference * current / (reference + current)), 1)
    if size > 10_000:  # Kolmogorov's limit, a hundred times faster and a little larger
        return float(kolmogorov(math.sqrt(size) * statistic))
    return float(np.clip(kstwo.sf(statistic, size), 0, 1))


def _chi_square(counts: Floats) -> tuple[float, float]:
    """Pearson's statistic and its p-value, of a table without an empty row or column."""
    from scipy.special import chdtrc

    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    statistic = float(((counts - by_chance) ** 2 / by_chance).sum())
    return statistic, float(chdtrc((counts.shape[0] - 1) * (counts.shape[1] - 1), statistic))


def _two_by_two(counts: Floats) -> float:
    if not counts.sum(axis=0).all():
        return 1.0  # missing in no row, or in all
    if (np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()).min() >= EXPECTED:
        return _chi_square(counts)[1]
    from scipy.stats import fisher_exact

    return min(float(fisher_exact(np.rint(counts).astype(int)).pvalue), 1.0)


def _stability(cells: Sequence[tuple[float, float]], reference: Side, current: Side) -> float:
    found = 0.0
    for cell in cells:
        if not any(cell):
            continue
        p, q = (
            weight / side.weight if weight else 0.5 / side.effective
            for weight, side in zip(cell, (reference, current), strict=True)
        )
        found += (p - q) * math.log(p / q)
    return found

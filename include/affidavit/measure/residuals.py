"""Errors of predicted numbers, by group: ``mean_absolute_error``, ``root_mean_squared_error``, ``mean_error``, ``r2``.

An error is prediction less label. All follow from sums over rows, with labels counted from a common ``centre``, so that
nothing is lost where they are large and alike. ``median_absolute_error`` is that of rows in order, with the interval
between two of them that order statistics give (H. A. David and H. N. Nagaraja, *Order Statistics*, 2003, section 7.1).
``r2`` gets its interval on the scale of log(1 - r2), linearised; below 100 rows it does not cover, and there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.confusion import usable_weight
from affidavit.measure.estimate import Estimate, Group
from affidavit.measure.figures import MINIMUM, Figures
from affidavit.measure.intervals import TAIL, Ends, Floats, student
from affidavit.measure.losses import Mean
from affidavit.measure.rows import TROUBLES, Facet, grouped, pooled, projected

POWERS = (
    *((0, 0, 0), (1, 0, 0), (2, 0, 0), (1, 1, 0), (2, 1, 0), (2, 2, 0), (1, 2, 0), (2, 4, 0)),
    *((1, 0, 1), (1, 0, 2), (2, 0, 1), (2, 0, 2), (2, 0, 3), (2, 0, 4), (2, 2, 1), (2, 2, 2)),
)
"""The sums that are made: of w^i e^j z^k over rows of weight w, error e and label z (less the centre), by (i, j, k).
Two more follow: of w |e| and w² |e|."""

ROWS_OF_R2 = 100
"""From how many rows on ``r2`` has an interval."""


@dataclass(frozen=True)
class Residuals:
    """Sums by group: an array [groups, :data:`POWERS` and the two of absolute errors]; see there."""

    groups: tuple[Group, ...]
    sums: Floats
    troubles: NDArray[np.int64]

    def by(self, *columns: str) -> Residuals:
        """The same rows, told apart by fewer columns. Raises ValueError for a column that is not there."""
        groups, into = projected(self.groups, columns)
        sums, troubles = (pooled(each, into, len(groups)) for each in (self.sums, self.troubles))
        return replace(self, groups=groups, sums=sums, troubles=troubles)

    def __getitem__(self, power: tuple[int, int, int]) -> Floats:
        """One of the sums, by group."""
        return self.sums[:, POWERS.index(power)]


def residuals(
    label: NDArray[Any],
    prediction: NDArray[Any],
    *,
    by: Sequence[Facet] = (),
    weight: NDArray[Any] | None = None,
) -> Residuals:
    """Add up rows, one value each. A label of NaN is none; one that is infinite is outside any declared set."""
    groups, of_row = grouped(by, len(label))
    actual, predicted = label.astype(float), prediction.astype(float)
    amounts = np.ones(len(label)) if weight is None else weight.astype(float)
    found = np.full(len(label), -1, np.intp)
    found[~usable_weight(amounts)] = 5
    found[~np.isfinite(predicted)] = 2
    found[np.isinf(actual)] = 1
    found[np.isnan(actual)] = 0
    troubles = np.zeros((len(groups), len(TROUBLES)), np.int64)
    np.add.at(troubles, (of_row[found >= 0], found[found >= 0]), 1)
    of_row = of_row[found < 0]
    actual, predicted, amounts = (each[found < 0] for each in (actual, predicted, amounts))
    error, centred = predicted - actual, actual - (actual.mean() if len(actual) else 0.0)
    columns = [amounts**i * error**j * centred**k if i else np.ones(len(error)) for i, j, k in POWERS]
    columns += [amounts * np.abs(error), amounts**2 * np.abs(error)]
    sums: Floats = np.stack([np.bincount(of_row, weights=each, minlength=len(groups)) for each in columns], 1)
    return Residuals(groups, sums, troubles)


def regression(found: Residuals, *, minimum: int = MINIMUM) -> list[Estimate]:
    """The four measures of each group that follow from sums."""
    rows = found[0, 0, 0].astype(np.int64)
    first = (rows, found[1, 0, 0], found[2, 0, 0])
    bias = Mean(*first, found[1, 1, 0], found[2, 1, 0], found[2, 2, 0])
    absolute = Mean(*first, found.sums[:, -2], found.sums[:, -1], found[2, 2, 0])
    squared = Mean(*first, found[1, 2, 0], found[2, 2, 0], found[2, 4, 0])
    low, high = (np.sqrt(end) for end in squared.ends(positive=True))
    figures = (
        Figures("mean_error", bias.value, rows, bias.ends()),
        Figures("mean_absolute_error", absolute.value, rows, absolute.ends(positive=True)),
        Figures("root_mean_squared_error", np.sqrt(squared.value), rows, (low, high)),
        Figures("r2", *_r2(found), "the label is constant"),
    )
    return [each for one in figures for each in one.estimates(found.groups, found.troubles, minimum=minimum)]


def _r2(found: Residuals) -> tuple[Floats, NDArray[np.int64], Ends]:
    rows, weight, errors = found[0, 0, 0], found[1, 0, 0], found[1, 2, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = found[1, 0, 1] / weight
        spread = found[1, 0, 2] - mean**2 * weight
        # Less than rounding leaves of equal labels is no spread.
        spread = np.where(spread > 1e-12 * found[1, 0, 2], spread, np.nan)
        missed = errors / spread
        # Of w e² - missed w (z - mean)², the squares, multiplied out.
        second = found[2, 0, 4] - 4 * mean * found[2, 0, 3] + 6 * mean**2 * found[2, 0, 2]
        second += mean**4 * found[2, 0, 0] - 4 * mean**3 * found[2, 0, 1]
        mixed = found[2, 2, 2] - 2 * mean * found[2, 2, 1] + mean**2 * found[2, 2, 0]
        variance = (found[2, 4, 0] - 2 * missed * mixed + missed**2 * second) / spread**2
        given = (rows >= ROWS_OF_R2) & (missed > 0) & (variance > 0)
        middle = np.where(given, np.log(missed), 0.0)
        low, high = student(middle, np.where(given, variance / missed**2, 0.0), np.maximum(rows, 2))
    ends = np.where(given, 1 - np.exp(high), np.nan), np.where(given, 1 - np.exp(low), np.nan)
    return 1 - missed, rows.astype(np.int64), ends


def ranks_of_median(rows: int) -> tuple[int, int, int, int]:
    """Which of ``rows`` values in order (from 1) are wanted: the two in the middle, and the ends of the interval."""
    from scipy import stats

    low = int(stats.binom.ppf(TAIL, rows, 0.5))
    return (rows + 1) // 2, rows // 2 + 1, max(low, 1), min(rows - low + 1, rows)


def median_absolute_error(
    groups: Sequence[Group],
    rows: NDArray[np.int64],
    ordered: Sequence[dict[int, float]],
    troubles: NDArray[np.int64],
    *,
    minimum: int = MINIMUM,
) -> list[Estimate]:
    """Of each group, from those of its absolute errors that :func:`ranks_of_median` asks for, by rank. Unweighted."""
    value, low, high = (np.full(len(groups), np.nan) for _ in range(3))
    for n, errors in enumerate(ordered):
        if rows[n]:
            lower, upper, start, end = ranks_of_median(int(rows[n]))
            value[n] = (errors[lower] + errors[upper]) / 2
            low[n], high[n] = errors[start], errors[end]
    figures = Figures("median_absolute_error", value, rows, (low, high))
    return list(figures.estimates(groups, troubles, minimum=minimum))

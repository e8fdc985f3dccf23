"""Rows of one table that stand nearly the same in another: copies with a little noise, rounding or a changed digit.

Two rows are near duplicates if all their categories are equal and each of their numbers differs by at most
``tolerance`` of its column's spread (of the training rows: the interquartile range over 1.349, which is the standard
deviation of a normal column; the standard deviation where that range is nothing). A missing value is equal to a missing
value only. Every such pair is found and none other: candidates come from a k-d tree (Bentley, *CACM* 18, 1975) over a
few projections, under which no such pair can move apart, and each candidate is then compared column by column. So the
recall is 1 of the rows that are given.

Honest data may hold such pairs too, where its columns are coarse. So the share comes with the answer to whether it is
more than chance: a permutation test (Phipson and Smyth, *SAGMB* 9, 2010) that splits the same rows at random, again
and again. Its p-value holds however coarse the columns are, if the split was a random one. It sees nothing in copies
that were made *before* a random split, which the share shows all the same; nor can it see one to three copies alone,
as chance parts as many pairs in more than 5 % of all splits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.shares import share

SHARE, P_VALUE = "near_duplicate_share", "near_duplicate_p_value"

PAIRS_PER_ROW = 20
"""More pairs than this for each row say that the columns are too coarse to tell copies from rows that look alike."""

_PROJECTIONS = 4

_IQR_OF_NORMAL = 1.3489795003921634


@dataclass(frozen=True)
class Features:
    """Rows as two arrays.

    ``numbers`` is float of shape (rows, columns), NaN where a value is missing; ``categories`` holds anything that
    ``str`` tells apart, of shape (rows, columns), None where a value is missing. Either may have no columns.
    """

    numbers: NDArray[np.float64]
    categories: NDArray[Any]

    def __post_init__(self) -> None:
        if self.numbers.ndim != 2 or self.categories.ndim != 2 or len(self.numbers) != len(self.categories):
            raise ValueError("numbers and categories are two arrays of the same rows, with two dimensions each")

    def __len__(self) -> int:
        return len(self.numbers)


def near_duplicates(
    training: Features, holdout: Features, *, seed: int, tolerance: float = 0.01, draws: int = 999
) -> tuple[Estimate, Estimate]:
    """The share of hold-out rows with a near duplicate among the training rows, and whether a random split has it.

    The second is a one-sided p-value over ``draws`` random splits, at least 1 / (draws + 1). ``tolerance`` is in units
    of a column's spread, above 0 and below 1. Raises ``ValueError`` where the two have other columns.
    """
    if not 0 < tolerance < 1:
        raise ValueError("tolerance is a part of a column's spread, above 0 and below 1")
    widths = [(each.numbers.shape[1], each.categories.shape[1]) for each in (training, holdout)]
    if widths[0] != widths[1]:
        raise ValueError("the two have other columns")
    rows = len(holdout)
    if why := _unjudged(training, holdout):
        return cannot(SHARE, why, n=rows), cannot(P_VALUE, why, n=rows)
    pairs = _pairs(*_scaled(training, holdout), tolerance)
    if pairs is None:
        why = f"more than {PAIRS_PER_ROW} rows look like each row: the columns are too coarse to tell copies"
        return cannot(SHARE, why, n=rows), cannot(P_VALUE, why, n=rows)
    held = np.arange(len(training) + rows) >= len(training)
    found = _holdout_in_pairs(pairs, held)
    generator = np.random.default_rng(seed)
    as_many = sum(_holdout_in_pairs(pairs, generator.permutation(held)) >= found for _ in range(draws))
    return share(SHARE, found, rows), Estimate(P_VALUE, (as_many + 1) / (draws + 1), rows)


def _unjudged(training: Features, holdout: Features) -> str | None:
    if not len(training) or not len(holdout):
        return f"no {'hold-out' if len(training) else 'training'} rows"
    if not training.numbers.shape[1] + training.categories.shape[1]:
        return "no columns to compare"
    return None


def _scaled(training: Features, holdout: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of all rows, training first: numbers in units of their spread, and one code for all that may not differ."""
    numbers = np.vstack([training.numbers, holdout.numbers]).astype(float)
    finite = np.isfinite(numbers)
    known = np.where(finite, numbers, np.nan)[: len(training)]
    known[:, ~finite[: len(training)].any(axis=0)] = 0.0
    middle = np.nanmedian(known, axis=0)
    scaled = np.where(finite, (np.where(finite, numbers, middle) - middle) / _spread(known), 0.0)
    # Of a number 0; missing, infinite and minus infinite have a code each.
    kinds = np.select([finite, np.isnan(numbers), numbers > 0], [0.0, 1.0, 2.0], 3.0)
    codes = [_codes(column) for column in np.vstack([training.categories, holdout.categories]).T]
    together = np.column_stack([kinds, *codes])
    return scaled, np.unique(together, axis=0, return_inverse=True)[1].reshape(-1).astype(float)


def _spread(known: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.nanquantile(known, [0.25, 0.75], axis=0)
    deviation = np.nanstd(known, axis=0)
    spread = np.where(high > low, (high - low) / _IQR_OF_NORMAL, deviation)
    return np.where(spread > 0, spread, 1.0)


def _codes(column: NDArray[Any]) -> NDArray[np.float64]:
    texts = np.array([("" if value is None else f"={value}") for value in column])
    return np.unique(texts, return_inverse=True)[1].astype(float)


def _pairs(numbers: NDArray[np.float64], codes: NDArray[np.float64], tolerance: float) -> NDArray[np.intp] | None:
    """Every pair of rows of one code within ``tolerance`` in each number; None if the candidates are too many."""
    from scipy.spatial import cKDTree

    columns = numbers.shape[1]
    seen = numbers
    if columns > _PROJECTIONS:
        # Means of the columns with random signs: they differ by no more than the columns do.
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (columns, _PROJECTIONS))
        seen = numbers @ signs / columns
    # Not balanced: the median of a column that often repeats a value divides nothing. Rounding must lose no pair.
    tree = cKDTree(np.column_stack([codes, seen]), balanced_tree=False)
    reach = tolerance * (1 + 1e-9)
    if tree.count_neighbors(tree, reach, p=np.inf) - len(codes) > 2 * PAIRS_PER_ROW * len(codes):
        return None
    candidates: NDArray[np.intp] = tree.query_pairs(reach, p=np.inf, output_type="ndarray")
    apart = np.abs(numbers[candidates[:, 0]] - numbers[candidates[:, 1]])
    return candidates[(apart <= tolerance).all(axis=1)]


def _holdout_in_pairs(pairs: NDArray[np.intp], held: NDArray[np.bool_]) -> int:
    """How many hold-out rows are in a pair with a training row."""
    ends = held[pairs]
    across = ends[:, 0] != ends[:, 1]
    rows = np.where(ends[across, 0], pairs[across, 0], pairs[across, 1])
    return len(np.unique(rows))

"""Intervals at :data:`~affidavit.measure.estimate.CONFIDENCE`, as pure functions of counts, over arrays of any shape.

Each gives two arrays of the arguments' common shape: the lower and the upper ends. Which of them covers how often, and
from how many rows on, is tried in ``tests/measure/test_coverage.py``. ``n`` may be an effective size (Kish 1965), and
then is no whole number.

Sources: E. B. Wilson, *JASA* 22 (1927); R. G. Newcombe, *Statistics in Medicine* 17 (1998), 873-890, method 10;
D. G. Bonett and R. M. Price, *Journal of Educational and Behavioral Statistics* 37 (2012); G. Y. Zou and A. Donner,
*Statistics in Medicine* 27 (2008), whose square-and-add makes one interval of two; the same for ratios, A. Donner and
G. Y. Zou, *Statistical Methods in Medical Research* 21 (2012).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from affidavit.measure.estimate import CONFIDENCE

Floats = NDArray[np.float64]
Ends = tuple[Floats, Floats]

TAIL = (1 - CONFIDENCE) / 2

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution; the one that belongs to 95 %."""


def wilson(share: ArrayLike, n: ArrayLike) -> Ends:
    """Of a proportion ``share`` of ``n`` rows (``n`` > 0)."""
    p, size = np.asarray(share, float), np.asarray(n, float)
    middle = (p + Z**2 / (2 * size)) / (1 + Z**2 / size)
    half = Z * np.sqrt(p * (1 - p) / size + Z**2 / (4 * size**2)) / (1 + Z**2 / size)
    # Of no row, or of all, the end is the proportion itself; rounding must not push it across.
    return np.minimum(np.maximum(middle - half, 0.0), p), np.maximum(np.minimum(middle + half, 1.0), p)


def newcombe(one: ArrayLike, n_one: ArrayLike, other: ArrayLike, n_other: ArrayLike) -> Ends:
    """Of the difference ``one`` - ``other`` of two independent proportions, each of its ``n`` rows."""
    p, q = np.asarray(one, float), np.asarray(other, float)
    (p_low, p_high), (q_low, q_high) = wilson(p, n_one), wilson(q, n_other)
    return added((p, p_low, p_high), (-q, -q_high, -q_low))


def added(one: tuple[Floats, Floats, Floats], other: tuple[Floats, Floats, Floats]) -> Ends:
    """Of the sum of two independent estimates, each (value, low, high), by square and add."""
    (a, a_low, a_high), (b, b_low, b_high) = one, other
    total = a + b
    return total - np.hypot(a - a_low, b - b_low), total + np.hypot(a_high - a, b_high - b)


def ratio(one: ArrayLike, n_one: ArrayLike, other: ArrayLike, n_other: ArrayLike) -> Ends:
    """Of the ratio ``one`` / ``other`` of two independent proportions; ``other`` must not be zero.

    Donner and Zou's way to make one of the two Wilson intervals: unlike a normal one on the logarithm it has ends
    where ``one`` is 0, and covers 94 to 97 % from n p (1 - p) = 3 on in both.
    """
    p, q = np.asarray(one, float), np.asarray(other, float)
    (p_low, p_high), (q_low, q_high) = wilson(p, n_one), wilson(q, n_other)
    cross = p * q
    down = np.sqrt(np.maximum(cross**2 - p_low * q_high * (2 * p - p_low) * (2 * q - q_high), 0))
    up = np.sqrt(np.maximum(cross**2 - p_high * q_low * (2 * p - p_high) * (2 * q - q_low), 0))
    low, high = (cross - down) / (q_high * (2 * q - q_high)), (cross + up) / (q_low * (2 * q - q_low))
    return np.minimum(np.maximum(low, 0.0), p / q), np.maximum(high, p / q)


def bonett_price(gained: ArrayLike, lost: ArrayLike, n: ArrayLike) -> Ends:
    """Of the difference (``gained`` - ``lost``) / ``n`` of two proportions of the same ``n`` rows.

    Wald's, with one row added to each. ``gained`` are the rows that only the new one has right, ``lost`` those that
    only the old one had.
    """
    up, down, size = (np.asarray(each, float) for each in (gained, lost, n))
    p, q = (up + 1) / (size + 2), (down + 1) / (size + 2)
    half = Z * np.sqrt((p + q - (p - q) ** 2) / (size + 2))
    return np.maximum(p - q - half, -1.0), np.minimum(p - q + half, 1.0)


def student(value: ArrayLike, variance: ArrayLike, n: ArrayLike) -> Ends:
    """Of a mean over ``n`` rows (``n`` > 1) whose estimate varies with ``variance``."""
    from scipy import stats

    middle = np.asarray(value, float)
    half = stats.t.ppf(1 - TAIL, np.asarray(n, float) - 1) * np.sqrt(variance)
    return middle - half, middle + half


def logarithmic(value: ArrayLike, variance: ArrayLike, n: ArrayLike) -> Ends:
    """As :func:`student`, of what is above 0: on the scale of its logarithm, so that no end is below 0."""
    middle = np.asarray(value, float)
    low, high = student(np.log(middle), np.asarray(variance, float) / middle**2, n)
    return np.exp(low), np.exp(high)


def logit(value: ArrayLike, variance: ArrayLike, n: ArrayLike) -> Ends:
    """As :func:`student`, of what lies between 0 and 1 (both excluded): on the scale of log odds, as its ends do."""
    middle = np.asarray(value, float)
    low, high = student(np.log(middle / (1 - middle)), np.asarray(variance, float) / (middle * (1 - middle)) ** 2, n)
    return 1 / (1 + np.exp(-low)), 1 / (1 + np.exp(-high))


def percentiles(draws: NDArray[Any]) -> Ends:
    """Of a bootstrap: the quantiles over the first axis; a draw of NaN could not be computed and is left out."""
    low, high = np.nanquantile(draws, [TAIL, 1 - TAIL], axis=0)
    return low, high

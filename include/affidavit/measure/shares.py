"""Shares of rows as estimates, and the difference of two."""

from __future__ import annotations

import math

from affidavit.measure.estimate import CONFIDENCE, Estimate


def share(measure: str, found: int, rows: int) -> Estimate:
    """``found`` of ``rows`` rows (more than none), with Wilson's interval (*JASA* 22, 1927)."""
    from scipy.stats import binomtest

    value = found / rows
    ends = binomtest(found, rows).proportion_ci(CONFIDENCE, method="wilson")
    # Of no row, or of all, the end is the share itself; rounding must not push it across.
    return Estimate(measure, value, rows, min(float(ends.low), value), max(float(ends.high), value))


def difference(measure: str, one: Estimate, other: Estimate) -> Estimate:
    """``one`` less ``other``, of different rows, with Newcombe's interval 10 (*Statistics in Medicine* 17, 1998)."""
    (a, a_low, a_high), (b, b_low, b_high) = _numbers(one), _numbers(other)
    low, high = a - b - math.hypot(a - a_low, b_high - b), a - b + math.hypot(a_high - a, b - b_low)
    return Estimate(measure, a - b, one.n + other.n, low, high)


def _numbers(estimate: Estimate) -> tuple[float, float, float]:
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.value, estimate.low, estimate.high

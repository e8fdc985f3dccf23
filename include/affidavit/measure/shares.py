"""Shares of rows as estimates, and the difference of two."""

from __future__ import annotations

import numpy as np

from affidavit.measure.estimate import Estimate
from affidavit.measure.intervals import Floats, added, wilson


def share(measure: str, found: int, rows: int) -> Estimate:
    """``found`` of ``rows`` rows (more than none), with Wilson's interval (*JASA* 22, 1927)."""
    value = found / rows
    low, high = wilson(value, rows)
    return Estimate(measure, value, rows, float(low), float(high))


def difference(measure: str, one: Estimate, other: Estimate) -> Estimate:
    """``one`` less ``other``, of different rows, with Newcombe's interval 10 (*Statistics in Medicine* 17, 1998)."""
    (p, p_low, p_high), (q, q_low, q_high) = _numbers(one), _numbers(other)
    low, high = added((p, p_low, p_high), (-q, -q_high, -q_low))
    return Estimate(measure, float(p - q), one.n + other.n, float(low), float(high))


def _numbers(estimate: Estimate) -> tuple[Floats, Floats, Floats]:
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    value, low, high = np.asarray((estimate.value, estimate.low, estimate.high))
    return value, low, high

"""Whether what was recorded is what the model answers: a sample of recorded predictions, scored again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.intervals import wilson

SCORES, DECISIONS = "score_agreement", "decision_agreement"

MINIMUM = 30
"""Rows below which nothing is given."""


def score_agreement(recorded: Sequence[float | None], again: Sequence[float], *, tolerance: float) -> Estimate:
    """The share of rows whose recorded score is within ``tolerance`` (absolute) of the one answered now.

    A recorded score that is missing or not finite is no agreement: the model answered one. Raises ``ValueError`` for
    unequal lengths or a tolerance below 0.
    """
    if tolerance < 0:
        raise ValueError("a tolerance is not negative")
    pairs = zip(recorded, again, strict=True)
    near = [old is not None and bool(np.isfinite(old)) and abs(float(old) - new) <= tolerance for old, new in pairs]
    return _share(SCORES, near, about=f"tolerance {tolerance:g}")


def decision_agreement(recorded: Sequence[str | None], again: Sequence[str]) -> Estimate:
    """The share of rows whose recorded decision is the one answered now. Raises ``ValueError`` for unequal lengths."""
    return _share(DECISIONS, [old == new for old, new in zip(recorded, again, strict=True)])


def _share(measure: str, same: list[bool], *, about: str | None = None) -> Estimate:
    n = len(same)
    if n < MINIMUM:
        return cannot(measure, f"too few: {n} rows, {MINIMUM} are asked for", n=n, about=about)
    value = sum(same) / n
    low, high = wilson(value, n)
    return Estimate(measure, value, n, float(low), float(high), about=about)

"""``calibration_intercept`` and ``calibration_slope``: what straightens the scores of two classes.

D. R. Cox, *Biometrika* 45 (1958): the log odds of the label are fitted as a + b times the log odds that the score says.
Of calibrated scores a is 0 and b is 1; a slope below 1 says that scores are too extreme, an intercept above 0 that too
little is expected where a score says one half. Maximum likelihood by Newton's method, so that a warehouse can make the
sums (:data:`SUMS`) of each step. Intervals by the sandwich of H. White, *Econometrica* 50 (1982), which holds with
weights, and where no straight line is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.figures import MINIMUM
from affidavit.measure.intervals import Floats
from affidavit.measure.rows import obstacle

INTERCEPT, SLOPE = "calibration_intercept", "calibration_slope"

SUMS = (
    *("loss", "error", "error_x", "curve", "curve_x", "curve_xx"),
    *("square", "square_x", "square_xx"),
)
"""With x the log odds of the score, p the fitted probability and r = label - p, of rows of weight w: the negative log
likelihood, the sums of w r and w r x, of w p (1 - p) times 1, x and x², and of w² r² times the same."""

FAR = 300.0
"""Log odds beyond which a probability is 0 or 1: no warehouse can write the difference."""

_STEPS = 40
_CLOSE = 1e-8
_Z = 1.959963984540054

Sums = Callable[[float, float], Floats]
"""Gives :data:`SUMS` for an intercept and a slope."""


@dataclass(frozen=True)
class Judgeable:
    """Rows that can be fitted, by label, and those that cannot: with a score of 0 or 1, and in trouble."""

    negative: int
    positive: int
    certain: int
    troubles: NDArray[np.int64]

    def obstacle(self, minimum: int) -> str | None:
        """Why nothing is fitted; None where something is."""
        if wrong := obstacle(self.troubles):
            return wrong
        if self.certain:
            return f"{self.certain} rows have a score of 0 or 1, whose log odds are infinite"
        fewest = min(self.negative, self.positive)
        return f"too few: {fewest} rows of one label, {minimum} are asked for" if fewest < minimum else None


def recalibration(sums: Sums, rows: Judgeable, *, minimum: int = MINIMUM) -> list[Estimate]:
    """The two estimates. ``sums`` is asked some five to eight times, and not at all of rows that cannot be judged."""
    n = rows.negative + rows.positive
    why = rows.obstacle(minimum)
    found = None if why else _fitted(sums)
    if found is None:
        why = why or "no one line fits: the scores are all alike, or part the labels"
        return [cannot(name, why, n=n) for name in (INTERCEPT, SLOPE)]
    (a, b), (sd_a, sd_b) = found
    return [
        Estimate(name, value, n, value - _Z * sd, value + _Z * sd)
        for name, value, sd in ((INTERCEPT, a, sd_a), (SLOPE, b, sd_b))
    ]


def _fitted(sums: Sums) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Where the likelihood is greatest, and the standard deviations there; None where it is nowhere."""
    at = np.array([0.0, 1.0])
    here = sums(*at)
    for _ in range(_STEPS):
        curve = np.array([[here[3], here[4]], [here[4], here[5]]])
        # Of scores that are all alike, or labels that they part, the likelihood is flat in some direction.
        if not np.isfinite(here).all() or np.linalg.cond(curve) > 1e12:
            return None
        inverse = np.linalg.inv(curve)
        step = inverse @ here[1:3]
        if float(np.abs(step).max()) < _CLOSE:
            spread = inverse @ np.array([[here[6], here[7]], [here[7], here[8]]]) @ inverse
            sd = np.sqrt(np.diag(spread))
            a, b = at + step
            return (float(a), float(b)), (float(sd[0]), float(sd[1]))
        there = sums(*(at + step))
        while not there[0] <= here[0] + 1e-9 * abs(here[0]):
            step = step / 2
            if float(np.abs(step).max()) < _CLOSE:
                return None
            there = sums(*(at + step))
        at, here = at + step, there
    return None


def summed(label: NDArray[np.int64], score: Floats, weight: Floats) -> Sums:
    """:data:`SUMS` of rows: labels 0 or 1, scores between 0 and 1 and neither of them, and weights."""
    x = np.log(score / (1 - score))

    def sums(intercept: float, slope: float) -> Floats:
        z = np.clip(intercept + slope * x, -FAR, FAR)
        p = 1 / (1 + np.exp(-z))
        error, curve = weight * (label - p), weight * p * (1 - p)
        square = error**2
        loss = weight * (np.logaddexp(0, z) - label * z)
        columns = (loss, error, error * x, curve, curve * x, curve * x**2, square, square * x, square * x**2)
        return np.array([math.fsum(each) for each in columns])

    return sums

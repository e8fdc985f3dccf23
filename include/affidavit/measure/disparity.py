"""How far apart the shares of several groups are at most, with an interval that holds at parity too.

The largest difference between groups is above 0 even if all groups are alike, and the more so the more groups there
are: percentiles of a bootstrap around it never reach 0. So the question is turned round (test inversion: T. J. DiCiccio
and J. P. Romano, *International Statistical Review* 58, 1990; J. Carpenter, *JRSS B* 61, 1999). Let the groups lie on
the line from their common share, over what was observed, and beyond: which points of it would give what was observed,
in all but 5 % of samples? These 5 % are split as may be (G. J. Feldman and R. D. Cousins, *Physical Review D* 57,
1998): all above where groups are alike, half on either side where they are surely not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.intervals import TAIL, Floats

_STEPS = 10
"""Halvings of the line: its ends are found to a thousandth."""

MOST_GROUPS = 5
"""Of more groups there is no interval: simulated, as few as 87 of 100 covered where one of twenty lay apart."""

_TAIL_OF_MANY = 0.0175
"""What may miss on either side, of three groups or more: less than 2.5 %, because how they lie to one another is itself
only estimated. Tried in simulations."""


def difference(rates: Floats) -> Floats:
    """The largest difference between two groups in any of the kinds of share: of [..., kinds, groups]."""
    found: Floats = (rates.max(-1) - rates.min(-1)).max(-1)
    return found


def shortfall(rates: Floats) -> Floats:
    """1 less the smallest ratio of two groups in any of the kinds of share: of [..., kinds, groups].

    0 / 0 is parity.
    """
    most = rates.max(-1)
    ratio = np.divide(rates.min(-1), most, out=np.ones_like(most), where=most > 0)
    found: Floats = (1 - ratio).max(-1)
    return found


@dataclass(frozen=True)
class Shares:
    """Shares of several kinds, each of several groups, and the (effective) rows behind each: [kinds, groups]."""

    rates: Floats
    sizes: Floats

    def interval(self, disparity: Callable[[Floats], Floats], *, seed: int, draws: int) -> tuple[float, float]:
        """The ends of the interval of ``disparity(rates)``, which is 0 at parity and grows with the distance."""
        line = _Line(self, disparity, seed, draws)
        far = 1.0
        while not line.too_far(far) and far < 1_024:
            far *= 2
        at_least = line.between(0.0, far, line.too_near) if line.too_near(0.0) else 0.0
        at_most = line.between(0.0, far, lambda where: not line.too_far(where))
        observed = float(disparity(self.rates))
        return min(line.disparity_at(at_least), observed), max(line.disparity_at(at_most), observed)


def _clear(away: Floats, variance: Floats) -> Floats:
    """Each distance less what chance alone explains of it (the positive part of W. James and C. Stein's factor, 1961).

    Else the noise of many groups that are alike would be taken for their pattern. Unchanged where nothing would remain.
    """
    factor = np.maximum(1 - np.divide(variance, away**2, out=np.ones_like(away), where=away != 0), 0)
    cleared: Floats = away * factor
    return cleared if cleared.any() else away


class _Line:
    """The shares from parity (0) over what was observed (1) and beyond, and what samples at a point of it look like."""

    def __init__(self, shares: Shares, disparity: Callable[[Floats], Floats], seed: int, draws: int) -> None:
        rates, sizes = shares.rates, np.maximum(np.rint(shares.sizes), 1)
        self._sizes: NDArray[np.int64] = sizes.astype(np.int64)
        self._common = (rates * sizes).sum(-1, keepdims=True) / sizes.sum(-1, keepdims=True)
        self._away = _clear(rates - self._common, self._common * (1 - self._common) / sizes)
        if not self._away.any():
            # All alike: then the smallest group, of which least is known, is the one that may differ.
            self._away[:, sizes.sum(0).argmin()] = 0.001
        self._disparity, self._seed, self._draws = disparity, seed, draws
        self._observed = float(disparity(rates))
        alike = self._samples(0.0)
        self._tail = TAIL if rates.shape[-1] == 2 else _TAIL_OF_MANY
        self._unlike = float(np.quantile(alike, 1 - 2 * self._tail))

    def _rates(self, where: float) -> Floats:
        rates: Floats = np.clip(self._common + where * self._away, 0, 1)
        return rates

    def disparity_at(self, where: float) -> float:
        return float(self._disparity(self._rates(where)))

    def _samples(self, where: float) -> Floats:
        rng = np.random.default_rng(self._seed)
        drawn = rng.binomial(self._sizes, self._rates(where), size=(self._draws, *self._sizes.shape))
        return self._disparity(drawn / self._sizes)

    def too_near(self, where: float) -> bool:
        """Whether so much is observed too rarely at that point."""
        samples = self._samples(where)
        return bool((samples >= self._observed).mean() < 2 * self._tail - self._below(samples))

    def too_far(self, where: float) -> bool:
        """Whether so little is observed too rarely at that point."""
        samples = self._samples(where)
        return bool((samples <= self._observed).mean() < self._below(samples))

    def _below(self, samples: Floats) -> float:
        """What of the 5 % lies below: half, times how surely the groups would be seen to differ."""
        return float(self._tail * (samples > self._unlike).mean())

    def between(self, start: float, end: float, holds: Callable[[float], bool]) -> float:
        """The point up to which it holds."""
        for _ in range(_STEPS):
            middle = (start + end) / 2
            start, end = (middle, end) if holds(middle) else (start, middle)
        return (start + end) / 2

"""Means of what each row costs: errors of predicted numbers, and of predicted probabilities, by group.

Sums over rows are enough, so that a warehouse can make them. Intervals: Student's t of a weighted mean, linearised
(W. G. Cochran, *Sampling Techniques*, 1977, section 6); on the scale of the logarithm where the value cannot be below
0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.intervals import Ends, Floats, logarithmic, student


@dataclass(frozen=True)
class Mean:
    """Sums by group of a loss l of rows of weight w: arrays [groups].

    ``rows`` counts them; then the sums of w, w², w l, w² l and w² l².
    """

    rows: NDArray[np.int64]
    weight: Floats
    square: Floats
    loss: Floats
    square_loss: Floats
    square_loss_2: Floats

    @property
    def value(self) -> Floats:
        """The weighted mean; NaN without rows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.loss / self.weight

    @property
    def variance(self) -> Floats:
        """Of the mean, over samples of as many rows; NaN of fewer than two."""
        mean = self.value
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = self.square_loss_2 - 2 * mean * self.square_loss + mean**2 * self.square
            return np.where(self.rows > 1, np.maximum(spread, 0) / self.weight**2 * self.rows / (self.rows - 1), np.nan)

    def ends(self, *, positive: bool = False) -> Ends:
        """The interval of the mean; of one that is ``positive`` on the scale of its logarithm."""
        value, variance = self.value, self.variance
        given = np.isfinite(variance) & ((value > 0) | (not positive))
        how = logarithmic if positive else student
        low, high = how(np.where(given, value, 1.0), np.where(given, variance, 0.0), np.where(given, self.rows, 2))
        return np.where(given, low, np.nan), np.where(given, high, np.nan)

"""One measure of every group at once, and how it becomes estimates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.estimate import Estimate, Group, cannot
from affidavit.measure.intervals import Ends, Floats
from affidavit.measure.rows import obstacle, too_few

MINIMUM = 30
"""Rows behind a number, below which it is not given. Intervals are tried from there on."""


@dataclass(frozen=True)
class Figures:
    """``measure`` by group: arrays [groups] of its value, of the rows behind it, and of its interval's ends.

    A value of NaN means that ``lacking`` holds of the group; an end of NaN that there is no interval.
    """

    measure: str
    value: Floats
    rows: NDArray[Any]
    ends: Ends | None = None
    lacking: str = "no rows"
    about: str | None = None

    def estimates(
        self, groups: Sequence[Group], troubles: NDArray[np.int64], *, minimum: int = MINIMUM
    ) -> Iterator[Estimate]:
        """One for each group: where rows are in trouble, too few or without what is measured, the reason."""
        for n, group in enumerate(groups):
            rows, value = int(self.rows[n]), float(self.value[n])
            why = obstacle(troubles[n])
            if why is None and rows and rows < minimum:
                why = too_few(rows, minimum)
            if why is None and not (rows and math.isfinite(value)):
                why = self.lacking
            if why is not None:
                yield cannot(self.measure, why, n=rows, about=self.about, group=group)
            else:
                low, high = self._ends(n)
                yield Estimate(self.measure, value, rows, low, high, about=self.about, group=group)

    def _ends(self, n: int) -> tuple[float, float] | tuple[None, None]:
        if self.ends is None:
            return None, None
        low, high = float(self.ends[0][n]), float(self.ends[1][n])
        return (low, high) if math.isfinite(low) and math.isfinite(high) else (None, None)

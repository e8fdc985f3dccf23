"""One measured number, with its uncertainty, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass

Group = tuple[tuple[str, str], ...]
"""Which rows: pairs of column and value, in the order of the columns' names; empty for all rows."""

ALL_ROWS: Group = ()

CONFIDENCE = 0.95
"""The nominal coverage of every interval."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What ``measure`` came to.

    ``n`` is the number of rows behind it, ``low`` and ``high`` the ends of its interval at :data:`CONFIDENCE`, None
    where there is none. ``about`` names what it is of, where it is not of the whole table: a feature, a class, a
    perturbation. A ``value`` of None says in ``why`` why it cannot be judged.
    """

    measure: str
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    about: str | None = None
    group: Group = ALL_ROWS
    why: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != (self.why is not None):
            raise ValueError(f"{self.measure}: either a value, or the reason why there is none")
        ends = (self.low, self.high)
        if (self.low is None) != (self.high is None) or (self.value is None and self.low is not None):
            raise ValueError(f"{self.measure}: an interval has two ends, and belongs to a value")
        if any(number is not None and not math.isfinite(number) for number in (self.value, *ends)):
            raise ValueError(f"{self.measure}: not a finite number; say why it cannot be judged instead")
        if self.n < 0 or list(self.group) != sorted(self.group):
            raise ValueError(f"{self.measure}: a negative number of rows, or a group out of order")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"{self.measure}: an interval that ends before it begins")


def cannot(measure: str, why: str, *, n: int = 0, about: str | None = None, group: Group = ALL_ROWS) -> Estimate:
    """The measure cannot be judged, because ``why``: words without a value of any row."""
    return Estimate(measure, None, n, about=about, group=group, why=why)

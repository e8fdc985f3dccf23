"""What a measurement says, and how a figure is taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

ROUNDS = 5
"""A figure is the median of at least this many."""


@dataclass(frozen=True)
class Measurement:
    """Two medians in one unit (seconds, bytes) and how large the first may be against the second.

    ``sizes`` says what was measured: counts, and figures that belong beside the result.
    """

    name: str
    ours: float
    other: float
    unit: str
    bound: float
    sizes: Mapping[str, float]

    @property
    def ratio(self) -> float:
        """``ours`` divided by ``other``: below 1 is better than the other."""
        return self.ours / self.other

    @property
    def within(self) -> bool:
        """Whether the ratio keeps its bound."""
        return self.ratio <= self.bound

    def line(self) -> str:
        """One line of JSON: name, ours, other, unit, ratio, bound, sizes; figures to four significant digits."""
        fields = asdict(self) | {"ratio": self.ratio}
        order = ("name", "ours", "other", "unit", "ratio", "bound", "sizes")
        return json.dumps({name: _rounded(fields[name]) for name in order})


class NotComparable(Exception):
    """The two sides did not do what the measurement is about, so a ratio would mean nothing."""


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()}
    return value

"""Many tests at once: p-values adjusted so that a level holds for all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """The adjusted p-value of each, in the order given (Holm 1979, A simple sequentially rejective procedure).

    Who rejects what is at most a level is wrong about any of them with a probability of at most that level, however the
    tests hang together. That is why it is used for alarms: each asks a person to act, and the columns of one table are
    correlated in ways that nobody states. The false discovery rate (Benjamini-Hochberg) would be bounded over many
    alarms, not for a table in which nothing has changed.
    """
    found = np.asarray(p_values, dtype=float)
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError("a p-value lies between 0 and 1")
    order = np.argsort(found, kind="stable")
    factors = np.arange(len(found), 0, -1)
    adjusted = np.empty(len(found))
    adjusted[order] = np.minimum(np.maximum.accumulate(found[order] * factors), 1.0)
    return [float(each) for each in adjusted]

"""Features that only training has: absent in production, or all missing there, or stuck at one value.

A feature that is mostly missing in training, or mostly one value, may be so in a few rows of production by chance. It
counts as training's own only if that chance, with the shares of the training rows, is below the level divided by the
number of features (Bonferroni); else it is undecided until more rows have come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from affidavit.measure.estimate import Estimate, cannot

MEASURE = "training_only_features"
LEVEL = 0.05


@dataclass(frozen=True)
class Presence:
    """Counts of one feature: rows, rows with a value, and in training the most rows that share one value.

    ``values`` is None where production has no such column; ``varies`` says whether its values differ there.
    """

    name: str
    training_rows: int
    training_values: int
    training_most: int
    rows: int
    values: int | None
    varies: bool


@dataclass(frozen=True)
class TrainingOnly:
    """Names of features by what became of them in production."""

    absent: tuple[str, ...]
    empty: tuple[str, ...]
    constant: tuple[str, ...]
    undecided: tuple[str, ...]
    estimates: tuple[Estimate, ...]


def training_only(features: Sequence[Presence]) -> TrainingOnly:
    """Which features only training has, and how many, ``about`` each of ``absent``, ``empty`` and ``constant``."""
    found: dict[str, list[str]] = {"absent": [], "empty": [], "constant": [], "undecided": []}
    for feature in features:
        if (what := _became(feature, LEVEL / len(features))) is not None:
            found[what].append(feature.name)
    names = {what: tuple(listed) for what, listed in found.items()}
    return TrainingOnly(**names, estimates=_estimates(features, names))


def _became(feature: Presence, level: float) -> str | None:
    if feature.values is None:
        return "absent"
    if not feature.rows or not feature.training_values:
        return None  # nothing to compare, or nothing that it could have told in training either
    if not feature.values:
        missing = 1 - feature.training_values / feature.training_rows
        return "empty" if missing**feature.rows <= level else "undecided"
    if feature.varies or feature.training_most == feature.training_values:
        return None
    same = feature.training_most / feature.training_values
    return "constant" if same**feature.values <= level else "undecided"


def _estimates(features: Sequence[Presence], names: dict[str, tuple[str, ...]]) -> tuple[Estimate, ...]:
    judged = ("absent", "empty", "constant")
    if not features:
        return tuple(cannot(MEASURE, "training has no features", about=what) for what in judged)
    rows = max(feature.rows for feature in features)
    if not rows:
        return tuple(cannot(MEASURE, "no rows in production", about=what) for what in judged)
    return tuple(Estimate(MEASURE, len(names[what]), rows, about=what) for what in judged)

"""When drift is an alarm: an effect above its threshold, which chance does not explain either.

Of millions of rows every difference is significant, and of few rows every difference is large: so an alarm needs both.
The p-values of all columns of a comparison are adjusted together (:func:`affidavit.measure.multiplicity.holm`): where
nothing has changed, the level bounds the probability of one alarm or more in the whole table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from affidavit.errors import UsageError
from affidavit.measure.drift import DRIFT, LEAST, SAME, Compared, NotCompared, estimates
from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.multiplicity import holm

LEVEL = 0.05
"""Probability of any alarm at all where nothing has changed, at most."""

THRESHOLDS: Mapping[str, float] = MappingProxyType(
    {"ks_statistic": 0.1, "total_variation_distance": 0.1, "missing_share_difference": 0.05}
)
"""Effects above which there is an alarm: the first two are the largest difference that the two windows have in the
share of rows below any number, or in any set of categories."""

_TESTS = {
    "ks_p_value": ("ks_statistic", "normalised_wasserstein_distance", "population_stability_index"),
    "chi_square_p_value": (*("total_variation_distance", "cramers_v", "population_stability_index", "unseen_share"),),
    "missing_share_p_value": ("missing_share_difference",),
}
"""The test that must be significant for each effect."""

ADJUSTED = "_adjusted"
"""What the name of a p-value that is adjusted ends with."""

ALARM = "drift_alarm"
"""The measure that is 1 where a column is an alarm, and 0 where it is none."""

EFFECTS = frozenset(effect for effects in _TESTS.values() for effect in effects)
"""Measures that can have a threshold."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What is said of one column.

    ``alarm`` is None where it cannot be judged, and ``why`` one sentence for each of the three. ``estimates`` are those
    of :func:`affidavit.measure.drift.estimates`, and the adjusted p-values, each named as its p-value and
    :data:`ADJUSTED`, and :data:`ALARM`.
    """

    column: str
    alarm: bool | None
    why: str
    estimates: tuple[Estimate, ...]


def judge_drift(
    compared: Mapping[str, Compared],
    *,
    thresholds: Mapping[str, float] = THRESHOLDS,
    level: float = LEVEL,
    least: int = LEAST,
) -> tuple[Drift, ...]:
    """Judge all columns of one comparison together.

    A column is an alarm where the size of an effect is above its threshold and its adjusted p-value at most ``level``;
    it is none where every effect that has a threshold was judged. A column that is one constant in both windows, or
    that misses no value or each value in both, takes no part in that adjustment: whichever row lay in which window, it
    would raise no alarm. Raises ``UsageError`` for a threshold of no :data:`EFFECTS`, or one that is no finite number
    of at least 0.
    """
    for name, threshold in thresholds.items():
        if name not in EFFECTS or not (math.isfinite(threshold) and threshold >= 0):
            raise UsageError(
                f"{threshold!r} is no threshold of drift",
                where=f"threshold {name!r}",
                fix=f"give a number of at least 0 for any of: {', '.join(sorted(EFFECTS))}",
            )
    measured = {column: estimates(each, about=column, least=least) for column, each in compared.items()}
    tests = [
        (column, each)
        for column, found in measured.items()
        for each in found
        if each.measure in _TESTS and each.value is not None and _could_differ(compared[column], each.measure)
    ]
    adjusted: dict[str, list[Estimate]] = {column: [] for column in compared}
    for (column, each), p_value in zip(tests, holm([each.value or 0.0 for _, each in tests]), strict=True):
        adjusted[column].append(Estimate(f"{each.measure}{ADJUSTED}", p_value, each.n, about=column))
    return tuple(
        _judged(column, compared[column], (*found, *adjusted[column]), thresholds, level)
        for column, found in measured.items()
    )


def _could_differ(compared: Compared, test: str) -> bool:
    """Whether some way of sharing out the same rows between the windows would show a difference."""
    if isinstance(compared, NotCompared):
        return False
    if test != "missing_share_p_value":
        return not compared.constant
    sides = (compared.reference, compared.current)
    return any(side.missing for side in sides) and any(side.values for side in sides)


def _judged(
    column: str, compared: Compared, found: tuple[Estimate, ...], thresholds: Mapping[str, float], level: float
) -> Drift:
    values = {each.measure: each for each in found}
    above: list[str] = []
    below: list[str] = []
    blind: list[str] = []
    for effect in (each for each in found if each.measure in thresholds):
        test = next(name for name, effects in _TESTS.items() if name in values and effect.measure in effects)
        by_chance = values.get(f"{test}{ADJUSTED}")
        if effect.why == SAME:
            below.append(SAME)
        elif effect.value is None:
            blind.append(f"{effect.measure} cannot be judged: {effect.why}")
        elif abs(effect.value) <= thresholds[effect.measure]:
            below.append(f"{effect.measure} is at most {thresholds[effect.measure]:g}")
        elif by_chance is None or by_chance.value is None:
            blind.append(f"{test} cannot be judged: {values[test].why}")
        else:
            said = f"{effect.measure} is {effect.value:.4g}, and its threshold {thresholds[effect.measure]:g}; p is "
            (above if by_chance.value <= level else below).append(f"{said}{by_chance.value:.2g} after adjustment")
    if above:
        return _drift(column, True, "; ".join(above), found)
    if blind or not below:
        none = [compared.why if isinstance(compared, NotCompared) else "no effect of its kind has a threshold"]
        return _drift(column, None, "; ".join(dict.fromkeys(blind or none)), found)
    same = not isinstance(compared, NotCompared) and compared.constant
    return _drift(column, False, SAME if same else "; ".join(below), found)


def _drift(column: str, alarm: bool | None, why: str, found: tuple[Estimate, ...]) -> Drift:
    n = max(each.n for each in found)
    said = cannot(ALARM, why, n=n, about=column) if alarm is None else Estimate(ALARM, float(alarm), n, about=column)
    # Of a column that is not compared the alarm says why; nothing else is measured of it.
    return Drift(column, alarm, why, (*(each for each in found if each.measure != DRIFT), said))

"""Fairness of a classifier's decisions between groups, from confusion matrices by group.

Names and meanings are fairlearn's: the differences and ratios between the most and the least favoured group
(``demographic_parity_difference``, ``equalized_odds_ratio``, …), with the intervals of
:mod:`affidavit.measure.disparity` (of five groups at most). Each group is compared with one other as well: Newcombe's
interval of a difference, Donner and Zou's of a ratio. That one is declared or else the largest, since an interval that
compares with whichever group came out best would not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.confusion import Confusion
from affidavit.measure.disparity import MOST_GROUPS, Shares, difference, shortfall
from affidavit.measure.estimate import Estimate, Group, cannot
from affidavit.measure.figures import MINIMUM, Figures
from affidavit.measure.intervals import Floats, newcombe, ratio
from affidavit.measure.performance import DRAWS, SHARES, Proportion, share
from affidavit.measure.rows import obstacle, too_few


@dataclass(frozen=True)
class Criterion:
    """What is compared between groups: the kinds of share, and whether as a difference or as a ratio."""

    of: tuple[str, ...]
    disparity: Callable[[Floats], Floats]


CRITERIA = {
    "demographic_parity_difference": Criterion(("selection_rate",), difference),
    "demographic_parity_ratio": Criterion(("selection_rate",), shortfall),
    "equal_opportunity_difference": Criterion(("recall",), difference),
    "equalized_odds_difference": Criterion(("recall", "false_positive_rate"), difference),
    "equalized_odds_ratio": Criterion(("recall", "false_positive_rate"), shortfall),
    "predictive_parity_difference": Criterion(("precision",), difference),
}
"""By name."""

COMPARED = ("selection_rate", "recall", "false_positive_rate", "precision")
"""The shares in which each group is compared with the one of reference."""


def fairness(
    counted: Confusion, *, reference: Group | None = None, seed: int, draws: int = DRAWS, minimum: int = MINIMUM
) -> list[Estimate]:
    """Every criterion over all groups of ``counted``, and every group compared with ``reference``.

    A criterion compares the groups that have ``minimum`` rows in what each share is of (for ``recall``: rows labelled
    positive), and ``n`` counts the rows of these alone; ``about`` names the columns. One row in trouble and it cannot
    be judged. Of a comparison with one group ``about`` names that group. Raises ValueError for a ``reference`` that is
    not among the groups, or another number of classes than two.
    """
    if len(counted.classes) != 2:
        raise ValueError(f"two classes are needed, {len(counted.classes)} are counted")
    found = {name: share(counted, SHARES[name]) for name in COMPARED}
    criteria = [_judged(name, counted, found, seed=seed, draws=draws, minimum=minimum) for name in CRITERIA]
    return [*criteria, *_compared(counted, found, reference, minimum=minimum)]


def _judged(
    name: str, counted: Confusion, found: dict[str, Proportion], *, seed: int, draws: int, minimum: int
) -> Estimate:
    criterion = CRITERIA[name]
    about = ", ".join(column for column, _ in counted.groups[0]) or None
    kinds = [found[kind] for kind in criterion.of]
    enough = np.all([(each.rows >= max(minimum, 1)) & np.isfinite(each.value) for each in kinds], axis=0)
    rows = int(counted.rows[enough].sum())
    if (why := obstacle(counted.troubles.sum(0))) is not None:
        return cannot(name, why, n=rows, about=about)
    if enough.sum() < 2:
        why = f"fewer than two groups have {minimum} rows of which there is a {' and a '.join(criterion.of)}"
        return cannot(name, why, n=rows, about=about)
    shares = Shares(*(np.stack([getattr(each, part)[enough] for each in kinds]) for part in ("value", "effective")))
    value = float(criterion.disparity(shares.rates))
    low, high = None, None
    if enough.sum() <= MOST_GROUPS:
        low, high = shares.interval(criterion.disparity, seed=seed, draws=draws)
    if criterion.disparity is not shortfall:
        return Estimate(name, value, rows, low, high, about=about)
    if not all(each.max() > 0 for each in shares.rates):
        return cannot(name, "the share is 0 in every group", n=rows, about=about)
    if low is None or high is None:
        return Estimate(name, 1 - value, rows, about=about)
    return Estimate(name, 1 - value, rows, 1 - high, 1 - low, about=about)


def _compared(
    counted: Confusion, found: dict[str, Proportion], reference: Group | None, *, minimum: int
) -> Iterator[Estimate]:
    rows = counted.rows.sum((1, 2))
    if reference is not None and reference not in counted.groups:
        raise ValueError("the reference is not among the groups that are counted")
    base = counted.groups.index(reference) if reference is not None else int(rows.argmax())
    others = np.arange(len(counted.groups)) != base
    groups = [group for n, group in enumerate(counted.groups) if n != base]
    about = "against " + ", ".join(f"{column} {value}" for column, value in counted.groups[base])
    # What keeps the group of reference from being judged keeps each comparison with it.
    troubles: NDArray[np.int64] = counted.troubles[others] + counted.troubles[base]
    for name, each in found.items():
        one, size = each.value[others], each.effective[others]
        other, other_size = np.full_like(one, each.value[base]), np.full_like(size, each.effective[base])
        lacking = SHARES[name].lacking
        if each.rows[base] < minimum:
            lacking = f"of the group of reference {too_few(int(each.rows[base]), minimum)}"
            other = np.full_like(one, np.nan)
        figures = [
            Figures(f"{name}_difference", one - other, each.rows[others], newcombe(one, size, other, other_size))
        ]
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(other > 0, one / other, np.nan)
            figures.append(Figures(f"{name}_ratio", value, each.rows[others], ratio(one, size, other, other_size)))
        why = (lacking, lacking if each.value[base] != 0 else "the share of the group of reference is 0")
        for one_of, reason in zip(figures, why, strict=True):
            shown = Figures(one_of.measure, one_of.value, one_of.rows, one_of.ends, reason, about)
            yield from shown.estimates(groups, troubles, minimum=minimum)

"""A feature that alone tells the label nearly: it was often made from the label, and will not be there when asked.

Two measures of each feature, from counts alone; which value is too much is the caller's to say, since honest features
tell of the label too. ``target_leakage_auc`` sees an order: 1 where every positive row lies on one side of every
negative one, 0.5 where the feature tells nothing. ``target_leakage_information`` sees any dependence, that on a missing
value too: the share of the label's entropy that the feature takes away (Theil's uncertainty coefficient), 1 where it
tells everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.estimate import Estimate, cannot

AUC, INFORMATION = "target_leakage_auc", "target_leakage_information"

RARE = 5
"""Values of fewer rows count as one value: one that names its row tells nothing of others."""


@dataclass(frozen=True)
class Ranks:
    """Of the rows with a value: how they lie to each other.

    ``halves`` is twice the number of pairs in which the positive row's value is the greater, with those that
    tie counted once.
    """

    positives: int
    negatives: int
    halves: int


def leakage_auc(feature: str, ranks: Ranks) -> Estimate:
    """The area under the feature's own ROC curve, or of its reverse where that is greater (Mann and Whitney, 1947)."""
    rows = ranks.positives + ranks.negatives
    if not ranks.positives or not ranks.negatives:
        return cannot(AUC, "the rows with a value carry one label only, or there are none", n=rows, about=feature)
    area = ranks.halves / (2 * ranks.positives * ranks.negatives)
    return Estimate(AUC, max(area, 1 - area), rows, about=feature)


def leakage_information(feature: str, counts: Iterable[tuple[Sequence[int], int]]) -> Estimate:
    """The uncertainty coefficient of the label given the feature, with the bias of few rows taken off.

    ``counts`` holds (rows of each class, how many values have these counts), a missing value being a value like
    others. The bias is that of Miller (1955): of R values and C classes, (R - 1)(C - 1) / 2n in nats.
    """
    table, rare = [], None
    for rows, times in counts:
        each = np.asarray(rows, float)
        if each.sum() < RARE:
            rare = each * times if rare is None else rare + each * times
        else:
            table.append((each, times))
    table += [] if rare is None else [(rare, 1)]
    n = int(sum(each.sum() * times for each, times in table))
    of_label = sum((each * times for each, times in table), np.zeros(1))
    if np.count_nonzero(of_label) < 2:
        return cannot(INFORMATION, "the rows carry one label only, or there are none", n=n, about=feature)
    values = sum(times for _, times in table)
    entropy = _entropy(of_label)
    left = sum(times * each.sum() / n * _entropy(each) for each, times in table)
    bias = (values - 1) * (np.count_nonzero(of_label) - 1) / (2 * n)
    share = float(np.clip((entropy - left - bias) / entropy, 0.0, 1.0))
    return Estimate(INFORMATION, share, n, about=feature)


def _entropy(counts: NDArray[np.float64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())

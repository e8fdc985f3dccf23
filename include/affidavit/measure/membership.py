"""Whether a model's scores tell which rows it was trained on: one attack, by a threshold on confidence.

S. Yeom et al., *IEEE CSF* (2018): who is more confident of the true label where it was trained is given away by that.
An attacker who does more may find more: what is not found here may still leak.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.asking import Ask, Floats, Table, scores
from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.intervals import newcombe
from affidavit.measure.ranking import ranked, ranking

AUC, ADVANTAGE = "membership_inference_auc", "membership_inference_advantage"

MINIMUM = 60
"""Rows of either kind below which nothing is given: the advantage is tried on half of them."""

Labelled = tuple[Table, NDArray[np.bool_]]
"""Rows and their true labels."""


def membership_inference(ask: Ask, *, members: Labelled, others: Labelled, seed: int) -> list[Estimate]:
    """``ask`` gives the probability of a true label. ``members`` trained the model, ``others`` are alike and did not.

    ``membership_inference_auc``: 0.5 is a guess (DeLong's interval). ``membership_inference_advantage``: the true less
    the false positive rate of the attack whose threshold was chosen on one half, measured on the other (Newcombe's
    interval); 0 is a guess.
    """
    few = min(len(members[1]), len(others[1]))
    if few < MINIMUM:
        why = f"too few: {few} rows of one kind, {MINIMUM} are asked for"
        return [cannot(AUC, why, n=few), cannot(ADVANTAGE, why, n=few)]
    inside, outside = _confidence(ask, *members), _confidence(ask, *others)
    confidence = np.concatenate([inside, outside])
    if np.ptp(confidence) == 0:
        why = "every row has the same confidence"
        return [cannot(AUC, why, n=len(confidence)), cannot(ADVANTAGE, why, n=len(confidence))]
    member = np.repeat([1, 0], [len(inside), len(outside)])
    [area] = [each for each in ranked(ranking(member, confidence, classes=(0, 1))) if each.measure == "roc_auc"]
    rng = np.random.default_rng(seed)
    return [
        Estimate(AUC, area.value, area.n, area.low, area.high),
        _advantage(*_halves(inside, rng), *_halves(outside, rng)),
    ]


def _confidence(ask: Ask, table: Table, label: NDArray[np.bool_]) -> Floats:
    found = scores(ask, table)
    return np.where(label, found, 1 - found)


def _halves(values: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    mixed = rng.permutation(values)
    return mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]


def _advantage(inside: Floats, inside_tried: Floats, outside: Floats, outside_tried: Floats) -> Estimate:
    thresholds = np.unique(np.concatenate([inside, outside]))
    gain = _above(inside, thresholds) - _above(outside, thresholds)
    threshold = thresholds[[int(np.argmax(gain))]]
    hit, false = float(_above(inside_tried, threshold)[0]), float(_above(outside_tried, threshold)[0])
    low, high = newcombe(hit, len(inside_tried), false, len(outside_tried))
    return Estimate(ADVANTAGE, hit - false, len(inside_tried) + len(outside_tried), float(low), float(high))


def _above(values: Floats, thresholds: NDArray[Any]) -> Floats:
    """The share of ``values`` at or above each threshold."""
    share: Floats = 1 - np.searchsorted(np.sort(values), thresholds, side="left") / len(values)
    return share

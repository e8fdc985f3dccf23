"""Predicted probabilities of two classes, by group: ``brier_score``, ``log_loss`` and how well they are calibrated.

A score is the probability of the positive class. Rows are counted in ten bins of equal width (each lower edge belongs
to its bin, 1 to the last), as in M. P. Naeini et al., AAAI 2015. The expected calibration error gets no interval: its
estimate is too large by an amount that depends on the rows of each bin, and no bootstrap of it covers what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.confusion import usable_weight
from affidavit.measure.estimate import Estimate, Group
from affidavit.measure.figures import MINIMUM, Figures
from affidavit.measure.intervals import Floats, wilson
from affidavit.measure.losses import Mean
from affidavit.measure.rows import TROUBLES, Facet, grouped, pooled, positions, projected

EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Between the bins."""

BINS = len(EDGES) + 1

SUMS = (
    *("rows", "weight", "square", "score", "square_score", "square_score_2", "brier", "square_brier"),
    *("square_brier_2", "log", "square_log", "square_log_2", "impossible"),
)
"""Of rows of weight w and score s: how many, and the sums of w, w², w s, w² s, w² s², of the same three with the
squared error in place of s, and with -log of what was given to the label; ``impossible`` counts those given a
probability of 0, which are in no sum of logarithms."""


@dataclass(frozen=True)
class Probabilities:
    """:data:`SUMS` by group, bin and label: an array [groups, bins, 2, sums], and the rows that are in none of them."""

    groups: tuple[Group, ...]
    sums: Floats
    troubles: NDArray[np.int64]

    def by(self, *columns: str) -> Probabilities:
        """The same rows, told apart by fewer columns. Raises ValueError for a column that is not there."""
        groups, into = projected(self.groups, columns)
        sums, troubles = (pooled(each, into, len(groups)) for each in (self.sums, self.troubles))
        return replace(self, groups=groups, sums=sums, troubles=troubles)

    def total(self, name: str) -> Floats:
        """One of the sums over all rows of each group."""
        found: Floats = self.sums[..., SUMS.index(name)].sum((1, 2))
        return found


@dataclass(frozen=True)
class Bin:
    """One point of a reliability diagram: the mean of the scores, and the share of positive rows with its interval."""

    rows: int
    score: float
    positive: float
    low: float
    high: float


def probabilities(
    label: NDArray[Any],
    score: NDArray[Any],
    *,
    classes: Sequence[Any],
    by: Sequence[Facet] = (),
    weight: NDArray[Any] | None = None,
) -> Probabilities:
    """Add up rows: one value each; ``classes`` are the negative and the positive one."""
    if len(classes) != 2:
        raise ValueError(f"two classes are needed, {len(classes)} are declared")
    groups, of_row = grouped(by, len(label))
    actual, value = positions(label, classes), score.astype(float)
    amounts = np.ones(len(label)) if weight is None else weight.astype(float)
    found = np.full(len(label), -1, np.intp)
    found[~usable_weight(amounts)] = 5
    found[(value < 0) | (value > 1)] = 4
    found[~np.isfinite(value)] = 2
    found[actual == 2] = 1
    found[actual == 3] = 0
    troubles = np.zeros((len(groups), len(TROUBLES)), np.int64)
    np.add.at(troubles, (of_row[found >= 0], found[found >= 0]), 1)
    of_row, actual = of_row[found < 0], actual[found < 0]
    value, amounts = value[found < 0], amounts[found < 0]
    cell = (of_row * BINS + np.searchsorted(EDGES, value, side="right")) * 2 + actual
    given = np.where(actual == 1, value, 1 - value)
    impossible = given == 0
    weighted = np.where(impossible, 0.0, amounts)
    log, brier = -np.log(np.where(impossible, 1.0, given)), (value - actual) ** 2
    columns = (
        *(np.ones(len(value)), amounts, amounts**2),
        *(amounts * value, amounts**2 * value, (amounts * value) ** 2),
        *(amounts * brier, amounts**2 * brier, (amounts * brier) ** 2),
        *(weighted * log, weighted**2 * log, (weighted * log) ** 2, impossible.astype(float)),
    )
    size = len(groups) * BINS * 2
    sums: Floats = np.stack([np.bincount(cell, weights=each, minlength=size) for each in columns], 1)
    return Probabilities(groups, sums.reshape(len(groups), BINS, 2, len(SUMS)), troubles)


def calibrated(found: Probabilities, *, minimum: int = MINIMUM) -> list[Estimate]:
    """``brier_score``, ``log_loss``, ``expected_calibration_error`` and ``calibration_in_the_large`` of each group.

    The last is the mean score less the share of positive rows: above 0, too much is expected.
    """
    figures = [_mean("brier_score", found, "brier"), _log_loss(found), _expected_error(found), _in_the_large(found)]
    return [each for one in figures for each in one.estimates(found.groups, found.troubles, minimum=minimum)]


def reliability(found: Probabilities, group: int, *, minimum: int = MINIMUM) -> list[Bin | None]:
    """The bins of the group at that position; None where a bin holds fewer rows than ``minimum``."""
    rows, weight, square, score = (found.sums[group, :, :, SUMS.index(name)] for name in SUMS[:4])
    bins: list[Bin | None] = []
    for n in range(BINS):
        if rows[n].sum() < max(minimum, 1) or weight[n].sum() <= 0:
            bins.append(None)
            continue
        whole = float(weight[n].sum())
        positive = float(weight[n, 1]) / whole
        low, high = wilson(positive, whole**2 / float(square[n].sum()))
        bins.append(Bin(int(rows[n].sum()), float(score[n].sum()) / whole, positive, float(low), float(high)))
    return bins


def _mean(measure: str, found: Probabilities, loss: str) -> Figures:
    rows, weight, square = _first(found)
    losses = (found.total(name) for name in (loss, f"square_{loss}", f"square_{loss}_2"))
    mean = Mean(rows, weight, square, *losses)
    return Figures(measure, mean.value, mean.rows, mean.ends(positive=True))


def _first(found: Probabilities) -> tuple[NDArray[np.int64], Floats, Floats]:
    return found.total("rows").astype(np.int64), found.total("weight"), found.total("square")


def _log_loss(found: Probabilities) -> Figures:
    figures = _mean("log_loss", found, "log")
    impossible = found.total("impossible") > 0
    lacking = "what happened was given a probability of 0, so that the loss is infinite"
    return replace(figures, value=np.where(impossible, np.nan, figures.value), lacking=lacking)


def _expected_error(found: Probabilities) -> Figures:
    weight, score = (found.sums[..., SUMS.index(name)] for name in ("weight", "score"))
    gaps = np.abs(score.sum(2) - weight[:, :, 1]).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = gaps / weight.sum((1, 2))
    return Figures("expected_calibration_error", value, found.total("rows").astype(np.int64))


def _in_the_large(found: Probabilities) -> Figures:
    """The mean of score less label, whose sums follow from those of scores: a label is 0 or 1."""
    rows, weight, square = _first(found)
    # (s - y)² = s² - 2 s y + y, and y is 0 or 1.
    labelled = {name: found.sums[:, :, 1, SUMS.index(name)].sum(1) for name in ("weight", "square", "square_score")}
    gap = found.total("score") - labelled["weight"]
    square_gap = found.total("square_score") - labelled["square"]
    square_gap_2 = found.total("square_score_2") - 2 * labelled["square_score"] + labelled["square"]
    mean = Mean(rows, weight, square, gap, square_gap, square_gap_2)
    return Figures("calibration_in_the_large", mean.value, mean.rows, mean.ends())

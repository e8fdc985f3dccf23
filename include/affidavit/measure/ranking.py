"""How well a score ranks positive rows above negative ones, by group: ``roc_auc`` and ``average_precision``.

Both are sums over the distinct scores, in order, so that a warehouse can make them (:mod:`affidavit.warehouse`) as well
as :func:`ranking` does from arrays. Ties count half. Intervals, on the scale of log odds, with Student's t of as many
rows as the scarcer class has: of ``roc_auc`` by E. R. DeLong
et al., *Biometrics* 44 (1988), with each row's placement weighted where rows are; of ``average_precision`` by the
infinitesimal jackknife (B. Efron, 1982): how the measure moves with each row's weight. There is none where the measure
is 0 or 1, nor from fewer than the minimum of positive or negative rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.confusion import usable_weight
from affidavit.measure.estimate import Estimate, Group
from affidavit.measure.figures import MINIMUM, Figures
from affidavit.measure.intervals import Ends, Floats, logit
from affidavit.measure.rows import TROUBLES, Facet, grouped, positions

SUMS = (
    *("rows_positive", "rows_negative", "weight_positive", "weight_negative", "square_positive", "square_negative"),
    *("above", "above_positive", "above_positive_2", "below_negative", "below_negative_2"),
    *("precision", "precision_1", "precision_2", "precision_negative_2"),
)
"""What is added up over distinct scores ``s``. With P, N the weights of positive and negative rows of score ``s``, P2
and N2 the sums of their squares, p and n those below ``s``, and M the weight of all rows from ``s`` on, TP of the
positive:

- ``above`` P (n + N/2); ``above_positive`` P2 (n + N/2), and ``…_2`` with the square of what is in brackets;
- ``below_negative`` N2 (p + P/2), and ``…_2`` likewise;
- ``precision`` P TP/M; with A the sum of P (M - TP)/M² and B that of P TP/M² over the scores up to ``s``,
``precision_1`` P2 (TP/M + A), ``precision_2`` with the square of what is in brackets, ``precision_negative_2`` N2 B².
"""


@dataclass(frozen=True)
class Ranking:
    """:data:`SUMS` by group: an array [groups, sums]. They cannot be added up over groups."""

    groups: tuple[Group, ...]
    sums: Floats
    troubles: NDArray[np.int64]

    def __getitem__(self, name: str) -> Floats:
        """One of the sums, by group."""
        return self.sums[:, SUMS.index(name)]


def ranking(
    label: NDArray[Any],
    score: NDArray[Any],
    *,
    classes: Sequence[Any],
    by: Sequence[Facet] = (),
    weight: NDArray[Any] | None = None,
) -> Ranking:
    """Sort rows by score within each group; ``classes`` are the negative and the positive one.

    Any finite score will do. Raises ValueError for another number of classes than two.
    """
    if len(classes) != 2:
        raise ValueError(f"two classes are needed, {len(classes)} are declared")
    groups, of_row = grouped(by, len(label))
    actual, value = positions(label, classes), score.astype(float)
    amounts = np.ones(len(label)) if weight is None else weight.astype(float)
    found = np.full(len(label), -1, np.intp)
    found[~usable_weight(amounts)] = 5
    found[~np.isfinite(value)] = 2
    found[actual == 2] = 1
    found[actual == 3] = 0
    troubles = np.zeros((len(groups), len(TROUBLES)), np.int64)
    np.add.at(troubles, (of_row[found >= 0], found[found >= 0]), 1)
    sums = np.zeros((len(groups), len(SUMS)))
    for n in np.unique(of_row):
        ours = (of_row == n) & (found < 0)
        sums[n] = _sums(actual[ours] == 1, value[ours], amounts[ours])
    return Ranking(groups, sums, troubles)


def _sums(positive: NDArray[np.bool_], score: Floats, weight: Floats) -> Floats:
    distinct, of_row = np.unique(score, return_inverse=True)

    def total(of: Floats) -> Floats:
        return np.bincount(of_row, weights=of, minlength=len(distinct)).astype(float)

    pos, neg = total(weight * positive), total(weight * ~positive)
    pos_2, neg_2 = total(weight**2 * positive), total(weight**2 * ~positive)
    pos_to, neg_to = pos.cumsum(), neg.cumsum()
    above, below = neg_to - neg / 2, pos_to - pos / 2
    hits = pos.sum() - pos_to + pos
    chosen = np.maximum(hits + neg.sum() - neg_to + neg, np.finfo(float).tiny)
    precision = hits / chosen
    up, down = (pos * (chosen - hits) / chosen**2).cumsum(), (pos * hits / chosen**2).cumsum()
    columns = (
        *(total(positive.astype(float)), total((~positive).astype(float)), pos, neg, pos_2, neg_2),
        *(pos * above, pos_2 * above, pos_2 * above**2, neg_2 * below, neg_2 * below**2),
        *(pos * precision, pos_2 * (precision + up), pos_2 * (precision + up) ** 2, neg_2 * down**2),
    )
    return np.array([column.sum() for column in columns])


def ranked(found: Ranking, *, minimum: int = MINIMUM) -> list[Estimate]:
    """``roc_auc`` and ``average_precision`` of each group; both need rows of either class."""
    rows = found["rows_positive"] + found["rows_negative"]
    scarce = np.minimum(found["rows_positive"], found["rows_negative"])
    figures = []
    for name, (value, variance) in {"roc_auc": _auc(found), "average_precision": _precision(found)}.items():
        figures.append(Figures(name, value, rows, _ends(value, variance, scarce, minimum), "labels are of one class"))
    return [each for one in figures for each in one.estimates(found.groups, found.troubles, minimum=minimum)]


def _auc(found: Ranking) -> tuple[Floats, Floats]:
    pos, neg = found["weight_positive"], found["weight_negative"]
    with np.errstate(divide="ignore", invalid="ignore"):
        auc = found["above"] / (pos * neg)
        above = found["above_positive"] / neg
        centred = found["above_positive_2"] / neg**2 - 2 * auc * above + auc**2 * found["square_positive"]
        of_positive = centred / pos**2
        # A negative row's placement is the share of positive rows above it: one less the share below.
        below, miss = found["below_negative"] / pos, 1 - auc
        centred = found["below_negative_2"] / pos**2 - 2 * miss * below + miss**2 * found["square_negative"]
        of_negative = centred / neg**2
        m, n = found["rows_positive"], found["rows_negative"]
        return auc, of_positive * m / (m - 1) + of_negative * n / (n - 1)


def _precision(found: Ranking) -> tuple[Floats, Floats]:
    pos = found["weight_positive"]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(found["rows_negative"] > 0, found["precision"] / pos, np.nan)
        centred = found["precision_2"] - 2 * value * found["precision_1"] + value**2 * found["square_positive"]
        few = np.minimum(found["rows_positive"], found["rows_negative"])
        return value, (centred + found["precision_negative_2"]) / pos**2 * few / (few - 1)


def _ends(value: Floats, variance: Floats, scarce: Floats, minimum: int) -> Ends:
    given = (scarce >= max(minimum, 2)) & (value > 0) & (value < 1) & (variance > 0)
    low, high = logit(np.where(given, value, 0.5), np.where(given, variance, 0.0), np.where(given, scarce, 2))
    return np.where(given, low, np.nan), np.where(given, high, np.nan)

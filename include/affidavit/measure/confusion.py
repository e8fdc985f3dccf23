"""Confusion matrices by group: what classes were predicted for rows of which class.

They can be added up, so that a warehouse counts them in one ``GROUP BY``, and everything about shares of rows follows
from them, however many rows there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.estimate import Group
from affidavit.measure.rows import TROUBLES, Facet, grouped, pooled, positions, projected

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Confusion:
    """Sums over rows, by group, class of the label and class of the decision: arrays [groups, classes, classes].

    ``rows`` counts them, ``weight`` adds up their weights and ``square`` the squares of these; without weights all
    three are equal. Of two classes the second is the positive one. ``troubles`` [groups, :data:`TROUBLES`] counts the
    rows that are in none of the sums.
    """

    classes: tuple[str, ...]
    groups: tuple[Group, ...]
    rows: NDArray[np.int64]
    weight: Floats
    square: Floats
    troubles: NDArray[np.int64]

    def by(self, *columns: str) -> Confusion:
        """The same rows, told apart by fewer columns; by none, all of them as one. Raises ValueError as `projected`."""
        groups, into = projected(self.groups, columns)
        parts = (self.rows, self.weight, self.square, self.troubles)
        return Confusion(self.classes, groups, *(pooled(each, into, len(groups)) for each in parts))


def confusion(
    label: NDArray[Any],
    decision: NDArray[Any],
    *,
    classes: Sequence[Any],
    by: Sequence[Facet] = (),
    weight: NDArray[Any] | None = None,
) -> Confusion:
    """Count rows: ``label``, ``decision`` and ``weight`` hold one value for each, ``classes`` what labels may be.

    The result tells apart every combination of the facets' values. Raises ValueError for arrays of different lengths.
    """
    lengths = {len(each) for each in (label, decision, weight, *(facet.values for facet in by)) if each is not None}
    if len(lengths) != 1:
        raise ValueError("a label, a decision, a weight and each group's value are needed for every row")
    size = len(classes)
    groups, of_row = grouped(by, len(label))
    actual, predicted = positions(label, classes), positions(decision, classes)
    trouble = _troubles(actual, predicted, weight, size)
    amounts = None if weight is None else weight.astype(float)
    if trouble is None:
        troubles = np.zeros((len(groups), len(TROUBLES)), np.int64)
    else:
        bad = trouble >= 0
        counted = np.bincount(of_row[bad] * len(TROUBLES) + trouble[bad], minlength=len(groups) * len(TROUBLES))
        troubles = counted.reshape(len(groups), len(TROUBLES)).astype(np.int64)
        of_row, actual, predicted = of_row[~bad], actual[~bad], predicted[~bad]
        amounts = None if amounts is None else amounts[~bad]
    cell, shape = (of_row * size + actual) * size + predicted, (len(groups), size, size)

    def total(of: Floats | None) -> NDArray[Any]:
        return np.bincount(cell, weights=of, minlength=len(groups) * size * size).reshape(shape)

    rows = total(None).astype(np.int64)
    weights = total(amounts).astype(float)
    squares = weights if amounts is None else total(amounts**2)
    return Confusion(tuple(map(str, classes)), groups, rows, weights, squares, troubles)


def _troubles(
    actual: NDArray[np.intp], predicted: NDArray[np.intp], weight: NDArray[Any] | None, classes: int
) -> NDArray[np.intp] | None:
    """What is wrong with each row, -1 for nothing; None where nothing is wrong with any."""
    fine = bool(((actual < classes) & (predicted < classes)).all())
    usable = None if weight is None else usable_weight(weight)
    if fine and (usable is None or usable.all()):
        return None
    found = np.full(len(actual), -1, np.intp)
    if usable is not None:
        found[~usable] = 5
    found[predicted == classes] = 3
    found[predicted == classes + 1] = 2
    found[actual == classes] = 1
    found[actual == classes + 1] = 0
    return found


def usable_weight(weight: NDArray[Any]) -> NDArray[np.bool_]:
    """Which weights are finite and not negative."""
    amounts = weight.astype(float)
    usable: NDArray[np.bool_] = np.isfinite(amounts) & (amounts >= 0)
    return usable

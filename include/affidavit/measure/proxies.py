"""How well features tell a protected attribute that the model is not given: one by one, and all of them together.

``proxy_auc``: how well a protected value is ranked by a ridge regression on the features, cut into bins, each row
scored by a fit to other rows (five parts); 0.5 is a guess. ``normalized_mutual_info_score`` (arithmetic mean, as
scikit-learn has it) is of a feature's bins and the protected column; it is above 0 by chance alone where rows are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.asking import Floats, Table, absent, is_number
from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.ranking import ranked, ranking
from affidavit.measure.rows import Codes, Facet, positions

AUC, INFORMATION = "proxy_auc", "normalized_mutual_info_score"

BINS = 10
"""Bins of a number, of about equally many rows; a missing value has one of its own."""

MINIMUM = 50
"""Rows with a protected value, and without it, below which nothing is given."""

_PARTS = 5
_RIDGE = 1.0


def proxies(table: Table, protected: Facet, *, features: Sequence[str], seed: int) -> list[Estimate]:
    """Both measures of each feature, then ``proxy_auc`` of all of them (``about`` is "all features").

    ``proxy_auc`` is of each declared value of ``protected`` against every other, which ``group`` names. Rows without
    one stay out.
    """
    code = positions(protected.values, protected.declared)
    there = code <= len(protected.declared)
    code, binned = code[there], {name: binned_column(table[name])[there] for name in features}
    part = np.random.default_rng(seed).permutation(len(code)) % _PARTS
    found = []
    for name in features:
        found += [_auc([binned[name]], code, protected, part, name)[n] for n in range(len(protected.declared))]
        found.append(_information(binned[name], code, name))
    return [*found, *_auc(list(binned.values()), code, protected, part, "all features")]


def binned_column(column: NDArray[Any]) -> Codes:
    """A bin for each value: of a number by deciles, of anything else one for each distinct value."""
    gone = absent(column)
    code = np.zeros(len(column), np.intp)
    if is_number(column):
        there = column[~gone].astype(float)
        edges = np.unique(np.quantile(there, np.linspace(0, 1, BINS + 1)[1:-1])) if there.size else np.zeros(0)
        code[~gone] = 1 + np.searchsorted(edges, there, side="right")
    else:
        code[~gone] = 1 + np.unique(column[~gone].astype(str), return_inverse=True)[1]
    return code


def _auc(columns: list[Codes], code: Codes, protected: Facet, part: Codes, about: str) -> list[Estimate]:
    found = []
    for n, value in enumerate(protected.declared):
        is_it = (code == n).astype(int)
        few, group = int(min(is_it.sum(), len(is_it) - is_it.sum())), ((protected.column, str(value)),)
        if few < MINIMUM:
            why = f"too few: {few} rows with or without the value, {MINIMUM} are asked for"
            found.append(cannot(AUC, why, n=len(code), about=about, group=group))
            continue
        score = _out_of_fold(columns, is_it, part)
        [area] = [each for each in ranked(ranking(is_it, score, classes=(0, 1))) if each.measure == "roc_auc"]
        found.append(Estimate(AUC, area.value, area.n, area.low, area.high, about=about, group=group))
    return found


def _out_of_fold(columns: list[Codes], label: NDArray[np.int_], part: Codes) -> Floats:
    """Each row's score by a fit to the other parts, centred there, so that parts can be ranked together."""
    design = np.concatenate([np.eye(int(column.max()) + 1)[column] for column in columns], axis=1)
    score = np.empty(len(label))
    for n in range(_PARTS):
        fit, held = part != n, part == n
        centre, base = design[fit].mean(axis=0), label[fit].mean()
        x = design[fit] - centre
        weight = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ (label[fit] - base))
        # Not the base rate as well: it is lower where more of a part are positive, and would rank parts backwards.
        score[held] = (design[held] - centre) @ weight
    return score


def _information(column: Codes, code: Codes, about: str) -> Estimate:
    counts = np.zeros((int(column.max(initial=0)) + 1, int(code.max(initial=0)) + 1))
    np.add.at(counts, (column, code), 1)
    rows, columns = _entropy(counts.sum(axis=1)), _entropy(counts.sum(axis=0))
    if len(code) < MINIMUM or rows == 0 or columns == 0:
        why = "the column, or the protected one, is constant" if len(code) >= MINIMUM else f"too few: {len(code)} rows"
        return cannot(INFORMATION, why, n=len(code), about=about)
    shared = rows + columns - _entropy(counts.ravel())
    return Estimate(INFORMATION, float(min(1.0, max(0.0, 2 * shared / (rows + columns)))), len(code), about=about)


def _entropy(counts: Floats) -> float:
    share = counts[counts > 0] / counts.sum() if counts.sum() else np.ones(1)
    return float(-(share * np.log(share)).sum())

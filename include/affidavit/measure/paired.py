"""A new version against the one in use, on the same rows: what each measure gains or loses, with an interval.

A row is judged by both, so that their errors go together, and two intervals side by side say too little. Every estimate
is the value of the new one less that of the old one, named a change: a difference is one between groups of rows.
Intervals: Bonett and Price's of two shares of the same rows; the bootstrap over counts for what is no share of fixed
rows (precision, F1, Matthews' correlation); E. R. DeLong et al., *Biometrics* 44 (1988), for ``roc_auc``; Student's t
of the differences for errors of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.figures import MINIMUM, Figures
from affidavit.measure.intervals import Floats, bonett_price, percentiles, student
from affidavit.measure.performance import DRAWS, matthews
from affidavit.measure.rows import TROUBLES, positions

ROWS_OF_BOOTSTRAP = 500
"""From how many rows on precision, F1 and Matthews' correlation have an interval: of 200 too few covered."""

_BY_LABEL = {"accuracy": (0, 1), "recall": (1,), "specificity": (0,)}


def agreement(
    label: NDArray[Any], old: NDArray[Any], new: NDArray[Any], *, classes: Sequence[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows by label and by what either version decided, [label, old, new], and those in trouble, by trouble.

    ``classes`` are the negative and the positive one. A row without a label is left out.
    """
    if len(classes) != 2 or not len(label) == len(old) == len(new):
        raise ValueError("two classes are needed, and a label and both decisions for every row")
    actual, decided = positions(label, classes), [positions(each, classes) for each in (old, new)]
    found = np.full(len(label), -1, np.intp)
    for each in decided:
        found[each == 2] = 3
    for each in decided:
        found[each == 3] = 2
    found[actual == 2], found[actual == 3] = 1, 0
    fine = found < 0
    cell = (actual[fine] * 2 + decided[0][fine]) * 2 + decided[1][fine]
    counts = np.bincount(cell, minlength=8).reshape(2, 2, 2).astype(np.int64)
    return counts, np.bincount(found[~fine], minlength=len(TROUBLES)).astype(np.int64)


def compared(
    counts: NDArray[np.int64], troubles: NDArray[np.int64], *, seed: int, draws: int = DRAWS, minimum: int = MINIMUM
) -> list[Estimate]:
    """``accuracy_change`` and the like, of what :func:`agreement` counts (a warehouse can count it as well)."""
    figures = [*_shares(counts), *_functions(counts, seed=seed, draws=draws)]
    return [each for one in figures for each in one.estimates([()], troubles[None], minimum=minimum)]


def _shares(counts: NDArray[np.int64]) -> Iterator[Figures]:
    for name, labels in _BY_LABEL.items():
        # Right is who decided what the label says.
        gained = np.array([sum(counts[label, 1 - label, label] for label in labels)], float)
        lost = np.array([sum(counts[label, label, 1 - label] for label in labels)], float)
        rows = np.array([sum(counts[label].sum() for label in labels)])
        with np.errstate(divide="ignore", invalid="ignore"):
            value = (gained - lost) / rows
        yield Figures(f"{name}_change", value, rows, bonett_price(gained, lost, rows), "no row is labelled so")


def _functions(counts: NDArray[np.int64], *, seed: int, draws: int) -> Iterator[Figures]:
    total = counts.sum()
    chances = counts.ravel() / total if total else np.full(8, 1 / 8)
    drawn = np.random.default_rng(seed).multinomial(total, chances, size=draws).reshape(draws, 2, 2, 2)
    of: dict[str, Callable[[Floats], Floats]] = {
        "precision": lambda cells: _over(cells[..., 1, 1], cells[..., 1].sum(-1)),
        "f1": lambda cells: _over(2 * cells[..., 1, 1], cells[..., 1].sum(-1) + cells[..., 1, :].sum(-1)),
        "matthews_corrcoef": matthews,
    }
    for name, function in of.items():
        value, again = (_change(function, each) for each in (counts[None].astype(float), drawn.astype(float)))
        ends = None
        if total >= ROWS_OF_BOOTSTRAP and np.isfinite(value[0]) and np.isnan(again).mean() <= 0.05:
            low, high = percentiles(again)
            ends = low[None], high[None]
        lacking = "one of the versions, or the label, leaves nothing to divide by"
        yield Figures(f"{name}_change", value, np.array([total]), ends, lacking)


def _change(function: Callable[[Floats], Floats], counts: Floats) -> Floats:
    """Of [..., label, old, new]: the new one's confusion matrix is the sum over old, and the reverse."""
    found: Floats = function(counts.sum(-2)) - function(counts.sum(-1))
    return found


def _over(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def auc_difference(
    label: NDArray[Any], old: NDArray[Any], new: NDArray[Any], *, classes: Sequence[Any], minimum: int = MINIMUM
) -> Estimate:
    """``roc_auc_change`` of two scores of the same rows."""
    measure = "roc_auc_change"
    actual = positions(label, classes)
    fine = actual < 3
    if (outside := int((actual == 2).sum())) or not np.isfinite([old[fine], new[fine]]).all():
        why = f"{outside} rows {TROUBLES[1]}" if outside else "a score is missing or not finite"
        return cannot(measure, why, n=int(fine.sum()))
    sizes = [int((actual == each).sum()) for each in (1, 0)]
    if min(sizes) < max(minimum, 2):
        why = f"too few: {sizes[0]} rows are positive and {sizes[1]} negative, {max(minimum, 2)} of each are asked for"
        return cannot(measure, why, n=sum(sizes))
    placed = [_placements(each[actual == 1].astype(float), each[actual == 0].astype(float)) for each in (old, new)]
    value = float(placed[1][0].mean() - placed[0][0].mean())
    variance = sum(float((later - first).var(ddof=1)) / len(first) for first, later in zip(*placed, strict=True))
    low, high = student(value, variance, min(sizes))
    if variance <= 0:
        return Estimate(measure, value, sum(sizes))
    return Estimate(measure, value, sum(sizes), max(float(low), -1.0), min(float(high), 1.0))


def _placements(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Of each positive row the share of negative rows below it, of each negative one that of positive rows above it."""

    def below(values: Floats, of: Floats) -> Floats:
        ordered = np.sort(of)
        sides = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
        return sides / (2 * len(of))

    return below(positive, negative), 1 - below(negative, positive)


def error_differences(
    label: NDArray[Any], old: NDArray[Any], new: NDArray[Any], *, minimum: int = MINIMUM
) -> list[Estimate]:
    """``mean_absolute_error_change`` and ``mean_squared_error_change`` of two predictions of the same rows."""
    actual, *predicted = (each.astype(float) for each in (label, old, new))
    fine = ~np.isnan(actual)
    troubles = np.zeros((1, len(TROUBLES)), np.int64)
    troubles[0, 1] = np.isinf(actual).sum()
    troubles[0, 2] = (fine & ~np.isfinite(predicted).all(0)).sum()
    usable = np.isfinite(actual) & np.isfinite(predicted).all(0)
    errors = [each[usable] - actual[usable] for each in predicted]
    estimates: list[Estimate] = []
    for name, power in (("mean_absolute_error", 1), ("mean_squared_error", 2)):
        change = np.abs(errors[1]) ** power - np.abs(errors[0]) ** power
        n = len(change)
        value = np.array([change.mean() if n else np.nan])
        ends = student(value, change.var(ddof=1) / n, n) if n > 1 else None
        figures = Figures(f"{name}_change", value, np.array([n]), ends)
        estimates += figures.estimates([()], troubles, minimum=minimum)
    return estimates

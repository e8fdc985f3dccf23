"""Performance of classifiers from confusion matrices, by group: two classes, and more.

Names and meanings are scikit-learn's. Where scikit-learn puts a zero in place of a division by zero, the measure
cannot be judged here. Intervals: Wilson's for every share of rows, with the effective size (linearised, as in E. L.
Korn and B. I. Graubard, *Survey Methodology* 24, 1998) where rows are weighted; carried over to F1, which is a function
of one share (TP of TP + FP + FN); square-and-add for balanced accuracy; for all else the percentiles of a bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.confusion import Confusion
from affidavit.measure.estimate import Estimate
from affidavit.measure.figures import MINIMUM, Figures
from affidavit.measure.intervals import Ends, Floats, percentiles, wilson

DRAWS = 1_000

_NEGATIVE, _POSITIVE, _ALL = ([0, 0], [0, 1]), ([0, 0], [1, 1]), ([1, 1], [1, 1])


@dataclass(frozen=True)
class Share:
    """A share of rows: those in the cells [label][decision] ``of`` (1 or 0), among those in the cells ``among``."""

    of: tuple[list[int], list[int]]
    among: tuple[list[int], list[int]]
    lacking: str


SHARES = {
    "accuracy": Share(([1, 0], [0, 1]), _ALL, "no rows"),
    "precision": Share(_NEGATIVE, ([0, 1], [0, 1]), "no row is predicted positive"),
    "recall": Share(_NEGATIVE, _POSITIVE, "no row is labelled positive"),
    "specificity": Share(([1, 0], [0, 0]), ([1, 1], [0, 0]), "no row is labelled negative"),
    "false_positive_rate": Share(([0, 1], [0, 0]), ([1, 1], [0, 0]), "no row is labelled negative"),
    "false_negative_rate": Share(([0, 0], [1, 0]), _POSITIVE, "no row is labelled positive"),
    "selection_rate": Share(([0, 1], [0, 1]), _ALL, "no rows"),
    "prevalence": Share(_POSITIVE, _ALL, "no rows"),
}
"""The shares of two classes, by name; the second class is the positive one."""

_JACCARD = Share(_NEGATIVE, ([0, 1], [1, 1]), "no row is labelled or predicted positive")


@dataclass(frozen=True)
class Proportion:
    """A share by group: arrays [groups]. ``effective`` is how many rows of equal weight would say as much.

    ``value`` is NaN, and ``effective`` 1, where nothing is in the denominator.
    """

    value: Floats
    rows: NDArray[np.int64]
    effective: Floats

    @property
    def ends(self) -> Ends:
        """Wilson's interval; NaN where the value is."""
        return wilson(self.value, self.effective)


def share(counted: Confusion, asked: Share) -> Proportion:
    """One share of each group of ``counted``, which tells two classes apart."""
    of, among = np.array(asked.of, bool), np.array(asked.among, bool)
    part, whole = counted.weight[:, of].sum(1), counted.weight[:, among].sum(1)
    part_square, whole_square = counted.square[:, of].sum(1), counted.square[:, among].sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = part / whole
        variance = ((1 - value) ** 2 * part_square + value**2 * (whole_square - part_square)) / whole**2
        linear = value * (1 - value) / variance
        kish = whole**2 / whole_square
    effective = np.where(np.isfinite(linear) & (linear > 0), linear, kish)
    return Proportion(value, counted.rows[:, among].sum(1), np.where(whole > 0, effective, 1.0))


def against_the_rest(counted: Confusion, of: int) -> Confusion:
    """Two classes: all others, and the one at position ``of``."""

    def two(cells: NDArray[np.float64]) -> NDArray[np.float64]:
        whole, hit = cells.sum((1, 2)), cells[:, of, of]
        actual, predicted = cells[:, of].sum(1), cells[:, :, of].sum(1)
        return np.stack(
            [np.stack([whole - actual - predicted + hit, predicted - hit], 1), np.stack([actual - hit, hit], 1)], 1
        )

    rows = two(counted.rows.astype(float)).astype(np.int64)
    classes = ("", counted.classes[of])
    return Confusion(classes, counted.groups, rows, two(counted.weight), two(counted.square), counted.troubles)


def binary(counted: Confusion, *, seed: int, draws: int = DRAWS, minimum: int = MINIMUM) -> list[Estimate]:
    """Every measure of two classes, of each group of ``counted``.

    ``seed`` and ``draws`` are the bootstrap's. Raises ValueError where ``counted`` tells another number of classes
    apart.
    """
    if len(counted.classes) != 2:
        raise ValueError(f"two classes are needed, {len(counted.classes)} are counted")
    figures = [*_shares(counted), _balanced(counted), _matthews(counted, seed=seed, draws=draws)]
    return [each for one in figures for each in one.estimates(counted.groups, counted.troubles, minimum=minimum)]


def _shares(counted: Confusion, about: str | None = None) -> Iterator[Figures]:
    for name, asked in SHARES.items():
        if about is None or name in {"precision", "recall"}:
            found = share(counted, asked)
            yield Figures(name, found.value, found.rows, found.ends, asked.lacking, about)
    found = share(counted, _JACCARD)
    low, high = (2 * end / (1 + end) for end in found.ends)
    yield Figures("f1", 2 * found.value / (1 + found.value), found.rows, (low, high), _JACCARD.lacking, about)


def _balanced(counted: Confusion) -> Figures:
    """The mean of the classes' recalls; ``rows`` those of the smallest class."""
    recalls = [share(against_the_rest(counted, of), SHARES["recall"]) for of in range(len(counted.classes))]
    value = np.mean([each.value for each in recalls], axis=0)
    spread = [np.sqrt(np.sum([(each.value - each.ends[end]) ** 2 for each in recalls], axis=0)) for end in (0, 1)]
    low, high = value - spread[0] / len(recalls), value + spread[1] / len(recalls)
    smallest = np.min([each.rows for each in recalls], axis=0)
    return Figures("balanced_accuracy", value, smallest, (low, high), "a class has no row that is labelled so")


def matthews(cells: Floats) -> Floats:
    """The correlation of label and decision, of sums [..., 2, 2]; NaN where either is constant."""
    (negative, false), (missed, hit) = np.moveaxis(cells, (-2, -1), (0, 1))
    margins = (hit + false) * (hit + missed) * (negative + false) * (negative + missed)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = (hit * negative - false * missed) / np.sqrt(margins)
    return np.where(margins > 0, found, np.nan)


def _matthews(counted: Confusion, *, seed: int, draws: int) -> Figures:
    drawn = drawn_again(counted, seed=seed, draws=draws)
    rows = counted.rows.sum((1, 2))
    value, ends = matthews(counted.weight), spread_of(matthews(drawn))
    return Figures("matthews_corrcoef", value, rows, ends, "all labels, or all decisions, are of one class")


def multiclass(counted: Confusion, *, seed: int, draws: int = DRAWS, minimum: int = MINIMUM) -> list[Estimate]:
    """Accuracy, averages over classes (``precision_macro``, ``precision_weighted``, …) and each class's own measures.

    A class's own say which by ``about``. ``seed`` and ``draws`` are the bootstrap's.
    """
    drawn = drawn_again(counted, seed=seed, draws=draws)
    rows = counted.rows.sum((1, 2))
    whole = Proportion(*_accuracy(counted))
    figures = [Figures("accuracy", whole.value, rows, whole.ends), _balanced(counted)]
    for name, (per_class, lacking) in _PER_CLASS.items():
        for average, mean in _AVERAGES.items():
            value = mean(per_class(counted.weight), counted.weight)
            ends = spread_of(mean(per_class(drawn), drawn))
            figures.append(Figures(f"{name}_{average}", value, rows, ends, lacking))
    for of, name in enumerate(counted.classes):
        figures += _shares(against_the_rest(counted, of), name)
    return [each for one in figures for each in one.estimates(counted.groups, counted.troubles, minimum=minimum)]


def _accuracy(counted: Confusion) -> tuple[Floats, NDArray[np.int64], Floats]:
    """As the share of one cell of two: right, of all."""
    diagonal = np.eye(len(counted.classes), dtype=bool)
    right = [each[:, diagonal].sum(1) for each in (counted.rows, counted.weight, counted.square)]
    whole = [each.sum((1, 2)) for each in (counted.rows, counted.weight, counted.square)]
    cells = [
        np.stack([np.stack([r, w - r], 1), np.zeros((len(r), 2), r.dtype)], 1)
        for r, w in zip(right, whole, strict=True)
    ]
    two = Confusion(("", ""), counted.groups, cells[0], cells[1], cells[2], counted.troubles)
    found = share(two, Share(([1, 0], [0, 0]), _ALL, "no rows"))
    return found.value, found.rows, found.effective


def _precision(cells: Floats) -> Floats:
    return _over(_hits(cells), cells.sum(-2))


def _recall(cells: Floats) -> Floats:
    return _over(_hits(cells), cells.sum(-1))


def _f1(cells: Floats) -> Floats:
    return _over(2 * _hits(cells), cells.sum(-2) + cells.sum(-1))


def _macro(per_class: Floats, cells: Floats) -> Floats:
    del cells
    mean: Floats = per_class.mean(-1)
    return mean


def _weighted(per_class: Floats, cells: Floats) -> Floats:
    """By how much of each class there is; a class that does not occur counts for nothing."""
    support = cells.sum(-1)
    return _over(np.where(support > 0, per_class * support, 0.0).sum(-1), support.sum(-1))


_PER_CLASS: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "precision": (_precision, "a class is never predicted"),
    "recall": (_recall, "a class has no row that is labelled so"),
    "f1": (_f1, "a class is neither labelled nor predicted"),
}
_AVERAGES: dict[str, Callable[[Floats, Floats], Floats]] = {"macro": _macro, "weighted": _weighted}


def _hits(cells: Floats) -> Floats:
    hits: Floats = np.diagonal(cells, axis1=-2, axis2=-1)
    return hits


def _over(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def drawn_again(counted: Confusion, *, seed: int, draws: int) -> Floats:
    """Weights [draws, groups, classes, classes] of ``draws`` bootstrap samples of each group's rows.

    Rows fall into cells as a multinomial. What those of one cell weigh together is drawn as normal, with the mean and
    the variance that as many rows of the cell have; without weights it is their number.
    """
    rng = np.random.default_rng(seed)
    cells = counted.rows.reshape(len(counted.groups), -1)
    total = cells.sum(1)
    chances = np.where(total[:, None] > 0, cells / np.maximum(total, 1)[:, None], 1 / cells.shape[1])
    drawn = rng.multinomial(total, chances, size=(draws, len(total))).reshape(draws, *counted.rows.shape)
    known = np.maximum(counted.rows, 1)
    mean = counted.weight / known
    variance = np.maximum(counted.square / known - mean**2, 0)
    noise = rng.standard_normal(drawn.shape) if variance.any() else np.zeros(())
    return np.maximum(drawn * mean + np.sqrt(drawn * variance) * noise, 0)


def spread_of(drawn: Floats) -> Ends:
    """The percentiles over the first axis; NaN where more than one draw of twenty could not be computed."""
    gone = np.isnan(drawn).mean(0) > 0.05
    low, high = percentiles(np.where(gone, 0.0, drawn))
    return np.where(gone, np.nan, low), np.where(gone, np.nan, high)

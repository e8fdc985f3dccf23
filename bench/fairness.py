"""``fairness``: rates by group and the disparities between groups, against fairlearn's ``MetricFrame``.

Both sides start from the same arrays in memory and give the same numbers of each group (accuracy, precision, recall,
false positive rate, selection rate) and the largest difference of each between groups; they are compared to 1e-9. Ours
counts once and takes everything from the counts. What the intervals cost, with 1,000 draws, stands beside it:
``intervals_ratio`` is the time of counting, of every criterion and comparison of fairness with the intervals that it
has, and of one more interval of a disparity over all groups, divided by that of the same ``MetricFrame`` pass, which
gives none; above 1 there is no figure.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from affidavit.measure.confusion import confusion
from affidavit.measure.disparity import Shares, difference
from affidavit.measure.fairness import fairness
from affidavit.measure.performance import SHARES, share
from affidavit.measure.rows import Facet
from bench.measurement import ROUNDS, Measurement, NotComparable

BOUND = 0.01
ROWS, QUICK_ROWS, GROUPS, DRAWS = 200_000, 20_000, 20, 1_000

_NAMES = ("accuracy", "precision", "recall", "false_positive_rate", "selection_rate")
_VALUES = tuple(f"district {n}" for n in range(GROUPS))

Figures = dict[str, tuple[np.ndarray[Any, Any], float]]


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`~bench.measurement.ROUNDS` rounds, both sides in turns."""
    rows = QUICK_ROWS if quick else ROWS
    rng = np.random.default_rng(7)
    label = rng.integers(0, 2, rows)
    decision = np.where(rng.random(rows) < 0.75, label, 1 - label)
    group = np.array(_VALUES, dtype=object)[rng.integers(0, GROUPS, rows)]
    rounds = []
    for _ in range(ROUNDS):
        start = perf_counter()
        theirs = _theirs(label, decision, group)
        middle = perf_counter()
        ours = _ours(label, decision, group)
        end = perf_counter()
        counted = confusion(label, decision, classes=(0, 1), by=[Facet("district", group, _VALUES)])
        fairness(counted, seed=7, draws=DRAWS)
        rates = share(counted.by("district"), SHARES["selection_rate"])
        Shares(rates.value[None, :GROUPS], rates.effective[None, :GROUPS]).interval(difference, seed=7, draws=DRAWS)
        rounds.append((end - middle, middle - start, perf_counter() - end))
        _same(ours, theirs)
    ours_median, other_median, intervals = (median(side) for side in zip(*rounds, strict=True))
    sizes = {"rows": rows, "groups": GROUPS, "rounds": ROUNDS, "draws": DRAWS}
    if intervals > other_median and not quick:
        raise NotComparable(f"the intervals took {intervals:.2f} s, one MetricFrame {other_median:.2f} s")
    sizes |= {"intervals_seconds": intervals, "intervals_ratio": intervals / other_median}
    return Measurement("fairness", ours_median, other_median, "seconds", BOUND, sizes)


def _ours(label: np.ndarray[Any, Any], decision: np.ndarray[Any, Any], group: np.ndarray[Any, Any]) -> Figures:
    counted = confusion(label, decision, classes=(0, 1), by=[Facet("district", group, _VALUES)])
    found = {}
    for name in _NAMES:
        value = share(counted, SHARES[name]).value[:GROUPS]
        found[name] = (value, float(difference(value[None])))
    return found


def _theirs(label: np.ndarray[Any, Any], decision: np.ndarray[Any, Any], group: np.ndarray[Any, Any]) -> Figures:
    from fairlearn import metrics
    from sklearn.metrics import accuracy_score, precision_score, recall_score

    functions = (accuracy_score, precision_score, recall_score, metrics.false_positive_rate, metrics.selection_rate)
    frame = metrics.MetricFrame(
        metrics=dict(zip(_NAMES, functions, strict=True)), y_true=label, y_pred=decision, sensitive_features=group
    )
    by_group, apart = frame.by_group.loc[list(_VALUES)], frame.difference()
    return {name: (by_group[name].to_numpy(), float(apart[name])) for name in _NAMES}


def _same(ours: Figures, theirs: Figures) -> None:
    for name in _NAMES:
        far = np.abs(ours[name][0] - theirs[name][0]).max(), abs(ours[name][1] - theirs[name][1])
        if not max(far) < 1e-9:
            raise NotComparable(f"{name} differs by {max(far):.2g}")

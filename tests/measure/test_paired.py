"""Two versions on the same rows: values are differences of scikit-learn's, intervals know that rows are shared."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from affidavit.measure.intervals import newcombe
from affidavit.measure.paired import agreement, auc_difference, compared, error_differences


def rows(seed, n=600):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    old = np.where(rng.random(n) < 0.8, label, 1 - label)
    return label, old, np.where(rng.random(n) < 0.1, label, old)


@pytest.mark.parametrize("seed", range(5))
def test_every_difference_is_that_of_the_two_versions(seed):
    label, old, new = rows(seed)
    found = {e.measure: e for e in compared(*agreement(label, old, new, classes=(0, 1)), seed=1, draws=200)}
    theirs = {
        "accuracy": metrics.accuracy_score,
        "recall": metrics.recall_score,
        "precision": metrics.precision_score,
        "f1": metrics.f1_score,
        "matthews_corrcoef": metrics.matthews_corrcoef,
        "specificity": lambda a, b: metrics.recall_score(a, b, pos_label=0),
    }
    for name, score in theirs.items():
        each = found[f"{name}_change"]
        assert each.value == pytest.approx(score(label, new) - score(label, old), abs=1e-9)
        assert each.low <= each.value <= each.high


def test_of_fewer_than_five_hundred_rows_only_shares_of_fixed_rows_have_an_interval():
    found = compared(*agreement(*rows(1, n=499), classes=(0, 1)), seed=1, draws=50)
    assert {e.measure for e in found if e.low is None} == {
        *("precision_change", "f1_change", "matthews_corrcoef_change")
    }


def test_shared_rows_make_the_interval_narrower():
    label, old, new = rows(1)
    each = compared(*agreement(label, old, new, classes=(0, 1)), seed=1, draws=50)[0]
    low, high = newcombe((new == label).mean(), len(label), (old == label).mean(), len(label))
    assert each.high - each.low < 0.6 * (high - low)


def test_the_difference_of_areas_varies_as_its_placements_do():
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, 200)
    old = np.round(label + rng.normal(size=200), 1)
    new = np.round(old + 0.3 * label + rng.normal(size=200) / 2, 1)
    each = auc_difference(label, old, new, classes=(0, 1))
    area = metrics.roc_auc_score
    assert each.value == pytest.approx(area(label, new) - area(label, old), abs=1e-9)
    pairs = [np.sign(s[label == 1][:, None] - s[label == 0][None]) / 2 + 0.5 for s in (old, new)]
    moved = pairs[1] - pairs[0]
    variance = moved.mean(1).var(ddof=1) / len(moved) + moved.mean(0).var(ddof=1) / moved.shape[1]
    half = stats.t.ppf(0.975, min(moved.shape) - 1) * np.sqrt(variance)
    assert each.high - each.value == pytest.approx(half, rel=1e-9)
    assert auc_difference(label, old, old, classes=(0, 1)).value == 0
    assert "too few" in auc_difference(label[:20], old[:20], new[:20], classes=(0, 1)).why
    new[3] = np.nan
    assert auc_difference(label, old, new, classes=(0, 1)).why == "a score is missing or not finite"


def test_differences_of_errors_have_the_interval_of_a_paired_t_test():
    rng = np.random.default_rng(3)
    label = rng.normal(size=80)
    old, new = label + rng.normal(size=80), label + rng.normal(size=80) / 2
    absolute, squared = error_differences(label, old, new)
    ends = stats.ttest_rel(np.abs(new - label), np.abs(old - label)).confidence_interval(0.95)
    assert (absolute.low, absolute.high) == pytest.approx((ends.low, ends.high))
    theirs = metrics.mean_squared_error(label, new) - metrics.mean_squared_error(label, old)
    assert squared.value == pytest.approx(theirs, abs=1e-9)
    new[0] = np.inf
    assert {e.why for e in error_differences(label, old, new)} == {
        "1 rows carry no prediction, or one that is not finite"
    }
    assert {e.why for e in error_differences(label[:0], old[:0], new[:0])} == {"no rows"}


def test_rows_in_trouble_stop_the_comparison_and_rows_without_a_label_do_not():
    label, old, new = (each.astype(object) for each in rows(2))
    label[0] = None
    counts, troubles = agreement(label, old, new, classes=(0, 1))
    assert counts.sum() == len(label) - 1
    assert all(e.value is not None for e in compared(counts, troubles, seed=1, draws=50))
    new[1] = "hunter2"
    found = compared(*agreement(label, old, new, classes=(0, 1)), seed=1, draws=50)
    assert {e.why for e in found} == {"1 rows carry predictions outside the declared set"}
    nothing = compared(*agreement(label[:0], old[:0], new[:0], classes=(0, 1)), seed=1, draws=50)
    assert all(e.value is None for e in nothing)

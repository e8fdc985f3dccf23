"""An alarm needs an effect and a test; real data that has not changed raises none, and real drift is found."""

import csv
from pathlib import Path

import numpy as np
import pytest

from affidavit.errors import UsageError
from affidavit.measure.alarms import EFFECTS, LEVEL, THRESHOLDS, judge_drift
from affidavit.measure.drift import NotCompared, compare_categories, compare_numbers

HMDA = Path(__file__).parents[2] / "demo" / "data" / "hmda_boston.csv"
NUMBERS = ("dir", "hir", "lvr", "ccs", "mcs", "uria")
EVERY_EFFECT = dict.fromkeys(EFFECTS, 0.0)
"""Thresholds that leave the decision to the tests alone."""


def judged(compared, **more):
    return {each.column: each for each in judge_drift(compared, **more)}


def value(drift, measure):
    (found,) = (each.value for each in drift.estimates if each.measure == measure)
    return found


def test_a_difference_that_is_significant_and_nothing_more_is_no_alarm():
    million = compare_categories([505_000, 495_000], [500_000, 500_000])
    found = judged({"x": million})["x"]
    assert value(found, "chi_square_p_value_adjusted") < 1e-9
    assert (found.alarm, found.why.split(";")[0]) == (False, "total_variation_distance is at most 0.1")


def test_a_difference_that_is_large_and_may_be_chance_is_no_alarm():
    found = judged({"x": compare_categories([20, 20], [14, 26])})["x"]
    assert value(found, "total_variation_distance") > THRESHOLDS["total_variation_distance"]
    assert found.alarm is False
    assert "p is 0.17 after adjustment" in found.why


def test_each_judgement_is_an_estimate_too():
    one, other = compare_categories([200, 200], [140, 260]), compare_categories([200, 200], [200, 200])
    found = judged({"x": one, "y": other, "q": NotCompared("a list of bytes")})
    assert [value(found[name], "drift_alarm") for name in "xyq"] == [1, 0, None]
    assert found["q"].estimates[-1].why == "a list of bytes"


def test_a_difference_that_is_both_is_an_alarm():
    found = judged({"x": compare_categories([200, 200], [140, 260])})["x"]
    assert found.alarm
    assert found.why.startswith("total_variation_distance is 0.15, and its threshold 0.1; p is ")


def test_more_columns_make_each_alarm_harder():
    borderline, quiet = compare_categories([50, 50], [34, 66]), compare_categories([50, 50], [50, 50])
    assert judged({"x": borderline})["x"].alarm
    together = judged({"x": borderline} | {f"c{n}": quiet for n in range(5)})
    assert together["x"].alarm is False
    alone = value(together["x"], "chi_square_p_value")
    assert value(together["x"], "chi_square_p_value_adjusted") == pytest.approx(6 * alone)


def test_columns_that_chance_cannot_change_do_not_make_alarms_harder():
    still = {f"c{n}": compare_numbers([1.0] * 100, [1.0] * 100) for n in range(50)}
    still |= {"k": compare_categories([100], [100]), "q": NotCompared("a list of bytes")}
    found = judged({"x": compare_categories([50, 50], [34, 66])} | still, thresholds=EVERY_EFFECT)
    assert found["x"].alarm
    assert value(found["x"], "chi_square_p_value_adjusted") == value(found["x"], "chi_square_p_value")
    assert found["c0"].alarm is False
    assert found["c0"].why == found["k"].why == "constant in both windows, and the same in both"
    assert (found["q"].alarm, found["q"].why) == (None, "a list of bytes")


def test_a_column_that_lost_its_values_is_an_alarm_although_they_cannot_be_compared():
    found = judged({"x": compare_numbers(np.arange(100.0), [np.nan] * 100)})["x"]
    assert found.alarm
    assert found.why.startswith("missing_share_difference is 1")
    fewer = judged({"x": compare_numbers([np.nan] * 50 + [1.0] * 50, np.arange(100.0))})["x"]
    assert "missing_share_difference is -0.5" in fewer.why


def test_what_cannot_be_judged_is_no_all_clear():
    assert judged({"x": compare_numbers([1.0] * 10, [1.0] * 40)})["x"].alarm is None
    assert judged({"x": compare_categories([100], [100])}, thresholds={"ks_statistic": 0.1})["x"].alarm is None
    names = compare_categories([1] * 40 + [0] * 40, [0] * 40 + [1] * 40)
    found = judged({"x": names}, thresholds={"unseen_share": 0.1})["x"]
    assert found.alarm is None
    assert found.why.startswith("chi_square_p_value cannot be judged: no category")
    infinite = compare_numbers(np.append(np.arange(50.0), np.inf), np.arange(50.0))
    found = judged({"x": infinite}, thresholds={"ks_statistic": 0.1, "normalised_wasserstein_distance": 0.1})["x"]
    assert found.alarm is None


@pytest.mark.parametrize("wrong", [{"ks": 0.1}, {"ks_statistic": -0.1}, {"ks_statistic": float("nan")}])
def test_a_threshold_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(UsageError, match="is no threshold of drift"):
        judge_drift({}, thresholds=wrong)


# Real data: windows of real rows, in which nothing has changed, or one column has.


@pytest.fixture(scope="module")
def tables():
    """By name: columns of numbers as arrays of floats, columns of categories as arrays of positions."""
    from sklearn.datasets import load_breast_cancer

    with HMDA.open(newline="") as file:
        rows = list(csv.DictReader(file))
    hmda = {}
    for name in rows[0]:
        texts = [row[name] for row in rows]
        if name in NUMBERS:
            hmda[name] = np.array([float(text) if text not in {"", "NA"} else np.nan for text in texts])
        else:
            known = sorted({text for text in texts if text not in {"", "NA"}})
            hmda[name] = np.array([known.index(text) if text in known else -1 for text in texts])
    tumours = load_breast_cancer()
    return {
        "hmda": hmda,
        "tumours": dict(zip(tumours.feature_names, tumours.data.T, strict=True)) | {"target": tumours.target},
    }


def compared(before, now):
    found = {}
    for name in before:
        if before[name].dtype.kind == "f":
            found[name] = compare_numbers(before[name], now[name])
        else:
            counts = [np.bincount(each[name] + 1, minlength=9) for each in (before, now)]
            missing = tuple(int(each[0]) for each in counts)
            found[name] = compare_categories(*(each[1:] for each in counts), missing=missing)
    return found


def windows(table, random, rows):
    """Two windows of ``rows`` rows, drawn with replacement from the same table."""
    size = len(next(iter(table.values())))
    for _ in range(2):
        chosen = random.integers(0, size, rows)
        yield {name: values[chosen] for name, values in table.items()}


def false_alarms(table, resamples):
    """Resamples with an alarm in any column, with the usual thresholds and with the tests alone."""
    random, usual, tests = np.random.default_rng(1), 0, 0
    for _ in range(resamples):
        found = compared(*windows(table, random, 400))
        usual += any(each.alarm for each in judge_drift(found))
        tests += any(each.alarm for each in judge_drift(found, thresholds=EVERY_EFFECT))
    return usual, tests


@pytest.mark.parametrize("name", ["hmda", "tumours"])
def test_unchanged_data_seldom_raises_an_alarm(tables, name):
    usual, tests = false_alarms(tables[name], 20)
    assert usual <= tests <= 20 * 2 * LEVEL


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["hmda", "tumours"])
def test_of_a_thousand_unchanged_resamples_at_most_the_nominal_share_raises_an_alarm(tables, name):
    usual, tests = false_alarms(tables[name], 1_000)
    assert usual <= tests <= 1_000 * LEVEL


def shifted(values, random):
    """By 0.3 standard deviations."""
    return values + 0.3 * np.nanstd(values)


def emptied(values, random):
    """A tenth of the rows has no value any more."""
    gone = random.random(len(values)) < 0.1
    return np.where(gone, np.nan if values.dtype.kind == "f" else -1, values)


def moved(values, random):
    """15 of 100 rows move from the most frequent category to another."""
    most = np.bincount(values[values >= 0]).argmax()
    going = (values == most) & (random.random(len(values)) < 0.15 / np.mean(values == most))
    return np.where(going, most + 1, values)


def found_share(table, change, columns, repeats):
    """Of changes of one column each, those that raise an alarm for it; and alarms for any other column."""
    random, found, others, tried = np.random.default_rng(2), 0, 0, 0
    for _ in range(repeats):
        before, now = windows(table, random, 1_000)
        for column in columns:
            alarms = {
                each.column
                for each in judge_drift(compared(before, now | {column: change(now[column], random)}))
                if each.alarm
            }
            tried += 1
            found += column in alarms
            others += bool(alarms - {column})
    return found / tried, others / tried


CASES = {
    "mean of hmda": ("hmda", shifted, NUMBERS, 0.9),
    "mean of tumours": ("tumours", shifted, ("mean radius", "worst area", "mean texture"), 0.9),
    "missing in hmda": ("hmda", emptied, ("dir", "black", "deny"), 0.99),
    "missing in tumours": ("tumours", emptied, ("mean radius", "target"), 0.99),
    "share in hmda": ("hmda", moved, ("pbcr", "single", "black", "deny"), 0.95),
    "share in tumours": ("tumours", moved, ("target",), 0.95),
}
"""Table, change, columns, and the share of changes that is found at least, in windows of 1,000 rows."""


@pytest.mark.parametrize("case", ["mean of hmda", "missing in tumours", "share in hmda"])
def test_injected_drift_is_found(tables, case):
    name, change, columns, share = CASES[case]
    found, others = found_share(tables[name], change, columns, 4)
    assert found >= share - 0.1
    assert others <= LEVEL


@pytest.mark.nightly
@pytest.mark.parametrize("case", CASES)
def test_injected_drift_is_found_at_the_stated_rate(tables, case):
    name, change, columns, share = CASES[case]
    found, others = found_share(tables[name], change, columns, 100)
    assert found >= share
    assert others <= LEVEL

"""Fairness equals fairlearn's numbers to 1e-9; what rests on too few rows is left out, and says so."""

import numpy as np
import pytest
from fairlearn import metrics

from affidavit.measure.confusion import confusion
from affidavit.measure.disparity import Shares, difference, shortfall
from affidavit.measure.fairness import fairness
from affidavit.measure.performance import SHARES, share
from affidavit.measure.rows import Facet

GROUPS = ("a", "b", "c")
THEIRS = {
    "demographic_parity_difference": metrics.demographic_parity_difference,
    "demographic_parity_ratio": metrics.demographic_parity_ratio,
    "equal_opportunity_difference": metrics.equal_opportunity_difference,
    "equalized_odds_difference": metrics.equalized_odds_difference,
    "equalized_odds_ratio": metrics.equalized_odds_ratio,
}


def rows(seed, n=400):
    rng = np.random.default_rng(seed)
    group = np.array(GROUPS, dtype=object)[rng.integers(0, 3, n)]
    label = rng.integers(0, 2, n)
    decision = np.where(rng.random(n) < 0.6 + 0.1 * (group == "a"), label, rng.integers(0, 2, n))
    return label, decision, group, rng.gamma(1, 1, n) if seed % 2 else None


def counted(label, decision, group, weight=None):
    return confusion(label, decision, classes=(0, 1), by=[Facet("g", group, GROUPS)], weight=weight)


@pytest.mark.parametrize("seed", range(10))
def test_disparities_equal_fairlearn(seed):
    label, decision, group, weight = rows(seed)
    found = {e.measure: e for e in fairness(counted(*rows(seed)), seed=1, draws=20, minimum=1) if e.about == "g"}
    for name, theirs in THEIRS.items():
        value = theirs(label, decision, sensitive_features=group, sample_weight=weight)
        assert found[name].value == pytest.approx(value, abs=1e-9), name
        assert found[name].low <= found[name].value <= found[name].high
    by_group = share(counted(*rows(seed)), SHARES["precision"]).value[:3]
    assert found["predictive_parity_difference"].value == pytest.approx(np.ptp(by_group), abs=1e-9)


def test_each_group_is_compared_with_the_one_of_reference():
    label, decision, group, _ = rows(2)
    found = fairness(counted(label, decision, group), reference=(("g", "b"),), seed=1, draws=20)
    rates = {name: decision[group == name].mean() for name in GROUPS}
    compared = {(e.measure, e.group): e for e in found if e.about == "against g b"}
    assert compared["selection_rate_difference", (("g", "a"),)].value == pytest.approx(rates["a"] - rates["b"])
    ratio = compared["selection_rate_ratio", (("g", "c"),)]
    assert ratio.value == pytest.approx(rates["c"] / rates["b"])
    assert ratio.low < ratio.value < ratio.high
    assert (("g", "b"),) not in {group for _, group in compared}
    assert compared["recall_ratio", (("g", "other"),)].why is not None
    largest = max(GROUPS, key=lambda name: (group == name).sum())
    assert {e.about for e in fairness(counted(label, decision, group), seed=1, draws=9)} == {
        "g",
        f"against g {largest}",
    }
    with pytest.raises(ValueError, match="not among the groups"):
        fairness(counted(label, decision, group), reference=(("g", "z"),), seed=1)


def test_groups_of_too_few_rows_are_not_compared():
    label, decision, group, _ = rows(4)
    few = np.flatnonzero(group == "c")[12:]
    left = np.delete(np.arange(len(label)), few)
    decision[group == "c"] = 1
    found = {e.measure: e for e in fairness(counted(label[left], decision[left], group[left]), seed=1, draws=20)}
    without = group[left] != "c"
    value = metrics.demographic_parity_difference(
        label[left][without], decision[left][without], sensitive_features=group[left][without]
    )
    assert found["demographic_parity_difference"].value == pytest.approx(value, abs=1e-9)
    assert found["demographic_parity_difference"].n == without.sum()
    comparison = [e for e in fairness(counted(label[left], decision[left], group[left]), seed=1) if e.group]
    assert "too few: 12 rows, 30 are asked for" in {e.why for e in comparison if e.group == (("g", "c"),)}
    alone = group == "a"
    for each in fairness(counted(label[alone], decision[alone], group[alone]), seed=1):
        assert each.value is None
        assert each.why


def test_one_label_outside_the_declared_set_stops_every_comparison_that_it_could_change():
    label, decision, group, _ = rows(4)
    label = label.astype(object)
    label[0] = "hunter2"
    found = fairness(counted(label, decision, group), seed=1, draws=20)
    assert {e.value for e in found if e.about == "g"} == {None}
    assert {e.value for e in found if dict(e.group).get("g") == group[0]} <= {None}
    assert not any("hunter2" in (e.why or "") for e in found)


def test_of_more_than_five_groups_the_largest_disparity_has_no_interval():
    label, decision, _, _ = rows(4, n=3_000)
    for groups in (5, 6):
        group = np.arange(3_000) % groups
        facet = Facet("g", group, tuple(range(groups)))
        found = fairness(confusion(label, decision, classes=(0, 1), by=[facet]), seed=1, draws=50)
        criteria = [e for e in found if e.about == "g"]
        assert len(criteria) == 6
        assert all(e.value is not None for e in criteria)
        assert {e.low is None for e in criteria} == {groups == 6}
        assert all(e.low is not None for e in found if e.group and e.value is not None)


def test_where_nobody_is_selected_there_is_a_difference_and_no_ratio():
    label, decision, group, _ = rows(4)
    found = {e.measure: e for e in fairness(counted(label, decision * 0, group), seed=1, draws=50)}
    assert found["demographic_parity_difference"].value == 0
    assert found["demographic_parity_ratio"].why == "the share is 0 in every group"
    assert found["selection_rate_ratio"].why == "the share of the group of reference is 0"
    assert found["predictive_parity_difference"].why.startswith("fewer than two groups")


def test_an_interval_holds_its_value_reaches_parity_and_does_not_depend_on_chance():
    alike = Shares(np.array([[0.3, 0.31, 0.29]]), np.array([[100.0, 100.0, 100.0]]))
    low, high = alike.interval(difference, seed=1, draws=500)
    assert low == 0.0
    assert 0.05 < high < 0.3
    assert alike.interval(difference, seed=1, draws=500) == (low, high)
    apart = Shares(np.array([[0.2, 0.6]]), np.array([[500.0, 500.0]]))
    low, high = apart.interval(difference, seed=1, draws=500)
    assert 0.3 < low < 0.4 < high < 0.5
    low, high = apart.interval(shortfall, seed=1, draws=500)
    assert low < 1 - 0.2 / 0.6 < high
    same = Shares(np.full((1, 4), 0.5), np.full((1, 4), 50.0))
    low, high = same.interval(difference, seed=1, draws=500)
    assert low == 0.0 < high

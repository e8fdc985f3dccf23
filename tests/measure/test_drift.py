"""Every distance and test is SciPy's to 1e-9, with ties, missing values and weights; what cannot be judged says why."""

import math
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from affidavit.measure.drift import (
    MOST_CATEGORIES,
    SAME,
    NotCompared,
    Side,
    compare_categories,
    compare_numbers,
    estimates,
)

CLOSE = {"rel": 1e-9, "abs": 1e-9}


def values(compared, least=30):
    return {each.measure: each.value for each in estimates(compared, about="x", least=least)}


def reasons(compared, least=30):
    return {each.measure: each.why for each in estimates(compared, about="x", least=least)}


def drawn(random):
    """Two windows: continuous, rounded or whole numbers, a tenth of them missing."""
    decimals = random.choice([0, 1, 12])
    for shift in (0.0, random.choice([0.0, 0.5])):
        found = random.normal(shift, random.choice([1.0, 1e6]), random.integers(40, 400)).round(decimals)
        found[random.random(len(found)) < 0.1] = np.nan
        yield found


def j_divergence(before, now):
    """SciPy's relative entropy, both ways; an empty bin holds half a row."""
    kept = (before + now) > 0
    p, q = (np.where(each == 0, 0.5, each)[kept] / each.sum() for each in (before, now))
    return (stats.entropy(p, q) if p.sum() == q.sum() == 1 else np.sum(p * np.log(p / q))) + np.sum(q * np.log(q / p))


def test_distances_between_numbers_are_those_of_scipy():
    random = np.random.default_rng(11)
    for _ in range(60):
        before, now = drawn(random)
        found = values(compare_numbers(before, now))
        old, new = before[~np.isnan(before)], now[~np.isnan(now)]
        test = stats.ks_2samp(old, new, method="asymp")
        assert found["ks_statistic"] == pytest.approx(test.statistic, **CLOSE)
        assert found["ks_p_value"] == pytest.approx(test.pvalue, **CLOSE)
        distance = stats.wasserstein_distance(old, new)
        assert found["wasserstein_distance"] == pytest.approx(distance, **CLOSE)
        assert found["normalised_wasserstein_distance"] == pytest.approx(distance / np.std(old), **CLOSE)


def test_the_stability_index_is_the_divergence_between_the_deciles_of_the_reference():
    random = np.random.default_rng(12)
    for _ in range(60):
        before, now = (each[~np.isnan(each)] for each in drawn(random))
        deciles = np.quantile(before, np.arange(1, 10) / 10, method="inverted_cdf")
        counts = [np.bincount(np.searchsorted(deciles, each, side="left"), minlength=10) for each in (before, now)]
        expected = j_divergence(*counts)
        assert values(compare_numbers(before, now))["population_stability_index"] == pytest.approx(expected, **CLOSE)


def test_a_weight_is_that_many_rows():
    random = np.random.default_rng(13)
    for _ in range(30):
        before, now = drawn(random)
        weights = [random.integers(0, 4, len(each)) for each in (before, now)]
        found = compare_numbers(before, now, reference_weights=weights[0], current_weights=weights[1])
        many = compare_numbers(np.repeat(before, weights[0]), np.repeat(now, weights[1]))
        for name in ("ks_statistic", "wasserstein_distance", "normalised_wasserstein_distance"):
            assert values(found)[name] == pytest.approx(values(many)[name], **CLOSE)
        assert values(found)["missing_share_difference"] == pytest.approx(
            values(many)["missing_share_difference"], **CLOSE
        )
        assert found.bins == many.bins
        old, new = ~np.isnan(before), ~np.isnan(now)
        oracle = stats.wasserstein_distance(before[old], now[new], weights[0][old], weights[1][new])
        assert values(found)["wasserstein_distance"] == pytest.approx(oracle, **CLOSE)


def test_equal_weights_change_nothing_and_unequal_ones_count_as_fewer_rows():
    random = np.random.default_rng(14)
    before, now = random.normal(size=100), random.normal(0.4, 1, 80)
    plain = values(compare_numbers(before, now))
    same = values(compare_numbers(before, now, reference_weights=[3.0] * 100, current_weights=[0.5] * 80))
    assert same == pytest.approx(plain)
    uneven = compare_numbers(before, now, reference_weights=[1.0, 9.0] * 50)
    assert uneven.reference.effective == pytest.approx((5 * 100) ** 2 / (50 * 82))
    size = round(uneven.reference.effective * 80 / (uneven.reference.effective + 80))
    assert values(uneven)["ks_p_value"] == pytest.approx(stats.kstwo.sf(uneven.ks, size), **CLOSE)


def test_tests_of_categories_are_those_of_scipy():
    random = np.random.default_rng(15)
    for _ in range(60):
        counts = random.integers(60, 300, (2, random.integers(2, 9)))
        found = values(compare_categories(*counts))
        test = stats.chi2_contingency(counts, correction=False)
        assert found["chi_square"] == pytest.approx(test.statistic, **CLOSE)
        assert found["chi_square_p_value"] == pytest.approx(test.pvalue, **CLOSE)
        assert found["cramers_v"] == pytest.approx(stats.contingency.association(counts), **CLOSE)
        assert found["population_stability_index"] == pytest.approx(j_divergence(*counts), **CLOSE)
        apart = np.abs(counts[0] / counts[0].sum() - counts[1] / counts[1].sum()).sum() / 2
        assert found["total_variation_distance"] == pytest.approx(apart, **CLOSE)


def test_missing_shares_are_tested_as_scipy_does():
    random = np.random.default_rng(16)
    for _ in range(60):
        rows, absent = random.integers(40, 400, 2), random.integers(1, 30, 2)
        found = values(compare_categories([rows[0]], [rows[1]], missing=tuple(absent)))
        table = np.array([absent, rows])
        assert found["missing_share_difference"] == pytest.approx(
            absent[1] / (absent[1] + rows[1]) - absent[0] / (absent[0] + rows[0]), **CLOSE
        )
        test = stats.chi2_contingency(table, correction=False)
        expected = test.pvalue if test.expected_freq.min() >= 5 else stats.fisher_exact(table).pvalue
        assert found["missing_share_p_value"] == pytest.approx(expected, **CLOSE)


def test_rare_categories_are_pooled_by_their_total_alone():
    found = compare_categories([100, 2, 50, 0, 1], [100, 3, 50, 6, 0])
    assert found.cells == ((100, 100), (50, 50), (3, 9))
    assert found.unseen == 6
    # 2 + 2 rows are expected as 2 in the smaller window: they join the rarest of the others.
    assert compare_categories([100, 50, 2], [100, 50, 2]).cells == ((100, 100), (52, 52))
    counts = [20] * (MOST_CATEGORIES + 5)
    assert compare_categories(counts, counts).cells == (*[(20, 20)] * MOST_CATEGORIES, (100, 100))


def test_the_order_of_rows_and_of_categories_does_not_matter():
    random = np.random.default_rng(17)
    before, now = drawn(random)
    assert compare_numbers(before, now) == compare_numbers(before[::-1], random.permutation(now))
    assert compare_categories([9, 40, 1], [40, 9, 7]) == compare_categories([40, 1, 9], [9, 7, 40])


def test_what_is_constant_in_both_windows_has_drifted_only_where_it_differs():
    same, other = compare_numbers([0.1] * 50, [0.1] * 40), compare_numbers([0.1] * 50, [0.2] * 40)
    assert same.constant
    assert (values(same)["ks_statistic"], values(same)["ks_p_value"]) == (0, 1)
    assert values(same)["normalised_wasserstein_distance"] == 0
    assert (values(other)["ks_statistic"], other.constant, other.deviation) == (1, False, 0)
    assert values(other)["ks_p_value"] < 1e-9
    assert "constant" in reasons(other)["normalised_wasserstein_distance"]
    assert reasons(compare_categories([50, 0], [40, 0]))["chi_square"] == SAME
    assert values(compare_categories([50, 0], [0, 40]))["chi_square_p_value"] < 1e-9
    assert values(compare_categories([50, 0], [0, 40]))["unseen_share"] == 1


def test_categories_of_which_none_is_frequent_are_not_compared():
    found = compare_categories([1] * 40 + [0] * 40, [0] * 40 + [1] * 40)
    assert "no category" in reasons(found)["chi_square"]
    assert values(found)["total_variation_distance"] is None
    assert values(found)["unseen_share"] == 1


def test_infinite_values_have_a_place_and_no_distance():
    before, now = np.append(np.arange(50.0), math.inf), np.append(np.arange(50.0), [-math.inf, 1e200])
    found = compare_numbers(before, now)
    assert values(found)["ks_statistic"] == pytest.approx(stats.ks_2samp(before, now).statistic)
    assert values(found)["wasserstein_distance"] is None
    assert reasons(found)["normalised_wasserstein_distance"] == "3 values are infinite or beyond 1e+100"


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        ([], [1.0] * 40, "the reference window has no rows"),
        ([1.0] * 40, [], "the current window has no rows"),
        ([1.0] * 40, [math.nan] * 40, "the current window has no rows with a value"),
        ([1.0] * 29, [1.0] * 40, "too few: the reference window has 29 rows, 30 are asked for"),
        (
            [1.0] * 40,
            [1.0] * 29 + [math.nan] * 9,
            "too few: the current window has 29 rows with a value, 30 are asked for",
        ),
    ],
)
def test_windows_without_enough_rows_are_not_judged(before, now, why):
    found = reasons(compare_numbers(before, now))
    assert {found[name] for name in found if not name.startswith("missing")} == {why}
    counts = [np.count_nonzero(~np.isnan(each)) for each in (before, now)]
    absent = tuple(int(np.count_nonzero(np.isnan(each))) for each in (before, now))
    found = reasons(compare_categories(counts[:1], counts[1:], missing=absent))
    assert {found[name] for name in found if not name.startswith("missing")} == {why}


def test_weights_that_are_all_nothing_are_not_judged():
    found = compare_numbers([1.0] * 40, [2.0] * 40, current_weights=[0.0] * 40)
    assert set(reasons(found).values()) == {"the weights of a window are all 0"}


def test_decimals_truths_and_none_are_numbers():
    found = compare_numbers([Decimal("1.5"), None, True] * 20, np.array([True, False] * 20))
    assert found == compare_numbers([1.5, math.nan, 1.0] * 20, [1.0, 0.0] * 20)
    assert found.reference == Side.counted(60, 20)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: compare_numbers(["a"], [1.0]),
        lambda: compare_numbers(np.array(["2026-01-01"], dtype="datetime64[D]"), [1.0]),
        lambda: compare_numbers([[1.0]], [1.0]),
        lambda: compare_numbers([1.0], [1.0], reference_weights=[-1.0]),
        lambda: compare_numbers([1.0], [1.0], reference_weights=[math.nan]),
        lambda: compare_numbers([1.0], [1.0], current_weights=[1.0, 1.0]),
        lambda: compare_categories([1], [1, 2]),
        lambda: compare_categories([-1], [1]),
        lambda: compare_categories([1], [1], missing=(0, -1)),
    ],
)
def test_what_is_no_number_no_weight_or_no_count_is_refused(wrong):
    with pytest.raises(ValueError, match=r"numbers come|weights are|counts are"):
        wrong()


def test_a_column_that_is_not_compared_has_no_number():
    (found,) = estimates(NotCompared("a list of bytes"), about="x")
    assert (found.measure, found.value, found.why) == ("drift", None, "a list of bytes")


def test_of_many_rows_the_limit_is_close_to_the_law_and_not_below_it():
    random = np.random.default_rng(18)
    found = compare_numbers(random.normal(size=30_000), random.normal(0.015, 1, 30_000))
    law = stats.kstwo.sf(found.ks, 15_000)
    assert law <= values(found)["ks_p_value"] <= 1.05 * law

import numpy as np
import pytest

from affidavit.errors import SourceRefused, SourceUnavailable
from affidavit.measure.asking import Feature
from affidavit.measure.robustness import adversarial, flip_rates
from affidavit.measure.rows import Facet
from tests.measure.models import decide, honest, mortgages

RNG = np.random.default_rng(5)
ROWS = {"x": RNG.normal(size=400), "sex": np.array(["f", "m"] * 200, object)}
X = Feature("x")


def found(estimates):
    return {(each.about, each.group): each for each in estimates}


def above(table):
    return table["x"] > 0


def test_each_change_is_counted_against_what_it_is_by_hand():
    rates = found(flip_rates(above, ROWS, [X, Feature("sex", ("f", "m"))], seed=1))
    positive = float((ROWS["x"] > 0).mean())
    assert rates["missing x", ()].value == pytest.approx(positive), "NaN is above nothing"
    assert rates["low boundary of x", ()].value == pytest.approx((ROWS["x"] > 0).sum() / 399, abs=0.003)
    for factor in ("10", "1000", "0.01"):
        assert rates[f"unit x{factor} in x", ()].value == 0, "the sign stays"
    assert (rates["swap of sex", ()].value, rates["swap of sex", ()].n) == (0, 400)
    noise = rates["noise in x", ()]
    assert 0 < noise.value < 0.1
    assert noise.low < noise.value < noise.high


def test_the_same_seed_gives_the_same_and_another_feature_changes_nothing():
    alone = flip_rates(above, ROWS, [X], seed=1)
    assert alone == flip_rates(above, ROWS, [Feature("sex", ("f", "m")), X], seed=1)[2:]
    assert alone != flip_rates(above, ROWS, [X], seed=2)


def test_a_mistaken_unit_flips_a_model_that_a_ratio_does_not():
    def by_size(table):
        return table["x"] > 3

    rates = found(flip_rates(by_size, {"x": np.abs(ROWS["x"]) + 0.4}, [X], seed=1))
    assert rates["unit x10 in x", ()].value > 0.9
    assert rates["unit x0.01 in x", ()].value < 0.05


def test_the_worst_group_is_named_and_only_one_that_was_declared():
    def unfair(table):
        return (table["x"] > 0) & (table["sex"] == "f")

    hidden = Facet("sex", np.array(["f", "x"] * 200, object), ("f", "m"))
    rates = found(flip_rates(unfair, ROWS, [X], seed=1, by=[hidden]))
    assert rates["missing x", (("sex", "f"),)].value > 0.4
    assert not [group for _, group in rates if group and group[0][1] not in {"f", "m"}]
    none = Facet("sex", np.array(["x"] * 400, object), ("f", "m"))
    rates = found(flip_rates(unfair, ROWS, [X], seed=1, by=[none]))
    assert rates["missing x, worst group", ()].value is None


def test_what_changes_no_row_or_too_few_is_not_judged():
    constant = {"x": np.full(100, 2.0), "sex": np.array(["f"] * 100, object)}
    rates = found(flip_rates(above, constant, [X, Feature("sex", ("f",))], seed=1))
    for about in ("noise in x", "low boundary of x", "swap of sex"):
        assert (rates[about, ()].value, rates[about, ()].why) == (None, "no row is changed by it")
    few = {"x": np.arange(29.0), "sex": np.array(["f"] * 29, object)}
    assert "too few" in found(flip_rates(above, few, [X], seed=1))["noise in x", ()].why


def test_a_model_that_refuses_a_change_says_so_and_one_that_is_down_ends_the_measurement():
    def picky(table):
        if np.isnan(table["x"]).any():
            raise SourceRefused("answered 400")
        return table["x"] > 0

    assert found(flip_rates(picky, ROWS, [X], seed=1))["missing x", ()].why == "the model refuses such rows"

    def down(table):
        raise SourceUnavailable("answered 500")

    with pytest.raises(SourceUnavailable):
        flip_rates(down, ROWS, [X], seed=1)


def test_a_model_that_answers_fewer_rows_is_no_model():
    with pytest.raises(ValueError, match="one answer a row"):
        flip_rates(lambda _: [1], ROWS, [X], seed=1)


def test_the_search_finds_what_lies_within_the_radius_and_how_near_it_is():
    rows = {"x": RNG.normal(size=300), "y": RNG.normal(size=300)}
    spread = rows["x"].std()
    asked = []

    def counted(table):
        asked.append(len(table["x"]))
        return table["x"] > 0

    share, median = adversarial(counted, rows, ["x", "y"], radius=0.5, questions=6000, seed=1)
    near = np.abs(rows["x"]) / spread < 0.5
    assert share.value == pytest.approx(near.mean(), abs=0.01)
    assert median.value == pytest.approx(np.median(np.abs(rows["x"][near]) / spread), abs=0.02)
    assert median.low < median.value < median.high
    assert sum(asked) <= 6000
    again = adversarial(counted, rows, ["x", "y"], radius=0.1, questions=6000, seed=1)[0]
    assert again.value < share.value


def test_what_was_not_searched_says_so():
    rows = {"x": np.arange(100.0)}
    for questions, table in ((700, rows), (6000, {"x": np.full(100, np.nan)}), (6000, {"x": np.ones(100)})):
        for each in adversarial(above, table, ["x"], radius=1, questions=questions, seed=1):
            assert each.why.startswith("not tested: ")
    assert adversarial(above, rows, [], radius=1, questions=900, seed=1)[0].why.startswith("not tested: ")


def test_rows_that_miss_a_value_stay_out_of_the_search():
    rows = {"x": np.where(np.arange(300) % 3 == 0, np.nan, ROWS["x"][:300])}
    share, _ = adversarial(above, rows, ["x"], radius=0.5, questions=6000, seed=1)
    assert share.n == 200


def test_a_model_that_hangs_on_one_digit_is_less_robust_than_one_that_does_not():
    table, label, _ = mortgages()
    steady = honest(table, label)

    def shaky(rows):
        return np.nan_to_num(rows["lvr"] * 1_000).astype(int) % 2 == 0

    features = [Feature("lvr")]
    calm = found(flip_rates(decide(steady), table, features, seed=3))["noise in lvr", ()]
    wild = found(flip_rates(shaky, table, features, seed=3))["noise in lvr", ()]
    assert calm.high < 0.05
    assert wild.low > 0.3

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from affidavit.measure.proxies import binned_column, proxies
from affidavit.measure.rows import Facet
from tests.measure.models import mortgages


def found(table, protected, **asked):
    estimates = proxies(table, protected, features=list(table), seed=1, **asked)
    return {(each.measure, each.about): each for each in estimates}


@pytest.fixture
def black():
    return Facet("black", mortgages()[2], ("yes",))


def test_a_planted_proxy_is_found_and_noise_is_not(black):
    table, _, _ = mortgages()
    rng = np.random.default_rng(3)
    mostly = np.where(rng.random(len(black.values)) < 0.1, "Elm", "Oak").astype(object)
    street = np.where((black.values == "yes") & (rng.random(len(mostly)) < 0.97), "Mill", mostly).astype(object)
    planted = found({"dir": table["dir"], "street": street, "dice": rng.random(len(street))}, black)
    assert planted["proxy_auc", "street"].low > 0.9
    assert planted["proxy_auc", "all features"].low > 0.9
    dice = planted["proxy_auc", "dice"]
    assert dice.low < 0.5 < dice.high
    assert planted["normalized_mutual_info_score", "street"].value > 0.4
    assert planted["normalized_mutual_info_score", "dice"].value < 0.02
    assert planted["proxy_auc", "street"].group == (("black", "yes"),)


def test_two_features_that_tell_it_only_together_are_found_together():
    rng = np.random.default_rng(4)
    one, noise = rng.normal(size=2000), rng.normal(size=2000)
    protected = Facet("p", np.where(one > 0, "yes", "no").astype(object), ("yes",))
    together = found({"sum": one + 2 * noise, "noise": noise}, protected)
    assert together["proxy_auc", "noise"].high < 0.55
    assert together["proxy_auc", "all features"].low > together["proxy_auc", "sum"].high


def test_a_relation_that_is_not_monotonic_is_found():
    x = np.random.default_rng(5).normal(size=1000)
    protected = Facet("p", np.where(np.abs(x) > 0.7, "yes", "no").astype(object), ("yes",))
    assert found({"x": x}, protected)["proxy_auc", "x"].low > 0.9


def test_the_information_is_that_of_scikit_learn(black):
    table, _, _ = mortgages()
    for name in ("lvr", "pbcr"):
        ours = found({name: table[name]}, black)["normalized_mutual_info_score", name].value
        assert ours == pytest.approx(normalized_mutual_info_score(binned_column(table[name]), black.values == "yes"))


def test_missing_values_are_a_bin_of_their_own_and_can_tell_too():
    x = np.random.default_rng(6).normal(size=600)
    values = np.where(np.arange(600) % 2 == 0, "yes", "no").astype(object)
    x[values == "yes"] = np.nan
    assert found({"x": x}, Facet("p", values, ("yes",)))["proxy_auc", "x"].value == 1


def test_what_is_too_rare_or_constant_is_not_judged():
    values = np.array(["yes"] * 49 + ["no"] * 400 + [None] * 9, object)
    rare = found({"x": np.arange(458.0)}, Facet("p", values, ("yes",)))
    assert "too few: 49 rows" in rare["proxy_auc", "x"].why
    assert rare["proxy_auc", "x"].n == 449, "rows without a value stay out"
    constant = found({"x": np.ones(458)}, Facet("p", values, ("yes",)))
    assert "constant" in constant["normalized_mutual_info_score", "x"].why

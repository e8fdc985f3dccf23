import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance as sklearn_importance

from affidavit.measure.explanation import importances, permutation_importance, reason_overlap, reasons, shapley
from tests.measure.models import decide, honest, score, split, tumours


def by_name(estimates):
    return {(each.measure, each.about): each for each in estimates}


def test_importances_are_those_of_scikit_learn_up_to_chance():
    (table, label), _ = split(*tumours())
    features = list(table)[:6]
    table = {name: table[name] for name in features}
    model = honest(table, label)
    ours = permutation_importance(decide(model), table, label, features=features, seed=1, repeats=20)
    theirs = sklearn_importance(model, pd.DataFrame(table), label, n_repeats=20, random_state=1)
    error = np.hypot(ours.std(axis=1), theirs.importances_std) / np.sqrt(20)
    assert (np.abs(ours.mean(axis=1) - theirs.importances_mean) <= 4 * error + 1e-12).all()


def test_what_is_declared_relevant_is_held_against_what_is():
    features = ["a", "b", "c", "d"]
    found = np.array([[0.30, 0.32], [0.10, 0.11], [0.0, 0.01], [-0.02, -0.01]])
    right = by_name(importances(found, features=features, declared=["a", "b"], rows=50))
    assert right["declared_relevance_auc", None].value == 1
    assert right["importance_share_outside_declared", None].value == pytest.approx(0.005 / 0.42)
    assert right["permutation_importance", "a"].value == pytest.approx(0.31)
    assert right["permutation_importance_rank_correlation", None].value == 1
    wrong = by_name(importances(found, features=features, declared=["c", "d"], rows=50))
    assert wrong["declared_relevance_auc", None].value == 0
    assert wrong["importance_share_outside_declared", None].value == pytest.approx(0.415 / 0.42)


def test_what_cannot_be_judged_of_importances_says_why():
    nothing = by_name(importances(np.zeros((2, 3)), features=["a", "b"], declared=["a", "b"], rows=50))
    assert "leaves the accuracy" in nothing["importance_share_outside_declared", None].why
    assert nothing["declared_relevance_auc", None].why == "every feature is declared relevant"
    assert nothing["permutation_importance_rank_correlation", None].value is None
    none = by_name(importances(np.ones((2, 3)), features=["a", "b"], declared=[], rows=50))
    assert none["declared_relevance_auc", None].why == "no feature is declared relevant"
    with pytest.raises(ValueError, match="two repeats"):
        permutation_importance(len, {"a": np.ones(3)}, np.ones(3), features=["a"], seed=1, repeats=1)


def interaction(table):
    return 2 * table["a"] + table["b"] * table["c"]


def exact(row, background):
    """Shapley values by their definition: every order, every background row."""
    names, total = list(row), dict.fromkeys(row, 0.0)
    orders = list(itertools.permutations(names))
    for order, at in itertools.product(orders, range(len(background["a"]))):
        now = {name: background[name][at] for name in names}
        for name in order:
            before = interaction(now)
            now[name] = row[name][0]
            total[name] += (interaction(now) - before) / len(orders) / len(background["a"])
    return [total[name] for name in names]


def test_sampled_reasons_agree_with_the_definition_and_add_up():
    rng = np.random.default_rng(2)
    background = {name: rng.normal(size=5) for name in "abc"}
    row = {name: np.array([1.5]) for name in "abc"}
    found = shapley(interaction, row, background, seed=1, samples=4000)
    for each, truth in zip(reasons(found, features=list(row)), exact(row, background), strict=True):
        half = (each.high - each.low) / 2
        assert abs(each.value - truth) < 2 * half
        assert each.measure == "shapley_value"
    drawn = np.random.default_rng(1).integers(5, size=4000)
    assert found.sum(axis=1) == pytest.approx(
        interaction(row)[0] - interaction({name: column[drawn] for name, column in background.items()})
    )


def test_reasons_of_a_plain_model_stay_and_those_of_a_model_that_answers_at_random_do_not():
    (table, label), (rows, _) = split(*tumours())
    names = list(table)[:6]
    table, rows = ({name: each[name] for name in names} for each in (table, rows))
    few = {name: column[:6] for name, column in rows.items()}
    rng = np.random.default_rng(0)
    calm = reason_overlap(score(honest(table, label)), few, table, seed=1, samples=2000)
    wild = reason_overlap(lambda asked: rng.random(len(asked[names[0]])), few, table, seed=1, samples=20)
    assert wild.high < calm.low <= calm.value <= 1
    assert calm.about == "top 3"


def test_an_overlap_that_would_say_nothing_is_not_given():
    one = {name: np.zeros(1) for name in "abcd"}
    assert reason_overlap(interaction, one, one, seed=1).value is None
    three = {name: np.zeros(5) for name in "abc"}
    assert reason_overlap(interaction, three, three, seed=1).why == "there are no more than 3 features"

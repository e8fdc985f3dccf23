"""Performance equals scikit-learn's, to 1e-9, and what scikit-learn would call 0 or warn about cannot be judged."""

import warnings

import numpy as np
import pytest
from sklearn import metrics

from affidavit.measure.calibration import BINS, calibrated, probabilities, reliability
from affidavit.measure.confusion import confusion
from affidavit.measure.performance import binary, multiclass
from affidavit.measure.ranking import ranked, ranking
from affidavit.measure.residuals import ROWS_OF_R2, median_absolute_error, ranks_of_median, regression, residuals
from affidavit.measure.rows import Facet

BINARY = {
    "accuracy": metrics.accuracy_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "f1": metrics.f1_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "matthews_corrcoef": metrics.matthews_corrcoef,
}


def rows(seed, classes=2):
    """Labels, decisions, scores with ties, weights or None."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 120))
    label = rng.integers(0, classes, n)
    label[:classes] = range(classes)
    decision = np.where(rng.random(n) < 0.6, label, rng.integers(0, classes, n))
    decision[:classes] = range(classes)
    score = np.clip(np.round(rng.beta(1 + label, 2), int(rng.integers(1, 4))), 0.001, 0.999)
    return label, decision, score, rng.gamma(1, 1, n) if seed % 2 else None


def values(estimates):
    return {each.measure if each.about is None else (each.measure, each.about): each.value for each in estimates}


@pytest.mark.parametrize("seed", range(20))
def test_two_classes_equal_scikit_learn(seed):
    label, decision, score, weight = rows(seed)
    found = values(binary(confusion(label, decision, classes=(0, 1), weight=weight), seed=1, draws=20, minimum=1))
    for name, theirs in BINARY.items():
        assert found[name] == pytest.approx(theirs(label, decision, sample_weight=weight), abs=1e-9), name
    negative = {"specificity": (label == 0, decision == 0), "false_positive_rate": (label == 0, decision == 1)}
    whole = np.ones(len(label), bool)
    shares = negative | {"selection_rate": (whole, decision == 1), "prevalence": (whole, label == 1)}
    for name, (among, of) in (shares | {"false_negative_rate": (label == 1, decision == 0)}).items():
        mean = np.average(of[among], weights=None if weight is None else weight[among])
        assert found[name] == pytest.approx(mean, abs=1e-9), name
    ranks = values(ranked(ranking(label, score, classes=(0, 1), weight=weight), minimum=1))
    assert ranks["roc_auc"] == pytest.approx(metrics.roc_auc_score(label, score, sample_weight=weight), abs=1e-9)
    theirs = metrics.average_precision_score(label, score, sample_weight=weight)
    assert ranks["average_precision"] == pytest.approx(theirs, abs=1e-9)
    likely = values(calibrated(probabilities(label, score, classes=(0, 1), weight=weight), minimum=1))
    assert likely["brier_score"] == pytest.approx(
        metrics.brier_score_loss(label, score, sample_weight=weight), abs=1e-9
    )
    assert likely["log_loss"] == pytest.approx(metrics.log_loss(label, score, sample_weight=weight), abs=1e-9)
    in_the_large = np.average(score - label, weights=weight)
    assert likely["calibration_in_the_large"] == pytest.approx(in_the_large, abs=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_more_classes_equal_scikit_learn(seed):
    label, decision, _, weight = rows(seed, classes=4)
    found = values(multiclass(confusion(label, decision, classes=range(4), weight=weight), seed=1, draws=20, minimum=1))
    each = metrics.precision_recall_fscore_support(label, decision, sample_weight=weight)[:3]
    for name, theirs in zip(("precision", "recall", "f1"), each, strict=True):
        for of in range(4):
            assert found[name, str(of)] == pytest.approx(theirs[of], abs=1e-9)
        for average in ("macro", "weighted"):
            score = getattr(metrics, f"{name}_score")(label, decision, average=average, sample_weight=weight)
            assert found[f"{name}_{average}"] == pytest.approx(score, abs=1e-9)
    accuracy = metrics.accuracy_score(label, decision, sample_weight=weight)
    assert found["accuracy"] == pytest.approx(accuracy, abs=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_errors_of_numbers_equal_scikit_learn_also_far_from_zero(seed):
    rng = np.random.default_rng(seed)
    n, weight = int(rng.integers(5, 80)), None
    label = rng.normal(size=n) + (1e7 if seed % 3 == 0 else 0)
    prediction = label + rng.normal(0.3, 1, n)
    if seed % 2:
        weight = rng.gamma(1, 1, n)
    added = residuals(label, prediction, weight=weight)
    found = values(regression(added, minimum=1))
    assert found["mean_error"] == pytest.approx(np.average(prediction - label, weights=weight), abs=1e-9)
    for name in ("mean_absolute_error", "root_mean_squared_error"):
        theirs = getattr(metrics, name)(label, prediction, sample_weight=weight)
        assert found[name] == pytest.approx(theirs, abs=1e-9), name
    assert found["r2"] == pytest.approx(metrics.r2_score(label, prediction, sample_weight=weight), rel=1e-9)
    errors = np.sort(np.abs(prediction - label))
    ordered = [{rank: errors[rank - 1] for rank in ranks_of_median(n)}]
    (median,) = median_absolute_error(added.groups, np.array([n]), ordered, added.troubles, minimum=1)
    assert median.value == pytest.approx(metrics.median_absolute_error(label, prediction), abs=1e-9)


def test_delong_is_what_the_placements_vary_by():
    label, _, score, _ = rows(4)
    (auc, _) = ranked(ranking(label, score, classes=(0, 1)), minimum=2)
    pairs = np.sign(score[label == 1][:, None] - score[label == 0][None]) / 2 + 0.5
    variance = pairs.mean(1).var(ddof=1) / len(pairs) + pairs.mean(0).var(ddof=1) / pairs.shape[1]
    odds = [np.log(end / (1 - end)) for end in (auc.low, auc.high)]
    from scipy import stats

    half = stats.t.ppf(0.975, min(pairs.shape) - 1) * np.sqrt(variance) / (auc.value * (1 - auc.value))
    assert odds[1] - odds[0] == pytest.approx(2 * half, rel=1e-9)


def test_the_spread_of_average_precision_is_how_it_moves_with_each_row():
    label, _, score, weight = rows(5)
    from affidavit.measure.ranking import _precision

    found = ranking(label, score, classes=(0, 1), weight=weight)
    one = np.eye(len(label)) * 1e-5

    def moved(by):
        return metrics.average_precision_score(label, score, sample_weight=weight + by)

    slopes = np.array([(moved(each) - moved(-each)) / 2e-5 for each in one])
    few = min((label == 1).sum(), (label == 0).sum())
    assert _precision(found)[1][0] == pytest.approx((slopes**2 * weight**2).sum() * few / (few - 1), rel=1e-5)


def test_an_empty_table_a_constant_column_or_one_class_is_no_number():
    empty = confusion(np.array([], int), np.array([], int), classes=(0, 1))
    assert {each.why for each in binary(empty, seed=1)} >= {"no rows"}
    assert all(each.value is None for each in binary(empty, seed=1))
    ones = np.ones(100, int)
    found = {each.measure: each for each in binary(confusion(ones, ones * 0, classes=(0, 1)), seed=1)}
    assert found["accuracy"].value == 0.0
    assert found["precision"].why == "no row is predicted positive"
    assert found["specificity"].why == "no row is labelled negative"
    assert found["matthews_corrcoef"].why == "all labels, or all decisions, are of one class"
    for each in ranked(ranking(ones, ones / 2, classes=(0, 1))):
        assert each.why == "labels are of one class"
    for each in regression(residuals(ones, ones + 0.5)):
        assert (each.value is None) == (each.measure == "r2")


def test_fewer_rows_than_asked_for_are_no_number():
    label = np.array([0, 1] * 20)
    found = {each.measure: each for each in binary(confusion(label, label, classes=(0, 1)), seed=1)}
    assert found["accuracy"].value == 1.0
    assert found["recall"].why == "too few: 20 rows, 30 are asked for"
    assert found["recall"].n == 20


def test_a_row_without_a_label_is_left_out_and_one_outside_the_declared_set_stops_the_measure():
    label = np.array([0, 1, None, float("nan"), 1, 0] * 30, dtype=object)
    counted = confusion(label, np.array([0, 1] * 90), classes=(0, 1))
    assert counted.troubles[0].tolist() == [60, 0, 0, 0, 0, 0]
    assert binary(counted, seed=1)[0].n == 120
    label[0] = "hunter2"
    why = {each.why for each in binary(confusion(label, np.array([0, 1] * 90), classes=(0, 1)), seed=1)}
    assert why == {"1 rows carry labels outside the declared set"}


@pytest.mark.parametrize(
    ("score", "weight", "why"),
    [
        (np.nan, 1.0, "carry no prediction, or one that is not finite"),
        (np.inf, 1.0, "carry no prediction, or one that is not finite"),
        (1.5, 1.0, "carry scores outside 0 to 1"),
        (-0.1, 1.0, "carry scores outside 0 to 1"),
        (0.5, -1.0, "carry weights that are missing, negative or not finite"),
        (0.5, np.nan, "carry weights that are missing, negative or not finite"),
    ],
)
def test_one_row_that_cannot_be_used_stops_what_rests_on_it(score, weight, why):
    label = np.array([0, 1] * 50)
    scores, weights = np.full(100, 0.4), np.ones(100)
    scores[7], weights[7] = score, weight
    for each in calibrated(probabilities(label, scores, classes=(0, 1), weight=weights)):
        assert each.why == f"1 rows {why}"
    stopped = {each.why for each in ranked(ranking(label, scores, classes=(0, 1), weight=weights))}
    assert stopped == ({None} if "outside" in why else {f"1 rows {why}"})


def test_what_happened_although_it_had_a_probability_of_zero_has_no_log_loss():
    label, score = np.array([0, 1] * 50), np.array([0.0, 1.0] * 50)
    found = {each.measure: each for each in calibrated(probabilities(label, score, classes=(0, 1)))}
    assert found["log_loss"].value == 0.0
    score[1] = 0.0
    found = {each.measure: each for each in calibrated(probabilities(label, score, classes=(0, 1)))}
    assert "infinite" in found["log_loss"].why
    assert found["brier_score"].value == pytest.approx(0.01)


def test_the_reliability_diagram_counts_every_row_once_and_hides_small_bins():
    rng = np.random.default_rng(3)
    score = np.concatenate([rng.random(2_000) * 0.5, np.linspace(0, 1, 11)])
    label = (rng.random(len(score)) < score).astype(int)
    found = probabilities(label, score, classes=(0, 1))
    shown = reliability(found, 0, minimum=1)
    assert sum(each.rows for each in shown) == len(score)
    assert [each is None for each in reliability(found, 0)] == [False] * 5 + [True] * 5
    gap = sum(each.rows * abs(each.score - each.positive) for each in shown) / len(score)
    (error,) = [each for each in calibrated(found) if each.measure == "expected_calibration_error"]
    assert error.value == pytest.approx(gap, abs=1e-9)
    assert error.low is None
    places = np.minimum((score * BINS).astype(int), BINS - 1)
    for n, each in enumerate(shown):
        assert each.positive == pytest.approx(label[places == n].mean())


def test_groups_are_the_listed_values_and_what_is_left_and_fewer_columns_add_up():
    rng = np.random.default_rng(2)
    label, decision = rng.integers(0, 2, (2, 900))
    sex = np.array(["F", "M", "X", None], dtype=object)[rng.integers(0, 4, 900)]
    age = rng.integers(0, 3, 900)
    counted = confusion(label, decision, classes=(0, 1), by=[Facet("sex", sex, ("F", "M")), Facet("age", age, (0, 1))])
    assert counted.groups[0] == (("age", "0"), ("sex", "F"))
    assert counted.rows.sum() == 900
    by_sex = counted.by("sex")
    assert [group[0][1] for group in by_sex.groups] == ["F", "M", "other", "missing"]
    assert by_sex.rows[3].sum() == sum(each is None for each in sex)
    assert by_sex.rows[2, 1, 1] == ((sex == "X") & (label == 1) & (decision == 1)).sum()
    assert counted.by().groups == ((),)
    with pytest.raises(ValueError, match="nothing was counted by colour"):
        counted.by("colour")


def test_r2_of_few_rows_has_no_interval():
    rng = np.random.default_rng(1)
    label = rng.normal(size=ROWS_OF_R2)
    ends = [
        [each.low is None for each in regression(residuals(label[:n], label[:n] + 0.1 * label[:n] ** 2))][-1]
        for n in (ROWS_OF_R2 - 1, ROWS_OF_R2)
    ]
    assert ends == [True, False]


def test_the_same_seed_gives_the_same_ends_and_another_another():
    label, decision, _, _ = rows(6)
    counted = confusion(label, decision, classes=(0, 1))

    def ends(seed):
        return [(e.low, e.high) for e in binary(counted, seed=seed, minimum=1) if e.measure == "matthews_corrcoef"]

    assert ends(1) == ends(1)
    assert ends(1) != ends(2)


def test_nothing_warns_and_columns_of_other_lengths_are_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        multiclass(confusion(np.array([0]), np.array([1]), classes=(0, 1, 2)), seed=1, draws=10, minimum=1)
    with pytest.raises(ValueError, match="for every row"):
        confusion(np.array([0]), np.array([1, 0]), classes=(0, 1))
    with pytest.raises(ValueError, match="two classes"):
        binary(confusion(np.array([0]), np.array([1]), classes=(0, 1, 2)), seed=1)

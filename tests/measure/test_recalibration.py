"""Slope and intercept of calibration are those of a logistic regression, and their intervals cover what they say."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from affidavit.measure.recalibration import Judgeable, recalibration, summed
from affidavit.measure.rows import TROUBLES

FINE = np.zeros(len(TROUBLES), np.int64)


def drawn(rng, n, *, intercept=0.0, slope=1.0):
    """Scores, and labels that are as likely as the straightened scores say."""
    score = rng.beta(1.5, 2.5, n)
    return (rng.random(n) < expit(intercept + slope * logit(score))).astype(np.int64), score


def fitted(label, score, weight=None, **changes):
    amounts = np.ones(len(label)) if weight is None else weight
    counts = {"negative": int((label == 0).sum()), "positive": int((label == 1).sum()), "certain": 0, "troubles": FINE}
    return recalibration(summed(label, score, amounts), Judgeable(**counts | changes))


@pytest.mark.parametrize("weighted", [False, True])
def test_both_are_those_of_scikit_learn(weighted):
    rng = np.random.default_rng(5)
    label, score = drawn(rng, 600, intercept=-0.4, slope=0.6)
    weight = rng.gamma(2, 1, 600) if weighted else None
    theirs = LogisticRegression(C=np.inf, tol=1e-13, solver="newton-cholesky", max_iter=200)
    theirs.fit(logit(score)[:, None], label, sample_weight=weight)
    intercept, slope = fitted(label, score, weight)
    assert intercept.value == pytest.approx(theirs.intercept_[0], abs=1e-9)
    assert slope.value == pytest.approx(theirs.coef_[0, 0], abs=1e-9)
    assert slope.n == 600


def test_scores_far_too_sure_of_themselves_are_fitted_although_the_first_steps_lead_away():
    rng = np.random.default_rng(3)
    x = rng.normal(size=300)
    label, score = (rng.random(300) < expit(0.3 + 0.8 * x)).astype(np.int64), expit(8 * x)
    theirs = LogisticRegression(C=np.inf, tol=1e-13, solver="newton-cholesky").fit(logit(score)[:, None], label)
    assert fitted(label, score)[1].value == pytest.approx(theirs.coef_[0, 0], abs=1e-9)


def test_ties_in_scores_change_nothing_in_how_they_are_fitted():
    rng = np.random.default_rng(6)
    label, score = drawn(rng, 400)
    score = np.clip(score.round(1), 0.1, 0.9)
    theirs = LogisticRegression(C=np.inf, tol=1e-13, solver="newton-cholesky").fit(logit(score)[:, None], label)
    assert fitted(label, score)[1].value == pytest.approx(theirs.coef_[0, 0], abs=1e-9)


def test_scores_that_are_too_extreme_have_a_slope_below_1_and_calibrated_ones_do_not():
    rng = np.random.default_rng(7)
    _, slope = fitted(*drawn(rng, 4_000, slope=0.5))
    assert slope.high < 1
    intercept, slope = fitted(*drawn(rng, 4_000))
    assert intercept.low < 0 < intercept.high
    assert slope.low < 1 < slope.high


@pytest.mark.parametrize("weighted", [False, True])
def test_intervals_cover_what_they_say(weighted):
    rng, covered, trials = np.random.default_rng(8), np.zeros(2), 500
    for _ in range(trials):
        label, score = drawn(rng, 400, intercept=0.3, slope=0.8)
        found = fitted(label, score, rng.gamma(2, 0.5, 400) if weighted else None)
        covered += [each.low <= true <= each.high for each, true in zip(found, (0.3, 0.8), strict=True)]
    assert (covered / trials >= 0.93).all()
    assert (covered / trials <= 0.97).all()


@pytest.mark.parametrize(
    ("label", "score", "changes", "why"),
    [
        ([0, 1] * 40, [0.5] * 80, {}, "no one line fits"),
        ([0] * 40 + [1] * 40, [0.2, 0.3] * 20 + [0.7, 0.8] * 20, {}, "no one line fits"),
        ([0] * 70 + [1] * 10, np.linspace(0.1, 0.9, 80), {}, "too few: 10 rows of one label"),
        ([0, 1] * 40, np.linspace(0.1, 0.9, 80), {"certain": 3}, "3 rows have a score of 0 or 1"),
        (
            [0, 1] * 40,
            np.linspace(0.1, 0.9, 80),
            {"troubles": np.array([0, 2, 0, 0, 0, 0])},
            "2 rows carry labels outside",
        ),
    ],
    ids=["alike", "parted", "few", "certain", "trouble"],
)
def test_what_no_line_fits_says_so(label, score, changes, why):
    for each in fitted(np.array(label), np.array(score), **changes):
        assert each.value is None
        assert why in each.why

import math

import pytest
from scipy.stats import binomtest

from affidavit.measure.agreement import decision_agreement, score_agreement


def test_the_share_that_is_answered_again_has_wilsons_interval():
    recorded = [0.5] * 95 + [0.7, None, math.nan, math.inf, 0.5001]
    found = score_agreement(recorded, [0.5] * 100, tolerance=1e-6)
    assert (found.value, found.n, found.about) == (0.95, 100, "tolerance 1e-06")
    truth = binomtest(95, 100).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((truth.low, truth.high))
    assert score_agreement(recorded, [0.5] * 100, tolerance=1e-3).value == 0.96


def test_decisions_agree_by_their_text():
    assert decision_agreement(["deny", "approve", None] * 20, ["deny"] * 60).value == pytest.approx(1 / 3)


def test_few_rows_unequal_lengths_and_a_tolerance_below_nought():
    assert "too few: 29 rows" in decision_agreement(["a"] * 29, ["a"] * 29).why
    with pytest.raises(ValueError, match="zip"):
        decision_agreement(["a"] * 40, ["a"] * 39)
    with pytest.raises(ValueError, match="tolerance"):
        score_agreement([0.5], [0.5], tolerance=-1)

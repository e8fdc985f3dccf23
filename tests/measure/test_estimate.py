"""An estimate is a finite number with what is behind it, or a reason why there is none; never something in between."""

import math

import pytest

from affidavit.measure import Estimate, cannot


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": None},
        {"value": 0.5, "why": "too few"},
        {"value": math.nan},
        {"value": math.inf},
        {"value": 0.5, "low": 0.4},
        {"value": 0.5, "low": 0.6, "high": 0.4},
        {"value": 0.5, "low": 0.4, "high": math.inf},
        {"value": None, "why": "too few", "low": 0.4, "high": 0.6},
        {"value": 0.5, "n": -1},
        {"value": 0.5, "group": (("b", "1"), ("a", "1"))},
    ],
)
def test_what_would_look_like_a_number_and_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="recall"):
        Estimate(**{"measure": "recall", "n": 10, **wrong})


def test_what_cannot_be_judged_says_why():
    assert cannot("recall", "too few: 3 rows, 30 are asked for", n=3).value is None

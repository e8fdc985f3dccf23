"""How a version is asked: what cannot be meant is refused with its place."""

import pytest
from pydantic import ValidationError

from affidavit.inventory import Measured
from affidavit.inventory.measures import family_of

ASKED = {
    "task": "binary",
    "model": "loans",
    "classes": ["no", "yes"],
    "positive": "yes",
    "cut": 0.5,
    "features": ["income"],
    "key": "id",
}


@pytest.mark.parametrize("way", [{"serve": True}, {"endpoint": "live"}])
def test_a_version_is_asked_in_one_way(way):
    assert Measured.model_validate(ASKED | way).asked
    assert not Measured.model_validate(ASKED).asked


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"serve": True, "endpoint": "live"}, "serve"),
        ({"serve": True, "key": None}, "key"),
        ({"endpoint": "live", "key": None}, "key"),
        ({"serve": True, "features": []}, "features"),
        ({"task": "regression", "classes": [], "positive": None, "cut": None, "answers": "class"}, "answers"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(fields, field):
    with pytest.raises(ValidationError) as caught:
        Measured.model_validate(ASKED | fields)
    (error,) = caught.value.errors()
    assert error["ctx"]["path"] == (field,)


@pytest.mark.parametrize("rows", [29, 2_001])
def test_a_sample_has_bounds(rows):
    with pytest.raises(ValidationError, match="sample"):
        Measured.model_validate(ASKED | {"serve": True, "sample": rows})


def test_several_classes_are_answered_as_classes():
    several = {"task": "multiclass", "classes": ["a", "b", "c"], "positive": None, "cut": None}
    assert Measured.model_validate(ASKED | several).answers_class


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"custom": ["cost", "cost"]}, ("custom", 1)),
        ({"custom": ["recall"]}, ("custom", 0)),
        ({"custom": ["cost"], "key": None}, ("key",)),
        ({"custom": ["cost"], "thresholds": [{"measure": "costs", "at_most": 1}]}, ("thresholds", 0, "measure")),
        ({"custom": ["cost"], "thresholds": [{"measure": "cost", "about": "x", "at_most": 1}]}, ("thresholds", 0)),
    ],
)
def test_a_custom_measure_is_named_once_and_is_of_all_sampled_rows(fields, path):
    with pytest.raises(ValidationError) as caught:
        Measured.model_validate(ASKED | fields)
    (error,) = caught.value.errors()
    assert error["ctx"]["path"] == path


def test_a_threshold_of_a_custom_measure_is_of_a_family_of_its_own():
    threshold = {"measure": "cost", "at_most": 1}
    measured = Measured.model_validate(ASKED | {"custom": ["cost"], "thresholds": [threshold]})
    assert family_of(measured.thresholds[0]) == "custom"

"""Thresholds that cannot be meant are refused with their place; what a change of them weakens is named and waits."""

import pytest
from pydantic import TypeAdapter, ValidationError

from affidavit.inventory.thresholds import Threshold, consistent, known, looser, thresholds_in_force
from affidavit.inventory.waiting import Waiting


def recall(**fields):
    return Threshold(
        **({"measure": "recall"} | ({} if {"at_least", "at_most"} & fields.keys() else {"at_least": 0.9}) | fields)
    )


def place(fields):
    """Path, problem and fix of what a mapping is refused for."""
    with pytest.raises(ValidationError) as caught:
        Threshold.model_validate({"measure": "recall"} | fields)
    (error,) = caught.value.errors()
    return error["ctx"]["path"], error["ctx"]["problem"], error["ctx"]["fix"]


@pytest.mark.parametrize(
    ("fields", "path", "problem"),
    [
        ({}, (), "a threshold that demands nothing"),
        ({"at_least": 0.9, "at_most": 0.8}, ("at_most",), "below its own at_least, so that no value can meet it"),
        (
            {"at_least": 0.9, "group": {"sex": "f"}, "each_group_of": ["sex"]},
            ("each_group_of",),
            "one group and each group, in one threshold",
        ),
        ({"at_least": 0.9, "each_group_of": ["sex", "sex"]}, ("each_group_of", 1), "the column 'sex' a second time"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(fields, path, problem):
    assert place(fields)[:2] == (path, problem)


@pytest.mark.parametrize(
    "wrong", [{"at_least": "0.9"}, {"at_least": float("nan")}, {"at_most": float("inf")}, {"min": 1}]
)
def test_what_is_no_threshold_is_no_threshold(wrong):
    with pytest.raises(ValidationError):
        TypeAdapter(Threshold).validate_python({"measure": "recall", **wrong}, strict=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"at_most": 0.8}),
        ({"about": "x"}, {"at_most": 0.8}),
        ({"group": {"sex": "f"}}, {"each_group_of": ("sex",), "at_most": 0.8}),
        ({"each_group_of": ("sex", "age")}, {"each_group_of": ("age", "sex"), "at_most": 0.8}),
        (
            {"group": {"sex": "f", "age": "old"}},
            {"each_group_of": ("age", "sex"), "at_most": 0.8, "judged_by": "interval"},
        ),
    ],
)
def test_two_that_no_value_could_meet_are_refused_with_both_places(one, other):
    for pair in ((recall(**one), recall(**other)), (recall(**other), recall(**one))):
        with pytest.raises(Exception, match=r"where thresholds\[0\] demands") as caught:
            consistent("thresholds", pair)
        assert caught.value.context["path"] == ("thresholds", 1)


@pytest.mark.parametrize(
    "other",
    [
        {"at_most": 0.9},
        {"measure": "precision", "at_most": 0.8},
        {"group": {"sex": "f"}, "at_most": 0.8},
        {"each_group_of": ("sex",), "at_most": 0.8},
    ],
)
def test_two_that_can_both_be_met_stand_together(other):
    consistent("thresholds", [recall(), recall(**other)])
    consistent("thresholds", [recall(about="x", at_least=0.9), recall(about="y", at_most=0.8)])


def test_a_measure_that_nobody_measures_is_refused_with_near_names():
    with pytest.raises(Exception, match="there is no measure 'recal'") as caught:
        known("thresholds", [recall(), recall(measure="recal")], {"recall", "precision"})
    assert (caught.value.context["path"], caught.value.context["fix"]) == (
        ("thresholds", 1, "measure"),
        "did you mean 'recall'?",
    )
    known("thresholds", [recall()], {"recall"})


GROUPS = {"each_group_of": ("sex",)}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            recall(),
            recall(at_least=0.8),
            "Of recall, a lower value would pass: at least 0.9 is in force, at least 0.8 would be.",
        ),
        (
            recall(at_most=0.1),
            recall(at_most=0.2),
            "Of recall, a higher value would pass: at most 0.1 is in force, at most 0.2 would be.",
        ),
        (
            recall(at_least=0.1, at_most=0.9),
            recall(at_least=0.1),
            "Of recall, no value would be too high any more: at most 0.9 is in force, nothing would be.",
        ),
        (
            recall(judged_by="interval"),
            recall(),
            (
                "Of recall, the value would be judged and not its interval: "
                "at least 0.9 at the worst end of the interval is in force, at least 0.9 would be."
            ),
        ),
        (
            recall(),
            recall(at_least=0.8, judged_by="interval"),
            (
                "Of recall, a lower value would pass, and it would be judged by its interval: "
                "at least 0.9 is in force, at least 0.8 at the worst end of the interval would be."
            ),
        ),
        (
            recall(),
            recall(measure="precision"),
            "Of recall, nothing would be demanded any more: at least 0.9 is in force, nothing would be.",
        ),
        (
            recall(**GROUPS),
            recall(),
            (
                "Of recall of each group of sex, the groups would no longer be judged: "
                "recall of each group of sex is in force, recall would be."
            ),
        ),
        (
            recall(**GROUPS),
            recall(group={"sex": "f"}),
            (
                "Of recall of each group of sex, only a part would be judged: "
                "recall of each group of sex is in force, recall of sex = f would be."
            ),
        ),
        (
            recall(group={"sex": "f"}),
            recall(**GROUPS),
            (
                "Of recall of sex = f, it would no longer have to be measured by itself: "
                "recall of sex = f is in force, recall of each group of sex would be."
            ),
        ),
        (
            recall(),
            recall(about="macro"),
            "Of recall, only a part would be judged: recall is in force, recall about macro would be.",
        ),
    ],
)
def test_each_weakening_is_one_sentence_and_the_old_threshold_stands(old, new, sentence):
    assert looser([old], [new]) == [sentence]
    standing = thresholds_in_force([old], [new], Waiting(""))
    assert old in standing
    assert looser([old], standing) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (recall(), recall(at_least=0.95)),
        (recall(), recall(judged_by="interval")),
        (recall(), recall(at_most=0.99, at_least=0.9)),
        (recall(why="before"), recall(why="after")),
        (recall(each_group_of=("a", "b")), recall(each_group_of=("b", "a"))),
    ],
)
def test_what_tightens_waits_for_nobody(old, new):
    assert looser([old], [new]) == []
    assert thresholds_in_force([old], [new], Waiting("")) == (new,)


def test_a_part_that_is_demanded_by_itself_may_take_its_bound_from_the_whole():
    assert looser([recall(group={"sex": "f"})], [recall(group={"sex": "f"}, at_least=0), recall(**GROUPS)]) == []


def test_a_new_threshold_that_contradicts_one_which_stands_stays_out():
    old, new = recall(), recall(at_most=0.5)
    waiting = Waiting("include/systems/x.yaml")
    assert thresholds_in_force([old], [new], waiting) == (old,)
    assert [(item.field, item.old, item.new) for item in waiting.found] == [("thresholds.recall", "at least 0.9", "")]

"""A threshold is met by what was measured and meets it, never by absence; a tighter one is met by nothing more."""

import itertools
import random

import pytest

from affidavit.inventory.thresholds import Threshold, consistent, looser, thresholds_in_force
from affidavit.inventory.waiting import Waiting
from affidavit.measure import Estimate, cannot
from affidavit.rules.thresholds import Met, judge_threshold

SEX = (("sex", "f"),)


def recall(**fields):
    return Threshold(**({"measure": "recall", "at_least": 0.8} | fields))


def found(value, low=None, high=None, **fields):
    return Estimate("recall", value, 120, low, high, **fields)


EACH = recall(each_group_of=("sex",))
OF_INTERVAL = recall(judged_by="interval")


@pytest.mark.parametrize(
    ("threshold", "estimates", "met", "sentence"),
    [
        (recall(), [found(0.9)], Met.MET, "recall is 0.9; at least 0.8 is demanded: met."),
        (recall(), [found(0.8)], Met.MET, "recall is 0.8; at least 0.8 is demanded: met."),
        (recall(), [found(0.799999)], Met.NOT_MET, "recall is 0.799999; at least 0.8 is demanded: not met."),
        (recall(), [], Met.CANNOT, "recall was not measured."),
        (recall(), [found(0.9, group=SEX)], Met.CANNOT, "recall was not measured."),
        (recall(group={"sex": "f"}), [found(0.9)], Met.CANNOT, "recall of sex = f was not measured."),
        (recall(about="macro"), [found(0.9)], Met.CANNOT, "recall about macro was not measured."),
        (
            recall(),
            [cannot("recall", "too few: 12 rows, 30 are asked for", n=12)],
            Met.CANNOT,
            "recall has no value (too few: 12 rows, 30 are asked for); at least 0.8 is demanded: cannot be judged.",
        ),
        (
            OF_INTERVAL,
            [found(0.9, 0.79, 0.95)],
            Met.NOT_MET,
            "recall is 0.9, from 0.79 to 0.95; at least 0.8 at the worst end of the interval is demanded: not met.",
        ),
        (
            OF_INTERVAL,
            [found(0.9)],
            Met.CANNOT,
            (
                "recall is 0.9, without an interval; "
                "at least 0.8 at the worst end of the interval is demanded: cannot be judged."
            ),
        ),
        (
            OF_INTERVAL,
            [found(0.7)],
            Met.NOT_MET,
            "recall is 0.7, without an interval; at least 0.8 at the worst end of the interval is demanded: not met.",
        ),
        (
            recall(at_least=None, at_most=2_000),
            [found(2_000.4)],
            Met.NOT_MET,
            "recall is 2000.4; at most 2000 is demanded: not met.",
        ),
        (
            EACH,
            [found(0.9, group=SEX), found(0.7, group=(("sex", "m"),)), cannot("recall", "none", group=(("sex", "x"),))],
            Met.NOT_MET,
            "recall of each group of sex: 1 of 3 miss at least 0.8, which is demanded: sex = m (is 0.7).",
        ),
        (
            EACH,
            [found(0.9, group=SEX), cannot("recall", "too few: 3 rows, 30 are asked for", group=(("sex", "m"),))],
            Met.CANNOT,
            (
                "recall of each group of sex: 1 of 2 cannot be judged against at least 0.8, which is demanded: "
                "sex = m (has no value (too few: 3 rows, 30 are asked for))."
            ),
        ),
        (
            EACH,
            [found(0.9, group=SEX), found(0.9, group=(("sex", "m"),))],
            Met.MET,
            "recall of each group of sex: all 2 come to at least 0.8, as is demanded.",
        ),
        (
            recall(),
            [found(0.9), found(0.7, about="macro")],
            Met.NOT_MET,
            "recall: 1 of 2 miss at least 0.8, which is demanded: macro (is 0.7).",
        ),
    ],
)
def test_a_judgement_says_what_it_rests_on(threshold, estimates, met, sentence):
    judgement = judge_threshold(threshold, estimates)
    assert (judgement.met, judgement.sentence) == (met, sentence)


def test_a_group_of_two_columns_is_no_group_of_one():
    both = found(0.9, group=(("age", "old"), ("sex", "f")))
    assert judge_threshold(EACH, [both]).met is Met.CANNOT
    assert judge_threshold(recall(each_group_of=("sex", "age")), [both]).met is Met.MET


SCOPES = ({}, {"group": {"g": "1"}}, {"group": {"g": "2"}}, {"each_group_of": ("g",)})
ENDS = [
    (least, most) for least in (None, 0, 1, 2) for most in (None, 0, 1, 2) if not least or most is None or least <= most
]
THRESHOLDS = [
    Threshold(measure="m", about=about, at_least=least, at_most=most, judged_by=judged_by, **scope)
    for about in (None, "a", "b")
    for least, most in ENDS[1:]
    for judged_by in ("value", "interval")
    for scope in SCOPES
]


# More subjects and groups than thresholds name, and numbers on both sides of each bound.
INTERVALS = [
    *itertools.combinations_with_replacement(range(-1, 4), 3),
    *((None, value, None) for value in range(-1, 4)),
]
EVERY = [
    Estimate("m", value, 1, low, high, about=about, group=group)
    for low, value, high in INTERVALS
    for about in (None, "a", "b", "other")
    for group in ((), (("g", "1"),), (("g", "2"),), (("g", "other"),))
] + [cannot("m", "why", about=about, group=group) for about in (None, "a") for group in ((), (("g", "1"),))]


def can_stand(thresholds):
    try:
        consistent("thresholds", thresholds)
    except Exception:
        return False
    return True


def admissible(thresholds):
    """Every estimate that meets all of the thresholds that reach it."""
    return [e for e in EVERY if all(_lets_pass(judge_threshold(t, [e])) for t in thresholds)]


def _lets_pass(judgement):
    return judgement.rows is None or judgement.met is Met.MET


def reached(threshold, estimate):
    return judge_threshold(threshold, [estimate]).rows is not None


def refuted(old, new):
    """Whether some set of estimates meets all of ``new`` and not all of ``old``."""
    good = admissible(new)
    # If any set does, then one of these: all that could be there, or all but what one old threshold reaches.
    sets = [good, *([e for e in good if not reached(t, e)] for t in old)]
    return any(met(new, each) and not met(old, each) for each in sets)


def met(thresholds, estimates):
    return all(judge_threshold(t, estimates).met is Met.MET for t in thresholds)


def changes(many, seed):
    """Two versions of a list each, the second half of the time with only a bit of the first changed."""
    draw = random.Random(seed)
    while many:
        old, new = (draw.sample(THRESHOLDS, draw.randint(1, 3)) for _ in range(2))
        if draw.random() < 0.7:
            bits = [{}, {}, {"judged_by": "interval"}, {"at_most": 2}, {"at_least": 0}, {"about": None}]
            new = [each.model_copy(update=draw.choice(bits)) for each in old] + new[: draw.randint(0, 1)]
        if can_stand(old) and can_stand(new):
            many -= 1
            yield old, new


def test_a_change_is_looser_exactly_if_something_that_meets_it_does_not_meet_what_was():
    found = set()
    for old, new in changes(50, seed=1):
        found.add(bool(looser(old, new)))
        assert bool(looser(old, new)) is refuted(old, new), (old, new)
    assert found == {True, False}


def test_what_stands_is_no_looser_than_what_was_and_can_still_be_met():
    for old, new in changes(800, seed=2):
        standing = thresholds_in_force(old, new, Waiting(""))
        assert looser(old, standing) == [], (old, new)
        assert can_stand(standing)
        if not looser(old, new):
            assert looser(new, standing) == [], (old, new)


ORDER = [Met.NOT_MET, Met.CANNOT, Met.MET]


def test_tightening_never_makes_an_answer_better():
    draw = random.Random(3)
    for before in THRESHOLDS:
        for what, bound in itertools.product(("at_least", "at_most", "judged_by"), (0, 1)):
            tightest = {
                "at_least": max(bound, -1 if before.at_least is None else before.at_least),
                "at_most": min(bound, 9 if before.at_most is None else before.at_most),
                "judged_by": "interval",
            }
            after = before.model_copy(update={what: tightest[what]})
            estimates = draw.sample(EVERY, draw.randint(1, 60))
            first, second = (judge_threshold(t, estimates).met for t in (before, after))
            assert ORDER.index(second) <= ORDER.index(first), (before, after, estimates)

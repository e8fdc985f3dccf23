"""k of n over a period, against what was done day by day."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.evidence import kinds
from affidavit.projections import calendar, fold
from affidavit.rules.operation import Operation, operation
from affidavit.rules.verdict import Status
from tests.projections.story import DAY, FIRST, SCOPE, STEPS, Story

MIDNIGHT = FIRST.replace(minute=0)


def assess(story: Story, **statuses: str) -> int:
    facts = {
        "controls": {control: {"status": status, "origin": None} for control, status in statuses.items()},
        "rules": "0" * 64,
        "catalogue": "0" * 64,
    }
    return story.say(kinds.ASSESSMENT, f"affidavit://posture/{SCOPE}", facts).index


def over(story: Story, *, first: int = 0, last: int | None = None, control: str = "A") -> Operation:
    state = fold(story.entries)
    end = MIDNIGHT + last * DAY if last is not None else None
    found = calendar(state, SCOPE, at=story.now, start=MIDNIGHT + first * DAY, end=end)
    return next(each for each in operation(state.scope(SCOPE), found) if each.control == control)


@pytest.fixture
def story() -> Story:
    story = Story()
    story.declare()
    story.collection()
    assess(story, A="supported")
    return story


def days(story: Story, count: int, **statuses: str) -> None:
    for _ in range(count):
        story.now += DAY
        story.collection()
        if statuses:
            story.now += timedelta(minutes=1)
            assess(story, **statuses)
            story.now -= timedelta(minutes=1)


def test_every_instance_is_kept_where_all_came_and_stood(story):
    days(story, 10)
    assert (over(story).kept, over(story).due, over(story).lapses) == (10, 10, ())


def test_green_today_does_not_hide_the_red_day(story):
    days(story, 3)
    story.now += timedelta(hours=1)
    red = assess(story, A="failing")
    story.now += timedelta(hours=2)
    assess(story, A="supported")
    story.now -= timedelta(hours=3)
    days(story, 3)
    found = over(story)
    assert (found.kept, found.due) == (5, 6)
    [lapse] = found.lapses
    assert (lapse.what, lapse.found_by, lapse.index) == ("failing", "assessment", red)
    assert lapse.end - lapse.start == timedelta(hours=2)


def test_a_lapse_before_the_period_is_not_of_it_and_one_that_reaches_into_it_is(story):
    days(story, 2, A="failing")
    days(story, 2, A="supported")
    days(story, 4)
    assert over(story, first=4).lapses == ()
    assert (over(story, first=4).kept, over(story, first=4).due) == (4, 4)
    reaching = over(story, first=1, last=3)
    assert (reaching.kept, reaching.due) == (0, 2)
    assert [lapse.what for lapse in reaching.lapses] == ["failing"]


def test_a_lapse_that_lasts_has_no_end(story):
    days(story, 2, A="stale")
    days(story, 2)
    assert [(lapse.what, lapse.end) for lapse in over(story).lapses] == [("stale", None)]


def test_what_never_came_is_an_exception_of_every_control_and_nobody_found_it(story):
    story.now += DAY
    days(story, 3)
    found = over(story)
    assert (found.kept, found.due) == (3, 4)
    [lapse] = found.lapses
    assert (lapse.what, lapse.found_by, lapse.index, lapse.end - lapse.start) == ("never came", "nobody", None, DAY)
    assert lapse.why.endswith("nothing was recorded")


def test_a_part_that_is_absent_was_found_by_its_collection(story):
    story.now += DAY
    index = story.collection(steps=STEPS[1:]).index
    days(story, 1)
    [lapse] = over(story).lapses
    assert (lapse.found_by, lapse.index) == ("collection", index)
    assert lapse.why.startswith("declarations: ")


@pytest.mark.parametrize("status", [each.value for each in Status])
def test_only_supported_is_kept_and_what_is_not_owed_is_no_instance(status):
    story = Story()
    story.declare()
    story.collection()
    assess(story, A=status)
    days(story, 2)
    expected = {"supported": (2, 2), "not applicable": (0, 0), "not yet due": (0, 0)}.get(status, (0, 2))
    assert (over(story).kept, over(story).due) == expected


def test_nobody_found_what_was_never_assessed():
    story = Story()
    story.declare()
    story.collection()
    days(story, 2)
    story.now += timedelta(minutes=1)
    assess(story, A="supported")
    days(story, 1)
    [lapse] = over(story).lapses
    assert (lapse.what, lapse.found_by, lapse.index) == ("not assessed", "nobody", None)
    assert (over(story).kept, over(story).due) == (1, 3)


def test_a_control_that_is_judged_no_longer_is_owed_no_longer(story):
    days(story, 2, A="supported", B="supported")
    days(story, 3, A="supported")
    assert (over(story, control="B").due, over(story).due) == (3, 5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["supported", "failing", "missing"])), max_size=15))
def test_k_of_n_is_what_was_done_day_by_day(done):
    story = Story()
    story.declare()
    story.collection()
    assess(story, A="supported")
    before, expected = "supported", []
    for collected, status in done:
        story.now += DAY
        if collected:
            story.collection()
        story.now += timedelta(hours=1)
        assess(story, A=status)
        story.now -= timedelta(hours=1)
        expected.append(collected and before == status == "supported")
        before = status
    story.now += DAY
    story.collection()
    found = over(story, last=len(done))
    assert (found.due, found.kept) == (len(done), sum(expected))
    assert (found.lapses == ()) == all(expected)

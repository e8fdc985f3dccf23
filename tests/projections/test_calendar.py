"""What was due and never came, against what a reader marks in a calendar by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.evidence import ORGANISATION_SCOPE, Period, kinds
from affidavit.projections import Calendar, Came, calendar, fold
from tests.projections.story import DAY, FIRST, SCOPE, STEPS, Story, system

HOUR = timedelta(hours=1)
MIDNIGHT = FIRST.replace(minute=0)
OWED = tuple(step for step in STEPS if step != "lineage")


def of(story: Story, at: datetime | None = None, scope: str = SCOPE, **period: datetime) -> Calendar:
    return calendar(fold(story.entries), scope, at=at or story.now, **period)


def came(story: Story, at: datetime | None = None) -> list[str]:
    return [due.came.value for due in of(story, at).due]


def whys(story: Story, at: datetime | None = None) -> list[tuple[int, str]]:
    return [(gap.slots, gap.lack.why) for gap in of(story, at).gaps()]


@pytest.fixture
def story() -> Story:
    """Declared and collected on the first day."""
    story = Story()
    story.declare()
    story.collection()
    return story


def collect_days(story: Story, days: int) -> None:
    for _ in range(days):
        story.now += DAY
        story.collection()


def test_nothing_is_due_where_nothing_is_declared():
    story = Story()
    story.collection()
    assert of(story).due == ()
    assert of(story).since is None


def test_what_came_in_time_came_and_the_latest_may_still_come(story):
    collect_days(story, 3)
    assert came(story) == ["came"] * 3
    assert came(story, story.now + DAY) == ["came"] * 3 + ["may still come"]
    assert of(story).gaps() == ()


def test_a_slot_may_be_looked_at_until_the_next_is_over_and_not_a_moment_longer(story):
    story.now = MIDNIGHT + 2 * DAY - timedelta(milliseconds=1)
    story.collection(slot=Period(MIDNIGHT, MIDNIGHT + DAY))
    assert came(story) == ["came"]
    late = Story()
    late.declare()
    late.now = MIDNIGHT + 2 * DAY
    late.collection(slot=Period(MIDNIGHT, MIDNIGHT + DAY))
    assert came(late) == ["came late", "may still come"]
    [gap] = of(late).gaps()
    assert (gap.start, gap.end, gap.lack.at) == (MIDNIGHT, late.now, late.now)


def test_a_look_before_the_slot_was_over_is_none(story):
    story.now = MIDNIGHT + DAY - HOUR
    story.collection(slot=Period(MIDNIGHT, MIDNIGHT + DAY))
    assert came(story, MIDNIGHT + 2 * DAY) == ["never came", "may still come"]


def test_three_slots_of_a_pause_stay_when_it_is_over(story):
    collect_days(story, 1)
    story.now += 3 * DAY
    collect_days(story, 30)
    assert [each for each in came(story) if each != "came"] == ["never came"] * 3
    [gap] = of(story).gaps()
    assert (gap.slots, gap.start, gap.end) == (3, MIDNIGHT + DAY, MIDNIGHT + 4 * DAY)
    assert (gap.lack.steps, gap.lack.why, gap.lack.index) == (OWED, "nothing was recorded", None)


def test_a_backfill_hides_no_gap_and_its_entry_names_the_reason(story):
    collect_days(story, 1)
    story.now += 2 * DAY
    filled = story.collection(gap="paused", slot=Period(MIDNIGHT + DAY, MIDNIGHT + 2 * DAY))
    assert came(story)[1] == "never came"
    first = of(story).gaps()[0]
    assert (first.lack.why, first.lack.index) == ("paused", filled.index)


def test_what_a_backfill_looks_at_is_no_look_at_the_slot(story):
    collect_days(story, 1)
    looked = story.entries[-1].statement
    story.now += DAY
    slot = Period(MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)
    facts = {**looked.facts, "slot": slot.json(), "gap": "what a table holds of it by now"}
    story.say(kinds.COLLECTION, looked.subject.name, facts, interval=slot)
    assert came(story, story.now + DAY) == ["came", "never came", "may still come"]


def test_a_step_that_a_collection_came_without_is_a_gap_of_that_step(story):
    story.now += DAY
    story.collection(steps=tuple(step for step in STEPS if step != "table:test"))
    collect_days(story, 2)
    assert came(story) == ["never came", "came", "came"]
    [gap] = of(story).gaps()
    assert (gap.lack.steps, gap.slots, gap.lack.why) == (("table:test",), 1, "the collection came without it")


def test_a_step_that_was_looked_at_in_a_second_collection_of_the_slot_came(story):
    story.now += DAY
    story.collection(steps=("declarations",))
    story.now += HOUR
    story.collection()
    assert came(story) == ["came"]


def test_a_table_that_nobody_may_drop_is_due_all_the_same(story):
    story.now += DAY
    story.declare(datasets=system()["datasets"][:1])
    story.collection(steps=tuple(step for step in STEPS if step != "table:test"))
    assert came(story) == ["may still come"]
    assert [gap.lack.steps for gap in of(story, story.now + DAY).gaps()] == [("table:test",)]


def test_a_new_table_is_due_from_the_collection_that_recorded_it(story):
    story.now += DAY
    more = [*system()["datasets"], {"id": "new", "connection": "bank", "table": "new", "use": "test", "suite": "loans"}]
    story.declare(datasets=more)
    story.collection()
    story.now += DAY
    story.collection(steps=(*STEPS, "table:new"))
    assert came(story) == ["never came", "came"]
    assert [gap.lack.steps for gap in of(story).gaps()] == [("table:new",)]


def test_a_narrowed_list_of_experiments_shows_how_many_were_read(story):
    story.now += DAY
    tracking = {**system()["mlflow"], "experiments": ["loans", "loans-2"]}
    story.declare(mlflow=tracking)
    story.collection(cursor={"1": {}, "2": {}})
    story.now += DAY
    story.declare()  # narrower again, and nobody approved it
    story.collection(cursor={"1": {}})
    story.now += DAY
    story.collection(cursor={"1": {}, "2": {}})
    assert came(story) == ["came", "never came", "came"]
    assert whys(story) == [(1, "1 of 2 experiments were read")]


def test_a_slower_schedule_that_nobody_approved_leaves_the_days_due(story):
    story.now += DAY
    story.declare(schedule="@weekly")
    story.collection()
    story.now += 3 * DAY
    assert came(story) == ["came", "never came", "never came", "may still come"]


def test_a_faster_schedule_is_due_from_its_declaration_on_and_not_before(story):
    story.now = MIDNIGHT + DAY + 10 * HOUR + timedelta(minutes=5)
    story.declare(schedule="@hourly")
    ten = MIDNIGHT + DAY + 10 * HOUR
    story.collection(slot=Period(ten - HOUR, ten))
    for n in (1, 2):
        story.now += HOUR
        story.collection(slot=Period(ten + (n - 1) * HOUR, ten + n * HOUR))
    # The look that recorded the change was taken while the day's slot could be looked at.
    assert came(story) == ["came"] * 3
    assert [due.end for due in of(story).due] == [MIDNIGHT + DAY, ten + HOUR, ten + 2 * HOUR]


def test_a_late_look_for_one_slot_is_none_for_the_next(story):
    story.now = MIDNIGHT + 2 * DAY + HOUR
    story.collection(slot=Period(MIDNIGHT, MIDNIGHT + DAY))
    assert came(story, MIDNIGHT + 3 * DAY) == ["came late", "never came", "may still come"]
    assert [due.came.value for due in of(story, MIDNIGHT + 3 * DAY, start=MIDNIGHT + DAY).due] == [
        "never came",
        "may still come",
    ]


def test_the_file_of_a_system_is_gone_and_its_slots_stay_due(story):
    story.collect_organisation()
    collect_days(story, 1)
    story.now += DAY
    story.collect_organisation(systems=())
    for _ in range(3):
        story.now += DAY
        story.collection(scope=ORGANISATION_SCOPE, steps=("declarations", "unreconciled"))
    # Before the organisation looked, nobody knew why nothing came.
    assert whys(story) == [(3, "nothing was recorded; the file of the AI system was gone")]
    story.collect_organisation(systems=("loans",))
    story.collection()
    assert [each for each in came(story) if each == "never came"] == ["never came"] * 3


def test_a_system_that_is_declared_after_the_organisation_looked_is_not_gone():
    story = Story()
    story.collect_organisation(systems=())
    story.now += HOUR
    story.declare()
    story.collection()
    story.now += 2 * DAY
    assert whys(story) == [(1, "nothing was recorded")]


def test_the_organisation_owes_its_own_looks():
    story = Story()
    story.collect_organisation()
    story.now += 2 * DAY
    assert [due.came for due in of(story, scope=ORGANISATION_SCOPE).due] == [Came.NEVER, Came.OPEN]


def test_as_of_an_earlier_moment_it_is_the_calendar_of_then(story):
    collect_days(story, 2)
    story.now += 2 * DAY
    then = of(story)
    story.collection(slot=Period(MIDNIGHT + 2 * DAY, MIDNIGHT + 3 * DAY))
    collect_days(story, 5)
    assert of(story, then.at - timedelta(seconds=1)).due == of(story, then.at - timedelta(seconds=1)).due
    assert [due.came for due in then.due] == [Came.ON_TIME, Came.ON_TIME, Came.NEVER, Came.OPEN]
    assert [due.came for due in of(story, then.at).due][:2] == [Came.ON_TIME, Came.ON_TIME]


def test_a_period_holds_the_slots_that_ended_in_it(story):
    collect_days(story, 9)
    ends = [due.end for due in of(story, start=MIDNIGHT + 3 * DAY, end=MIDNIGHT + 5 * DAY).due]
    assert ends == [MIDNIGHT + 4 * DAY, MIDNIGHT + 5 * DAY]


def test_a_deleted_system_is_counted_until_today():
    story = Story()
    story.declare()
    counts = of(story, FIRST + 400 * DAY).counts()
    assert counts == {Came.ON_TIME: 0, Came.OPEN: 1, Came.LATE: 0, Came.NEVER: 399}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["collect", "skip", "backfill", "part"]), max_size=20))
def test_each_day_without_a_whole_look_is_a_gap_whatever_comes_later(days):
    story = Story(now=datetime(2026, 3, 2, 0, 5, tzinfo=UTC))
    story.declare()
    expected = []
    for what in days:
        story.now += DAY
        midnight = story.now.replace(hour=0, minute=0)
        if what == "collect":
            story.collection()
        elif what == "part":
            story.collection(steps=STEPS[2:])
        elif what == "backfill":
            story.collection(slot=Period(midnight - 2 * DAY, midnight - DAY), gap="too late")
        expected.append(Came.ON_TIME if what == "collect" else Came.NEVER)
        # What a prefix shows of slots that are over never changes.
        assert [due.came for due in of(story, midnight + DAY).due[:-1]] == expected
    found = of(story, story.now + DAY)
    assert sum(gap.slots for gap in found.gaps()) == expected.count(Came.NEVER) == found.counts()[Came.NEVER]

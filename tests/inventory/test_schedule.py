import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.inventory.schedule import (
    PRESETS,
    cadence,
    checked,
    next_tick,
    seconds_between_ticks,
    slot_at,
    slots_between,
)

SCHEDULES = [*PRESETS, "*/15 * * * *", "30 6 * * mon-fri", "0 0 l * *", "5 4 29 2 *", "0 12 13 * fri", "0 0 31 * *"]
schedules = st.sampled_from(SCHEDULES)
moments = st.timedeltas(timedelta(0), timedelta(days=1460)).map(lambda since: datetime(2024, 1, 1, tzinfo=UTC) + since)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(schedules, moments)
def test_a_slot_is_the_latest_that_is_complete(schedule, moment):
    slot = slot_at(schedule, moment)
    assert slot.start < slot.end <= moment < next_tick(schedule, moment)
    assert next_tick(schedule, slot.start) == slot.end
    assert slot_at(schedule, slot.end) == slot
    assert slot_at(schedule, slot.end - timedelta(microseconds=1)).end == slot.start
    assert slot.end.tzinfo is UTC


@given(schedules, moments, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_slots_follow_each_other_without_gap_or_overlap(schedule, after, length):
    slots = list(slots_between(schedule, after, after + length))
    assert all(after < slot.end <= after + length for slot in slots)
    assert all(one.end == two.start for one, two in itertools.pairwise(slots))
    assert (slots[-1] if slots else slot_at(schedule, after)) == slot_at(schedule, after + length)


@given(schedules, moments)
def test_no_gap_is_longer_than_the_longest(schedule, moment):
    slot = slot_at(schedule, moment)
    assert (slot.end - slot.start).total_seconds() <= seconds_between_ticks(schedule)


@given(st.sampled_from(["30 6 * * mon-fri", "*/7 3,4 * * *", "0 12 13 * fri", "59 23 1-3 */2 *"]), moments)
def test_ticks_are_those_that_a_plain_reading_of_the_fields_gives(schedule, moment):
    tick = next_tick(schedule, moment)
    probe = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for _ in range(3_000):
        if probe == tick:
            assert _matches(schedule, probe)
            return
        assert not _matches(schedule, probe)
        probe += timedelta(minutes=1)


def _matches(schedule, moment):
    hour = moment.hour
    return {
        "30 6 * * mon-fri": (moment.minute, hour) == (30, 6) and moment.weekday() < 5,
        "*/7 3,4 * * *": moment.minute % 7 == 0 and hour in {3, 4},
        "0 12 13 * fri": (moment.minute, hour) == (0, 12) and (moment.day == 13 or moment.weekday() == 4),
        "59 23 1-3 */2 *": (moment.minute, hour) == (59, 23) and moment.day <= 3 and moment.month % 2 == 1,
    }[schedule]


def test_a_moment_on_the_tick_belongs_to_the_slot_that_just_ended():
    slot = slot_at("@monthly", at("2028-03-01"))
    assert (slot.start, slot.end) == (at("2028-02-01"), at("2028-03-01"))
    assert slot_at("@monthly", at("2028-02-29T23:59:59.999999")).end == at("2028-02-01")


def test_month_ends():
    ends = [slot.end.strftime("%m-%d") for slot in slots_between("0 0 l * *", at("2027-12-31"), at("2028-04-30"))]
    assert ends == ["01-31", "02-29", "03-31", "04-30"]
    ends = [slot.end.strftime("%m-%d") for slot in slots_between("0 0 31 * *", at("2027-12-31"), at("2028-05-31"))]
    assert ends == ["01-31", "03-31", "05-31"]


def test_other_time_zones_mean_the_same_moment():
    moment = at("2026-03-29T23:30:00")
    assert slot_at("@daily", moment.astimezone(timezone(timedelta(hours=5, minutes=45)))) == slot_at("@daily", moment)


def test_a_moment_without_a_time_zone_is_refused():
    for call in (next_tick, slot_at):
        with pytest.raises(ValueError, match="24 hours"):
            call("@daily", at("2026-01-01").replace(tzinfo=None))


@pytest.mark.parametrize(
    ("schedule", "longest", "more_than"),
    [
        ("@hourly", 3600, 70_000),
        ("@weekly", 7 * 86400, 400),
        ("@monthly", 31 * 86400, 95),
        ("0 9 * * mon", 604800, 400),
    ],
)
def test_cadence(schedule, longest, more_than):
    gap, count = cadence(schedule)
    assert gap.total_seconds() == longest
    assert more_than < count < more_than * 1.1


def test_weekdays_leave_the_weekend_between_ticks():
    assert seconds_between_ticks("0 9-17 * * mon-fri") == (15 + 48) * 3600 + 3600


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_what_ticks_is_accepted(schedule):
    assert checked(schedule) == schedule


@pytest.mark.parametrize(
    "schedule",
    [
        *("", "@yearly", "daily", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "0 0 0 * *", "0 0 30 2 *"),
        *("R * * * *", "H H * * *", "* * * 13 *", "* * * foo *", "a b c d e", "*/0 * * * *", "1; 2 * * *"),
    ],
)
def test_what_does_not_tick_is_refused(schedule):
    with pytest.raises(ValueError, match=r"cron|presets|fields"):
        checked(schedule)

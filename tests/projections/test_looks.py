"""What is found of a scope's looks is what going through all of them would find, in whatever order they came."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from affidavit.evidence import Period, timestamp
from affidavit.projections.looks import Collected, Looks

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Recorded:
    """As much of an entry as is asked for."""

    index: int
    statement: SimpleNamespace


def collected(index, parts):
    start, length, seen, gap, names, schedule = parts
    entry = Recorded(index, SimpleNamespace(observed_at=timestamp(BEGIN + seen * HOUR)))
    slot = Period(BEGIN + start * HOUR, BEGIN + (start + length) * HOUR)
    return Collected(entry, slot, "paused" if gap else None, {name: {} for name in names}, schedule)


PARTS = st.tuples(
    st.integers(0, 6),
    st.integers(1, 2),
    st.integers(0, 12),
    st.booleans(),
    st.frozensets(st.sampled_from("ab"), max_size=2),
    st.sampled_from([None, "@hourly", "@daily"]),
)
EVERY = st.lists(PARTS, max_size=12).map(lambda all_of: [collected(n, parts) for n, parts in enumerate(all_of)])


def standing(every):
    """The latest of each slot, in the order in which the slots first came."""
    return list({one.slot: one for one in every}.values())


def looked(every, name):
    found = [one for one in standing(every) if not one.gap and one.collectors]
    return [one for one in found if not name or name in one.collectors]


def schedules(every, at):
    found = []
    for one in every:
        if one.schedule and one.seen <= at and (not found or found[-1][1] != one.schedule):
            found.append((one.seen, one.schedule))
    return found


@given(EVERY, st.integers(0, 12), st.integers(0, 12))
def test_what_is_found_is_what_is_found_by_going_through_all(every, start, end):
    looks = Looks()
    for one in every:
        looks.add(one)
    for one in every:
        assert looks.of(one.slot) is {each.slot: each for each in every}[one.slot]
    assert looks.of(Period(BEGIN - HOUR, BEGIN)) is None
    for name in ("", "a", "b", "c"):
        # max() gives the first of equals
        wanted, found = looked(every, name), list(looks.latest_first(name))
        assert found == sorted(wanted, key=lambda one: one.end, reverse=True)
        assert not wanted or found[0] is max(wanted, key=lambda one: one.end)
    assert sorted(one.end for one in looks.earliest_first()) == [one.end for one in looks.earliest_first()]
    assert {one.entry.index for one in looks.earliest_first()} == {one.entry.index for one in looked(every, "")}
    first, last = BEGIN + start * HOUR, BEGIN + end * HOUR
    between = {one.entry.index for one in looked(every, "") if first <= one.seen < last}
    assert {one.entry.index for one in looks.recorded_between(first, last)} == between
    assert looks.schedules(last) == schedules(every, last)

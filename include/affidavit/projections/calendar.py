"""What evidence was due and never came: computed from the inventory as it stood at each time, never as it stands now.

A slot is due at its end. It can be looked at until the next tick of the schedule; what comes after that is late, and
what a source showed in between is gone. A gap stays: no later look, and no backfill, is a look at what was there then.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import zip_longest
from operator import attrgetter

from affidavit.evidence import Period, moment
from affidavit.inventory.schedule import next_tick, slot_at, ticks_between
from affidavit.projections.duties import Duty
from affidavit.projections.looks import Collected
from affidavit.projections.retirement import retirements
from affidavit.projections.scope import ScopeState
from affidavit.projections.state import State


class Came(StrEnum):
    """Whether what was due came, best first."""

    ON_TIME = "came"
    OPEN = "may still come"
    LATE = "came late"
    NEVER = "never came"


_BEST_FIRST = list(Came)


@dataclass(frozen=True, slots=True)
class Lack:
    """What of one slot did not come in time, and why.

    ``at`` is when it came after all; ``index`` the collection that shows the lack, None where nothing was recorded.
    """

    steps: tuple[str, ...]
    came: Came
    why: str
    at: datetime | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """One slot: due from ``end`` to before ``until``, by ``steps``; ``lacks`` is empty where all of them came then."""

    start: datetime
    end: datetime
    until: datetime
    steps: tuple[str, ...]
    lacks: tuple[Lack, ...]

    @property
    def came(self) -> Came:
        """The worst of its steps."""
        return max((lack.came for lack in self.lacks), key=_BEST_FIRST.index, default=Came.ON_TIME)


@dataclass(frozen=True, slots=True)
class Gap:
    """Slots one after another that lack the same for the same reason.

    ``start`` is the beginning of the first slot; ``end`` the end of the last, or when the last came after all.
    """

    start: datetime
    end: datetime
    slots: int
    lack: Lack


@dataclass(frozen=True)
class Calendar:
    """What was due in one scope up to ``at``; ``since`` is the first declaration, None where there is none.

    ``owner`` is the role that answers for an AI system; empty of the organisation.
    """

    scope: str
    at: datetime
    since: datetime | None
    owner: str
    due: tuple[Due, ...]

    def counts(self) -> Mapping[Came, int]:
        """How many slots came, came late, never came, or may still come."""
        found = dict.fromkeys(Came, 0)
        for due in self.due:
            found[due.came] += 1
        return found

    def gaps(self) -> tuple[Gap, ...]:
        """What never came or came late, oldest first; slots in a row that lack the same stand together."""
        lacking = [
            (number, due, lack)
            for number, due in enumerate(self.due)
            for lack in due.lacks
            if lack.came in (Came.NEVER, Came.LATE)
        ]
        # Slots in a row keep the distance between their number and their place among those that lack the same.
        places: dict[tuple[object, ...], int] = {}
        runs: dict[tuple[object, ...], list[tuple[Due, Lack]]] = {}
        for number, due, lack in lacking:
            same = (lack.steps, lack.came, lack.why)
            places[same] = places.get(same, -1) + 1
            runs.setdefault((*same, number - places[same]), []).append((due, lack))
        found = [_gap(run) for run in runs.values()]
        return tuple(sorted(found, key=lambda gap: (gap.start, gap.lack.steps)))


def _gap(run: Sequence[tuple[Due, Lack]]) -> Gap:
    (first, lack), (last, latest) = run[0], run[-1]
    return Gap(first.start, latest.at or last.end, len(run), lack)


def calendar(
    state: State, scope: str, *, at: datetime, start: datetime | None = None, end: datetime | None = None
) -> Calendar:
    """What was due in ``scope`` at ``at``, of slots that ended after ``start`` and no later than ``end``.

    Both default to all there was. What was recorded after ``at`` does not count. ``state`` is of the whole ledger:
    only the organisation's looks say since when the file of an AI system is gone.
    """
    mine = state.scope(scope)
    duties = [duty for duty in mine.duties if duty.since <= at]
    if not duties:
        return Calendar(scope, at, None, "", ())
    idle = retirements(state.organisation, mine)
    owed = [slot for slot in _owed(duties, at) if not any(each.covers(slot.end) for each in idle)]
    looks = _Looks([one for one in mine.collections if one.seen <= at], {slot.end for slot in owed})
    missing = _missing_file(state, scope, duties[0].since)
    asked = (slot for slot in owed if (start is None or start < slot.end) and (end is None or slot.end <= end))
    due = tuple(_due(slot, duties, looks, missing, at) for slot in asked)
    return Calendar(scope, at, duties[0].since, mine.system.value.owner if mine.system else "", due)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A slot, until when it could be looked at, and the duty in force at its end."""

    start: datetime
    end: datetime
    until: datetime
    duty: Duty

    @property
    def period(self) -> Period:
        return Period(self.start, self.end)


def _owed(duties: Sequence[Duty], at: datetime) -> Iterator[_Slot]:
    """Each slot that was due by ``at``."""
    for duty, after in zip_longest(duties, duties[1:]):
        ends = list(ticks_between(duty.schedule, duty.since, after.since if after else at))
        if ends:
            first, last = slot_at(duty.schedule, ends[0]), next_tick(duty.schedule, ends[-1])
            assert first.start
            ticks = [first.start, *ends, last]
            yield from (_Slot(*three, duty) for three in zip(ticks, ticks[1:], ticks[2:], strict=False))


class _Looks:
    """The collections of a scope, found by slot and by time."""

    def __init__(self, collections: Sequence[Collected], ends: set[datetime]) -> None:
        self._of: dict[Period, list[Collected]] = {}
        for one in collections:
            self._of.setdefault(one.slot, []).append(one)
        # A look for a slot of another schedule, just before or after a change, counts for the slot it was taken in.
        others = [one for one in collections if one.end not in ends and not one.gap]
        self._others = sorted(others, key=attrgetter("seen"))
        self._times = [one.seen for one in self._others]

    def of(self, slot: _Slot) -> list[Collected]:
        """Those that observed the slot, the earliest first."""
        first, last = (bisect_left(self._times, time) for time in (slot.end, slot.until))
        own = [one for one in self._of.get(slot.period, []) if not one.gap and one.seen >= slot.end]
        return sorted((*own, *self._others[first:last]), key=attrgetter("seen"))

    def gap(self, slot: _Slot) -> Collected | None:
        """The record that the slot was not looked at in time; None where there is none."""
        return next((one for one in self._of.get(slot.period, []) if one.gap), None)


def _due(slot: _Slot, duties: Sequence[Duty], looks: _Looks, missing: _Missing, at: datetime) -> Due:
    duty, found = slot.duty, looks.of(slot)
    if found:
        # The obligations in force when it was first looked at: they were recorded with that look.
        index = found[0].entry.index
        duty = next((each for each in reversed(duties) if each.index <= index), duty)
        lacks = _together(filter(None, (_lack(step, duty, found, slot.until, at) for step in duty.steps)))
    elif at < slot.until:
        lacks = (Lack(duty.steps, Came.OPEN, "nothing was recorded yet"),)
    elif gap := looks.gap(slot):
        lacks = (Lack(duty.steps, Came.NEVER, str(gap.gap), index=gap.entry.index),)
    else:
        gone = "; the file of the AI system was gone" if missing.at(slot.until) else ""
        lacks = (Lack(duty.steps, Came.NEVER, f"nothing was recorded{gone}"),)
    return Due(slot.start, slot.end, slot.until, duty.steps, lacks)


def _together(lacks: Iterable[Lack]) -> tuple[Lack, ...]:
    """Lacks of one slot, those of one reason as one."""
    found: dict[tuple[object, ...], list[Lack]] = {}
    for lack in lacks:
        found.setdefault((lack.came, lack.why, lack.at, lack.index), []).append(lack)
    return tuple(replace(same[0], steps=tuple(step for each in same for step in each.steps)) for same in found.values())


def _lack(step: str, duty: Duty, found: Sequence[Collected], until: datetime, at: datetime) -> Lack | None:
    """What is wrong with one step of a slot that was looked at; None where it came in time."""
    wanted = duty.experiments.get(step, 0)
    why, index = "the collection came without it", found[0].entry.index
    for one in found:
        if step not in one.collectors:
            continue
        # The cursor of a collector of runs keeps a place for each experiment that was read.
        cursor = one.collectors[step]["cursor"]
        read = len(cursor) if isinstance(cursor, Mapping) else 0
        if read < wanted:
            why, index = f"{read} of {wanted} experiments were read", one.entry.index
            continue
        if one.seen < until:
            return None
        return Lack((step,), Came.LATE, "it came after the next slot was over", one.seen, one.entry.index)
    return Lack((step,), Came.NEVER if at >= until else Came.OPEN, why, index=index)


class _Missing:
    """When the organisation's looks at the files found that of an AI system gone."""

    def __init__(self, looks: Iterable[tuple[datetime, bool]]) -> None:
        self._looks = sorted(looks)

    def at(self, time: datetime) -> bool:
        """Whether the latest look before ``time`` found it gone."""
        found = bisect_left(self._looks, (time, False))
        return found > 0 and not self._looks[found - 1][1]


def _missing_file(state: State, scope: str, since: datetime) -> _Missing:
    """The organisation's looks after ``since``, when the AI system was first declared."""
    organisation, name = state.organisation, scope.removeprefix("system:")
    if organisation.organisation is None or scope == organisation.name:
        return _Missing(())
    declared = {entry.index: entry for entry in organisation.organisation.entries}
    looks = {one.entry.index: one.entry for one in organisation.collections if "declarations" in one.collectors}
    there, found = True, []
    for index, entry in sorted({**declared, **looks}.items(), key=lambda item: item[0]):
        # A look that finds the same files adds no declaration, only its collection.
        if index in declared:
            there = name in entry.statement.facts["systems"]
        found.append((moment(entry.statement.observed_at), there))
    return _Missing((time, there) for time, there in found if time > since)


def scopes_due(state: State) -> tuple[ScopeState, ...]:
    """The scopes that owe anything: the organisation first, then AI systems by name."""
    every = (state.organisation, *state.systems)
    return tuple(scope for scope in every if scope.duties)

"""The looks at one scope, found by slot, by collector and by time, however many there were.

A judgement asks for the newest look of each collector, and for those of the last few slots. What it costs must not grow
with the years that came before.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from affidavit.evidence import Entry, Period, moment


@dataclass(frozen=True, slots=True)
class Collected:
    """The end of one slot. ``gap`` says why it was not looked at; None where it was.

    ``schedule`` is the one that stood in force when it was recorded; None where nothing was declared yet.
    """

    entry: Entry
    slot: Period
    gap: str | None
    collectors: Mapping[str, Any]
    schedule: str | None

    @property
    def end(self) -> datetime:
        """The end of the slot, which :class:`affidavit.projections.scope.ScopeState` demands."""
        assert self.slot.end is not None
        return self.slot.end

    @property
    def seen(self) -> datetime:
        """When it was recorded."""
        return moment(self.entry.statement.observed_at)


_Placed = tuple[datetime, int, Collected]
"""By a time, then by place; no two have the same place."""


@dataclass
class Looks:
    """The latest collection of each slot, gaps included. They are added in the order in which they were recorded."""

    _of: dict[Period, tuple[int, Collected]] = field(default_factory=dict)
    # By the end of the slot; among equals the slot that came first is the last.
    _by_end: dict[str, list[_Placed]] = field(default_factory=dict)
    _by_time: list[_Placed] = field(default_factory=list)
    _schedules: list[tuple[datetime, str]] = field(default_factory=list)

    def add(self, one: Collected) -> None:
        """Take in the next collection, in the place of an earlier one of the same slot."""
        place, before = self._of.get(one.slot, (len(self._of), None))
        self._of[one.slot] = place, one
        if before is not None:
            self._take_out(place, before)
        if not one.gap and one.collectors:
            for name in ("", *one.collectors):
                insort(self._by_end.setdefault(name, []), (one.end, -place, one))
            insort(self._by_time, (one.seen, place, one))
        if one.schedule:
            self._note(one.seen, one.schedule)

    def _take_out(self, place: int, before: Collected) -> None:
        if not before.gap and before.collectors:
            for name in ("", *before.collectors):
                found = self._by_end[name]
                del found[bisect_left(found, (before.end, -place))]
            del self._by_time[bisect_left(self._by_time, (before.seen, place))]

    def _note(self, seen: datetime, schedule: str) -> None:
        # Of one schedule after the other; of each run only what is earlier than the rest of it so far.
        for at, other in reversed(self._schedules):
            if other != schedule:
                break
            if at <= seen:
                return
        self._schedules.append((seen, schedule))

    def of(self, slot: Period) -> Collected | None:
        """What was recorded of a slot last; None where nothing was."""
        found = self._of.get(slot)
        return found[1] if found else None

    def latest_first(self, collector: str) -> Iterator[Collected]:
        """Those of one collector ("" for those of any), by the end of their slot."""
        return (one for *_, one in reversed(self._by_end.get(collector, ())))

    def earliest_first(self) -> Iterator[Collected]:
        """Those of any collector, by the end of their slot."""
        return (one for *_, one in self._by_end.get("", ()))

    def recorded_between(self, start: datetime, end: datetime) -> Iterator[Collected]:
        """Those of any collector that were recorded from ``start`` to before ``end``."""
        first = bisect_left(self._by_time, (start,))
        return (one for *_, one in self._by_time[first : bisect_left(self._by_time, (end,), first)])

    def schedules(self, at: datetime) -> list[tuple[datetime, str]]:
        """The schedules under which collections were recorded by ``at``, each with the first of these times."""
        found: list[tuple[datetime, str]] = []
        for seen, schedule in self._schedules:
            if seen <= at and (not found or found[-1][1] != schedule):
                found.append((seen, schedule))
        return found

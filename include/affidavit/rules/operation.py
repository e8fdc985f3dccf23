"""How controls operated over a period: in how many of the instances that were due, and what the others lacked.

An instance is a slot of the scope's schedule: from its end until the next slot is over, a control is to be shown. It is
kept where all that was due came in time and every status that assessments recorded for that time is supported. What is
green by now never hides what was red then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from affidavit.projections import Calendar, Came, Due, ScopeState
from affidavit.projections.duties import Recorded
from affidavit.rules.verdict import Status

_UNASSESSED = "not assessed"
_NOT_OWED = (Status.NOT_APPLICABLE.value, Status.NOT_YET_DUE.value, None)


@dataclass(frozen=True, slots=True)
class Lapse:
    """An exception: from ``start`` to ``end`` (None: it lasts) the control was not shown to operate.

    ``what`` is the status recorded, or whether evidence came; ``why`` says more where the calendar does. ``index`` is
    the entry that found it: the assessment, or the collection that recorded a gap; None where nothing was recorded.
    """

    start: datetime
    end: datetime | None
    what: str
    why: str
    found_by: str
    index: int | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One control in one scope over a period: ``kept`` of ``due`` instances, and each exception, oldest first."""

    control: str
    scope: str
    due: int
    kept: int
    lapses: tuple[Lapse, ...]


def operation(scope: ScopeState, calendar: Calendar) -> tuple[Operation, ...]:
    """How each control that was ever judged in ``scope`` operated, over the slots that ``calendar`` holds.

    A slot that may still be collected is no instance yet, nor is one for which the control was not owed.
    """
    over = [due for due in calendar.due if due.came is not Came.OPEN]
    gaps = [
        Lapse(
            gap.start,
            gap.end,
            gap.lack.came.value,
            f"{', '.join(gap.lack.steps)}: {gap.lack.why}",
            "nobody" if gap.lack.index is None else "collection",
            gap.lack.index,
        )
        for gap in calendar.gaps()
    ]
    return tuple(_operation(control, scope, calendar, over, gaps) for control in sorted(scope.recorded))


@dataclass(frozen=True, slots=True)
class _Span:
    """While a status stood as recorded; ``end`` None while it still does."""

    start: datetime
    end: datetime | None
    status: str | None
    index: int | None

    def touches(self, start: datetime, end: datetime) -> bool:
        return self.start < end and (self.end is None or self.end > start)

    @property
    def red(self) -> bool:
        return self.status not in (Status.SUPPORTED.value, *_NOT_OWED)


def _operation(
    control: str, scope: ScopeState, calendar: Calendar, over: Sequence[Due], gaps: Sequence[Lapse]
) -> Operation:
    spans = list(_spans([one for one in scope.recorded[control] if one.at <= calendar.at], calendar))
    due = kept = 0
    lapses: list[Lapse] = []
    for slot in over:
        within = [span for span in spans if span.touches(slot.end, slot.until)]
        if all(span.status in _NOT_OWED for span in within):
            continue
        due += 1
        red = [span for span in within if span.red]
        kept += slot.came is Came.ON_TIME and not red
        lapses += (_lapse(span) for span in red)
    if due:
        lapses += gaps
    found = sorted(dict.fromkeys(lapses), key=lambda lapse: (lapse.start, lapse.what))
    return Operation(control, scope.name, due, kept, tuple(found))


def _spans(recorded: Sequence[Recorded], calendar: Calendar) -> Iterator[_Span]:
    first = recorded[0].at if recorded else None
    if calendar.since and (first is None or calendar.since < first):
        yield _Span(calendar.since, first, _UNASSESSED, None)
    for one, after in zip_longest(recorded, recorded[1:]):
        yield _Span(one.at, after.at if after else None, one.status, one.index)


def _lapse(span: _Span) -> Lapse:
    found_by = "nobody" if span.index is None else "assessment"
    return Lapse(span.start, span.end, str(span.status), "", found_by, span.index)

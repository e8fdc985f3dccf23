"""What is remembered of traces from one look to the next: the cursor of the collector of traces. Pure.

Of each day (UTC) how many traces began in it, how many of them still ran, how many assessments they had, and two
digests: of which traces they are, and of what was said about them. No id and no value can be read out of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from affidavit.collect.trace_client import TraceInfo
from affidavit.evidence import Json, Period, dumps

_DIGITS = 32
"""Hexadecimal digits of a digest that are kept: 400 days have to fit into an entry."""


@dataclass(frozen=True, slots=True)
class Day:
    """The traces that began on one day."""

    traces: int
    unfinished: int
    assessments: int
    which: str
    what: str

    def json(self) -> list[Json]:
        """As the cursor carries it."""
        return [self.traces, self.unfinished, self.assessments, self.which, self.what]


Days = Mapping[str, Day]
"""By date."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """What is not as it was at the last look, over the ``days`` that both read.

    ``gone`` and ``added`` are traces of those days: each the least number that the counts bear out, day by day.
    ``replaced`` are days with as many traces as before that are not the same ones; ``reassessed`` are days whose
    traces are the same, and whose states or assessments are not; ``late_assessments`` is by how many their number grew
    where it grew.
    """

    days: int
    gone: int
    added: int
    replaced: int
    reassessed: int
    late_assessments: int


def days_of(period: Period, infos: Iterable[TraceInfo]) -> Days:
    """Every day of ``period``, those without a trace too."""
    by_day: dict[str, list[TraceInfo]] = {}
    day = period.start
    while day is not None and period.end is not None and day < period.end:
        by_day[day.date().isoformat()] = []
        day += timedelta(days=1)
    for info in infos:
        by_day[info.request_time.date().isoformat()].append(info)
    return {date: _day(each) for date, each in by_day.items()}


def cursor_of(days: Days, *, experiment: str) -> Json:
    """The cursor that carries these days."""
    return {"experiment": experiment, "days": {date: day.json() for date, day in sorted(days.items())}}


def recheck(cursor: Json, days: Days, *, experiment: str) -> Recheck:
    """``days``, against those that :func:`cursor_of` wrote of the same experiment."""
    known = isinstance(cursor, Mapping) and cursor["experiment"] == experiment
    before: Any = cursor["days"] if known and isinstance(cursor, Mapping) else {}
    pairs = [(Day(*before[date]), day) for date, day in days.items() if date in before]
    same = [(old, new) for old, new in pairs if old.which == new.which]
    return Recheck(
        days=len(pairs),
        gone=sum(max(old.traces - new.traces, 0) for old, new in pairs),
        added=sum(max(new.traces - old.traces, 0) for old, new in pairs),
        replaced=sum(old.which != new.which and old.traces == new.traces for old, new in pairs),
        reassessed=sum(old.what != new.what for old, new in same),
        late_assessments=sum(max(new.assessments - old.assessments, 0) for old, new in same),
    )


def _day(infos: list[TraceInfo]) -> Day:
    said = {info.trace_id: _said(info) for info in infos}
    return Day(
        traces=len(said),
        unfinished=sum(info.state == "IN_PROGRESS" for info in infos),
        assessments=sum(len(each) for each in said.values()),
        which=_digest(sorted(said)),
        what=_digest([[info.trace_id, str(info.state), *said[info.trace_id]] for info in _by_id(infos)]),
    )


def _by_id(infos: list[TraceInfo]) -> list[TraceInfo]:
    return sorted(infos, key=lambda info: info.trace_id)


def _said(info: TraceInfo) -> list[str]:
    """Which assessments there are, and when each was last changed."""
    given = [each for each in info.assessments if isinstance(each, dict)] if isinstance(info.assessments, list) else []
    return sorted(f"{each.get('assessment_id')} {each.get('last_update_time')}" for each in given)


def _digest(value: Json) -> str:
    return hashlib.sha256(dumps(value)).hexdigest()[:_DIGITS]

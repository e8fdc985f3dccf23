"""Schedules: when evidence is due, as slots that are ours and not Airflow's intervals.

A schedule is five cron fields (minute, hour, day of month, month, day of week) or one of :data:`PRESETS`. It *ticks* at
whole minutes, in UTC. A *slot* is the period between two neighbouring ticks; it is complete once the later one is
there. As in every cron, a day matches when it fits day of month or day of week, where both are restricted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise, takewhile

from affidavit.evidence.statement import Period

PRESETS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}

_NUMBERS = r"\*|\d{1,2}"
_MONTHS = f"{_NUMBERS}|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAYS = rf"{_NUMBERS}|sun|mon|tue|wed|thu|fri|sat"
_FIELDS = {
    "minute": _NUMBERS,
    "hour": _NUMBERS,
    "day of month": f"{_NUMBERS}|l",
    "month": _MONTHS,
    "day of week": _DAYS,
}
_MINUTE = timedelta(minutes=1)
_SPAN = (datetime(2023, 12, 31, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC))


def checked(schedule: str) -> str:
    """``schedule`` itself. Raises ``ValueError``, saying what is wrong with it, unless it is one that ticks."""
    if schedule not in PRESETS:
        if schedule.startswith("@"):
            raise ValueError(f"the presets are {', '.join(PRESETS)}")
        fields = schedule.split()
        if len(fields) != 5:
            raise ValueError(f"a cron expression has five fields, this has {len(fields)}")
        for (name, value), field in zip(_FIELDS.items(), fields, strict=True):
            # croniter also knows random and hashed fields, which no two readers would resolve alike.
            item = rf"({value})(-({value}))?(/\d{{1,2}})?(#\d)?"
            if not re.fullmatch(f"{item}(,{item})*", field, re.IGNORECASE):
                raise ValueError(f"the field for {name} is not one of cron's")
        try:
            next_tick(schedule, _SPAN[0])
        except ValueError as error:
            raise ValueError("not a cron expression that ever ticks") from error
    return schedule


@lru_cache(maxsize=4096)  # one judgement asks the same hundreds of times, and each costs a parse of the schedule
def next_tick(schedule: str, moment: datetime) -> datetime:
    """The first tick after ``moment``."""
    return next(_ticks(schedule, moment))


def slot_at(schedule: str, moment: datetime) -> Period:
    """The latest slot that is complete at ``moment``; both ends are set, and a tick at ``moment`` itself ends it."""
    return _slot_before(schedule, moment.replace(second=0, microsecond=0) + _MINUTE)


@lru_cache(maxsize=4096)
def _slot_before(schedule: str, minute: datetime) -> Period:
    # Backwards from the minute after, since croniter's steps never stay where they are.
    ticks = _ticks(schedule, minute, back=True)
    end = next(ticks)
    return Period(next(ticks), end)


def slots_between(schedule: str, after: datetime, until: datetime) -> Iterator[Period]:
    """The slots that end after ``after`` and no later than ``until``, oldest first."""
    slot = slot_at(schedule, after)
    assert slot.end is not None
    ticks = _ticks(schedule, slot.end)
    start = slot.end
    while (end := next(ticks)) <= until:
        yield Period(start, end)
        start = end


def ticks_between(schedule: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """The ticks after ``after`` and no later than ``until``; what was asked before, for any moment, costs no parse."""
    first = after.astimezone(UTC)
    months = first.year * 12 + first.month - 1
    while (start := datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)) <= until:
        yield from (tick for tick in _month(schedule, start) if after < tick <= until)
        months += 1


@lru_cache(maxsize=512)  # a month of a schedule that ticks each minute is 4 MB
def _month(schedule: str, start: datetime) -> tuple[datetime, ...]:
    """The ticks of the month that begins at ``start``."""
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return tuple(takewhile(end.__gt__, _ticks(schedule, start - _MINUTE)))


def seconds_between_ticks(schedule: str) -> int:
    """The longest time from one tick to the next, in seconds: how old evidence can be and still be on time."""
    return int(cadence(schedule)[0].total_seconds())


@lru_cache(maxsize=256)
def cadence(schedule: str) -> tuple[timedelta, int]:
    """The longest gap between ticks, and how many ticks there are in eight years that hold two leap days.

    Every day that matches has the same ticks, so days and minutes are counted apart.
    """
    minute, hour, *day = PRESETS.get(schedule, schedule).split()
    of_day = _ticks(f"{minute} {hour} * * *", _SPAN[0] - _MINUTE)
    times = [next(of_day)]
    while (tick := next(of_day)) < _SPAN[0] + timedelta(days=1):
        times.append(tick)
    of_span = _ticks(f"0 0 {' '.join(day)}", _SPAN[0])
    days = []
    while (tick := next(of_span)) < _SPAN[1]:
        days.append(tick)
    overnight = times[-1] - times[0]
    within = max((b - a for a, b in pairwise(times)), default=timedelta(0))
    between = max((b - a for a, b in pairwise(days)), default=_SPAN[1] - _SPAN[0])
    return max(within, between - overnight), len(times) * len(days)


def _ticks(schedule: str, moment: datetime, *, back: bool = False) -> Iterator[datetime]:
    """Ticks after ``moment`` going on, or before it going back."""
    from croniter import croniter  # type: ignore[import-untyped]  # 0.1 s, which presets need not pay to be read

    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone could be any of 24 hours")
    steps = croniter(PRESETS.get(schedule, schedule), moment.timestamp())
    while True:
        yield datetime.fromtimestamp(steps.get_prev() if back else steps.get_next(), UTC)

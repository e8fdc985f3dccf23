"""How far the runs of an experiment were read: the cursor of the collector of runs. Pure.

A look reads what started since the last one, a window before that, and the runs that were not finished then. The
window is a day, at most :data:`WINDOW_RUNS` runs. What changed before it changes no time anywhere in MLflow: the sweep
finds it, which reads everything again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from affidavit.collect.mlflow_client import Run
from affidavit.evidence import Json, moment, timestamp
from affidavit.inventory import System, schedule

WINDOW = timedelta(days=1)
WINDOW_RUNS = 1_000
"""Most runs of one experiment that are read again although they were finished."""

OPEN_RUNS = 1_000
"""Most unfinished runs of one AI system that are followed, newest first: a cursor must fit into an entry."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Position:
    """How far one experiment was read.

    ``newest`` is the latest start time seen (milliseconds) that is not later than the look itself: a run dated into
    the future must not hide what starts before then. ``since`` is where the next look begins; ``open`` are unfinished
    runs; ``swept`` is when everything was last read, and ``reread`` the run whose artifacts were last read again.
    """

    newest: int | None = None
    since: int | None = None
    open: tuple[str, ...] = ()
    swept: datetime | None = None
    reread: str | None = None

    @classmethod
    def of(cls, value: Any) -> Position:
        """The position that :meth:`json` wrote; the beginning where there is none."""
        if value is None:
            return cls()
        swept = moment(value["swept"]) if value["swept"] else None
        return cls(value["newest"], value["start_time"], tuple(value["open"]), swept, value["reread"])

    def json(self) -> dict[str, Json]:
        """As the cursor carries it."""
        swept = timestamp(self.swept) if self.swept else None
        return {
            "newest": self.newest,
            "start_time": self.since,
            "open": list(self.open),
            "swept": swept,
            "reread": self.reread,
        }

    def sweep_due(self, system: System, now: datetime) -> bool:
        """Whether a tick of the system's sweep has passed since everything was last read."""
        if self.swept is None:
            return True
        tick = schedule.slot_at(system.mlflow.sweep, now).end
        return tick is not None and tick > self.swept

    def advanced(self, runs: Sequence[Run], now: datetime) -> Position:
        """The position after a look at ``now`` that read ``runs``, in order of start time."""
        edge = milliseconds(now)
        unfinished = tuple(run.id for run in runs if run.running)
        starts = [run.info.start_time for run in runs if (self.since or 0) <= run.info.start_time <= edge]
        newest = max([*starts, *([self.newest] if self.newest is not None else [])], default=None)
        if newest is None:
            return replace(self, open=unfinished)
        since = newest - int(WINDOW.total_seconds() * 1_000)
        if len(starts) > WINDOW_RUNS:
            since = max(since, starts[-WINDOW_RUNS])
        return replace(self, newest=newest, since=max(since, self.since or since), open=unfinished)


def positions(cursor: Json) -> dict[str, Position]:
    """The positions in a cursor, by experiment id."""
    return {key: Position.of(value) for key, value in cursor.items()} if isinstance(cursor, Mapping) else {}


def cursor_of(after: Mapping[str, Position]) -> dict[str, Json]:
    """The cursor that carries these positions; of unfinished runs, the newest that have room in it."""
    share = OPEN_RUNS // max(len(after), 1)
    return {key: replace(position, open=position.open[-share:]).json() for key, position in after.items()}


def notice_delay(system: System, *, sweeps: int = 1) -> int:
    """How many seconds later a change is noticed at most that ``sweeps`` sweeps find, if no collection is missed.

    What changes right after a sweep waits for the next, which is the first look after a tick of its schedule.
    """
    sweep = schedule.seconds_between_ticks(system.mlflow.sweep)
    return sweeps * sweep + schedule.seconds_between_ticks(system.schedule)


def moment_of(milliseconds: int | None) -> datetime | None:
    """A time of MLflow's; None for none, and for one that no calendar has."""
    if not milliseconds:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def milliseconds(moment: datetime) -> int:
    """``moment`` as MLflow writes times: milliseconds since 1970."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)  # in floats, some would be one less

"""What one look has to read of an experiment, and the reading of it.

Every run in the ledger is followed: those that were unfinished, or that an alias leads to, at every look; all of them
at a sweep. One that does not turn up where it should is asked for by its id, so that a page that others wrote into
meanwhile cannot make it pass for gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from affidavit.collect.look import GONE, Recorded
from affidavit.collect.mlflow_client import PAGE, MlflowServer, Run
from affidavit.collect.position import Position
from affidavit.collect.rotation import Turn, turn
from affidavit.evidence import Entry
from affidavit.inventory import System

MODEL_BYTES = 2**26
"""What a logged model counts for in the rotation: its size is no fact of the run."""


@dataclass(frozen=True)
class Task:
    """What to read of one experiment, from ``position`` on or, at a ``sweep``, all of it.

    ``also`` are ids of runs to read wherever they stand; ``awaited`` are the runs in the ledger that turn up, or else
    are gone; ``turn`` says whose artifacts are read again.
    """

    position: Position
    sweep: bool
    also: frozenset[str]
    awaited: Mapping[str, Entry]
    turn: Turn

    @property
    def since(self) -> int | None:
        """The start time (milliseconds) to read from; None for everything."""
        return None if self.sweep else self.position.since

    def after(self, position: Position, now: datetime) -> Position:
        """``position``, with the sweep noted that has taken place."""
        return replace(position, swept=now, reread=self.turn.last) if self.sweep else position


@dataclass(frozen=True)
class Known:
    """The runs in the ledger that MLflow still had, by experiment id and run id, and which of all are ``in_use``."""

    runs: Mapping[str, Mapping[str, Entry]]
    in_use: frozenset[str]

    @classmethod
    def of(cls, recorded: Recorded, *, home: str, in_use: frozenset[str] = frozenset()) -> Known:
        """Those of one server: their names begin with ``home``."""
        runs: dict[str, dict[str, Entry]] = {}
        for uri, entry in recorded.items():
            facts = entry.statement.facts
            if uri.startswith(home) and facts["lifecycle"] != GONE:
                runs.setdefault(facts["experiment"]["id"], {})[uri.removeprefix(home)] = entry
        return cls(runs, in_use)

    def task(self, experiment_id: str, position: Position, system: System, now: datetime) -> Task:
        """What a look at ``now`` reads of an experiment that was read as far as ``position``."""
        runs = self.runs.get(experiment_id, {})
        also = self.in_use.union(position.open)
        due = turn({run: _cost(entry) for run, entry in runs.items()}, after=position.reread)
        if position.sweep_due(system, now):
            return Task(position, True, also, runs, due)
        awaited = {run: entry for run, entry in runs.items() if run in also}
        return Task(position, False, also, awaited, replace(due, names=frozenset()))


def read_runs(server: MlflowServer, experiment_id: str, task: Task, *, page_size: int = PAGE) -> list[Run]:
    """What ``task`` says, as far as it is there, in order of start time and id."""
    runs = {run.id: run for run in server.runs(experiment_id, since=task.since, page_size=page_size)}
    left = sorted(task.also.union(task.awaited) - runs.keys())
    return in_order([*runs.values(), *server.runs_by_id(experiment_id, left)])


def in_order(runs: Iterable[Run]) -> list[Run]:
    """By start time and id."""
    return sorted(runs, key=lambda run: (run.info.start_time, run.id))


def _cost(entry: Entry) -> int:
    facts = entry.statement.facts
    size: int = facts["artifacts"]["bytes"] if facts["artifacts"] else 0
    return size + MODEL_BYTES * len(facts["outputs"])

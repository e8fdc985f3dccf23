"""Collector of MLflow runs.

Each look reads what started since the last one, a window before that, and the runs that were not finished then. The
window is a day, at most :data:`WINDOW_RUNS` runs. A run back-dated to before it, and a late edit of a run that was
finished before it, change no time anywhere in MLflow: such a look cannot notice them, and says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from affidavit import __version__
from affidavit.collect.allowlist import let_through
from affidavit.collect.artifacts import Tree
from affidavit.collect.look import Look
from affidavit.collect.mlflow_client import PAGE, Dataset, Experiment, MlflowServer, Pair, Run, missing
from affidavit.evidence import (
    Circumstances,
    Collector,
    Draft,
    Json,
    Origin,
    Period,
    Stage,
    Subject,
    dumps,
    kinds,
    number,
    system_scope,
)
from affidavit.inventory import Connection, System

NAME = "mlflow-runs"

WINDOW = timedelta(days=1)
WINDOW_RUNS = 1_000
"""Most runs of one experiment that are read again although they were finished."""

OPEN_RUNS = 1_000
"""Most unfinished runs of one AI system that are followed, newest first: a cursor must fit into an entry."""

Recorded = Callable[[str], Mapping[str, Any] | None]
"""The latest facts in the ledger about a subject, by its name; None where there are none."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Below this many, asking for each run's artifacts costs less than listing an experiment that may hold very many.
_ONE_BY_ONE = 10


def nothing_recorded(_: str) -> None:
    """A :data:`Recorded` that knows of nothing."""


@dataclass(frozen=True)
class Position:
    """How far one experiment was read.

    ``newest`` is the latest start time seen (milliseconds) that is not later than the look itself: a run dated into
    the future must not hide what starts before then. ``since`` is where the next look begins; ``open`` are unfinished
    runs.
    """

    newest: int | None = None
    since: int | None = None
    open: tuple[str, ...] = ()

    @classmethod
    def of(cls, value: Any) -> Position:
        """The position that :meth:`json` wrote; the beginning where there is none."""
        if value is None:
            return cls()
        return cls(value["newest"], value["start_time"], tuple(value["open"]))

    def json(self) -> dict[str, Json]:
        """As the cursor carries it."""
        return {"newest": self.newest, "start_time": self.since, "open": list(self.open)}


def positions(cursor: Json) -> dict[str, Position]:
    """The positions in a cursor, by experiment id."""
    return {key: Position.of(value) for key, value in cursor.items()} if isinstance(cursor, Mapping) else {}


def look_at_runs(
    system: System,
    connection: Connection,
    *,
    cursor: Json,
    seen: Circumstances,
    recorded: Recorded = nothing_recorded,
    page_size: int = PAGE,
) -> Look:
    """The runs of a system's experiments, deleted ones too, from ``cursor`` on (None: from the beginning).

    ``recorded`` spares unchanged runs a second listing and hashing of their artifacts. Raises ``SourceError``.
    """
    before, after = positions(cursor), {}
    drafts: list[Draft] = []
    enumerated = 0
    with MlflowServer(connection) as server:
        for name in sorted(system.mlflow.experiments):
            experiment = server.experiment(name)
            if experiment is None:
                present = [each.name for each in server.experiments()]
                raise missing(system, connection, field="experiments", name=name, present=present)
            position = before.get(experiment.id, Position())
            runs = read_runs(server, experiment.id, position, page_size=page_size)
            enumerated += len(set(runs) | set(position.open))
            ordered = sorted(runs.values(), key=lambda run: (run.info.start_time, run.id))
            desk = _Desk(system, server, experiment, recorded, seen)
            drafts += desk.drafts(ordered)
            after[experiment.id] = _advance(position, ordered, seen)
    return Look(
        NAME,
        tuple(drafts),
        enumerated=enumerated,
        read=len(drafts),
        withheld=sum(sum(draft.facts["withheld"].values()) for draft in drafts),
        window=Period(_earliest(before, after), seen.observed_at),
        notice_delay_seconds=None,
        cursor={key: position.json() for key, position in _bounded(after).items()},
    )


def read_runs(server: MlflowServer, experiment_id: str, position: Position, *, page_size: int = PAGE) -> dict[str, Run]:
    """What a look from ``position`` reads, by run id."""
    runs = {run.id: run for run in server.runs(experiment_id, since=position.since, page_size=page_size)}
    left = [each for each in position.open if each not in runs]
    return runs | {run.id: run for run in server.runs_by_id(experiment_id, left)}


def _advance(position: Position, runs: Sequence[Run], seen: Circumstances) -> Position:
    now = _milliseconds(seen.observed_at)
    starts = [run.info.start_time for run in runs if (position.since or 0) <= run.info.start_time <= now]
    newest = max([*starts, *([position.newest] if position.newest is not None else [])], default=None)
    if newest is None:
        return Position(open=tuple(run.id for run in runs if run.running))
    since = newest - int(WINDOW.total_seconds() * 1_000)
    if len(starts) > WINDOW_RUNS:
        since = max(since, starts[-WINDOW_RUNS])
    return Position(newest, max(since, position.since or since), tuple(run.id for run in runs if run.running))


def _bounded(after: Mapping[str, Position]) -> dict[str, Position]:
    share = OPEN_RUNS // max(len(after), 1)
    return {key: Position(each.newest, each.since, each.open[-share:]) for key, each in after.items()}


def _earliest(before: Mapping[str, Position], after: Mapping[str, Position]) -> datetime | None:
    since = [before.get(key, Position()).since for key in after]
    known = [each for each in since if each is not None]
    return moment_of(min(known)) if known and len(known) == len(since) else None


@dataclass(frozen=True)
class _Desk:
    """Where the runs of one experiment become drafts."""

    system: System
    server: MlflowServer
    experiment: Experiment
    recorded: Recorded
    seen: Circumstances

    def drafts(self, runs: Sequence[Run]) -> list[Draft]:
        bare = [(run, self._facts(run)) for run in runs]
        earlier = {run.id: self._unchanged(run, facts) for run, facts in bare if not run.running}
        new = [run for run in runs if not run.running and earlier[run.id] is None]
        hashed = self._hash(new)
        return [self._draft(run, earlier.get(run.id) or {**facts, **hashed.get(run.id, {})}) for run, facts in bare]

    def _unchanged(self, run: Run, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        known = self.recorded(self._uri(run.id))
        if known is None or known["artifacts"] is None:
            return None
        outputs = [{**each, "digest": None} for each in known["outputs"]]
        return known if {**known, "artifacts": None, "outputs": outputs} == facts else None

    def _hash(self, runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
        """The part of the facts that costs requests: artifacts of runs, and of the models they logged."""
        location = self.experiment.artifact_location
        present = self.server.artifacts.names(location) if len(runs) > _ONE_BY_ONE else None
        return {run.id: {"artifacts": self._tree(run, present), "outputs": self._outputs(run)} for run in runs}

    def _tree(self, run: Run, present: frozenset[str] | None) -> dict[str, str | int] | None:
        location = self.experiment.artifact_location.rstrip("/")
        absent = present is not None and run.id not in present
        if absent and run.info.artifact_uri == f"{location}/{run.id}/artifacts":
            return Tree(()).json()
        tree = self.server.artifacts.tree(run.info.artifact_uri)
        return tree.json() if tree else None

    def _outputs(self, run: Run) -> list[dict[str, str | None]]:
        outputs: list[dict[str, str | None]] = []
        for model_id in _outputs(run):
            uri = self.server.logged_model(model_id)
            tree = self.server.artifacts.tree(uri) if uri else None
            outputs.append({"name": self.server.uri(f"models/{model_id}"), "digest": tree.sha256 if tree else None})
        return outputs

    def _facts(self, run: Run) -> dict[str, Any]:
        tags = {tag.key: tag.value for tag in run.data.tags}
        allow = self.system.mlflow.allow
        params, withheld_params = let_through(run.data.params, allow.params)
        allowed, withheld_tags = let_through(run.data.tags, allow.tags)
        commit, parent = tags.get("mlflow.source.git.commit", ""), tags.get("mlflow.parentRunId", "")
        dirty = tags.get("mlflow.source.git.dirty", "").lower()
        return {
            "status": run.info.status,
            "lifecycle": run.info.lifecycle_stage,
            "experiment": {"id": self.experiment.id, "name": self.experiment.name},
            "parent": self._uri(parent) if _RUN_ID.fullmatch(parent) else None,
            "source": {
                "commit": commit if _COMMIT.fullmatch(commit) else None,
                "dirty": {"true": True, "false": False}.get(dirty),
            },
            "metrics": {metric.key: number(metric.value) for metric in run.data.metrics},
            "params": params,
            "tags": allowed,
            "inputs": _inputs(run),
            "outputs": [{"name": self.server.uri(f"models/{each}"), "digest": None} for each in _outputs(run)],
            "artifacts": None,
            "withheld": {"params": withheld_params, "tags": withheld_tags},
        }

    def _draft(self, run: Run, facts: Mapping[str, Any]) -> Draft:
        uri = self._uri(run.id)
        subjects = [Subject.of_facts(uri, facts)]
        if facts["artifacts"] and facts["artifacts"]["files"]:
            subjects.append(Subject(f"{uri}/artifacts", facts["artifacts"]["sha256"]))
        subjects += [Subject(each["name"], each["digest"]) for each in facts["outputs"] if each["digest"]]
        return Draft(
            kind=kinds.MODEL_RUN,
            scope=system_scope(self.system.id),
            stage=Stage.DEVELOPMENT,
            origin=Origin.RECORDED,
            subjects=tuple(subjects),
            facts=facts,
            collector=Collector(NAME, __version__),
            seen=self.seen,
            effective=Period(moment_of(run.info.start_time), moment_of(run.info.end_time)),
        )

    def _uri(self, run_id: str) -> str:
        return self.server.uri(f"runs/{run_id}")


def _outputs(run: Run) -> list[str]:
    # A model may be logged at several steps. The order is ours: MLflow promises none, and another order is no news.
    return sorted({each.model_id for each in run.outputs.model_outputs})


def _inputs(run: Run) -> list[dict[str, Any]]:
    return sorted((_input(each.dataset, each.tags) for each in run.inputs.dataset_inputs), key=dumps)


def _input(dataset: Dataset, tags: Iterable[Pair]) -> dict[str, Any]:
    context = next((tag.value for tag in tags if tag.key == "mlflow.data.context"), None)
    return {
        "name": dataset.name,
        "context": context[:100] if context else None,
        "source_digest": dataset.digest,
        "rows": _rows(dataset.profile),
    }


def _rows(profile: str) -> int | None:
    # The profile is text of any shape, written by the run's author; only a plausible number of rows is of use.
    try:
        rows = json.loads(profile)["num_rows"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return rows if isinstance(rows, int) and not isinstance(rows, bool) and 0 <= rows < 2**53 else None


def moment_of(milliseconds: int | None) -> datetime | None:
    """A time of MLflow's; None for none, and for one that no calendar has."""
    if not milliseconds:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _milliseconds(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds() * 1_000)

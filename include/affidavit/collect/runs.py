"""Collector of MLflow runs.

Each look reads from its cursor on (:mod:`affidavit.collect.position`), and once more the runs of the versions that an
alias points at. A sweep, at its own schedule, reads everything: it finds runs that were deleted, restored or changed
after they were collected, and those that were dated back. A run in the ledger that MLflow has no longer is asked for
by its id, and then recorded as gone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from affidavit import __version__
from affidavit.collect.allowlist import let_through
from affidavit.collect.artifacts import Tree, stood
from affidavit.collect.budget import inputs_within, metrics_within, outputs_within
from affidavit.collect.look import GONE, NOTHING, Look, Recorded
from affidavit.collect.mlflow_client import PAGE, Dataset, Experiment, MlflowServer, Pair, Run, missing
from affidavit.collect.position import Position, cursor_of, moment_of, notice_delay, positions
from affidavit.collect.reading import Known, Task, in_order, read_runs
from affidavit.errors import StatementError
from affidavit.evidence import (
    Circumstances,
    Collector,
    Draft,
    Json,
    Origin,
    Period,
    Stage,
    Subject,
    kinds,
    loads,
    system_scope,
)
from affidavit.evidence.table_source import SOURCE_TYPE, TableSource
from affidavit.inventory import Connection, System

NAME = "mlflow-runs"

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Below this many, asking for each run's artifacts costs less than listing an experiment that may hold very many.
_ONE_BY_ONE = 10


def look_at_runs(
    system: System,
    connection: Connection,
    *,
    cursor: Json,
    seen: Circumstances,
    recorded: Recorded = NOTHING,
    page_size: int = PAGE,
) -> Look:
    """The runs of a system's experiments, deleted ones too, from ``cursor`` on (None: from the beginning).

    ``recorded`` are the runs in the ledger: those that are unchanged are spared a second listing and hashing of their
    artifacts, and those that are gone are told from those that never were. Raises ``SourceError``.
    """
    before, found = positions(cursor), dict[str, _Found]()
    with MlflowServer(connection) as server:
        experiments = _declared(system, server)
        in_use = server.runs_in_use(system.mlflow.registered_models)
        known = Known.of(recorded, home=server.uri("runs/"), in_use=in_use)
        harvest = _Harvest(system, server, recorded, seen)

        def task(experiment_id: str) -> Task:
            return known.task(experiment_id, before.get(experiment_id, Position()), system, seen.observed_at)

        for experiment in experiments:
            found[experiment.id] = harvest.declared(experiment, task(experiment.id), page_size)
        since = [each.task.since for each in found.values()]
        for experiment_id in sorted(known.runs.keys() - found.keys()):
            found[experiment_id] = harvest.left(experiment_id, task(experiment_id))
    drafts = tuple(draft for each in found.values() for draft in each.drafts)
    return Look(
        NAME,
        drafts,
        enumerated=len(drafts),
        read=len(drafts),
        withheld=sum(sum(draft.facts["withheld"].values()) for draft in drafts),
        window=Period(_earliest(since), seen.observed_at),
        notice_delay_seconds=notice_delay(system, sweeps=max(each.task.turn.looks for each in found.values())),
        cursor=cursor_of({experiment_id: each.position for experiment_id, each in found.items()}),
    )


def _declared(system: System, server: MlflowServer) -> list[Experiment]:
    found = []
    for name in sorted(system.mlflow.experiments):
        experiment = server.experiment(name)
        if experiment is None:
            present = [each.name for each in server.experiments()]
            raise missing(system, server, field="experiments", name=name, present=present)
        found.append(experiment)
    return found


def _earliest(since: Sequence[int | None]) -> datetime | None:
    starts = [each for each in since if each is not None]
    return moment_of(min(starts)) if len(starts) == len(since) else None


@dataclass(frozen=True)
class _Found:
    """What a look found of one experiment, what it had to read of it, and how far that came."""

    task: Task
    drafts: Sequence[Draft]
    position: Position


@dataclass(frozen=True)
class _Harvest:
    """One look, experiment by experiment."""

    system: System
    server: MlflowServer
    recorded: Recorded
    seen: Circumstances

    def declared(self, experiment: Experiment, task: Task, page_size: int) -> _Found:
        """What is found of an experiment of the system's."""
        runs = read_runs(self.server, experiment.id, task, page_size=page_size)
        drafts = [*self._desk(experiment, task).drafts(runs), *self._gone(task, runs)]
        now = self.seen.observed_at
        return _Found(task, drafts, task.after(task.position.advanced(runs, now), now))

    def left(self, experiment_id: str, task: Task) -> _Found:
        """Likewise, of one that is declared no longer, or whose name another one bears now.

        What is recorded of it is followed, so that nobody hides a deletion by renaming; nothing new is read.
        """
        runs = in_order(self.server.runs_by_id(experiment_id, list(task.awaited)))
        drafts = self._desk(self.server.experiment_by_id(experiment_id), task).drafts(runs) if runs else []
        position = Position(swept=task.position.swept, reread=task.position.reread)
        return _Found(task, [*drafts, *self._gone(task, runs)], task.after(position, self.seen.observed_at))

    def _desk(self, experiment: Experiment, task: Task) -> _Desk:
        return _Desk(self.system, self.server, experiment, self.recorded, self.seen, task.turn.names)

    def _gone(self, task: Task, runs: Sequence[Run]) -> list[Draft]:
        """That MLflow no longer has them; every other fact is as it was last recorded."""
        found = {run.id for run in runs}
        return [
            _draft(
                self.system,
                self.seen,
                {**entry.statement.facts, "lifecycle": GONE},
                uri=entry.statement.subject.name,
                effective=Period.of(entry.statement.header["effective"]),
            )
            for run, entry in task.awaited.items()
            if run not in found
        ]


def _draft(
    system: System, seen: Circumstances, facts: Mapping[str, Any], *, uri: str, effective: Period | None
) -> Draft:
    subjects = [Subject.of_facts(uri, facts)]
    if facts["artifacts"] and facts["artifacts"]["files"] and facts["artifacts"]["sha256"]:
        subjects.append(Subject(f"{uri}/artifacts", facts["artifacts"]["sha256"]))
    subjects += [Subject(each["name"], each["digest"]) for each in facts["outputs"] if each["digest"]]
    return Draft(
        kind=kinds.MODEL_RUN,
        scope=system_scope(system.id),
        stage=Stage.DEVELOPMENT,
        origin=Origin.RECORDED,
        subjects=tuple(subjects),
        facts=facts,
        collector=Collector(NAME, __version__),
        seen=seen,
        effective=effective,
    )


@dataclass(frozen=True)
class _Desk:
    """Where the runs of one experiment become drafts. ``again`` are runs whose artifacts are hashed in any case."""

    system: System
    server: MlflowServer
    experiment: Experiment
    recorded: Recorded
    seen: Circumstances
    again: frozenset[str]

    def drafts(self, runs: Sequence[Run]) -> list[Draft]:
        bare = [(run, self._facts(run)) for run in runs]
        earlier = {run.id: self._unchanged(run, facts) for run, facts in bare if not run.running}
        new = [run for run in runs if not run.running and earlier[run.id] is None]
        hashed = self._hash(new)
        return [self._draft(run, earlier.get(run.id) or {**facts, **hashed.get(run.id, {})}) for run, facts in bare]

    def _unchanged(self, run: Run, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        entry = self.recorded.get(self._uri(run.id))
        if entry is None or run.id in self.again or not stood(entry.statement.facts["artifacts"]):
            return None
        known = entry.statement.facts
        outputs = [{**each, "digest": None} for each in known["outputs"]]
        return known if {**known, "artifacts": None, "outputs": outputs} == facts else None

    def _hash(self, runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
        """The part of the facts that costs requests: artifacts of runs, and of the models they logged."""
        location = self.experiment.artifact_location
        present = self.server.artifacts.names(location) if len(runs) > _ONE_BY_ONE else None
        return {run.id: {"artifacts": self._tree(run, present), "outputs": self._outputs(run)} for run in runs}

    def _tree(self, run: Run, present: frozenset[str] | None) -> dict[str, str | int | None] | None:
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
        params, no_params = let_through(run.data.params, allow.params)
        allowed, no_tags = let_through(run.data.tags, allow.tags)
        metrics, no_metrics = metrics_within((metric.key, metric.value) for metric in run.data.metrics)
        inputs, no_inputs = inputs_within(_inputs(run))
        outputs, no_outputs = outputs_within([self.server.uri(f"models/{each}") for each in _outputs(run)])
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
            "metrics": metrics,
            "params": params,
            "tags": allowed,
            "inputs": inputs,
            "outputs": [{"name": name, "digest": None} for name in outputs],
            "artifacts": None,
            "withheld": {
                "metrics": no_metrics,
                "params": no_params,
                "tags": no_tags,
                "inputs": no_inputs,
                "outputs": no_outputs,
            },
        }

    def _draft(self, run: Run, facts: Mapping[str, Any]) -> Draft:
        effective = Period(moment_of(run.info.start_time), moment_of(run.info.end_time))
        return _draft(self.system, self.seen, facts, uri=self._uri(run.id), effective=effective)

    def _uri(self, run_id: str) -> str:
        return self.server.uri(f"runs/{run_id}")


def _outputs(run: Run) -> list[str]:
    # A model may be logged at several steps. The order is ours: MLflow promises none, and another order is no news.
    return sorted({each.model_id for each in run.outputs.model_outputs})


def _inputs(run: Run) -> list[dict[str, Any]]:
    return [_input(each.dataset, each.tags) for each in run.inputs.dataset_inputs]


def _input(dataset: Dataset, tags: Iterable[Pair]) -> dict[str, Any]:
    context = next((tag.value for tag in tags if tag.key == "mlflow.data.context"), None)
    return {
        "name": dataset.name,
        "context": context[:100] if context else None,
        "source_digest": dataset.digest,
        "fingerprint": _fingerprint(dataset),
        "rows": _rows(dataset.profile),
    }


def _fingerprint(dataset: Dataset) -> dict[str, Json] | None:
    """What the run itself found in the table that it names; None unless its source is one of ours and says so."""
    if dataset.source_type != SOURCE_TYPE:
        return None
    try:
        source = TableSource.of(loads(dataset.source.encode("utf-8", "surrogatepass")))
    except StatementError:
        return None
    return source.fingerprint if source.uri == dataset.name else None


def _rows(profile: str) -> int | None:
    # The profile is text of any shape, written by the run's author; only a plausible number of rows is of use.
    try:
        rows = json.loads(profile)["num_rows"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return rows if isinstance(rows, int) and not isinstance(rows, bool) and 0 <= rows < 2**53 else None

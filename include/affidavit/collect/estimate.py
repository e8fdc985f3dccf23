"""What looks at MLflow would cost, for a dry run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from affidavit.collect.look import NOTHING, Recorded
from affidavit.collect.mlflow_client import MlflowServer
from affidavit.collect.position import Position, positions
from affidavit.collect.reading import Known, read_runs
from affidavit.collect.trace_client import TraceServer, requests_for_spans
from affidavit.evidence import Json
from affidavit.inventory import Agent, Connection, System
from affidavit.measure.resources import RECORDED


@dataclass(frozen=True)
class Estimate:
    """``requests`` and ``runs`` that the next looks at runs and models read; ``entries`` they add at most.

    ``requests`` counts one listing for the artifacts of each new finished run and version; their files come on top.
    """

    requests: int
    runs: int
    entries: int


def estimate_requests(
    system: System, connection: Connection, *, cursor: Json, now: datetime, recorded: Recorded = NOTHING
) -> Estimate:
    """What collecting runs, versions and aliases of ``system`` from ``cursor`` on would cost. Reads, writes nothing.

    ``recorded`` are the runs in the ledger; at ``now`` a sweep may be due, which reads all of them again.

    What is not there yet counts as nothing: the collection itself refuses it. Raises ``SourceError``.
    """
    before = positions(cursor)
    runs = entries = artifacts = resources = 0
    with MlflowServer(connection) as server:
        known = Known.of(recorded, home=server.uri("runs/"))
        for name in system.mlflow.experiments:
            experiment = server.experiment(name)
            if experiment is None:
                continue
            position = before.get(experiment.id, Position())
            read = read_runs(server, experiment.id, known.task(experiment.id, position, system, now))
            new = [run for run in read if run.info.start_time > (position.newest or -1)]
            open_before = [run for run in read if run.id in position.open]
            runs += len(read)
            entries += len({run.id for run in (*new, *open_before)})
            artifacts += sum(1 + 2 * len(run.outputs.model_outputs) for run in new if not run.running)
        for name in system.mlflow.registered_models:
            model = server.registered_model(name)
            versions = server.versions(name) if model else []
            newest = max((each.newest or -1 for each in before.values()), default=-1)
            fresh = [version for version in versions if version.creation_timestamp > newest]
            entries += len(fresh) + (len(model.aliases) if model else 0)
            artifacts += 2 * len(fresh)
            if model is None:
                continue
            in_use = any(each.alias == system.mlflow.in_use_alias for each in model.aliases)
            # What training took: the model, the version and its run, and a page of samples for each system metric.
            resources += 1 + in_use * (2 + len(RECORDED))
            entries += in_use
        return Estimate(server.api.requests + artifacts + resources, runs, entries)


@dataclass(frozen=True)
class TraceEstimate:
    """``requests`` that the next look at an agent makes, and the ``traces`` of its window and baseline."""

    requests: int
    traces: int


def estimate_traces(agent: Agent, connection: Connection, *, now: datetime) -> TraceEstimate:
    """What looking at an agent's traces would cost: they are listed, and no spans are read. Raises ``SourceError``."""
    window = agent.window(now)
    periods = [each for each in (window, agent.before(window)) if each]
    with TraceServer(connection) as server:
        experiment = server.experiment(agent.experiment, agent=agent.id)
        listed = [list(server.infos(experiment.id, period)) for period in periods]
        spans = sum(requests_for_spans(infos) for infos in listed)
        return TraceEstimate(server.requests + spans, sum(map(len, listed)))

"""What a look at MLflow would cost, for a dry run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from affidavit.collect.look import NOTHING, Recorded
from affidavit.collect.mlflow_client import MlflowServer
from affidavit.collect.position import Position, positions
from affidavit.collect.reading import Known, read_runs
from affidavit.evidence import Json
from affidavit.inventory import Connection, System


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
    runs = entries = artifacts = 0
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
        return Estimate(server.api.requests + artifacts, runs, entries)

"""Collector of what the platform holds and no AI system claims: experiments, registered models, DAGs."""

from __future__ import annotations

from collections.abc import Iterable

from affidavit import __version__
from affidavit.collect.airflow_client import dag_ids
from affidavit.collect.look import Look
from affidavit.collect.mlflow_client import Experiment, MlflowServer
from affidavit.evidence import (
    ORGANISATION_SCOPE,
    Circumstances,
    Collector,
    Draft,
    Json,
    Origin,
    Stage,
    Subject,
    dumps,
    kinds,
)
from affidavit.inventory import Connection, Inventory, Resolve

NAME = "unreconciled"

OUR_DAGS = frozenset({"anchor", "ledger_audit", "posture"})
OUR_PREFIXES = ("decisions.", "evidence.")

MAX_NAMES = 16_000
"""Bytes of names that one list may take; the rest is counted."""


def look_at_unreconciled(inventory: Inventory, resolve: Resolve, *, seen: Circumstances) -> Look:
    """One statement per tracking server that any AI system uses.

    DAGs are listed where the organisation names a connection to Airflow; if not, the statement says that they were not
    looked at. Raises ``SourceError``, and ``ConnectionMissing``.
    """
    airflow = inventory.organisation.airflow_connection
    dags = sorted(_unclaimed_dags(inventory, dag_ids(resolve(airflow)))) if airflow else []
    drafts, enumerated = [], 0
    for connection in sorted({server.connection for each in inventory.systems.values() for server in each.servers}):
        facts, listed = _on_server(inventory, resolve(connection))
        facts |= {"dags": _bounded(dags), "not_looked_at": [] if airflow else ["dags"]}
        drafts.append(_draft(connection, facts, seen))
        enumerated += listed
    return Look(NAME, tuple(drafts), enumerated=enumerated, read=enumerated, notice_delay_seconds=0)


def _on_server(inventory: Inventory, connection: Connection) -> tuple[dict[str, Json], int]:
    servers = [server for system in inventory.systems.values() for server in system.servers]
    claims = [server for server in servers if server.connection == connection.id]
    agents = [agent for system in inventory.systems.values() for agent in system.agents]
    claimed = {name for claim in claims for name in claim.experiments}
    claimed |= {agent.experiment for agent in agents if agent.connection == connection.id}
    with MlflowServer(connection) as server:
        experiments = server.experiments()
        models = server.registered_models()
        loose = [each for each in experiments if each.name not in claimed and not _empty_default(server, each)]
    loose_models = set(models) - {name for claim in claims for name in claim.registered_models}
    facts: dict[str, Json] = {
        "experiments": _bounded(each.name for each in loose),
        "registered_models": _bounded(loose_models),
    }
    return facts, len(experiments) + len(models)


def _empty_default(server: MlflowServer, experiment: Experiment) -> bool:
    # MLflow makes experiment 0 by itself; it says nothing about anybody until a run lands there.
    return experiment.id == "0" and not server.has_runs(experiment.id)


def _unclaimed_dags(inventory: Inventory, present: Iterable[str]) -> set[str]:
    claimed = {dag for system in inventory.systems.values() for dag in system.dags}
    return {dag for dag in present if dag not in claimed | OUR_DAGS and not dag.startswith(OUR_PREFIXES)}


def _bounded(names: Iterable[str]) -> list[str]:
    ordered, kept, size = sorted(names), list[str](), 0
    for name in ordered:
        size += len(dumps(name)) + 1
        if size > MAX_NAMES:
            return [*kept, f"(and {len(ordered) - len(kept)} more)"]
        kept.append(name)
    return kept


def _draft(connection: str, facts: dict[str, Json], seen: Circumstances) -> Draft:
    return Draft(
        kind=kinds.UNRECONCILED,
        scope=ORGANISATION_SCOPE,
        stage=Stage.CROSS,
        origin=Origin.OBSERVED,
        subjects=(Subject.of_facts(f"affidavit://unreconciled/{connection}", facts),),
        facts=facts,
        collector=Collector(NAME, __version__),
        seen=seen,
    )

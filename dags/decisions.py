"""What waits for a person: one DAG per AI system (``decisions.<id>``) and one for the organisation.

One run per decision, and the run's id is the decision's, so that asking twice finds the same run. The posture starts
them. Who may see a DAG may see what is decided on: that is why each AI system has its own.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, Param, get_parsing_context, task

from affidavit.inventory.load import load_lenient
from affidavit.inventory.steps import ORGANISATION
from affidavit.operators import (
    RETRIES,
    AskHolders,
    auth_manager,
    collected,
    here,
    project_of,
    retry_what_can_help,
    workplace,
)

PROJECT = project_of(__file__)
PREFIX = "decisions."
WAITING_RUNS = 1_000
"""Runs that may wait side by side. They hold no worker, and what nobody answers must not keep others from asking."""


def decisions_dag(target: str, *, title: str, tags: list[str]) -> DAG:
    """Ask the holders of the roles that a decision needs, then record what Airflow knows of it, answered or not."""
    dag = DAG(
        f"{PREFIX}{target}",
        description=f"What waits for a person: {title}",
        schedule=None,
        max_active_runs=WAITING_RUNS,
        is_paused_upon_creation=False,
        params={"decision": Param("", type="string", description="The decision's id, which is the run's id too")},
        tags=["affidavit", "decisions", *tags],
        doc_md=f"Asks the people who answer for **{title}**, and records what they decided.",
    )
    with dag:
        AskHolders(task_id="answer", target=target, project=PROJECT) >> _record(target)
    return dag


def _record(target: str):
    @task(task_id="record", trigger_rule="all_done", outlets=[collected(target)], **RETRIES)
    @retry_what_can_help
    def record() -> list[int]:
        from affidavit.pipeline import decisions

        airflow, now = here(), datetime.now(UTC)
        return decisions.record(
            workplace(PROJECT), target, airflow.run, now=now, airflow=airflow, manager=auth_manager()
        )

    return record()


def _build() -> dict[str, DAG]:
    loaded = load_lenient(PROJECT / "include", PROJECT / "expectations")
    wanted = get_parsing_context().dag_id
    known = {system.id: (system.title, [f"owner: {system.owner}"]) for system in loaded.systems.values()}
    # One whose file is broken keeps its DAG: what stood before may still be decided on.
    known |= {target: (target, []) for target in loaded.broken if target not in known}
    known[ORGANISATION] = (loaded.organisation.title if loaded.organisation else ORGANISATION, ["organisation"])
    return {
        target: decisions_dag(target, title=title, tags=tags)
        for target, (title, tags) in known.items()
        if wanted in (None, f"{PREFIX}{target}")
    }


globals().update({dag.dag_id: dag for dag in _build().values()})

"""One DAG per AI system (``evidence.<id>``) and one for the organisation; task groups are lifecycle stages.

Parsing reads the inventory's YAML files and nothing else: no network, no database, no heavy library. A system whose
file is wrong still has its DAG, with one failing task ``configuration`` that says what to mend.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime

# Of hundreds of tasks, each made by a decorator would cost twice as much to parse.
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, CronTriggerTimetable, TaskGroup, get_parsing_context, task
from airflow.sdk.exceptions import AirflowFailException

from affidavit.errors import AffidavitError
from affidavit.inventory.load import load_lenient
from affidavit.inventory.steps import ORGANISATION, Step, pool, steps_of, steps_of_organisation
from affidavit.operators import RETRIES, collected, project_of, retry_what_can_help, visit, workplace

PROJECT = project_of(__file__)


def evidence_dag(
    target: str, *, title: str, schedule: str, steps: tuple[Step, ...], owner: str, tags: list[str]
) -> DAG:
    """Look at each source, then record the slot: the looks run side by side, the record is one transaction."""
    dag = DAG(
        f"evidence.{target}",
        description=f"Collect evidence: {title}",
        schedule=CronTriggerTimetable(_staggered(target, schedule), timezone="UTC"),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args={**RETRIES, "owner": owner},
        tags=["affidavit", *tags],
        doc_md=f"Collects ISO/IEC 42001 evidence about **{title}** and records it in the ledger.",
    )
    with dag:
        looks = []
        groups: dict[str, TaskGroup] = {}
        for step in steps:
            group = groups.get(step.stage.value) or TaskGroup(step.stage.value)
            groups[step.stage.value] = group
            with group:
                looks.append(_look(target, step))
        PythonOperator(
            task_id="record",
            python_callable=record,
            op_args=[target, [each.output for each in looks]],
            outlets=[collected(target)],
        )
    return dag


def _look(target: str, step: Step) -> PythonOperator:
    place = {"pool": pool(step.warehouse)} if step.warehouse else {}
    return PythonOperator(task_id=step.task, python_callable=look, op_args=[target, step.id], **place)


@retry_what_can_help
def look(target: str, step: str) -> str:
    """Look at one source of ``target``; the key under which what was seen is staged."""
    from affidavit.pipeline import collection

    work = workplace(PROJECT)
    seen = collection.look(work, visit(work, target), step, now=datetime.now(UTC))
    return work.staging.put(seen)


@retry_what_can_help
def record(target: str, staged: list[str]) -> dict[str, int | str | list[str] | None]:
    """Record what was staged, and the end of the slot."""
    from affidavit.pipeline import collection

    work = workplace(PROJECT)
    looks = [work.staging.get(key) for key in staged]
    done = collection.record(work, visit(work, target), looks, now=datetime.now(UTC))
    return {"entries": done.entries, "collection": done.collection, "gap": done.gap, "unread": list(done.unread)}


def configuration_dag(target: str, error: AffidavitError) -> DAG:
    """The DAG of a system whose file is wrong: it is there, and says what to mend."""
    dag = DAG(
        f"evidence.{target}",
        description="The configuration is wrong; see the task's log",
        schedule="@daily",
        catchup=False,
        is_paused_upon_creation=False,
        tags=["affidavit", "configuration error"],
        doc_md=f"This AI system cannot be collected:\n\n    {error.text}",
    )
    with dag:

        @task(task_id="configuration", retries=0)
        def configuration(message: str) -> None:
            raise AirflowFailException(message)

        configuration(error.text)
    return dag


def _staggered(target: str, schedule: str) -> str:
    """A preset's cron expression, moved by up to an hour so that a thousand systems do not start in one minute.

    Slots are ours: a later start means the same slot. An explicit cron expression is taken at its word.
    """
    spread = zlib.crc32(target.encode())
    minute, hour_minute = spread % 30, spread % 60
    return {
        "@hourly": f"{minute} * * * *",
        "@daily": f"{hour_minute} 0 * * *",
        "@weekly": f"{hour_minute} 0 * * 0",
        "@monthly": f"{hour_minute} 0 1 * *",
    }.get(schedule, schedule)


def _build() -> dict[str, DAG]:
    loaded = load_lenient(PROJECT / "include", PROJECT / "expectations")
    wanted = get_parsing_context().dag_id
    dags: dict[str, DAG] = {}
    for target, error in loaded.broken.items():
        if wanted in (None, f"evidence.{target}"):
            dags[target] = configuration_dag(target, error)
    for system in loaded.systems.values():
        if wanted in (None, f"evidence.{system.id}"):
            dags[system.id] = evidence_dag(
                system.id,
                title=system.title,
                schedule=system.schedule,
                steps=steps_of(system),
                owner=system.owner,
                tags=[f"risk: {system.risk_level}", f"owner: {system.owner}"],
            )
    organisation = loaded.organisation
    if organisation and wanted in (None, f"evidence.{ORGANISATION}"):
        dags[ORGANISATION] = evidence_dag(
            ORGANISATION,
            title=organisation.title,
            schedule=organisation.schedule,
            steps=steps_of_organisation(organisation),
            owner=ORGANISATION,
            tags=["organisation"],
        )
    return dags


globals().update({dag.dag_id: dag for dag in _build().values()})

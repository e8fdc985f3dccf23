"""Fold, judge, record what changed, publish, ask and remind: after each collection, and each hour for what has aged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task

from affidavit.operators import RETRIES, any_collected, here, notify, project_of, retry_what_can_help, workplace

PROJECT = project_of(__file__)


with DAG(
    "posture",
    description="How every control stands, from the ledger alone",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("7 * * * *", timezone="UTC"), assets=any_collected(PROJECT)
    ),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=RETRIES,
    tags=["affidavit", "organisation"],
    doc_md="Judges every control and clause, records what changed, publishes the auditor's site, asks and reminds.",
) as dag:

    @task(task_id="assess")
    @retry_what_can_help
    def assess() -> dict[str, int]:
        from affidavit.pipeline import posture

        judged, changed = posture.assess(workplace(PROJECT), now=datetime.now(UTC), airflow=here())
        return {"changed scopes": changed, **posture.counts(judged.verdicts)}

    @task(task_id="publish")
    @retry_what_can_help
    def publish() -> str:
        from affidavit.pipeline import posture

        return str(posture.publish(workplace(PROJECT), now=datetime.now(UTC)).index)

    @task(task_id="request_decisions")
    @retry_what_can_help
    def request_decisions() -> dict[str, int]:
        from affidavit.pipeline import decisions

        asked = decisions.request(workplace(PROJECT), now=datetime.now(UTC))
        return {
            "started": len(asked.started),
            "waiting": asked.waiting,
            "nobody can answer": asked.unanswerable,
            "left": asked.left,
        }

    # What a notifier hangs in must not keep the next posture from being judged.
    @task(task_id="remind", execution_timeout=timedelta(minutes=10))
    @retry_what_can_help
    def remind() -> dict[str, int]:
        from affidavit.pipeline import reminding

        told = reminding.remind(workplace(PROJECT), now=datetime.now(UTC), airflow=here(), send=notify)
        return {"messages": told.messages, "matters": told.matters, "left": told.left}

    assess() >> [publish(), request_decisions(), remind()]

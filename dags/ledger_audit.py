"""Verify every entry, head and blob of the ledger once a day, then erase what retention made due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from affidavit.operators import RETRIES, here, project_of, retry_what_can_help, workplace

PROJECT = project_of(__file__)
KEEP_STAGED = timedelta(days=14)

with DAG(
    "ledger_audit",
    description="Is the evidence what was recorded?",
    schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=RETRIES,
    tags=["affidavit", "organisation"],
    doc_md="Verifies the whole ledger, erases what retention made due, and clears staged looks that are long recorded.",
) as dag:

    @task(task_id="verify")
    @retry_what_can_help
    def verify() -> dict[str, int | str | bool]:
        from affidavit.pipeline import ledger_audit

        done = ledger_audit.audit(workplace(PROJECT))
        return {
            "entries": done.found.entries,
            "root": done.found.head.root.hex(),
            "author": done.author,
            "established": done.established,
            "uncovered_entries": done.found.uncovered,
            "unanchored_entries": done.anchoring.unanchored,
        }

    @task(task_id="erase_expired")
    @retry_what_can_help
    def erase_expired() -> dict[str, int]:
        from affidavit.pipeline import erasing

        found = erasing.erase_expired(workplace(PROJECT), now=datetime.now(UTC), airflow=here())
        return {"erased": len(found.erased), "completed": len(found.completed), "held": len(found.held)}

    @task(task_id="sweep_staging")
    @retry_what_can_help
    def sweep_staging() -> int:
        return workplace(PROJECT).staging.sweep(before=datetime.now(UTC) - KEEP_STAGED)

    verify() >> erase_expired()  # what is broken is kept as it is until somebody has looked
    sweep_staging()

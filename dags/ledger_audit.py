"""Verify every entry, head and blob of the ledger once a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from affidavit.operators import RETRIES, project_of, retry_what_can_help, workplace

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
    doc_md="Verifies the whole ledger and clears staged looks that are long recorded.",
) as dag:

    @task(task_id="verify")
    @retry_what_can_help
    def verify() -> dict[str, int | str]:
        from affidavit.pipeline import ledger_audit

        found = ledger_audit.audit(workplace(PROJECT))
        return {"entries": found.entries, "root": found.head.root.hex(), "author": found.author}

    @task(task_id="sweep_staging")
    @retry_what_can_help
    def sweep_staging() -> int:
        return workplace(PROJECT).staging.sweep(before=datetime.now(UTC) - KEEP_STAGED)

    verify()
    sweep_staging()

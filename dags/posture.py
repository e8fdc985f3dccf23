"""Fold, judge, record what changed, publish: after each collection, and each hour for what has aged."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, AssetAny, AssetOrTimeSchedule, CronTriggerTimetable, task

from affidavit.inventory.load import load_lenient
from affidavit.operators import here, retry_what_can_help, workplace
from affidavit.pipeline.steps import ORGANISATION

PROJECT = Path(os.environ.get("AFFIDAVIT_PROJECT") or Path(__file__).resolve().parents[1])


def _collections() -> AssetAny:
    systems = sorted(load_lenient(PROJECT / "include", PROJECT / "expectations").systems)
    return AssetAny(*(Asset(f"affidavit://evidence/{target}") for target in (*systems, ORGANISATION)))


with DAG(
    "posture",
    description="How every control stands, from the ledger alone",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("7 * * * *", timezone="UTC"), assets=_collections()),
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=30), "retry_exponential_backoff": 2.0},
    tags=["affidavit", "organisation"],
    doc_md="Judges every control and clause, records each change of posture, and publishes the auditor's site.",
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

    assess() >> publish()

"""Hand the ledger's head to outsiders, soon after it moves: after each collection, and every 15 minutes."""

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
    "anchor",
    description="Who outside knows the ledger's head?",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"), assets=_collections()),
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=30), "retry_exponential_backoff": 2.0},
    tags=["affidavit", "organisation"],
    doc_md="Hands the head to the witnesses, time stamp authorities and copies that the organisation declares.",
) as dag:

    @task(task_id="anchor")
    @retry_what_can_help
    def anchor() -> dict[str, list[str] | int]:
        from affidavit.pipeline import anchoring

        done = anchoring.anchor(workplace(PROJECT), now=datetime.now(UTC), airflow=here())
        if (error := anchoring.worst(done.failed)) is not None:
            raise error
        return {"size": done.head.size, "anchored": [each.anchor for each in done.anchored]}

    anchor()

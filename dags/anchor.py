"""Hand the ledger's head to outsiders, soon after it moves: after each collection, and every 15 minutes."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task

from affidavit.operators import RETRIES, any_collected, here, project_of, retry_what_can_help, workplace

PROJECT = project_of(__file__)


with DAG(
    "anchor",
    description="Who outside knows the ledger's head?",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"), assets=any_collected(PROJECT)
    ),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=RETRIES,
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

"""A DAG of a data team, none of Affidavit's: it loads each day's delivery into the table that a model learns from.

Two things make it yield evidence. ``@evidence`` records what the task returns, here from which file the table was made.
``ValidateTable`` reads the table, records what it held and which expectations it met, and stops the DAG if it failed.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import DAG, task

from affidavit.operators import ValidateTable, connection, evidence

with DAG(
    "clinic_samples",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
) as dag:

    @task
    @evidence(kind="lineage-edge", system="tumour-triage")
    def load() -> dict[str, object]:
        """Load the delivery; returns the facts of a ``lineage-edge``."""
        import duckdb

        delivery = Path(os.environ["DELIVERIES"], "samples.csv")
        with duckdb.connect(connection("clinic").path) as warehouse:
            rows = "SELECT * FROM read_csv(?, types = {'malignant': 'VARCHAR'})"  # yes and no would become booleans
            warehouse.execute(f"CREATE OR REPLACE TABLE samples_train AS {rows}", [str(delivery)])
        return {
            "relation": "prepared from",
            "from": {
                "name": f"deliveries/{delivery.name}",
                "digest": hashlib.sha256(delivery.read_bytes()).hexdigest(),
            },
            "to": {"name": "warehouse://clinic/samples_train", "digest": None},
            "basis": "this task loaded the whole file into the table. Not shown: where the delivery came from",
        }

    load() >> ValidateTable(task_id="validate", system="tumour-triage", table="samples-train")

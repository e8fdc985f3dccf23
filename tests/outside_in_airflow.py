"""DAGs that are none of ours, run by a real Airflow (``dag.test``) in an interpreter with a home of its own.

It lies in the DAGs folder, beside the example of the documents.
JSON on the last line: for each run, the state of each task, and what the ledger then holds beyond what it held before.
"""

import importlib.util
import json
import os
import sys
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

warnings.simplefilter("ignore")  # Airflow's own

from airflow.sdk import DAG, CronDataIntervalTimetable, task  # noqa: E402
from airflow.utils.db import initdb  # noqa: E402

from affidavit import operators  # noqa: E402
from affidavit.errors import UsageError  # noqa: E402
from affidavit.operators import ValidateTable, evidence  # noqa: E402

EXAMPLE = Path(__file__).with_name("clinic_samples.py")
FIRST, SECOND = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
SAID = {"value": {}}
SYSTEM = "tumour-triage"


def example():
    spec = importlib.util.spec_from_file_location("clinic_samples", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.dag


with DAG("claims", schedule=CronDataIntervalTimetable("@daily", "UTC"), start_date=FIRST - timedelta(days=9)) as claims:

    @task(retries=1, retry_delay=timedelta(0))
    @evidence(kind="lineage-edge", system=SYSTEM)
    def say():
        return SAID["value"]

    say()

with DAG("mapped", schedule=None) as mapped:

    @task
    @evidence(kind="lineage-edge", system=SYSTEM)
    def each(n):
        return edge(str(n))

    each.expand(n=[1, 2])

with DAG("lost", schedule=None) as lost:

    @task(retries=1, retry_delay=timedelta(0))
    @evidence(kind="lineage-edge", system="no-such-system")
    def nowhere():
        return edge("a")

    nowhere()
    ValidateTable(task_id="nothing", system=SYSTEM, table="samples-trian")


def edge(digit, relation="prepared from"):
    digest = digit * 64
    source, target = {"name": "raw", "digest": digest}, {"name": "made", "digest": None}
    return {"relation": relation, "from": source, "to": target, "basis": "said so"}


def entries():
    with operators.workplace(Path(os.environ["AFFIDAVIT_PROJECT"])).reader() as ledger:
        return [
            {
                "kind": entry.statement.kind,
                "subject": entry.statement.subject.name,
                "header": {**entry.statement.header, "observed_at": None},
                "facts": dict(entry.statement.facts),
                "leaf": entry.leaf_hash.hex(),
            }
            for entry in ledger.entries()
        ]


def run(dag, day=None):
    before = len(entries())
    done = dag.test(logical_date=day)
    tasks = {f"{ti.task_id}:{ti.map_index}": [str(ti.state), ti.try_number] for ti in done.get_task_instances()}
    return {"tasks": tasks, "added": entries()[before:]}


def said(value, day=FIRST):
    SAID["value"] = value
    return run(claims, day)


def refused(function):
    try:
        function()
    except UsageError as error:
        return error.text
    return None


def main():
    initdb()
    dag, delivery = example(), Path(os.environ["DELIVERIES"], "samples.csv")
    found = {"example": run(dag, FIRST), "again": run(dag, FIRST), "next day": run(dag, SECOND)}
    lines = delivery.read_text().splitlines(keepends=True)
    delivery.write_text("".join(lines[:50]))
    found["short"] = run(dag, SECOND)
    found["said"] = said(edge("a"))
    found["said again"] = said(edge("a"))
    found["changed"] = said(edge("b"))
    found["another day"] = said(edge("a"), SECOND)
    found["wrong"] = said({"relation": "prepared from", "from": "raw"})
    found["not facts"] = said("raw")
    found["judged"] = said(edge("a", "trained on"))
    found["mapped"] = run(mapped)
    found["lost"] = run(lost)
    found["kinds"] = {
        kind: refused(lambda kind=kind: evidence(kind=kind, system=SYSTEM))
        for kind in ("validation", "collection", "lineage-edge")
    }
    found["order"] = refused(lambda: evidence(kind="lineage-edge", system=SYSTEM)(task(lambda: None)))
    print(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())

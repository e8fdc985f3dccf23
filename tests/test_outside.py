"""Other people's DAGs, in a real Airflow: what their tasks claim, and tables that they validate."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from affidavit.inventory import from_environment
from affidavit.pipeline.workplace import Workplace
from affidavit.settings import Settings
from demo.warehouses import load_clinic

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[1]
FILES = (ROOT / "docs/examples/clinic_samples.py", ROOT / "tests/outside_in_airflow.py")


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict:
    home = tmp_path_factory.mktemp("outside")
    (home / "dags").mkdir()
    script = [shutil.copy(file, home / "dags") for file in FILES][-1]
    load_clinic(home / "clinic.duckdb")
    with duckdb.connect(home / "clinic.duckdb") as warehouse:
        warehouse.execute(f"COPY samples_train TO '{home}/samples.csv' (HEADER)")
    own = {
        "AFFIDAVIT_LEDGER_URL": f"sqlite:///{home}/ledger.db",
        "AFFIDAVIT_BLOBS_URL": f"file://{home}/blobs",
        "AFFIDAVIT_KEY_FILE": f"{home}/key",
    }
    work = Workplace(Settings.read(own, ROOT), from_environment({}))
    work.create_ledger(now=datetime(2026, 3, 1, tzinfo=UTC)).close()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "AFFIDAVIT", "MLFLOW"))}
    environment = (
        kept
        | own
        | {
            "AFFIDAVIT_PROJECT": str(ROOT),
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW_CONN_CLINIC": f"duckdb:///{home}/clinic.duckdb",
            "DELIVERIES": str(home),
        }
    )
    command = [sys.executable, script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    answer: dict = json.loads(done.stdout.splitlines()[-1])
    return answer


def kinds_of(run):
    return [each["kind"] for each in run["added"]]


def states(run):
    return {name.partition(":")[0]: state for name, (state, _) in run["tasks"].items()}


def test_the_example_in_the_documents_runs_and_yields_its_evidence(told):
    run = told["example"]
    assert states(run) == {"load": "success", "validate": "success"}
    assert kinds_of(run) == ["lineage-edge", "dataset-snapshot", "validation"]
    edge, snapshot, validation = run["added"]
    assert edge["subject"] == "airflow://clinic_samples/load"
    assert (edge["header"]["origin"], snapshot["header"]["origin"]) == ("recorded", "observed")
    assert edge["header"]["airflow"] | {"run": ""} == {"dag": "clinic_samples", "run": "", "task": "load", "try": 1}
    assert snapshot["subject"] == validation["subject"] == "warehouse://clinic/samples_train"
    assert validation["header"]["airflow"]["task"] == "validate"
    assert all("scripted" in each["header"]["demonstration"] for each in run["added"])


def test_the_same_run_again_adds_nothing(told):
    assert states(told["again"]) == {"load": "success", "validate": "success"}
    assert told["again"]["added"] == []
    assert told["said again"]["added"] == []


def test_what_a_task_says_of_another_day_is_a_stream_of_its_own(told):
    (edge,) = told["next day"]["added"]
    assert (edge["kind"], edge["header"]["supersedes"]) == ("lineage-edge", None)
    assert told["another day"]["added"][0]["header"]["supersedes"] is None


def test_a_table_that_fails_its_suite_is_recorded_and_then_fails_the_task(told):
    run = told["short"]
    assert states(run) == {"load": "success", "validate": "failed"}
    assert run["tasks"]["validate:-1"] == ["failed", 1], "no retry mends data"
    assert kinds_of(run) == ["lineage-edge", "dataset-snapshot", "validation"]
    assert run["added"][2]["facts"]["result"] == "FAILED"


def test_a_claim_is_about_the_data_interval_of_its_run(told):
    (edge,) = told["said"]["added"]
    interval = {"from": "2026-02-28T00:00:00.000Z", "to": "2026-03-01T00:00:00.000Z"}
    assert edge["header"]["effective"] == edge["header"]["interval"] == interval


def test_an_interval_that_runs_again_supersedes_what_was_said_of_it(told):
    (first,), (second,) = told["said"]["added"], told["changed"]["added"]
    assert second["header"]["supersedes"] == first["leaf"]


@pytest.mark.parametrize("wrong", ["wrong", "not facts", "judged"])
def test_what_the_kind_does_not_allow_fails_the_task_at_once_and_is_not_recorded(told, wrong):
    assert told[wrong]["tasks"] == {"say:-1": ["failed", 1]}
    assert told[wrong]["added"] == []


def test_mapped_tasks_speak_for_themselves(told):
    # Mapped tasks run side by side: whichever is done first is recorded first.
    assert sorted(each["subject"] for each in told["mapped"]["added"]) == [
        "airflow://mapped/each/0",
        "airflow://mapped/each/1",
    ]
    assert all(each["header"]["effective"] is None for each in told["mapped"]["added"])


def test_a_system_or_table_that_is_not_declared_fails_the_task(told):
    assert told["lost"]["tasks"] == {"nowhere:-1": ["failed", 1], "nothing:-1": ["failed", 1]}
    assert told["lost"]["added"] == []


def test_kinds_that_no_task_may_claim_are_refused_while_the_dag_is_parsed(told):
    assert told["kinds"]["lineage-edge"] is None
    for kind in ("validation", "collection"):
        assert told["kinds"][kind].startswith(f"@evidence: no task may claim evidence of the kind {kind!r}")


def test_the_decorator_above_task_is_refused(told):
    assert "below @task" in told["order"]

"""The seam to Airflow, in an Airflow of its own: errors, connections and the slot that a run stands for."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from affidavit.inventory import from_environment
from affidavit.pipeline.workplace import Workplace
from affidavit.settings import Settings
from tests.pipeline.conftest import ORGANISATION, SUITE, system

SCRIPT = Path(__file__).with_name("operators_in_airflow.py")


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> dict:
    home = tmp_path_factory.mktemp("project")
    for name, document in {
        "include/systems/loans.yaml": system("loans", "loans"),
        "include/organisation.yaml": ORGANISATION,
        "expectations/loans.yaml": SUITE,
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(yaml.safe_dump(document))
    with Workplace(Settings.read({}, home), from_environment({})).create_ledger(now=datetime(2026, 3, 14, tzinfo=UTC)):
        pass  # the slot of a run follows from the schedule in force
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "AFFIDAVIT", "MLFLOW"))}
    environment = kept | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_BANK": json.dumps(
            {
                "conn_type": "my-sql",
                "host": "h",
                "port": 5432,
                "login": "l",
                "password": "p",
                "schema": "s",
                "extra": {"token": "t"},
            }
        ),
    }
    done = subprocess.run([sys.executable, SCRIPT, home], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_only_what_trying_again_can_mend_is_tried_again(said):
    found = said["tasks"]["errors"]
    assert found["SourceUnavailable"][0]
    assert not found["SourceRefused"][0]
    for name, (retryable, raised) in found.items():
        kind = "AirflowException" if retryable else "AirflowFailException"
        assert raised == [kind, "here: it went wrong. Fix: mend it", name]


def test_errors_of_others_and_results_pass_through(said):
    assert said["tasks"]["other"][:2] == ["ValueError", "not ours"]
    assert said["tasks"]["fine"] == [3, "true"]
    assert said["tasks"]["name"] == "fine"


def test_a_connection_is_resolved_by_airflow_itself(said):
    assert said["connection"] == ["bank", "my_sql", "h", 5432, "l", "p", "s", {"token": "t"}]


def test_a_missing_connection_says_where_to_add_it(said):
    kind, message, cause = said["missing"]
    assert (kind, cause) == ("ConnectionMissing", "AirflowNotFoundException")
    assert "AIRFLOW_CONN_VAULT" in message


def test_a_message_goes_through_a_notifier_that_airflow_renders_and_no_text_of_ours_is_a_template(said):
    assert said["notices"]["sent"] == [["lead", "1 missing", "&lt;b&gt; {{ 7 * 7 }} (r-1)"]]


def test_what_is_no_notifier_or_fails_says_where_and_never_what_it_said(said):
    found = said["notices"]["said"]
    kinds = {name: error for name, (error, *_) in found.items()}
    assert kinds == {
        "fine": "nothing",
        "failing": "SourceUnavailable",
        **dict.fromkeys(("arguments", "absent", "nothing", "other"), "ConfigurationError"),
    }
    assert all(f"reminders.channels {name}" in text for name, (_, text, *_) in found.items() if name != "fine")
    assert "secret@" not in json.dumps(found)


def test_the_slot_follows_from_what_the_run_is_for_and_not_from_when_it_started(said):
    scheduled, triggered, early = said["visits"]
    run = ["evidence.loans", "r-1", "record", 2]
    assert scheduled == ["loans", "2026-03-14T00:00:00+00:00", "2026-03-16T12:00:00+00:00", run]
    assert triggered == scheduled
    assert early == ["loans", "2026-03-14T00:00:00+00:00", "now", run]


def test_the_posture_follows_each_collection(said):
    assert said["assets"] == ["affidavit://evidence/loans", "affidavit://evidence/organisation"]

"""The script of docs/ml-team.md as it is printed: a real server, warehouse and checkout, and what is then collected."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import git
import pytest
import requests

from affidavit.collect.lineage import look_at_lineage
from affidavit.collect.mlflow_client import MlflowServer
from affidavit.collect.runs import look_at_runs
from affidavit.evidence import Circumstances
from affidavit.inventory import Connection
from affidavit.inventory.load import load_system
from affidavit.warehouse import fingerprint, snapshot

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/ml-team.md").read_text(encoding="utf-8")
TABLES = ("applications_train", "applications_test")
SYSTEM = load_system(ROOT / "include/systems/mortgage-approval.yaml")


@pytest.fixture(scope="module")
def home(tmp_path_factory, mlflow) -> Path:
    """Where the script ran: a commit that holds it, and the demo's data."""
    home = tmp_path_factory.mktemp("team")
    examples = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    [script] = [each for each in examples if "log_table(" in each]
    (home / "train.py").write_text(script, encoding="utf-8")
    (home / ".gitignore").write_text(".demo/\n")
    with git.Repo.init(home) as repo:
        repo.git.config("user.name", "tests")
        repo.git.config("user.email", "tests@example.org")
        repo.git.add(all=True)
        repo.git.commit(message="train")
    (home / ".demo").mkdir()
    with duckdb.connect(str(home / ".demo/bank.duckdb")) as connection:
        data = ROOT / "demo/data/hmda_boston.csv"
        connection.execute(f"CREATE TABLE applications_train AS FROM read_csv('{data}', nullstr='')")
        connection.execute("CREATE TABLE applications_test AS FROM applications_train WHERE ccs > 2")
    [variable] = re.findall(r"`AIRFLOW_CONN_BANK` to `(\S+)`", PAGE)
    told = {
        "MLFLOW_TRACKING_URI": mlflow.url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "AIRFLOW_CONN_BANK": variable,
        "AIRFLOW_CTX_DAG_ID": "train",
        "AIRFLOW_CTX_TRY_NUMBER": "1",
        "CONTAINER_IMAGE": "registry/train@sha256:00",
    }
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=home,
        env=os.environ | told,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "and the run goes on" not in done.stderr
    return home


@pytest.fixture(scope="module")
def tracking(home, mlflow) -> Connection:
    """The server that the script has logged to."""
    host, port = mlflow.url.removeprefix("http://").split(":")
    return Connection("mlflow_default", "http", host=host, port=int(port))


@pytest.fixture(scope="module")
def runs(tracking):
    """What the collector reads of it."""
    return look_at_runs(SYSTEM, tracking, cursor=None, seen=Circumstances(datetime.now(UTC)))


@pytest.fixture(scope="module")
def states(home) -> dict[str, str]:
    """The fingerprints that the collector takes of the tables, by URI."""
    bank = Connection("bank", "duckdb", host=str(home / ".demo/bank.duckdb"))
    with snapshot(bank, timeout_seconds=60) as opened:
        return {
            f"warehouse://bank/{name}": fingerprint(opened, opened.table(name), about=name).sha256 for name in TABLES
        }


def test_the_model_that_the_run_made_is_in_use(runs, tracking, mlflow):
    [run] = runs.drafts
    asked = {"name": "mortgage-approval", "alias": "champion"}
    answer = requests.get(f"{mlflow.url}/api/2.0/mlflow/registered-models/alias", params=asked, timeout=30).json()
    assert run.facts["status"] == "FINISHED"
    assert run.subjects[0].name == f"mlflow://mlflow_default/runs/{answer['model_version']['run_id']}"


def test_the_run_carries_the_fingerprints_that_the_collector_takes(runs, states):
    [run] = runs.drafts
    assert {each["name"]: each["fingerprint"]["sha256"] for each in run.facts["inputs"]} == states
    assert {each["context"] for each in run.facts["inputs"]} == {"training", "testing"}


def test_the_lineage_rests_on_the_fingerprints_that_the_run_took(runs, states):
    since = {uri: [sha256, "0" * 64] for uri, sha256 in states.items()}
    seen = Circumstances(datetime.now(UTC))
    edges = look_at_lineage(SYSTEM, drafts=runs.drafts, snapshots=since, recorded=frozenset(), seen=seen).drafts
    assert {each.facts["from"]["name"]: each.facts["from"]["digest"] for each in edges} == states
    assert {each.facts["relation"] for each in edges} == {"trained on", "evaluated on"}
    assert all("the run recorded the table's fingerprint itself" in each.facts["basis"] for each in edges)


def test_the_commit_holds_the_code_and_the_tags_say_where_it_ran(home, runs, tracking):
    [run] = runs.drafts
    with git.Repo(home) as repo:
        assert run.facts["source"] == {"commit": repo.head.commit.hexsha, "dirty": False}
    with MlflowServer(tracking) as server:
        experiment = server.experiment("mortgage-approval")
        [found] = server.runs(experiment.id, since=None)
    tags = {tag.key: tag.value for tag in found.data.tags}
    assert tags["mlflow.docker.image.uri"] == "registry/train@sha256:00"
    assert (tags["affidavit.airflow.dag"], tags["affidavit.airflow.try"]) == ("train", "1")

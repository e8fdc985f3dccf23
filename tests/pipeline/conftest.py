"""A small project with a real MLflow server, a real DuckDB file and a real ledger."""

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import requests
import yaml

from affidavit.inventory import from_environment
from affidavit.inventory.connection import variable
from affidavit.pipeline import collection, posture
from affidavit.pipeline.workplace import Workplace
from affidavit.settings import Settings
from tests.conftest import Mlflow

MIDNIGHT = datetime(2026, 3, 14, tzinfo=UTC)

ORGANISATION = {
    "id": "harbour",
    "title": "Harbour",
    "roles": {"ml-lead": {"title": "Lead", "holders": ["p-1"]}},
    "owners": {},
}
SUITE = {
    "name": "loans",
    "description": "What every loan table must hold.",
    "expectations": [
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "amount"},
            "quality": "completeness",
        },
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "amount", "min_value": 0, "max_value": 1_000},
            "quality": "validity",
        },
        {
            "type": "expect_column_distinct_values_to_contain_set",
            "kwargs": {"column": "region", "value_set": ["north", "south"]},
            "quality": "representativeness",
        },
    ],
}


def system(system_id: str, tracked: str, **changes: object) -> dict[str, object]:
    """The YAML of one AI system, as a document; ``tracked`` names its experiment and its registered model."""
    return {
        "id": system_id,
        "title": system_id.title(),
        "purpose": "To be tested.",
        "organisation_role": "deployer",
        "risk_level": "high",
        "owner": "ml-lead",
        "schedule": "@daily",
        "mlflow": {
            "connection": "tracking",
            "experiments": [tracked],
            "registered_models": [tracked],
            "allow": {"params": ["C"], "tags": ["team"]},
        },
        "datasets": [
            {"id": "loans-train", "connection": "bank", "table": "loans", "use": "training", "suite": "loans"},
        ],
        **changes,
    }


@dataclass
class Tracking:
    """The REST calls that an ML team's client would make, on one experiment and one registered model."""

    url: str
    name: str
    experiment_id: str = ""

    def call(self, path: str, **body: object) -> dict:
        answer = requests.post(f"{self.url}/api/2.0/mlflow/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def experiment(self) -> None:
        self.experiment_id = self.call("experiments/create", name=self.name)["experiment_id"]

    def run(self, *, dataset: str | None = None) -> str:
        started = int(time.time() * 1000)
        run = self.call("runs/create", experiment_id=self.experiment_id, start_time=started)["run"]["info"]["run_id"]
        for key, value in {"C": "1.0", "password": "hunter2"}.items():
            self.call("runs/log-parameter", run_id=run, key=key, value=value)
        self.call("runs/log-metric", run_id=run, key="auc", value=0.8, timestamp=started)
        if dataset:
            described = {"name": dataset, "digest": "abcd1234", "source_type": "local", "source": "{}"}
            tags = [{"key": "mlflow.data.context", "value": "training"}]
            self.call("runs/log-inputs", run_id=run, datasets=[{"tags": tags, "dataset": described}])
        self.call("runs/update", run_id=run, status="FINISHED", end_time=started + 10)
        return run

    def model(self) -> None:
        self.call("registered-models/create", name=self.name)

    def version(self, run: str) -> str:
        body = {"name": self.name, "source": f"runs:/{run}/model", "run_id": run}
        return self.call("model-versions/create", **body)["model_version"]["version"]

    def alias(self, version: str) -> None:
        self.call("registered-models/alias", name=self.name, alias="champion", version=version)


@dataclass
class Project:
    """A project directory with its sources, driven by a clock that the test sets."""

    root: Path
    tracking: Tracking
    now: datetime = MIDNIGHT + timedelta(hours=1)
    connections: dict[str, str] = field(default_factory=dict)

    @property
    def workplace(self) -> Workplace:
        settings = Settings.read({}, self.root)
        return Workplace(settings, from_environment({variable(k): v for k, v in self.connections.items()}))

    @property
    def warehouse(self) -> Path:
        return self.root / "bank.duckdb"

    def declare(self, **document: object) -> None:
        self.write(f"include/systems/{document['id']}.yaml", document)

    def write(self, name: str, document: object) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document), encoding="utf-8")

    def sql(self, statement: str) -> None:
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute(statement)

    def tomorrow(self) -> None:
        self.now += timedelta(days=1)

    def collect(self, target: str = "loans") -> collection.Recorded:
        return collection.collect(self.workplace, target, now=lambda: self.now)

    def assess(self) -> posture.Posture:
        return posture.assess(self.workplace, now=self.now)[0]

    def entries(self, kind: str | None = None, scope: str | None = None) -> list:
        with self.workplace.reader() as ledger:
            return list(ledger.entries(kind=kind, scope=scope))

    def size(self) -> int:
        with self.workplace.reader() as ledger:
            return ledger.head().size


@pytest.fixture
def project(tmp_path: Path, mlflow: Mlflow) -> Project:
    """One AI system ``loans`` with a table of 100 rows, one finished run, one version, one alias; nothing collected."""
    # Experiments live as long as the server: each test has a name of its own.
    tracking = Tracking(mlflow.url, name=f"loans-{uuid.uuid4().hex[:8]}")
    made = Project(tmp_path, tracking)
    made.connections = {"tracking": mlflow.url, "bank": f"duckdb:///{made.warehouse}"}
    made.declare(**system("loans", tracking.name))
    made.write("include/organisation.yaml", ORGANISATION)
    made.write("expectations/loans.yaml", SUITE)
    made.sql(
        "CREATE TABLE loans AS SELECT i AS id, i % 500 AS amount,"
        " CASE i % 2 WHEN 0 THEN 'north' ELSE 'south' END AS region FROM range(100) t(i)"
    )
    tracking.experiment()
    run = tracking.run(dataset="loans-train")
    tracking.model()
    tracking.alias(tracking.version(run))
    made.workplace.create_ledger(now=made.now).close()
    return made

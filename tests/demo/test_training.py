"""What the ML teams' scripts left in MLflow and in the warehouses, as the demo ran them."""

from pathlib import Path

import duckdb
import pytest

from affidavit.collect.lineage import match
from affidavit.inventory.load import load_lenient

# MLflow's own store uses what SQLAlchemy has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ROOT = Path(__file__).resolve().parents[2]
TEAMS = {"mortgage-approval": "mortgage", "tumour-triage": "tumour"}


@pytest.fixture(scope="module")
def stores(demonstrated: Path) -> dict[str, Path]:
    """Each team's warehouse, after the demo has run both rounds of its script."""
    return {"mortgage": demonstrated / ".demo" / "bank.duckdb", "tumour": demonstrated / ".demo" / "clinic.duckdb"}


@pytest.fixture(scope="module")
def client(demonstrated: Path):
    """What MLflow kept, read without a server."""
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{demonstrated / '.demo' / 'mlflow' / 'mlflow.db'}")


@pytest.fixture(params=TEAMS)
def system(request):
    return load_lenient(ROOT / "include", ROOT / "expectations").inventory.systems[request.param]


def test_several_runs_say_what_they_read_and_what_came_out(client, system):
    experiment = client.get_experiment_by_name(system.mlflow.experiments[0])

    runs = client.search_runs([experiment.experiment_id])

    assert len(runs) >= 3
    for run in runs:
        assert run.info.status == "FINISHED"
        assert {"model", "seed"} <= set(run.data.params)
        assert 0.5 < run.data.metrics["roc_auc"] <= 1
        assert run.data.tags["team"]
        inputs = [match(system, given.dataset.name) for given in run.inputs.dataset_inputs]
        assert {table.id for table in inputs} == {dataset.id for dataset in system.datasets}
        assert len(run.outputs.model_outputs) == 1


@pytest.mark.parametrize(
    ("system", "kind"), [("mortgage-approval", "affidavit_table"), ("tumour-triage", "code")], indirect=["system"]
)
def test_one_team_logs_fingerprints_and_one_plain_mlflow(client, system, kind):
    experiment = client.get_experiment_by_name(system.mlflow.experiments[0])
    runs = client.search_runs([experiment.experiment_id])
    assert {given.dataset.source_type for run in runs for given in run.inputs.dataset_inputs} == {kind}


def test_the_best_run_is_in_use(client, system):
    name = system.mlflow.registered_models[0]
    experiment = client.get_experiment_by_name(system.mlflow.experiments[0])
    best = max(client.search_runs([experiment.experiment_id]), key=lambda run: run.data.metrics["roc_auc"])

    released = client.get_model_version_by_alias(name, system.mlflow.in_use_alias)

    assert released.run_id == best.info.run_id
    assert len(client.search_model_versions(f"name = '{name}'")) == 2


def test_the_whole_hold_out_is_scored_by_the_version_in_use(client, stores, system):
    [table] = system.predictions
    store = stores[TEAMS[system.id]]
    version = client.get_model_version_by_alias(system.mlflow.registered_models[0], system.mlflow.in_use_alias).version
    held_out = next(dataset.table for dataset in system.datasets if dataset.use == "test")

    with duckdb.connect(store, read_only=True) as connection:
        columns = {name for name, *_ in connection.sql(f"DESCRIBE {table.table}").fetchall()}
        assert {
            table.label,
            table.score,
            table.time_column,
            *table.measured.groups,
            "model_version",
            "decision",
        } <= columns
        [rows] = connection.sql(f"SELECT count(*), min(score), max(score) FROM {table.table}").fetchall()
        assert connection.sql(f"SELECT count(*) FROM {held_out}").fetchall() == [(rows[0],)]
        assert 0 <= rows[1] < rows[2] <= 1
        assert connection.sql(f"SELECT DISTINCT model_version FROM {table.table}").fetchall() == [(str(version),)]
        assert len(connection.sql(f"SELECT DISTINCT decision FROM {table.table}").fetchall()) == 2


def test_each_request_is_logged_once_and_scored_once(stores, system):
    [table] = system.predictions
    with duckdb.connect(stores[TEAMS[system.id]], read_only=True) as connection:
        for register in system.registers:
            key = register.columns["request"]
            query = f"SELECT {key} FROM {register.table} EXCEPT ALL SELECT {key} FROM {table.table}"
            assert connection.sql(query).fetchall() == []
            assert connection.sql(f"FROM {register.table}").shape[0] == connection.sql(f"FROM {table.table}").shape[0]
            columns = {name for name, *_ in connection.sql(f"DESCRIBE {register.table}").fetchall()}
            assert {*register.columns.values(), *register.categories} <= columns

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace

import duckdb
import mlflow
import pytest

from affidavit import errors
from affidavit.inventory import Connection
from affidavit.training import log_table
from affidavit.training.harmless import harmless

ROWS = ["CREATE TABLE t (id INTEGER, name VARCHAR(20))", "INSERT INTO t VALUES (1, 'anna'), (2, NULL), (3, 'zoë')"]


@pytest.fixture
def table(warehouse, known):
    """A table of three rows in each kind of warehouse, and the connection ``bank`` to it."""
    warehouse.run(*ROWS)
    known(warehouse.connection)
    return warehouse


@pytest.fixture
def small(duck, known):
    """The same, in DuckDB alone."""
    duck.run(*ROWS)
    known(duck.connection)
    return duck


def logged(run) -> list:
    return mlflow.MlflowClient().get_run(run.info.run_id).inputs.dataset_inputs


def warned(caplog) -> str:
    """The one warning that there is."""
    [record] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert record.name == "affidavit.training"
    return record.getMessage()


def test_a_table_is_logged_with_the_fingerprint_that_the_collector_takes(team, table, caplog):
    with mlflow.start_run() as run:
        log_table("bank", "t", context="testing")
    [found] = logged(run)
    whole = table.fingerprint()
    assert found.dataset.name == "warehouse://bank/t"
    assert found.dataset.digest == whole.sha256[:36]
    assert found.dataset.source_type == "affidavit_table"
    assert json.loads(found.dataset.source) == {
        "connection": "bank",
        "table": "t",
        "fingerprint": {"sha256": whole.sha256, "method": whole.method},
    }
    assert json.loads(found.dataset.profile) == {"num_rows": 3}
    assert {tag.key: tag.value for tag in found.tags} == {"mlflow.data.context": "testing"}
    assert not caplog.records


def test_a_table_that_is_not_said_to_be_for_something_is_for_training(team, small):
    with mlflow.start_run() as run:
        log_table("bank", "t")
    assert [tag.value for tag in logged(run)[0].tags] == ["training"]


def test_one_table_in_two_states_is_two_inputs(team, small):
    with mlflow.start_run() as run:
        log_table("bank", "t")
        small.run("DELETE FROM t WHERE id = 3")
        log_table("bank", "t")
    assert {json.loads(each.dataset.profile)["num_rows"] for each in logged(run)} == {2, 3}


def test_mlflow_resolves_the_source_again_and_reads_its_rows(team, table):
    with mlflow.start_run() as run:
        log_table("bank", "t")
    rows = mlflow.data.get_source(logged(run)[0]).load()
    assert list(rows.columns) == ["id", "name"]
    assert sorted(rows["id"]) == [1, 2, 3]
    assert set(rows["name"].dropna()) == {"anna", "zoë"}


def test_rows_that_are_no_longer_those_that_were_logged_are_not_given(team, table):
    with mlflow.start_run() as run:
        log_table("bank", "t")
    table.run("UPDATE t SET name = 'anne' WHERE id = 1")
    with pytest.raises(errors.SourceRefused, match="no longer those that were logged") as refused:
        mlflow.data.get_source(logged(run)[0]).load()
    assert "anne" not in refused.value.text


def test_text_is_never_taken_for_a_table_in_a_known_state(team):
    with pytest.raises(mlflow.MlflowException):
        mlflow.data.dataset_source_registry.resolve_dataset_source("warehouse://bank/t")


def test_nothing_of_the_connection_but_its_id_is_logged(team, postgres, known):
    postgres.run(*ROWS)
    host, database = postgres.connection.host, postgres.connection.schema
    known(replace(postgres.connection, password="hunter2"))
    with mlflow.start_run() as run:
        log_table("bank", "t")
    [found] = logged(run)
    everything = str(found.dataset.to_dictionary())
    assert all(word not in everything for word in ("hunter2", host, database, "postgres@", "5432"))


def test_a_script_that_writes_the_same_duckdb_file_goes_on(team, small):
    with duckdb.connect(small.connection.path) as own:
        own.execute("INSERT INTO t VALUES (4, 'new')")
        with mlflow.start_run() as run:
            log_table("bank", "t")
        own.execute("INSERT INTO t VALUES (5, 'newer')")
    assert json.loads(logged(run)[0].dataset.profile) == {"num_rows": 4}


def test_without_an_active_run_none_is_begun(team, small, caplog):
    log_table("bank", "t")
    assert mlflow.active_run() is None
    assert "no run is active. Fix: call it inside 'with mlflow.start_run():'" in warned(caplog)


def test_a_connection_that_is_not_there_is_one_warning_with_the_variable_to_set(team, caplog):
    with mlflow.start_run() as run:
        log_table("nowhere", "t")
    assert "AIRFLOW_CONN_NOWHERE" in warned(caplog)
    assert logged(run) == []


def test_a_table_that_is_not_there_is_one_warning_with_near_names(team, table, caplog):
    with mlflow.start_run() as run:
        log_table("bank", "T")
    assert "did you mean 't'?" in warned(caplog)
    assert logged(run) == []


def test_a_warehouse_that_is_down_is_one_warning_that_names_no_password(team, known, caplog):
    known(Connection("bank", "postgres", host="127.0.0.1", port=1, login="anna", password="hunter2", schema="x"))
    with mlflow.start_run() as run:
        log_table("bank", "t")
    message = warned(caplog)
    assert "'bank'" in message
    assert "Fix:" in message
    assert "hunter2" not in caplog.text
    assert logged(run) == []


def test_a_table_that_takes_too_long_is_one_warning(team, postgres, known, caplog):
    postgres.run("CREATE VIEW t AS SELECT pg_sleep(60)::text AS slept")
    known(postgres.connection)
    with mlflow.start_run():
        log_table("bank", "t", timeout_seconds=1)
    assert "ran longer than 1 seconds" in warned(caplog)


def test_a_tracking_server_that_is_gone_is_one_warning(team, small, caplog, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with mlflow.start_run():
        mlflow.set_tracking_uri("http://127.0.0.1:1")
        log_table("bank", "t")
        mlflow.set_tracking_uri(team.server.url)
    assert "MLflow, warehouse://bank/t: did not take the dataset input" in warned(caplog)


def test_what_mlflow_refuses_is_one_warning_that_names_its_reason(team, small, caplog):
    with mlflow.start_run() as run:
        log_table("bank", "t", context="x" * 501)
    assert "INVALID_PARAMETER_VALUE" in warned(caplog)
    assert logged(run) == []


@pytest.mark.parametrize("arguments", [(None, "t"), ("bank", 3), ("bank", ["row value"])])
def test_what_is_no_name_is_one_warning_that_does_not_print_it(team, caplog, arguments):
    with mlflow.start_run():
        log_table(*arguments)
    assert "given by name" in warned(caplog)
    assert "row value" not in caplog.text


def tree(error: type[BaseException]) -> list[type[BaseException]]:
    return [error, *(deeper for child in error.__subclasses__() for deeper in tree(child))]


OURS = [error for error in tree(errors.AffidavitError) if error.__module__ == errors.__name__]


@pytest.mark.parametrize("error", OURS, ids=lambda error: error.__name__)
def test_each_error_of_ours_is_one_warning_with_its_fix(error, caplog):
    more = {"size": 1} if error is errors.HeadConflict else {}
    with harmless("nothing was logged"):
        raise error("it broke", where="here", fix="mend it", **more)
    assert warned(caplog) == "nothing was logged, and the run goes on: here: it broke. Fix: mend it"


@pytest.mark.parametrize("error", [Exception, OSError, MemoryError, RecursionError, ValueError, UnicodeError, Warning])
def test_an_error_of_another_is_named_and_not_quoted(error, caplog):
    with harmless("nothing was logged"):
        raise error("the row of Anna")
    assert error.__name__ in warned(caplog)
    assert "Fix:" in caplog.text
    assert "Anna" not in caplog.text


def test_an_error_of_another_is_told_in_full_at_level_debug(caplog):
    with caplog.at_level(logging.DEBUG, "affidavit.training"), harmless("nothing was logged"):
        raise ValueError("where it was")
    assert "where it was" in caplog.text


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_who_stops_the_script_stops_it(stop):
    with pytest.raises(stop), harmless("nothing was logged"):
        raise stop


def loaded_by(statement: str) -> set[str]:
    """The top packages in memory after ``statement``, and the rooms of ours."""
    script = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": ""}
    )
    names = done.stdout.split()
    return {name.partition(".")[0] for name in names} | {name for name in names if name.startswith("affidavit.")}


def test_importing_it_loads_nothing_heavy():
    loaded = loaded_by("import affidavit.training")
    assert "affidavit.training" in loaded
    assert not loaded & {"airflow", "great_expectations", "mlflow", "pandas", "sqlalchemy", "git", "pydantic"}


def test_mlflow_finds_both_plug_ins_and_they_load_nothing_heavy():
    loaded = loaded_by("import mlflow.data, mlflow.tracking.context.registry")
    assert {"affidavit.training.dataset", "affidavit.training.context"} <= loaded
    assert not loaded & {"airflow", "great_expectations", "affidavit.warehouse", "affidavit.inventory"}


def test_logging_a_table_loads_neither_airflow_nor_great_expectations(small):
    statement = (
        "import mlflow; from affidavit.training.dataset import TableDataset\n"
        "assert TableDataset.look('bank', 't', timeout_seconds=60).profile == {'num_rows': 3}"
    )
    assert not loaded_by(statement) & {"airflow", "great_expectations", "affidavit.ledger"}

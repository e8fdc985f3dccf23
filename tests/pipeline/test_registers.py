"""Registers and scoring endpoints through the whole house: recorded with the rest, and kept when they are dropped."""

import pytest

from affidavit.errors import SourceRefused
from affidavit.pipeline import collection
from affidavit.pipeline.plan import plan
from tests.pipeline.conftest import ORGANISATION, system

REQUESTS = {
    "id": "requests",
    "kind": "requests-served",
    "connection": "bank",
    "table": "served",
    "columns": {"request": "id", "at": "served_at"},
    "reconcile": {"connection": "bank", "table": "loans", "column": "id"},
}
LICENCES = {
    "id": "licences",
    "kind": "licences",
    "file": "registers/licences.csv",
    "columns": {"item": "item", "licence": "licence", "until": "until"},
}


@pytest.fixture
def served(project):
    project.sql(
        "CREATE TABLE served AS SELECT id, TIMESTAMP '2026-03-13 10:00:00' AS served_at, 1 AS version FROM loans"
    )
    project.connections["scoring"] = "http://127.0.0.1:1"
    endpoint = {"id": "live", "model": project.tracking.name, "connection": "scoring", "path": "/", "version": "v"}
    project.declare(**system("loans", project.tracking.name, registers=[REQUESTS], serving=[endpoint]))
    return project


def facts(project, kind, scope=None):
    return [entry.statement.facts for entry in project.entries(kind=kind, scope=scope)]


def test_a_register_and_what_an_endpoint_said_are_recorded_with_the_rest(served):
    served.collect()
    [register], [endpoint] = facts(served, "register"), facts(served, "serving-version")
    assert (register["rows"], register["reconciled"]["matched"], register["reconciled"]["only_here"]) == (100, 100, 0)
    assert endpoint["version"] is None
    assert "cannot be reached" in endpoint["unknown"]
    looked = facts(served, "collection")[0]["collectors"]
    assert (looked["register:requests"]["new"], looked["serving:live"]["read"]) == (1, 0)
    assert "mlflow-models" in looked, "an endpoint that is down keeps nothing else from being recorded"


def test_a_register_that_is_dropped_is_looked_at_until_somebody_lets_it_go(served):
    served.collect()
    served.declare(**system("loans", served.tracking.name))
    served.sql("DELETE FROM served WHERE id = 1")
    served.tomorrow()
    served.collect()
    assert [each["rows"] for each in facts(served, "register")] == [100, 99]
    assert [each["endpoint"] for each in facts(served, "serving-version")] == ["live"]


def test_a_dropped_register_whose_table_is_gone_keeps_nothing_from_being_recorded(served):
    served.collect()
    served.declare(**system("loans", served.tracking.name))
    served.sql("DROP TABLE served")
    served.tomorrow()
    assert served.collect().collection is not None
    assert len(facts(served, "register")) == 1


def test_a_declared_register_whose_table_is_gone_is_an_error_and_nothing_is_recorded(served):
    served.sql("DROP TABLE served")
    before = served.size()
    with pytest.raises(SourceRefused, match="warehouse://bank/served"):
        served.collect()
    assert served.size() == before


def test_a_file_of_the_organisation_is_a_register_of_its_scope(project):
    (project.root / "include/registers").mkdir()
    (project.root / "include/registers/licences.csv").write_text("item,licence,until\nskops,MIT,2026-12-31\n")
    project.write("include/organisation.yaml", {**ORGANISATION, "registers": [LICENCES]})
    assert [step.task for step in collection.steps(project.workplace, "organisation")] == [
        "declarations",
        "unreconciled",
        "register_licences",
    ]
    project.collect("organisation")
    [entry] = project.entries(kind="register", scope="organisation")
    assert (entry.statement.origin.value, entry.statement.facts["rows"]) == ("declared", 1)
    project.write("include/organisation.yaml", ORGANISATION)
    project.tomorrow()
    project.collect("organisation")
    looked = facts(project, "collection", "organisation")[-1]["collectors"]
    assert looked["register:licences"]["unchanged"] == 1


def test_the_dry_run_names_registers_and_endpoints(served):
    expected = {each.step: each for each in plan(served.workplace, "loans", now=served.now)}
    assert (expected["register:requests"].rows, expected["register:requests"].pool) == (100, "warehouse.bank")
    assert expected["serving:live"].requests == 1

import pytest
from pydantic import ValidationError

from affidavit.errors import InventoryError
from affidavit.evidence import Stage
from affidavit.inventory import DEMANDS, Register, System
from affidavit.inventory.load import load, load_system
from affidavit.inventory.registers import Demand
from tests.projections import story

TABLE = """
registers:
  - id: requests
    kind: requests-served
    connection: bank
    table: requests_served
    columns: {request: id, at: served_at}
    categories: {outcome: [approve, deny]}
    reconcile: {connection: bank, table: applications_scored, column: application_id}
"""
SERVING = """
serving:
  - {id: live, model: mortgage-approval, connection: live, path: /v1/model, version: model.version}
"""
FILE = """
registers:
  - id: licences
    kind: licences
    file: registers/licences.csv
    columns: {item: item, licence: licence, until: until}
"""


def write(path, text):
    """Add ``text`` to what the demo declares, in place of its own registers."""
    path.write_text(path.read_text().partition("\nregisters:")[0] + text)


def test_registers_and_endpoints_are_read(project):
    write(project.mortgage, TABLE + SERVING)
    write(project.organisation, FILE)
    inventory = load(project.include, project.suites)
    [table], [file] = inventory.systems["mortgage-approval"].registers, inventory.organisation.registers
    assert (table.uri, table.name, table.demand) == (
        "warehouse://bank/requests_served",
        "affidavit://registers/requests",
        Demand(("request", "at"), "request", "at", Stage.OPERATION, system_record=True),
    )
    assert (file.uri, file.connection, file.reconcile) == ("file:include/registers/licences.csv", None, None)
    assert inventory.systems["mortgage-approval"].serving[0].name == "affidavit://serving/live"


def test_an_endpoint_may_serve_a_model_of_any_server_of_the_system():
    declared = story.system()
    further = {**declared["mlflow"], "connection": "research", "registered_models": ["cards"]}
    endpoint = {"id": "live", "model": "cards", "connection": "scoring", "path": "/v1", "version": "version"}
    assert System.model_validate({**declared, "more_mlflow": [further], "serving": [endpoint]}).serving
    with pytest.raises(ValidationError, match="no registered model"):
        System.model_validate({**declared, "serving": [endpoint]})


@pytest.mark.parametrize("kind", DEMANDS)
def test_key_and_date_of_each_kind_are_columns_that_it_demands(kind):
    demand = DEMANDS[kind]
    assert {demand.key, demand.date or demand.key} <= set(demand.columns)
    assert not demand.ends or demand.date is not None
    columns = dict.fromkeys(demand.columns, "x")
    assert Register(id="r", kind=kind, file="a.csv", columns=columns).demand is demand


# (what is written, old text, new text, field, words, fix)
FAULTS = [
    (TABLE, "kind: requests-served", "kind: requests-severed", "registers[0].kind", "not one", "requests-served"),
    (TABLE, "    table: requests_served\n", "", "registers[0]", "either a table or a file", "connection and a table"),
    (TABLE, "    table:", "    file: x.csv\n    table:", "registers[0]", "either a table or a file", "or else a file"),
    (TABLE, "request: id, ", "", "registers[0].columns", "needs its request", "request: …"),
    (TABLE, "request: id", "request: id, who: x", "registers[0].columns.who", "has no who", "request, at"),
    (TABLE, "[approve, deny]", str([f"v{n}" for n in range(51)]), "registers[0].categories", "more than 50", "fewer"),
    (TABLE, "column: application_id", "key: x", "registers[0].reconcile.key", "unknown key", "column"),
    (TABLE + TABLE.replace("\nregisters:\n", ""), "bank", "bank", "registers[1].id", "a second register", "its own id"),
    (FILE, "registers/licences.csv", "../licences.csv", "registers[0].file", "not a path", "below include/"),
    (FILE, "registers/licences.csv", "/etc/licences.csv", "registers[0].file", "not a path", "below include/"),
    (FILE, "registers/licences.csv", "a/../../x.csv", "registers[0].file", "not a path", "below include/"),
    (FILE, "registers/licences.csv", "licences.xls", "registers[0].file", "not a name", "CSV"),
    (SERVING, "model: mortgage-approval", "model: mortgage", "serving[0].model", "no registered model", "registered"),
    (SERVING, "version: model.version", "version: model..x", "serving[0].version", "not a name", "versions.0"),
    (SERVING, "path: /v1/model", "path: v1", "serving[0].path", "not a name", "begin it with /"),
    (SERVING, "path: /v1/model", "path: /v1?key=x", "serving[0].path", "not a name", "begin it with /"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[3]}: {fault[2][:30]}")
def test_a_fault_names_file_field_and_fix(project, fault):
    text, old, new, field, words, fix = fault
    assert old in text
    write(project.mortgage, text.replace(old, new, 1))
    with pytest.raises(InventoryError) as caught:
        load_system(project.mortgage)
    assert "include/systems/mortgage-approval.yaml" in caught.value.where
    assert caught.value.where.endswith(field)
    assert words in caught.value.problem
    assert fix in caught.value.fix


def test_the_same_id_twice_in_the_organisation_is_refused(project):
    write(project.organisation, FILE + FILE.replace("\nregisters:\n", ""))
    with pytest.raises(InventoryError, match="a second register has the id 'licences'"):
        load(project.include, project.suites)

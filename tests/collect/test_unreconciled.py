import json
from urllib.parse import parse_qs, urlsplit

import pytest

from affidavit.collect.unreconciled import MAX_NAMES, look_at_unreconciled
from affidavit.errors import ConnectionMissing, SourceGarbled, SourceRefused
from affidavit.inventory import Inventory

DAGS = [f"team.dag-{each:03}" for each in range(250)]
DAGS += ["anchor", "claimed", "decisions.loans", "evidence.loans", "ledger_audit", "posture"]


@pytest.fixture
def inventory(team):
    def make(**organisation) -> Inventory:
        system = team.system(registered_models=[team.name]).model_copy(update={"dags": ("claimed",)})
        roles = {"ml-lead": {"title": "Lead"}}
        return Inventory.model_validate(
            {
                "organisation": {"id": "harbour", "title": "Harbour", "roles": roles, **organisation},
                "systems": {"loans": system.model_dump()},
                "suites": {},
            }
        )

    return make


@pytest.fixture
def airflow(serve, reply):
    """Answers as Airflow's REST API does to one identity, 100 DAGs at a time."""

    def answer(handler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        url = urlsplit(handler.path)
        if url.path == "/auth/token":
            known = json.loads(handler.rfile.read(length)) == {"username": "anna", "password": "hunter2"}
            del handler.headers["Content-Length"]  # its body is read
            return reply(201 if known else 401, {"access_token": "t0ken"})(handler)
        if handler.headers["Authorization"] != "Bearer t0ken":
            return reply(401)(handler)
        query = {key: int(value[0]) for key, value in parse_qs(url.query).items() if value[0].isdigit()}
        page = sorted(DAGS)[query["offset"] : query["offset"] + min(query["limit"], 100)]
        return reply(200, {"dags": [{"dag_id": each} for each in page], "total_entries": len(DAGS)})(handler)

    return serve(answer)


def test_what_no_system_claims_is_listed(team, inventory, seen):
    loose = team.experiment(f"{team.name}-loose")
    deleted = team.experiment(f"{team.name}-deleted")
    team.call("experiments/delete", experiment_id=deleted)
    team.register("s3://bucket/model")
    team.call("registered-models/create", name=f"{team.name}-loose")
    look = look_at_unreconciled(inventory(), lambda _: team.connection, seen=seen)
    (draft,) = look.drafts
    mine = [name for name in draft.facts["experiments"] if name.startswith(team.name)]
    assert mine == [f"{team.name}-loose"]
    assert [name for name in draft.facts["registered_models"] if name.startswith(team.name)] == [f"{team.name}-loose"]
    assert draft.facts["not_looked_at"] == ["dags"]
    assert draft.subjects[0].name == "affidavit://unreconciled/tracking"
    assert (draft.scope, draft.origin) == ("organisation", "observed")
    assert loose


def test_mlflows_own_first_experiment_is_nothing_until_a_run_lands_there(team, inventory, seen):
    def experiments() -> list[str]:
        return look_at_unreconciled(inventory(), lambda _: team.connection, seen=seen).drafts[0].facts["experiments"]

    assert "Default" not in experiments()
    run = team.run(experiment_id="0")
    assert "Default" in experiments()
    team.call("runs/delete", run_id=run)
    assert "Default" in experiments(), "a deleted run was a run"


def test_dags_of_nobody_are_listed_page_by_page_and_ours_are_not(team, inventory, seen, airflow):
    connections = {"tracking": team.connection, "airflow": airflow}
    declared = inventory(airflow_connection="airflow")
    (draft,) = look_at_unreconciled(declared, connections.__getitem__, seen=seen).drafts
    assert draft.facts["dags"] == DAGS[:250]
    assert draft.facts["not_looked_at"] == []


def test_an_airflow_that_does_not_know_us_or_says_something_else_is_an_error(team, inventory, seen, serve, reply):
    declared = inventory(airflow_connection="airflow")
    for answer, error in ((reply(401), SourceRefused), (reply(201, {"token": "x"}), SourceGarbled)):
        connections = {"tracking": team.connection, "airflow": serve(answer)}
        with pytest.raises(error, match="Airflow tracking") as caught:
            look_at_unreconciled(declared, connections.__getitem__, seen=seen)
        assert "hunter2" not in caught.value.text


def test_a_missing_connection_is_named(inventory, seen):
    def resolve(name: str):
        raise ConnectionMissing("no such connection", where=name)

    with pytest.raises(ConnectionMissing, match="airflow"):
        look_at_unreconciled(inventory(airflow_connection="airflow"), resolve, seen=seen)


def test_more_names_than_an_entry_holds_are_counted(inventory, seen, serve, reply):
    names = [f"{each:04}-{'x' * 400}" for each in range(200)]
    experiments = [{"experiment_id": str(each + 1), "name": name} for each, name in enumerate(names)]
    connection = serve(reply(200, {"experiments": experiments}))
    (draft,) = look_at_unreconciled(inventory(), lambda _: connection, seen=seen).drafts
    listed = draft.facts["experiments"]
    assert listed[:-1] == names[: len(listed) - 1]
    assert listed[-1] == f"(and {200 - len(listed) + 1} more)"
    assert len(draft.seal(None)) < MAX_NAMES + 2_000

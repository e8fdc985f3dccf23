"""Every measure that a look at scored rows gives is one that a threshold may name, of the family it is filed under."""

import duckdb
import pytest

from affidavit.collect.answers import FAMILIES
from affidavit.collect.attempts import Known
from affidavit.collect.tables import look_at_table
from affidavit.evidence import kinds
from affidavit.inventory import Connection, PredictionTable, System
from affidavit.inventory.measures import OF_AGENTS, OF_ROWS, measures_of
from affidavit.measure.agent_drift import agent_drift
from affidavit.measure.agents import agent_measures
from tests.collect.test_tables import SEEN, SYSTEM
from tests.measure.test_agent_drift import window

BINARY = {"task": "binary", "classes": ["no", "yes"], "positive": "yes", "cut": 0.5}
SEVERAL = {"task": "multiclass", "classes": ["a", "b", "c"]}
NUMBERS = {"task": "regression"}
SAID = {
    "binary": ("CASE WHEN n % 200 % 90 + n % 200 % 7 * 10 > 80 THEN 'yes' ELSE 'no' END", "(n % 190 % 90 + 5) / 100.0"),
    "multiclass": ("['a', 'b', 'c'][1 + n % 3]", "['a', 'b', 'c'][1 + (n * 7 // 5) % 3]"),
    "regression": ("n % 11 + random()", "CAST(n % 11 AS DOUBLE)"),
}


def look(folder, task):
    """Everything that can be declared of a task, but that a version is asked again."""
    label, score = SAID[task["task"]]
    path = folder / f"{task['task']}.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("SELECT setseed(0.5)")
        for table, rows in (("scored", 400), ("train", 300), ("held", 200)):
            columns = f"{label} AS label, {score} AS score, ['f', 'm'][1 + n % 2] AS sex, random() AS income"
            columns += ", CASE WHEN n % 11 THEN n % 4 END AS rooms"
            connection.execute(
                f"CREATE TABLE {table} AS SELECT n % 200 AS id, 1 + n // 200 AS version, DATE '2026-02-01' + "
                f"CAST(n % 20 AS INT) AS day, {columns} FROM range({rows}) AS t(n)"
            )
        connection.execute("UPDATE train SET id = rowid")
    measured = {
        **task,
        "model": "m",
        "version": "version",
        "key": "id",
        "groups": {"sex": ["f", "m"]},
        "every": "week",
        "features": ["income", "rooms"],
        "reference": "train",
    }
    scored = {"id": "scored", "connection": "bank", "table": "scored", "time_column": "day"}
    table = PredictionTable.model_validate({**scored, "label": "label", "score": "score", "measured": measured})
    document = SYSTEM.model_dump() | {"predictions": [table.model_dump()]}
    uses = {"train": "training", "held": "test"}
    document["datasets"] = [
        {"id": name, "connection": "bank", "table": name, "use": use, "suite": "s"} for name, use in uses.items()
    ]
    document["mlflow"] = document["mlflow"] | {"registered_models": ["m"]}
    system = System.model_validate(document)
    connection = Connection("bank", "duckdb", host=str(path))
    return look_at_table(system, table, None, connection=connection, seen=SEEN, known=Known({"m": "2"}))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Family to the measures that have a value in it, of all three tasks together."""
    folder, found = tmp_path_factory.mktemp("warehouses"), {}
    for task in (BINARY, SEVERAL, NUMBERS):
        for draft in look(folder, task).drafts:
            if draft.kind is kinds.MEASUREMENT:
                assert draft.facts["results_omitted"] == 0
                for result in draft.facts["results"]:
                    found.setdefault(draft.facts["family"], {}).setdefault(result["measure"], []).append(result)
    return found


def test_every_measure_that_is_told_can_be_asked_for(told):
    stray = {
        (family, name)
        for family, measures in told.items()
        for name, results in measures.items()
        if OF_ROWS.get(name) != family
        and not (family == "fairness" and by_group(name, results))
        and family != "not-tested"
    }
    assert stray == set()


def by_group(name, results):
    """Whether it is one of performance, told of groups alone."""
    return OF_ROWS.get(name) == "performance" and all(result["group"] for result in results)


def test_every_measure_that_can_be_asked_for_is_told_by_somebody(told):
    # What a version answers when it is asked again has a list of its own, which its looks are made from.
    for family in sorted({*OF_ROWS.values()} - {*FAMILIES}):
        valued = {name for name, results in told[family].items() if any(r["value"] is not None for r in results)}
        assert set(measures_of(family)) - valued == set(), family


def test_every_measure_of_an_agent_can_be_asked_for_and_the_other_way_round():
    traces = window(1), window(2)
    tools = ("a", "b", "c")
    found = (*agent_measures(traces[0], tools=tools), *agent_drift(*traces, tools=tools, seed=1))
    assert {each.measure for each in found} == OF_AGENTS

"""What tasks of other people's DAGs claim, without Airflow."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest
import yaml

from affidavit.errors import FieldNotAllowed, UsageError
from affidavit.evidence import AirflowRun, Period, kinds
from affidavit.inventory import from_environment
from affidavit.pipeline import collection, outside
from affidavit.pipeline.workplace import Workplace
from affidavit.settings import Settings
from tests.pipeline.conftest import ORGANISATION, SUITE, system

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RUN = AirflowRun("loading", "scheduled__1", "load", 1)
TASK = outside.Task("airflow://loading/load", RUN, Period(NOON - DAY, NOON))
SNAPSHOT = {
    "dataset": "raw",
    "table": "raw.csv",
    "use": "training",
    "columns": [],
    "columns_omitted": 0,
    "rows": 3,
    "time": None,
    "fingerprint": {"sha256": "a" * 64, "method": "sha256 of the file", "coverage": "the whole file"},
    "consistency": "one file",
    "relation": {"kind": "table", "sha256": None},
    "details": None,
}


@pytest.fixture
def work(tmp_path) -> Workplace:
    for name, document in {
        "include/systems/loans.yaml": system("loans", "loans", demonstration="scripted"),
        "include/organisation.yaml": ORGANISATION,
        "expectations/loans.yaml": SUITE,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(yaml.safe_dump(document))
    with duckdb.connect(tmp_path / "bank.duckdb") as bank:
        regions = "CASE i % 2 WHEN 0 THEN 'north' ELSE 'south' END"
        bank.execute(f"CREATE TABLE loans AS SELECT i AS id, i AS amount, {regions} AS region FROM range(100) t(i)")
    made = Workplace(
        Settings.read({}, tmp_path), from_environment({"AIRFLOW_CONN_BANK": f"duckdb:///{tmp_path}/bank.duckdb"})
    )
    made.create_ledger(now=NOON).close()
    return made


def claim(work, facts, *, kind=kinds.DATASET_SNAPSHOT, task=TASK):
    return outside.claim(work, "loans", kind, facts, task=task, now=NOON)


def entries(work):
    with work.reader() as ledger:
        return list(ledger.entries(1))


def test_a_claim_carries_the_mark_of_a_demonstration_and_the_digest_of_what_it_is_about(work):
    claim(work, SNAPSHOT)
    (entry,) = entries(work)
    statement = entry.statement
    assert statement.subject.name == "airflow://loading/load"
    assert statement.subject.sha256 == "a" * 64
    assert (statement.demonstration, statement.origin, statement.scope) == ("scripted", "recorded", "system:loans")


def test_another_try_of_the_same_run_adds_nothing(work):
    assert claim(work, SNAPSHOT) == 1
    again = outside.Task(TASK.name, AirflowRun("loading", "scheduled__1", "load", 2), TASK.period)
    assert claim(work, SNAPSHOT, task=again) is None


def test_what_is_said_of_another_period_supersedes_nothing(work):
    claim(work, SNAPSHOT)
    claim(work, {**SNAPSHOT, "rows": 4}, task=outside.Task(TASK.name, RUN, Period(NOON, NOON + DAY)))
    assert [entry.statement.supersedes for entry in entries(work)] == [None, None]


def test_a_blob_that_nobody_handed_over_cannot_be_named(work):
    details = {"digest": {"sha256": "b" * 64}, "media_type": "application/json"}
    with pytest.raises(FieldNotAllowed, match="details"):
        claim(work, {**SNAPSHOT, "details": details})
    assert entries(work) == []


@pytest.mark.parametrize(("params", "refused"), [({"C": "1"}, None), ({"C": "1", "password": "hunter2"}, "password")])
def test_params_pass_the_allow_list_by_name(work, params, refused):
    facts = {
        "status": "FINISHED",
        "lifecycle": "active",
        "experiment": {"id": "1", "name": "loans"},
        "parent": None,
        "source": {"commit": None, "dirty": None},
        "metrics": {"auc": 0.8},
        "params": params,
        "tags": {},
        "inputs": [],
        "outputs": [],
        "artifacts": None,
        "withheld": {"metrics": 0, "params": 0, "tags": 0, "inputs": 0, "outputs": 0},
    }
    if refused is None:
        assert claim(work, facts, kind=kinds.MODEL_RUN) == 1
        return
    with pytest.raises(FieldNotAllowed, match=refused) as caught:
        claim(work, facts, kind=kinds.MODEL_RUN)
    assert "hunter2" not in caught.value.text
    assert entries(work) == []


RELATIONS = ["trained on", "evaluated on", "produced", "points at", "logged", "registered as"]
RELATIONS += ["read by", "wrote", "stood as", "scored"]


@pytest.mark.parametrize("relation", RELATIONS)
def test_what_verdicts_rest_on_is_not_claimed(work, relation):
    edge = {"relation": relation, "from": {"name": "a", "digest": None}, "to": {"name": "b", "digest": None}}
    with pytest.raises(FieldNotAllowed, match="not claimed"):
        claim(work, {**edge, "basis": ""}, kind=kinds.LINEAGE_EDGE)
    assert entries(work) == []
    assert claim(work, {**edge, "relation": "prepared from", "basis": ""}, kind=kinds.LINEAGE_EDGE) == 1


def test_a_table_is_validated_as_the_collection_does_and_once(work):
    done = outside.validate_table(work, "loans", "loans-train", run=RUN, now=lambda: NOON)
    assert (done.entries, done.rows, done.failed) == (2, 100, ())
    assert [entry.statement.kind for entry in entries(work)] == ["dataset-snapshot", "validation"]
    again = outside.validate_table(work, "loans", "loans-train", run=RUN, now=lambda: NOON + DAY)
    assert (again.entries, again.rows) == (0, 100)


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("loans-trian", "choose one of: loans-train"),
        ("loans-scored", "names no suite"),
        ("loans-renamed", "waits for approval"),
    ],
)
def test_a_table_that_cannot_be_validated_is_named_and_records_nothing(work, table, names):
    scored = {"id": "loans-scored", "connection": "bank", "table": "loans", "label": "region", "score": "amount"}
    file = work.settings.include_dir / "systems/loans.yaml"
    declared = system("loans", "loans")
    if table == "loans-scored":
        declared["datasets"][0]["table"] = "others"
        declared["predictions"] = [scored]
    if table == "loans-renamed":
        visit = collection.Visit("loans", collection.slot_of(work, "loans", NOON), NOON)
        look = collection.look(work, visit, "declarations", now=NOON)
        with work.writer() as ledger:
            ledger.append(look.drafts, now=NOON)
        declared["datasets"][0]["id"] = table
    file.write_text(yaml.safe_dump(declared))
    before = len(entries(work))
    with pytest.raises(UsageError, match=names):
        outside.validate_table(work, "loans", table, run=RUN, now=lambda: NOON)
    assert len(entries(work)) == before


MINUTE = timedelta(minutes=1)
BROKEN = "UPDATE loans SET amount = -5 WHERE id = 7"


def collect_table(work, now):
    """One look of the collection at the table, and what records it."""
    visit = collection.Visit("loans", collection.slot_of(work, "loans", now), now)
    looks = [collection.look(work, visit, "table:loans-train", now=now)]
    return lambda at: collection.record(work, visit, looks, now=at)


def change(work, statement):
    with duckdb.connect(work.settings.include_dir.parent / "bank.duckdb") as bank:
        bank.execute(statement)


def latest_result(work):
    return [entry.statement.facts["result"] for entry in entries(work) if entry.statement.kind == "validation"][-1]


def test_a_look_of_the_collection_that_waited_does_not_replace_what_a_task_found_since(work):
    record = collect_table(work, NOON + MINUTE)
    change(work, BROKEN)
    outside.validate_table(work, "loans", "loans-train", run=RUN, now=lambda: NOON + 20 * MINUTE)
    before = len(entries(work))
    with pytest.raises(UsageError, match="look again"):
        record(NOON + 40 * MINUTE)
    assert (len(entries(work)), latest_result(work)) == (before, "FAILED")


def test_a_task_that_waited_does_not_replace_what_the_collection_found_since(work, monkeypatch):
    writer = Workplace.writer

    def overtaken(self):
        monkeypatch.setattr(Workplace, "writer", writer)
        change(work, BROKEN)
        collect_table(work, NOON + MINUTE)(NOON + 2 * MINUTE)
        return self.writer()

    monkeypatch.setattr(Workplace, "writer", overtaken)
    with pytest.raises(UsageError, match="look again"):
        outside.validate_table(work, "loans", "loans-train", run=RUN, now=lambda: NOON)
    assert latest_result(work) == "FAILED"


def test_looks_that_are_recorded_again_add_nothing(work):
    record = collect_table(work, NOON)
    record(NOON + MINUTE)
    before = len(entries(work))
    assert record(NOON + 2 * MINUTE).entries == 0
    assert len(entries(work)) == before

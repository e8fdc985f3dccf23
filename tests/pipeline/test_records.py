"""Books through the whole house: recorded last, withdrawn when rows go, and no hindrance to anything else."""

import json

import pytest
import yaml

from affidavit.evidence.salted import payload
from affidavit.pipeline import collection
from affidavit.pipeline.plan import plan
from tests.collect.test_records import ACTION, AUDIT, RISK, SECRET
from tests.pipeline.conftest import ORGANISATION, system

RISKS = {"id": "risks", "kind": "risks", "file": "records/risks.yaml"}
ACTIONS = {"id": "actions", "kind": "risk-actions", "file": "records/actions.yaml"}
AUDITS = {"id": "audits", "kind": "audits", "connection": "bank", "table": "audits"}
OWNED = {"owner": "ml-lead", "controls": ["A.5.2"]}


@pytest.fixture
def kept(project):
    (project.root / "include/records").mkdir()
    write(project, "risks", {**RISK, **OWNED}, {**RISK, **OWNED, "id": "R-2"})
    write(project, "actions", ACTION)
    declare(project, RISKS, ACTIONS)
    return project


def write(project, name, *rows):
    path = project.root / f"include/records/{name}.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps({"records": rows}))), encoding="utf-8")


def declare(project, *books):
    project.declare(**system("loans", project.tracking.name, books=list(books)))


def records(project):
    facts = [entry.statement.facts for entry in project.entries(kind="record")]
    return [(each["book"], each["record"], each["withdrawn"]) for each in facts]


def collectors(project):
    return [entry.statement.facts["collectors"] for entry in project.entries(kind="collection")]


def test_rows_are_recorded_once_when_they_change_and_when_they_go(kept):
    kept.collect()
    first = [("risks", "R-1", False), ("risks", "R-2", False), ("actions", "a-1", False)]
    assert records(kept) == first
    kept.tomorrow()
    kept.collect()
    assert records(kept) == first, "the same rows, with their texts salted anew, are no news"
    assert collectors(kept)[-1]["book:risks"]["unchanged"] == 2
    write(kept, "risks", {**RISK, **OWNED, "title": "Another title"})
    kept.tomorrow()
    kept.collect()
    assert records(kept) == [*first, ("risks", "R-1", False), ("risks", "R-2", True)]
    kept.tomorrow()
    kept.collect()
    assert len(records(kept)) == 5, "gone once"


def test_the_looks_at_books_come_last(kept):
    steps = collection.steps(kept.workplace, "loans")
    assert [step.task for step in steps][-2:] == ["book_risks", "book_actions"]
    assert {each.step: each.basis for each in plan(kept.workplace, "loans", now=kept.now)}["book:risks"]


def test_a_book_that_cannot_be_understood_keeps_nothing_else_from_being_recorded(kept):
    write(kept, "risks", {**RISK, **OWNED, "likelihood": 9})
    done = kept.collect()
    assert done.collection is not None
    assert ("include/records/risks.yaml, line 2 (R-1), likelihood") in " ".join(done.unread)
    assert records(kept) == [("actions", "a-1", False)]
    assert "book:risks" not in collectors(kept)[0], "no look at the book, and none that could be taken for one"
    assert "declarations" in collectors(kept)[0]
    write(kept, "risks", {**RISK, **OWNED})
    kept.tomorrow()
    kept.collect()
    assert records(kept)[1:] == [("risks", "R-1", False)]


def test_a_book_that_is_dropped_or_moved_is_read_as_before_until_somebody_lets_it_go(kept):
    kept.collect()
    declare(kept)
    write(kept, "risks")
    write(kept, "actions")
    kept.tomorrow()
    kept.collect()
    assert ("risks", "R-1", True) in records(kept)
    declare(kept, {**RISKS, "file": "records/empty.yaml"}, ACTIONS)
    write(kept, "empty")
    write(kept, "risks", {**RISK, **OWNED, "id": "R-9"})
    kept.tomorrow()
    kept.collect()
    assert records(kept)[-1] == ("risks", "R-9", False)


def test_a_table_whose_rows_a_system_writes(kept):
    row = {**AUDIT, "criteria": "9.2.2; A.5.2"}
    kept.sql(f"CREATE TABLE audits ({', '.join(f'{name} VARCHAR' for name in row)})")
    kept.sql(f"INSERT INTO audits VALUES ({', '.join(repr(value) for value in row.values())})")
    document = {**ORGANISATION, "books": [AUDITS], "people": {"p-2": {}}}
    kept.write("include/organisation.yaml", document)
    kept.collect("organisation")
    [entry] = kept.entries(kind="record", scope="organisation")
    assert entry.statement.origin.value == "observed"
    assert entry.statement.facts["links"] == {"criteria": ["9.2.2", "A.5.2"]}
    kept.sql("DROP TABLE audits")
    kept.tomorrow()
    done = kept.collect("organisation")
    assert "audits" in " ".join(done.unread)
    assert len(records(kept)) == 1, "a table that is gone withdraws nothing: nobody saw its rows gone"


def test_the_texts_of_a_row_lie_beside_the_ledger_and_can_be_told_from_an_empty_row(kept):
    kept.collect()
    entry = next(iter(kept.entries(kind="record")))
    with kept.workplace.reader() as ledger:
        blob = ledger.blob(entry.statement.facts["details"]["digest"]["sha256"])
    assert json.loads(payload(blob)) == {"title": SECRET}
    assert SECRET.encode() not in entry.leaf

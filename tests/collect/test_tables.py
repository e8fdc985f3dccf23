import hashlib
import json
from datetime import UTC, datetime

import pytest

from affidavit.collect.tables import look_at_table
from affidavit.errors import SourceRefused, SourceUnavailable, SuiteError
from affidavit.evidence import Circumstances, Origin, Period, Stage, kinds
from affidavit.evidence.salted import payload
from affidavit.inventory import Dataset, PredictionTable, System
from affidavit.quality import render
from tests.quality.suites import expects, suite
from tests.warehouse.databases import duckdb_at, postgres_at, sqlite_at

SEEN = Circumstances(datetime(2026, 3, 14, 12, tzinfo=UTC), demonstration="a test")
LATER = Circumstances(datetime(2026, 3, 15, 12, tzinfo=UTC), demonstration="a test")
SECRETS = [f"s3cret-{number}-Ñandú" for number in range(40)]

SUITE = suite(
    expects("expect_column_values_to_be_unique", column="id"),
    expects("expect_column_values_to_not_be_null", column="name"),
    expects("expect_column_values_to_be_in_set", column="name", value_set=["a"]),
    expects("expect_column_most_common_value_to_be_in_set", column="name", value_set=["a"]),
    expects("expect_column_distinct_values_to_be_in_set", column="name", value_set=["a"]),
)
TRAIN = Dataset(
    id="train", connection="bank", table="t", use="training", suite="applications", time_column="received_on"
)
SYSTEM = System.model_validate(
    {
        "id": "mortgage",
        "title": "Mortgage",
        "purpose": "A test",
        "organisation_role": "provider",
        "risk_level": "high",
        "owner": "ml-lead",
        "schedule": "@daily",
        "mlflow": {"connection": "mlflow", "experiments": ["e"]},
        "datasets": [TRAIN.model_dump()],
    }
)


@pytest.fixture(params=["duckdb", "sqlite", "postgres"])
def bank(request, tmp_path):
    if request.param == "postgres":
        return postgres_at(request.getfixturevalue("postgres_url"))
    return {"duckdb": duckdb_at, "sqlite": sqlite_at}[request.param](tmp_path / "bank")


@pytest.fixture
def duck(tmp_path):
    return duckdb_at(tmp_path / "bank")


def fill(bank):
    values = [f"({n}, '{secret}', '2026-02-{n % 20 + 1:02}')" for n, secret in enumerate(SECRETS)]
    bank.run("CREATE TABLE t (id INT, name VARCHAR(80), received_on DATE)", f"INSERT INTO t VALUES {', '.join(values)}")


def look(bank, *, table=TRAIN, wanted=SUITE, seen=SEEN, before=None):
    return look_at_table(SYSTEM, table, wanted, connection=bank.connection, seen=seen, before=before)


def test_a_look_gives_a_snapshot_and_a_validation_of_the_same_rows(bank):
    fill(bank)
    found = look(bank)
    assert (found.collector, found.enumerated, found.read) == ("table:train", 1, 1)
    shot, test = found.drafts
    assert (shot.kind, test.kind) == (kinds.DATASET_SNAPSHOT, kinds.VALIDATION)
    for draft in found.drafts:
        assert draft.subjects == shot.subjects
        assert draft.subjects[0].name == "warehouse://bank/t"
        assert (draft.scope, draft.stage, draft.origin) == ("system:mortgage", Stage.DATA, Origin.OBSERVED)
        assert draft.effective == Period(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 20, tzinfo=UTC))
        assert draft.facts["rows"] == 40
        assert draft.seal(None)
    assert shot.facts["fingerprint"]["sha256"] == shot.subjects[0].sha256 == bank.fingerprint().sha256
    assert [column["name"] for column in shot.facts["columns"]] == ["id", "name", "received_on"]
    assert test.facts["result"] == "FAILED"
    assert test.facts["passedTests"] == [
        "expect_column_values_to_be_unique:id",
        "expect_column_values_to_not_be_null:name",
    ]
    assert test.facts["configuration"] == [
        {"name": "expectations/applications.yaml", "digest": {"sha256": SUITE.digest}}
    ]
    assert [each["unexpected"] for each in test.facts["failed"]] == [40, None, 40]
    profiled, details = found.blobs
    assert shot.facts["details"]["digest"]["sha256"] == hashlib.sha256(profiled).hexdigest()
    described = json.loads(payload(profiled))
    assert [column["name"] for column in described["columns"]] == ["id", "name", "received_on"]
    assert sum(described["columns"][0]["histogram"]) == described["rows"] == 40
    assert test.facts["details"]["digest"]["sha256"] == hashlib.sha256(details).hexdigest()


def test_the_same_rows_are_the_same_facts_at_any_time(bank):
    fill(bank)
    first, again = look(bank), look(bank, seen=LATER)
    for number in (0, 1):
        assert payload(first.blobs[number]) == payload(again.blobs[number])
        ours, theirs = (dict(look.drafts[number].facts) for look in (first, again))
        assert ours.pop("details") != theirs.pop("details")  # each look salts it anew
        assert ours == theirs
    bank.run("UPDATE t SET name = 'a' WHERE id = 7")
    changed = look(bank)
    for before, after in zip(first.drafts, changed.drafts, strict=True):
        assert before.statement.facts_digest != after.statement.facts_digest
        assert before.statement.stream == after.statement.stream


def test_no_value_of_a_row_is_in_statements_blobs_or_pages(bank):
    fill(bank)
    found = look(bank)
    everything = b"".join([*(draft.seal(None) for draft in found.drafts), *found.blobs])
    everything += render(payload(found.blobs[1]), where="blob").encode()
    for secret in SECRETS:
        assert secret.encode() not in everything


def test_a_table_without_suite_and_time_gives_a_snapshot_alone(duck):
    fill(duck)
    scored = PredictionTable(id="scored", connection="bank", table="t", label="id", score="id")
    found = look(duck, table=scored, wanted=None)
    (shot,) = found.drafts
    assert (shot.stage, shot.effective, shot.facts["time"]) == (Stage.VERIFICATION, None, None)
    assert len(found.blobs) == 1


def test_a_table_of_1600_columns_fits_a_leaf_and_no_column_is_lost(bank):
    names = [f"column_{number:04}_{'x' * 40}" for number in range(1_600)]
    bank.run(f"CREATE TABLE t ({', '.join(f'{name} INT' for name in names)})")
    found = look(bank, table=TRAIN.model_copy(update={"time_column": None}), wanted=None)
    (shot,) = found.drafts
    assert shot.seal(None)
    shown = [column["name"] for column in shot.facts["columns"]]
    assert 300 < len(shown) < 1_600
    assert len(shown) + shot.facts["columns_omitted"] == 1_600
    assert [column["name"] for column in json.loads(payload(found.blobs[0]))["columns"]] == names


def test_a_table_with_other_columns_than_at_the_last_look_is_a_statement_of_its_own(bank):
    fill(bank)
    before = look(bank).drafts[0].facts
    assert [draft.kind for draft in look(bank, before=before).drafts] == [kinds.DATASET_SNAPSHOT, kinds.VALIDATION]
    bank.run("ALTER TABLE t ADD COLUMN added INT")
    shot, changed, _ = look(bank, before=before).drafts
    assert (changed.kind, changed.subjects) == (kinds.SCHEMA_CHANGE, shot.subjects)
    assert [(column["name"], column["was"]) for column in changed.facts["columns"]] == [("added", None)]
    assert changed.facts["columns"][0]["is"].upper() in {"INT", "INTEGER"}
    assert changed.seal(None)


def test_a_view_swapped_under_the_same_name_gives_another_snapshot_of_the_same_rows(bank):
    fill(bank)
    bank.run("ALTER TABLE t RENAME TO base", "CREATE VIEW t AS SELECT * FROM base")
    first, again = look(bank).drafts[0], look(bank).drafts[0]
    assert first.facts["relation"] == again.facts["relation"]
    assert first.facts["relation"]["kind"] == "view"
    bank.run("DROP VIEW t", "CREATE VIEW t AS SELECT * FROM base WHERE 1 = 1")
    swapped = look(bank).drafts[0]
    assert swapped.subjects == first.subjects
    changed = {name for name, value in swapped.facts.items() if first.facts[name] != value}
    assert changed == {"relation", "details"}  # the blob begins with other random bytes each time


def test_the_use_gives_the_stage(duck):
    fill(duck)
    stages = {
        use: look(duck, table=TRAIN.model_copy(update={"use": use}), wanted=None).drafts[0].stage
        for use in ("reference", "validation", "test", "production")
    }
    assert list(stages.values()) == [Stage.DATA, Stage.VERIFICATION, Stage.VERIFICATION, Stage.OPERATION]


def test_a_suite_that_names_an_absent_column_yields_nothing(duck):
    fill(duck)
    wanted = suite(expects("expect_column_values_to_not_be_null", column="nmae"))
    with pytest.raises(SuiteError, match=r"expectations/applications\.yaml: .*'nmae'.*'name'"):
        look(duck, wanted=wanted)


def test_a_table_or_time_column_that_is_absent_is_refused_by_name(duck):
    fill(duck)
    with pytest.raises(SourceRefused, match="warehouse://bank/u"):
        look(duck, table=TRAIN.model_copy(update={"table": "u"}))
    with pytest.raises(SourceRefused, match=r"warehouse://bank/t: .*'received'.*'received_on'"):
        look(duck, table=TRAIN.model_copy(update={"time_column": "received"}))


def test_a_view_that_gives_other_rows_each_time_is_not_recorded(duck):
    duck.run("CREATE VIEW t AS SELECT range AS id, NULL AS name FROM range(5000) WHERE random() < 0.5")
    with pytest.raises(SourceUnavailable, match=r"warehouse://bank/t: its rows changed while it was read"):
        look(duck, table=TRAIN.model_copy(update={"time_column": None}), wanted=None)

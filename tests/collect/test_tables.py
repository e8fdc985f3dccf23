import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from affidavit.collect import tables
from affidavit.collect.tables import Before, look_at_table
from affidavit.errors import SourceRefused, SourceUnavailable, SuiteError
from affidavit.evidence import Circumstances, Origin, Period, Stage, dumps, kinds, loads
from affidavit.evidence.salted import payload
from affidavit.inventory import Dataset, Partition, PredictionTable, System
from affidavit.quality import render
from affidavit.warehouse import Snapshot, fingerprint, sqlite
from affidavit.warehouse.sqlite import SQLite
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
def lite(tmp_path):
    return sqlite_at(tmp_path / "bank")


@pytest.fixture
def duck(tmp_path):
    return duckdb_at(tmp_path / "bank")


def fill(bank):
    values = [f"({n}, '{secret}', '2026-02-{n % 20 + 1:02}')" for n, secret in enumerate(SECRETS)]
    bank.run("CREATE TABLE t (id INT, name VARCHAR(80), received_on DATE)", f"INSERT INTO t VALUES {', '.join(values)}")


def look(bank, *, table=TRAIN, wanted=SUITE, seen=SEEN, before=None):
    before = Before(before) if isinstance(before, Mapping) else before
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


DATED = TRAIN.model_copy(update={"time_column": "seen_at"})


def dated(bank, *rows, kind="TIMESTAMP"):
    bank.run(
        f"CREATE TABLE IF NOT EXISTS t (id INT, seen_at {kind})",
        *(f"INSERT INTO t VALUES ({number}, {bank.text(time) if time else 'NULL'})" for number, time in rows),
    )


def late(bank, before):
    """The facts of a look's snapshot, and of the late data that it found."""
    shot, *rest = look(bank, table=DATED, wanted=None, before=before).drafts
    assert shot.kind == kinds.DATASET_SNAPSHOT
    [found] = [*(draft for draft in rest if draft.kind == kinds.LATE_DATA), None][:1]
    assert found is None or (found.subjects == shot.subjects and found.seal(None))
    return shot.facts, found and found.facts


@pytest.mark.parametrize("kind", ["TIMESTAMP", "DATE", "TIMESTAMPTZ"])
def test_rows_that_came_after_their_time_was_seen_are_counted_and_rows_of_a_new_time_are_not(bank, kind):
    dated(bank, (1, "2026-02-01"), (2, "2026-02-03"), (3, None), kind=kind)
    before, none = late(bank, None)
    assert none is None
    assert late(bank, before)[1] is None
    dated(bank, (4, "2026-02-04"), (5, None))
    assert late(bank, before)[1] is None
    dated(bank, (6, "2026-02-02"), (7, "2026-02-03"), (8, "2020-01-01"))
    facts, found = late(bank, before)
    assert found == {
        "dataset": "train",
        "table": "t",
        "column": "seen_at",
        "until": before["time"]["to"],
        "then": 2,
        "now": 5,
    }
    assert late(bank, facts)[1] is None
    bank.run("DELETE FROM t WHERE id = 1")
    found = late(bank, facts)[1]
    assert (found["then"], found["now"]) == (6, 5)


@pytest.mark.parametrize(
    "other",
    [
        {"time": None},
        {"time": {"column": "id", "from": "2020-01-01", "to": "2026-02-03"}},
        {"time": {"column": "seen_at", "from": None, "to": None}},
        {"time": {"column": "seen_at", "from": "2020-01-01", "to": "2026' OR 'a' = 'a"}},
        {"columns": [{"name": "id", "type": "INTEGER", "nulls": 0}], "columns_omitted": 1},
        {"columns": [{"name": "seen_at", "type": "VARCHAR", "nulls": 0}]},
        {"consistency": kinds.MOVED},
    ],
)
def test_what_cannot_be_compared_with_the_last_look_is_not(duck, other):
    dated(duck, (1, "2026-02-01"))
    before, _ = late(duck, None)
    dated(duck, (2, "2026-01-01"))
    assert late(duck, before)[1]["now"] == 2
    assert late(duck, {**before, **other})[1] is None


class Restless(SQLite):
    """A warehouse without one state for all statements: each sees what others committed before it."""

    one_state = False

    def begin(self, connection, *, timeout_seconds):
        return "each statement for itself"


def restless(bank, monkeypatch, *steps):
    """Looks with ``Restless``, and one of ``steps`` is run before each statement after the first fingerprint."""
    guard, left = Snapshot.guard, list(steps)
    fingerprints = []

    def guarded(self, about):
        if fingerprints and left:
            bank.run(left.pop(0))
        return guard(self, about)

    def fingerprinted(*arguments, **rest):
        fingerprints.append(fingerprint(*arguments, **rest))
        return fingerprints[-1]

    monkeypatch.setattr(sqlite, "SQLite", Restless)
    monkeypatch.setattr(Snapshot, "guard", guarded)
    monkeypatch.setattr(tables, "fingerprint", fingerprinted)
    return look(bank, table=TRAIN.model_copy(update={"time_column": None}))


def test_where_a_warehouse_has_no_one_state_a_table_that_rests_is_evidence_like_any_other(lite, monkeypatch):
    fill(lite)
    shot, test = restless(lite, monkeypatch).drafts
    assert (shot.facts["consistency"], test.kind) == ("each statement for itself", kinds.VALIDATION)


@pytest.mark.parametrize(
    "steps",
    [
        ["INSERT INTO t VALUES (99, 'a', '2026-02-01')"],
        ["UPDATE t SET name = 'a' WHERE id = 7"],
        ["DELETE FROM t WHERE id = 7", "INSERT INTO t SELECT 7, 's3cret-7-Ñandú', '2026-02-08'"],
    ],
    ids=["more rows", "a cell", "there and back, which the counts give away"],
)
def test_a_table_that_moves_under_such_a_look_is_said_to_have_moved_and_is_not_validated(lite, monkeypatch, steps):
    fill(lite)
    (shot,) = restless(lite, monkeypatch, *steps).drafts
    assert shot.facts["consistency"] == kinds.MOVED
    assert shot.subjects[0].sha256 == shot.facts["fingerprint"]["sha256"] == lite.fingerprint().sha256
    assert shot.seal(None)


PARTED = TRAIN.model_copy(update={"partition": Partition(column="received_on", token="id", rotation=4)})


def test_a_table_read_by_parts_says_what_was_read_now_and_what_was_carried_over(bank):
    fill(bank)
    first, whole = look(bank, table=PARTED), look(bank)
    shot, test = first.drafts
    assert shot.facts["fingerprint"]["coverage"] == "all columns; all 20 partitions by received_on, read now"
    assert test.subjects == shot.subjects != whole.drafts[0].subjects
    assert (first.notice_delay_seconds, whole.notice_delay_seconds) == (4 * 86_400, 0)
    before = Before(shot.facts, payload(first.blobs[0]))
    second = look(bank, table=PARTED, before=before, seen=LATER)
    coverage = second.drafts[0].facts["fingerprint"]["coverage"]
    assert coverage.startswith("all columns; 5 of 20 partitions by received_on read now, 15 carried over")
    assert coverage.endswith("the oldest read at 2026-03-14T12:00:00.000Z")
    assert second.drafts[0].subjects == shot.subjects
    anew = look(bank, table=PARTED, before=shot.facts, seen=LATER).drafts[0].facts["fingerprint"]  # details erased
    assert anew == shot.facts["fingerprint"]
    old = {key: value for key, value in loads(payload(first.blobs[0])).items() if key != "partitions"}
    before = Before(shot.facts, dumps(old))  # of a time before there were partitions
    assert look(bank, table=PARTED, before=before, seen=LATER).drafts[0].facts["fingerprint"] == anew


def test_a_suite_judges_the_rows_of_carried_partitions_too_and_says_how_many_its_digest_does_not_cover(bank):
    fill(bank)
    first = look(bank, table=PARTED)
    bank.run("UPDATE t SET name = NULL")  # in place: the token stays
    before = Before(first.drafts[0].facts, payload(first.blobs[0]))
    second = look(bank, table=PARTED, before=before, seen=LATER)
    failed = [look.drafts[1].facts["failedTests"] for look in (first, second)]
    assert [look.drafts[1].facts["carried"] for look in (first, second)] == [0, 15]
    assert "expect_column_values_to_not_be_null:name" in set(failed[1]) - set(failed[0])


def test_partitions_in_the_details_name_no_value(bank):
    fill(bank)
    by_name = PARTED.model_copy(update={"partition": Partition(column="name", token="name")})
    found = look(bank, table=by_name)
    assert len(json.loads(payload(found.blobs[0]))["partitions"]) == len(SECRETS)
    everything = b"".join([*(draft.seal(None) for draft in found.drafts), *found.blobs])
    for secret in SECRETS:
        assert secret.encode() not in everything

import hashlib
import json
from datetime import UTC, date, datetime

import fsspec
import openpyxl
import pytest
from pydantic import ValidationError

from affidavit.collect.registers import look_at_register
from affidavit.errors import ConnectionMissing, SourceRefused
from affidavit.evidence import Circumstances, Origin, Period, Stage, kinds
from affidavit.inventory import Register
from tests.warehouse.databases import duckdb_at, postgres_at, sqlite_at

SEEN = Circumstances(datetime(2026, 3, 14, 12, tzinfo=UTC), demonstration="a test")
SECRETS = [f"s3cret-{number}-Ñandú" for number in range(40)]
REQUESTS = {
    "id": "requests",
    "kind": "requests-served",
    "connection": "bank",
    "table": "served",
    "columns": {"request": "id", "at": "served_at"},
    "categories": {"outcome": ["approve", "deny"]},
    "reconcile": {"connection": "bank", "table": "scored", "column": "application"},
}
LICENCES = {
    "id": "licences",
    "kind": "licences",
    "file": "registers/licences.csv",
    "columns": {"item": "item", "licence": "licence", "until": "until"},
}


@pytest.fixture(params=["duckdb", "sqlite", "postgres"])
def bank(request, tmp_path):
    if request.param == "postgres":
        made = postgres_at(request.getfixturevalue("postgres_url"))
    else:
        made = {"duckdb": duckdb_at, "sqlite": sqlite_at}[request.param](tmp_path / "bank")
    fill(made)
    return made


@pytest.fixture
def duck(tmp_path):
    made = duckdb_at(tmp_path / "duck")
    fill(made)
    return made


def fill(bank):
    rows = [
        f"('{secret}', '2026-03-{n % 2 + 1:02} 08:00:00', {n % 3}, '{'approve' if n % 2 else secret}')"
        for n, secret in enumerate(SECRETS)
    ]
    bank.run(
        "CREATE TABLE served (id VARCHAR(80), served_at TIMESTAMP, version INT, outcome VARCHAR(80))",
        f"INSERT INTO served VALUES {', '.join(rows)}",
        "CREATE TABLE scored AS SELECT id AS application FROM served",
    )


def look(declared, *banks, folder=None):
    known = {bank.connection.id: bank.connection for bank in banks}

    def resolve(connection_id):
        if connection_id not in known:
            raise ConnectionMissing("no such connection", where=connection_id)
        return known[connection_id]

    return look_at_register(
        Register.model_validate(declared), scope="system:loans", folder=folder, resolve=resolve, seen=SEEN
    )


def test_a_look_counts_rows_by_day_and_listed_value_and_compares_them(bank):
    found = look(REQUESTS, bank)
    [draft] = found.drafts
    facts = draft.facts
    assert (found.collector, found.enumerated, found.read, found.blobs) == ("register:requests", 1, 1, ())
    assert (draft.kind, draft.scope, draft.stage, draft.origin) == (
        kinds.REGISTER,
        "system:loans",
        Stage.OPERATION,
        Origin.OBSERVED,
    )
    assert draft.subjects[0].name == "affidavit://registers/requests"
    assert draft.subjects[0].sha256 == facts["fingerprint"]["sha256"] == bank.fingerprint("served").sha256
    assert draft.effective == Period(
        datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=UTC)
    )
    assert (facts["rows"], facts["undated"], facts["upload"]) == (40, 0, False)
    assert facts["source"] == "warehouse://bank/served"
    assert facts["columns"] == {
        "request": {"column": "id", "blank": 0},
        "at": {"column": "served_at", "blank": 0},
    }
    assert facts["categories"] == {"outcome": {"values": {"approve": 20, "deny": 0}, "other": 20, "blank": 0}}
    assert facts["days"] == [
        {"day": "2026-03-01", "rows": 20, "categories": {}},
        {"day": "2026-03-02", "rows": 20, "categories": {"outcome": {"approve": 20}}},
    ]
    assert facts["reconciled"] == {
        "with": "warehouse://bank/scored",
        "consistency": "one snapshot of both",
        "matched": 40,
        "only_here": 0,
        "only_there": 0,
        "repeated_here": 0,
        "repeated_there": 0,
        "blank_here": 0,
        "blank_there": 0,
    }
    assert draft.seal(None)


def test_a_difference_is_a_fact_with_counts(bank):
    bank.run(
        "DELETE FROM scored WHERE application IN (SELECT id FROM served WHERE version = 0)",
        "INSERT INTO scored VALUES ('never served')",
        "INSERT INTO served SELECT * FROM served WHERE version = 1",
    )
    compared = look(REQUESTS, bank).drafts[0].facts["reconciled"]
    assert (compared["matched"], compared["only_here"], compared["only_there"]) == (26, 14, 1)
    assert (compared["repeated_here"], compared["repeated_there"]) == (13, 0)


def test_no_value_of_a_row_is_in_the_statement(bank):
    leaf = look(REQUESTS, bank).drafts[0].seal(None)
    for secret in SECRETS:
        assert json.dumps(secret, ensure_ascii=False).strip('"').encode() not in leaf


def test_the_same_rows_are_the_same_facts_and_one_row_more_is_another(bank):
    first, again = (look(REQUESTS, bank).drafts[0].statement for _ in range(2))
    assert first.facts_digest == again.facts_digest
    bank.run("UPDATE served SET outcome = 'deny' WHERE version = 0 AND outcome <> 'approve'")
    changed = look(REQUESTS, bank).drafts[0].statement
    assert changed.stream == first.stream
    assert changed.facts_digest != first.facts_digest


def test_a_required_column_that_is_gone_is_a_fact_and_nothing_is_compared(bank):
    bank.run("ALTER TABLE served RENAME COLUMN id TO request_id", "ALTER TABLE served RENAME COLUMN served_at TO x")
    facts = look(REQUESTS, bank).drafts[0].facts
    assert facts["columns"]["request"] == {"column": "id", "blank": None}
    assert (facts["reconciled"], facts["undated"], facts["days"], facts["rows_omitted"]) == (None, None, [], 0)


def test_a_second_source_elsewhere_is_compared_and_the_statement_says_so(duck, tmp_path):
    other = sqlite_at(tmp_path / "other")
    fill(other)
    other.connection = type(other.connection)("elsewhere", "sqlite", host=other.connection.host)
    declared = REQUESTS | {"reconcile": REQUESTS["reconcile"] | {"connection": "elsewhere"}}
    compared = look(declared, duck, other).drafts[0].facts["reconciled"]
    assert (compared["with"], compared["matched"]) == ("warehouse://elsewhere/scored", 40)
    assert compared["consistency"] == "two snapshots, one after the other"


def test_a_table_or_second_source_that_is_not_there_is_refused_by_name(duck):
    with pytest.raises(SourceRefused, match="warehouse://bank/x"):
        look(REQUESTS | {"table": "x"}, duck)
    with pytest.raises(SourceRefused, match="warehouse://bank/scored: there is no column 'key'"):
        look(REQUESTS | {"reconcile": REQUESTS["reconcile"] | {"column": "key"}}, duck)
    with pytest.raises(ConnectionMissing):
        look(REQUESTS)


def test_days_that_do_not_fit_are_counted_and_the_latest_stay(duck):
    duck.run(
        "DELETE FROM served",
        "INSERT INTO served SELECT i::VARCHAR, DATE '2020-01-01' + INTERVAL (i) DAY, 1, 'no' FROM range(2000) t(i)",
    )
    [draft] = look(REQUESTS, duck).drafts
    facts = draft.facts
    assert 300 < len(facts["days"]) < 2000
    assert len(facts["days"]) + facts["days_omitted"] == 2000
    assert sum(day["rows"] for day in facts["days"]) + facts["rows_omitted"] == 2000
    assert facts["days"][-1]["day"] == "2025-06-22"
    assert [day["day"] for day in facts["days"]] == sorted(day["day"] for day in facts["days"])
    assert draft.seal(None)


def test_of_rows_that_run_out_the_earliest_days_stay(tmp_path):
    file = tmp_path / "registers" / "licences.csv"
    file.parent.mkdir()
    lines = [f"thing {n},MIT,{2000 + n // 300}-{n % 12 + 1:02}-{n % 25 + 1:02}" for n in range(3_000)]
    file.write_text("\n".join(["item,licence,until", *lines]))
    [draft] = look(LICENCES, folder=tmp_path).drafts
    assert draft.facts["days_omitted"] > 0
    assert draft.facts["days"][0]["day"] == "2000-01-01"
    assert draft.effective is None


def test_a_file_is_declared_and_its_fingerprint_is_that_of_its_bytes(tmp_path):
    file = tmp_path / "registers" / "licences.csv"
    file.parent.mkdir()
    file.write_text("item,licence,until\nskops,MIT,2026-12-31\nother,,soon\n")
    [draft] = look(LICENCES, folder=tmp_path).drafts
    facts = draft.facts
    assert (draft.origin, draft.stage, facts["upload"]) == (Origin.DECLARED, Stage.DEVELOPMENT, True)
    assert facts["source"] == "file:include/registers/licences.csv"
    assert facts["fingerprint"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest() == draft.subjects[0].sha256
    assert (facts["rows"], facts["undated"], facts["columns"]["licence"]["blank"]) == (2, 1, 1)
    assert facts["days"] == [{"day": "2026-12-31", "rows": 1, "categories": {}}]
    assert facts["consistency"] == "one file, read once"


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(SourceRefused, match=r"include/registers/licences\.csv"):
        look(LICENCES, folder=tmp_path)


def test_a_sheet_in_a_store_is_counted_compared_and_never_quoted_like_a_table(duck):
    made = openpyxl.Workbook()
    made.active.append(("person", "competence", "until"))
    for secret in SECRETS:
        made.active.append((secret, "model review", date(2026, 12, 31)))
    made.active.row_dimensions[3].hidden = True
    with fsspec.open("memory://registers/trained.xlsx", "wb") as out:
        made.save(out)
    duck.run("INSERT INTO scored VALUES ('not trained')")
    declared = {
        "id": "trained",
        "kind": "training-and-competence",
        "file": "memory://registers/trained.xlsx",
        "sheet": "Sheet",
        "columns": {"person": "person", "competence": "competence", "until": "until"},
        "categories": {"competence": ["model review"]},
        "reconcile": {"connection": "bank", "table": "scored", "column": "application"},
    }
    [draft] = look(declared, duck).drafts
    facts = draft.facts
    assert (draft.origin, facts["upload"], facts["source"]) == (Origin.DECLARED, True, declared["file"])
    assert (facts["rows"], facts["undated"], facts["hidden"]) == (40, 0, {"rows": 1})
    assert facts["categories"]["competence"]["values"] == {"model review": 40}
    assert facts["days"] == [{"day": "2026-12-31", "rows": 40, "categories": {"competence": {"model review": 40}}}]
    assert (facts["reconciled"]["matched"], facts["reconciled"]["only_there"]) == (40, 1)
    assert facts["fingerprint"]["coverage"] == "the whole file; read is the sheet 'Sheet'"
    leaf = draft.seal(None)
    for secret in SECRETS:
        assert json.dumps(secret, ensure_ascii=False).strip('"').encode() not in leaf


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"file": "../licences.csv"}, "not a path below include/"),
        ({"file": "/etc/licences.csv"}, "not a path below include/"),
        ({"file": "s3://key:secret@bucket/licences.csv"}, "credentials"),
        ({"file": "https://host/licences.csv?token=x.csv"}, "credentials"),
        ({"sheet": "One"}, "only an XLSX file has sheets"),
        ({"file": "registers/licences.xls"}, "pattern"),
    ],
)
def test_an_address_that_is_none_or_tells_a_secret_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        Register.model_validate(LICENCES | changes)

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest
import yaml

from affidavit.collect.record_rows import MOST_ROWS, Names, Row, understood
from affidavit.collect.records import Shelf, look_at_book
from affidavit.errors import ConnectionMissing, SourceRefused, SourceUnavailable
from affidavit.evidence import Circumstances, Entry, Origin, kinds
from affidavit.evidence.salted import payload
from affidavit.inventory import Book
from tests.warehouse.databases import duckdb_at, postgres_at, sqlite_at

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
SECRET = "Ñandú fears for 🦤's loan"
RISK = {
    "id": "R-1",
    "title": SECRET,
    "owner": "ml-lead",
    "identified": "2026-01-05",
    "likelihood": 3,
    "consequence": 4,
    "controls": ["A.5.2", "A.6.2.5"],
    "residual_likelihood": 2,
    "residual_consequence": 4,
    "state": "treated",
    "reviewed": "2026-02-01",
    "review_months": 6,
}
SECOND = {**RISK, "id": "R-2", "causes": ["R-1"], "state": "open"}
ACTION = {
    "id": "a-1",
    "title": "Ask twice",
    "risk": "R-1",
    "owner": "ml-lead",
    "opened": "2026-01-06",
    "due": "2026-04-01",
}
CHANGE = {
    "id": "c-1",
    "what": "deployment",
    "items": ["loans/2"],
    "owner": "ml-lead",
    "planned": "2026-02-01",
    "effective": "2026-04-01",
    "reason": "Better",
    "impact": "None",
    "approved_by": "p-2",
}
AUDIT = {"id": "ia-1", "planned": "2026-03-01", "criteria": ["9.2.2", "A.5.2"], "auditor": "p-2"}
IMPROVEMENT = {
    "id": "i-1",
    "source": "audit",
    "owner": "ml-lead",
    "opened": "2026-01-01",
    "due": "2026-02-01",
    "closed": "2026-02-01",
    "figure_before": 12.5,
    "figure_after": 3,
    "unit": "hours",
    "better": "lower",
}
NONCONFORMITY = {
    "id": "NC-1",
    "title": "An approval came after the deployment",
    "source": "finding",
    "findings": ["A.6.2.5@17", "A.6.2.5@40"],
    "requirements": ["A.6.2.5"],
    "grade": "minor",
    "graded_by": "p-2",
    "owner": "ml-lead",
    "opened": "2026-01-10",
    "cause": "Nobody was there to ask.",
    "cause_in": "people",
    "similar": "found",
    "due": "2026-03-01",
    "acted": "2026-02-01",
    "effective_days": 30,
}
OF_KIND = {
    "risks": RISK,
    "risk-actions": ACTION,
    "planned-changes": CHANGE,
    "audits": AUDIT,
    "nonconformities": NONCONFORMITY,
    "improvements": IMPROVEMENT,
}
NAMES = Names(roles={"ml-lead"}, people={"p-1", "p-2"}, systems={"loans"}, requirements={"A.5.2", "A.6.2.5", "9.2.2"})


def book(kind="risks", **declared):
    return Book.model_validate({"id": kind, "kind": kind, **(declared or {"file": f"{kind}.yaml"})})


def write(folder, name, *rows):
    plain = json.loads(json.dumps({"records": rows}))  # what two rows share would be an alias
    (folder / name).write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")


def look(folder, asked, *beside, banks=(), recorded=None, now=NOW):
    known = {bank.connection.id: bank.connection for bank in banks}

    def resolve(connection_id):
        if connection_id not in known:
            raise ConnectionMissing("no such connection", where=connection_id)
        return known[connection_id]

    shelf = Shelf("system:loans", (asked, *beside), folder, resolve, NAMES)
    return look_at_book(asked, shelf, recorded=recorded or {}, seen=Circumstances(now))


def entries(found):
    return {draft.subjects[0].name: Entry(n, draft.seal(None)) for n, draft in enumerate(found.drafts)}


def sheet(path, rows, *, change=lambda _: None):
    made = openpyxl.Workbook()
    made.active.append(list(rows[0]))
    for row in rows:
        made.active.append([", ".join(v) if isinstance(v, list) else v for v in row.values()])
    change(made)
    made.save(path)


def test_a_row_becomes_a_record_whose_texts_lie_in_a_blob(tmp_path):
    write(tmp_path, "risks.yaml", RISK)
    found = look(tmp_path, book())
    [draft], [blob] = found.drafts, found.blobs
    assert (found.collector, found.enumerated, found.read, found.unread) == ("book:risks", 1, 1, None)
    assert (draft.kind, draft.scope, draft.origin) == (kinds.RECORD, "system:loans", Origin.DECLARED)
    assert draft.subjects[0].name == "affidavit://records/risks/R-1"
    facts = draft.facts
    assert facts["days"] == {"identified": "2026-01-05", "reviewed": "2026-02-01"}
    assert (facts["words"], facts["roles"], facts["people"]) == ({"state": "treated"}, {"owner": "ml-lead"}, {})
    assert facts["numbers"]["likelihood"] == 3
    assert facts["links"] == {"controls": ["A.5.2", "A.6.2.5"]}
    assert json.loads(payload(blob)) == {"title": SECRET}
    assert SECRET not in draft.seal(None).decode()
    assert "fears" not in draft.seal(None).decode()


@pytest.mark.parametrize("kind", OF_KIND)
def test_every_kind_of_book_is_read_from_yaml_csv_xlsx_and_says_the_same(kind, tmp_path):
    row = OF_KIND[kind]
    write(tmp_path, "risks.yaml", RISK)
    write(tmp_path, f"{kind}.yaml", row)
    flat = {field: ", ".join(value) if isinstance(value, list) else value for field, value in row.items()}
    lines = [",".join(flat), ",".join(f'"{value}"' for value in flat.values())]
    (tmp_path / "book.csv").write_text("\n".join(lines), encoding="utf-8")
    sheet(tmp_path / "book.xlsx", [row])
    said = []
    for file in (f"{kind}.yaml", "book.csv", "book.xlsx"):
        found = look(tmp_path, book(kind, file=file), book())
        assert found.unread is None
        [draft] = found.drafts
        said.append({**draft.facts, "source": "", "details": None} | {"texts": [payload(b) for b in found.blobs]})
    assert said[0] == said[1] == said[2]


@pytest.fixture(params=["duckdb", "sqlite", "postgres"])
def bank(request, tmp_path):
    if request.param == "postgres":
        return postgres_at(request.getfixturevalue("postgres_url"))
    return {"duckdb": duckdb_at, "sqlite": sqlite_at}[request.param](tmp_path / "bank")


def test_a_table_that_a_system_writes_is_observed_and_columns_that_no_field_is_named_after_stay_there(bank, tmp_path):
    bank.run(
        "CREATE TABLE actions (number VARCHAR(9), title VARCHAR(99), risk VARCHAR(9), owner VARCHAR(9), "
        "opened TIMESTAMP, due DATE, effect VARCHAR(9), customer VARCHAR(99))",
        "INSERT INTO actions VALUES ('a-2', 'x', 'R-1', 'ml-lead', '2026-01-06 08:30:00', '2026-04-01', NULL, 'fears'),"
        " ('a-1', 'x', 'R-1', 'ml-lead', '2026-01-06 23:59:00', '2026-04-01', '', 'y')",
    )
    write(tmp_path, "risks.yaml", RISK)
    declared = {"connection": bank.connection.id, "table": "actions", "columns": {"id": "number"}}
    found = look(tmp_path, book("risk-actions", **declared), book(), banks=[bank])
    assert found.unread is None
    assert [draft.facts["record"] for draft in found.drafts] == ["a-1", "a-2"]
    assert {draft.origin for draft in found.drafts} == {Origin.OBSERVED}
    assert found.drafts[1].facts["days"] == {"opened": "2026-01-06", "due": "2026-04-01"}
    assert found.drafts[1].facts["words"] == {}
    assert b"fears" not in b"".join(found.blobs) + b"".join(draft.seal(None) for draft in found.drafts)


def test_a_row_that_is_gone_is_withdrawn_and_repeats_what_was_last_recorded(tmp_path):
    write(tmp_path, "risks.yaml", RISK, SECOND)
    before = entries(look(tmp_path, book()))
    write(tmp_path, "risks.yaml", RISK)
    other = Entry(9, next(iter(before.values())).leaf)
    recorded = {**before, "affidavit://records/risks-of-others/R-7": other}
    found = look(tmp_path, book(), recorded=recorded)
    gone = {draft.facts["record"]: draft.facts["withdrawn"] for draft in found.drafts}
    assert gone == {"R-1": False, "R-2": True}
    last = before["affidavit://records/risks/R-2"].statement.facts
    assert found.drafts[1].facts == {**last, "withdrawn": True, "details": None}
    again = look(tmp_path, book(), recorded={**recorded, **entries(found)})
    assert again.drafts[1].statement.facts_digest == found.drafts[1].statement.facts_digest, "gone once, not every day"


def test_an_empty_book_was_looked_at(tmp_path):
    write(tmp_path, "risks.yaml")
    found = look(tmp_path, book())
    assert (found.drafts, found.enumerated, found.unread) == ((), 0, None)


# (kind, what changes in the row, field, problem, fix)
FAULTS = [
    ("risks", {"id": None}, "id", "no id", "as R-12"),
    ("risks", {"id": "Mr Miller"}, "id", "not an id", "as R-12"),
    ("risks", {"owner": "Mr Miller"}, "owner", "no role", "ml-lead"),
    ("risks", {"owner": None}, "owner", "it says nothing", "fill it"),
    ("risks", {"state": "fine"}, "state", "not one of the words", "accepted"),
    ("risks", {"likelihood": 6}, "likelihood", "not a whole number from 1 to 5", "correct"),
    ("risks", {"likelihood": 0}, "likelihood", "not a whole number", "correct"),
    ("risks", {"likelihood": 2.5}, "likelihood", "not a whole number", "correct"),
    ("risks", {"likelihood": True}, "likelihood", "not a whole number", "correct"),
    ("risks", {"likelihood": "nan"}, "likelihood", "not a whole number", "correct"),
    ("risks", {"reviewed": "2026-02-30"}, "reviewed", "not a day", "2026-12-31"),
    ("risks", {"reviewed": "1 February"}, "reviewed", "not a day", "2026-12-31"),
    ("risks", {"reviewed": "2026-02-01 Miller"}, "reviewed", "not a day", "2026-12-31"),
    ("risks", {"reviewed": "2026-03-16"}, "reviewed", "has not come yet", "leave it out"),
    ("risks", {"reviewed": "2026-01-04"}, "reviewed", "lies before identified", "correct one"),
    ("risks", {"controls": ["A.99.1"]}, "controls", "there is no control or clause 'A.99.1'", "name a control"),
    ("risks", {"controls": ["Mr Miller"]}, "controls", "not a name without blanks", "commas"),
    ("risks", {"scope": "cards"}, "scope", "there is no AI system 'cards'", "name an AI system"),
    ("risks", {"scope": ["loans", "loans"]}, "scope", "2 names", "name one"),
    ("risks", {"causes": ["R-9"]}, "causes", "there is no risk 'R-9'", "did you mean"),
    ("risks", {"causes": ["R-1"]}, "causes", "cause one another (R-1 -> R-1)", "take out one"),
    ("risks", {"title": "x" * 4_001}, "title", "more than 4,000 characters", "document"),
    ("risks", {"colour": "red"}, "colour", "no such field", "its fields are title"),
    ("risk-actions", {"risk": "R-7"}, "risk", "there is no risk 'R-7'", "did you mean"),
    ("risk-actions", {"risk": None}, "risk", "it says nothing", "fill it"),
    ("risk-actions", {"due": "2026-01-05"}, "due", "lies before opened (2026-01-06)", "correct one"),
    ("risk-actions", {"evidence": ["x y"]}, "evidence", "not a name without blanks", "commas"),
    ("planned-changes", {"approved_by": "Mr Miller"}, "approved_by", "no person, by pseudonym,", "p-1, p-2"),
    ("planned-changes", {"items": []}, "items", "it says nothing", "fill it"),
    ("audits", {"reported": "2026-03-02"}, "reported", "a day, and none in held", "fill held"),
    ("audits", {"findings": -1}, "findings", "not a whole number from 0", "correct"),
    ("improvements", {"unit": "smiles"}, "unit", "not one of the words", "kilowatt-hours"),
    ("improvements", {"figure_after": "much"}, "figure_after", "not a number from", "correct"),
]


@pytest.mark.parametrize(("kind", "change", "field", "problem", "fix"), FAULTS)
def test_one_row_that_cannot_be_understood_keeps_its_book_from_being_recorded(
    kind, change, field, problem, fix, tmp_path
):
    bad = {k: v for k, v in {**OF_KIND[kind], "id": "z-9", **change}.items() if v is not None}
    if change.get("causes") == ["R-1"]:
        bad["id"] = "R-1"
    rows = (bad,) if bad.get("id") == "R-1" else (OF_KIND[kind], bad)
    write(tmp_path, "risks.yaml", RISK)
    write(tmp_path, f"{kind}.yaml", *rows)
    found = look(tmp_path, book(kind), book())
    assert (found.drafts, found.blobs) == ((), ())
    where, _, told = found.unread.partition(": ")
    assert f"include/{kind}.yaml, line " in where
    assert where.endswith(field)
    assert problem in told.partition(". Fix: ")[0]
    assert fix in told.partition(". Fix: ")[2]
    assert "Miller" not in found.unread, "a value may be what redaction exists for"


def test_a_circle_is_found_however_long_and_a_long_chain_is_none(tmp_path):
    chain = [{**RISK, "id": f"r-{n}", "causes": [f"r-{n + 1}"] if n < 3_000 else []} for n in range(3_001)]
    rows = [Row(f"row {n}", each) for n, each in enumerate(chain)]
    assert len(understood(book(), rows, NAMES, today=NOW.date())) == 3_001
    chain[-1] = {**chain[-1], "causes": ["r-2998"]}
    rows[-1] = Row("row 3000", chain[-1])
    with pytest.raises(SourceRefused, match="r-2998 -> r-2999 -> r-3000 -> r-2998"):
        understood(book(), rows, NAMES, today=NOW.date())


def test_a_second_row_of_one_id_is_refused_in_whatever_case(tmp_path):
    write(tmp_path, "risks.yaml", RISK, {**RISK, "id": "r-1"})
    assert "'r-1' is the id of line 2 (R-1) too" in look(tmp_path, book()).unread


def test_a_book_of_more_rows_than_a_book_may_have_is_refused(tmp_path):
    rows = "".join(f"i-{n},2026-01-01,9.2.2,p-1\n" for n in range(MOST_ROWS + 1))
    (tmp_path / "audits.csv").write_text(f"id,planned,criteria,auditor\n{rows}", encoding="utf-8")
    assert "more than 10,000 rows" in look(tmp_path, book("audits", file="audits.csv")).unread


def hide_row(made):
    made.active.row_dimensions[2].hidden = True


def hide_column(made):
    made.active.column_dimensions["B"].hidden = True


def hide_sheet(made):
    made.create_sheet("notes").sheet_state = "hidden"


def formula(made):
    made.active["F2"] = "=1+2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (hide_row, "it hides 1 rows"),
        (hide_column, "it hides 1 columns"),
        (hide_sheet, "it hides 1 sheets"),
        (formula, "formula"),
    ],
)
def test_what_a_sheet_does_not_show_or_computes_is_refused(change, words, tmp_path):
    sheet(tmp_path / "risks.xlsx", [RISK], change=change)
    found = look(tmp_path, book(file="risks.xlsx"))
    assert found.drafts == ()
    assert words in found.unread


def test_a_formula_whose_result_is_stored_is_refused_too(tmp_path):
    """As a spreadsheet program saves it: the next one who opens the sheet may see another score."""
    import zipfile

    sheet(tmp_path / "plain.xlsx", [RISK])
    with zipfile.ZipFile(tmp_path / "plain.xlsx") as plain, zipfile.ZipFile(tmp_path / "risks.xlsx", "w") as made:
        for name in plain.namelist():
            data = plain.read(name)
            if name.endswith("sheet1.xml"):
                assert b'<c r="E2" t="n"><v>3</v>' in data
                data = data.replace(b'<c r="E2" t="n"><v>3</v>', b'<c r="E2" t="n"><f>1+2</f><v>3</v>')
            made.writestr(name, data)
    assert look(tmp_path, book(file="plain.xlsx")).unread is None
    assert "formulas in cells (1)" in look(tmp_path, book(file="risks.xlsx")).unread


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("risks: []", "not one list called records"),
        ("records: {}", "not one list called records"),
        ("records: [x]", "not a record"),
        ("records:\n  - id: a\n    id: b", "the key appears twice"),
        (None, "there is no such file"),
    ],
)
def test_a_file_that_is_no_book_is_refused(text, words, tmp_path):
    if text is not None:
        (tmp_path / "risks.yaml").write_text(text, encoding="utf-8")
    assert words in look(tmp_path, book()).unread


def test_a_column_that_a_field_needs_is_named_where_it_is_absent(tmp_path):
    (tmp_path / "audits.csv").write_text("id,planned,criteria\n", encoding="utf-8")
    assert "there is no column 'auditor'" in look(tmp_path, book("audits", file="audits.csv")).unread
    declared = book("audits", file="audits.csv", columns={"auditor": "who"})
    assert "there is no column 'who'" in look(tmp_path, declared).unread


def test_where_the_risks_cannot_be_understood_actions_go_by_those_that_were_recorded(tmp_path):
    write(tmp_path, "risks.yaml", RISK, SECOND)
    before = entries(look(tmp_path, book()))
    write(tmp_path, "risks.yaml", {**RISK, "state": "fine"})
    (tmp_path / "risks.yaml").write_text("records: nothing", encoding="utf-8")
    write(tmp_path, "risk-actions.yaml", {**ACTION, "risk": "R-2"})
    assert look(tmp_path, book("risk-actions"), book(), recorded=before).unread is None
    assert "there is no risk" in look(tmp_path, book("risk-actions"), book()).unread


def test_a_place_that_does_not_answer_is_an_error_and_no_book_of_its_own_fault(tmp_path):
    bank = postgres_at("postgresql://nobody@/none?host=127.0.0.1")
    bank = replace(bank, connection=replace(bank.connection, port=1))
    with pytest.raises(SourceUnavailable):
        look(tmp_path, book(connection=bank.connection.id, table="risks"), banks=[bank])
    with pytest.raises(ConnectionMissing):
        look(tmp_path, book(connection="nowhere", table="risks"))


def test_a_day_that_has_come_somewhere_has_come(tmp_path):
    write(tmp_path, "risks.yaml", {**RISK, "reviewed": "2026-03-15"})
    assert look(tmp_path, book()).unread is None
    assert "has not come yet" in look(tmp_path, book(), now=NOW - timedelta(hours=3)).unread

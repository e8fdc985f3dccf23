"""Our own expectations on each real database: what passes, what fails, and that no value of a row is kept."""

import html
import re
from datetime import UTC, datetime

import pytest

from affidavit.errors import SuiteError
from affidavit.evidence import loads
from affidavit.quality import Due, render, validate
from affidavit.quality.personal import holds_text, may_hide_text, named_personal
from affidavit.warehouse import snapshot
from tests.quality.suites import expects, suite

DUE = Due(datetime(2026, 11, 21, 9, 30, tzinfo=UTC), "@daily")
GROUPS = "expect_column_groups_to_match_reference"
OVERLAP = "expect_compound_columns_to_not_overlap"
NEWEST = "expect_column_newest_to_be_on_schedule"
PERSONAL = "expect_table_columns_to_not_look_personal"


def run(warehouse, *wanted, table="t", due=DUE):
    with snapshot(warehouse.connection, timeout_seconds=60) as opened:
        return validate(opened, table=table, suite=suite(*wanted), due=due)


def result(warehouse, wanted, **how):
    found = run(warehouse, wanted, **how)
    (stored,) = loads(found.details)["results"]
    assert stored["success"] is found.success
    return found.success, stored["result"]


def groups(warehouse, *values):
    warehouse.run("CREATE TABLE t (g VARCHAR(20))", *(f"INSERT INTO t VALUES ({value})" for value in values))


@pytest.mark.parametrize(
    ("values", "matches"),
    [
        (["'yes'"] * 2 + ["'no'"] * 6, True),
        (["'yes'"] * 3 + ["'no'"] * 5, False),
        (["'no'"] * 8, False),
        (["'yes'"] * 2 + ["'no'"] * 5 + ["'other'"], False),
        (["'yes'"] * 2 + ["'no'"] * 5 + ["NULL"], False),
        ([], False),
    ],
)
def test_groups_match_a_reference_only_if_each_share_and_the_rest_do(warehouse, values, matches):
    groups(warehouse, *values)
    wanted = expects(GROUPS, column="g", reference={"yes": 0.25, "no": 0.75}, tolerance=0.1)
    success, _ = result(warehouse, wanted)
    assert success is matches


def test_groups_are_counted_and_a_group_that_the_reference_does_not_name_stays_unnamed(warehouse):
    groups(warehouse, "'yes'", "'no'", "'hunter2'", "NULL")
    success, kept = result(warehouse, expects(GROUPS, column="g", reference={"yes": 0.25, "no": 0.25}, tolerance=0.01))
    assert success
    assert kept.pop("observed_value") == "yes: 1, no: 1, all others: 2, of 4 rows"
    assert kept == {"element_count": 4, "missing_count": 1}


def test_rows_that_stand_in_another_table_are_counted_and_the_table_itself_is_no_other(warehouse):
    warehouse.run(
        "CREATE TABLE t (id INT, name VARCHAR(20))",
        "CREATE TABLE held_out (id INT, name VARCHAR(20))",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (2, 'b'), (3, NULL), (4, 'hunter2')",
        "INSERT INTO held_out VALUES (2, 'b'), (3, NULL), (4, 'd'), (5, 'a')",
    )
    tables = ["t", "held_out"]
    found = run(
        warehouse,
        expects(OVERLAP, column_list=["id", "name"], tables=tables),
        expects(OVERLAP, column_list=["name"], tables=tables),
        table="t",
    )
    assert [(failure.unexpected, failure.missing) for failure in found.failed] == [(2, 1), (3, 1)]
    assert "hunter2" not in found.details.decode()
    success, kept = result(warehouse, expects(OVERLAP, column_list=["id"], tables=tables), table="held_out")
    assert (success, kept["unexpected_count"], kept["unexpected_percent"]) == (False, 3, 75)
    warehouse.run("DELETE FROM held_out WHERE id < 5")
    assert run(warehouse, expects(OVERLAP, column_list=["id"], tables=tables)).success


@pytest.mark.parametrize(
    ("dated", "word"),
    [
        ("'2026-11-20 00:00:00'", "on time"),
        ("'2026-11-19 23:59:59'", "late"),
        ("'2026-11-22 09:00:00'", "on time"),
        ("'2026-11-22 10:00:00'", "dated ahead"),
        ("NULL", "no dated row"),
    ],
)
def test_the_newest_row_lies_in_the_last_slot_of_the_schedule_or_is_late(warehouse, dated, word):
    warehouse.run("CREATE TABLE t (seen TIMESTAMP)", "INSERT INTO t VALUES ('1990-01-01 00:00:00')", "DELETE FROM t")
    warehouse.run(f"INSERT INTO t VALUES ({dated})")
    success, kept = result(warehouse, expects(NEWEST, column="seen", slots=1))
    assert (success, kept["observed_value"]) == (word == "on time", word)


def test_more_slots_are_more_patient_and_dates_without_a_time_are_read(warehouse):
    warehouse.run("CREATE TABLE t (seen DATE)", "INSERT INTO t VALUES ('2026-11-19'), ('2026-11-18')")
    assert not run(warehouse, expects(NEWEST, column="seen", slots=1)).success
    assert run(warehouse, expects(NEWEST, column="seen", slots=2)).success


def test_the_same_rows_give_the_same_bytes_at_another_look(duck):
    duck.run("CREATE TABLE t (seen TIMESTAMP)", "INSERT INTO t VALUES ('2026-11-20 10:00:00')")
    wanted = expects(NEWEST, column="seen", slots=2)
    later = Due(datetime(2026, 11, 22, 1, 0, tzinfo=UTC), "@daily")
    assert run(duck, wanted).details == run(duck, wanted, due=later).details


LOOK_PERSONAL = {
    "contact": "e.mustermann@example.org",
    "reached_at": "+44 20 7946 0018",
    "paid_from": "GB33 BUKB 2020 1555 5555 55",
    "number": "078-05-1120",
    "seen_from": "192.0.2.17",
    "note": "please write to x@example.org",
}
LOOK_HARMLESS = {"grade": "A+", "postcode_area": "02", "day": "2026-11-20", "version": "1.24.1", "said": "at @ noon"}


def test_values_that_look_personal_are_found_by_column_and_never_quoted(warehouse):
    both = {**LOOK_PERSONAL, **LOOK_HARMLESS}
    columns = ", ".join(f"{column} VARCHAR(80)" for column in both)
    rows = [
        ", ".join(f"'{value}'" for value in both.values()),
        *(", ".join([each] * len(both)) for each in ("NULL", "'x'")),
    ]
    warehouse.run(f"CREATE TABLE t ({columns})", *(f"INSERT INTO t VALUES ({row})" for row in rows))
    found = run(warehouse, expects(PERSONAL))
    for value in both.values():
        assert value not in found.details.decode()
    told = found.failed[0].reason.removeprefix("observed: ").split("; ")
    assert [each.partition(" ")[0] for each in told] == list(LOOK_PERSONAL)
    assert all("(1 of 2 values look like " in each for each in told)
    assert run(warehouse, expects(PERSONAL, allow=list(LOOK_PERSONAL))).success


HIDING = {
    "duckdb": ["JSON", "STRUCT(a VARCHAR)", "VARCHAR[]", "MAP(VARCHAR, INTEGER)", "BLOB"],
    "sqlite": ["JSON", "BLOB"],
    "postgres": ["json", "jsonb", "text[]", "bytea", "xml"],
}


def test_a_column_that_is_not_looked_into_is_named_until_a_person_has_looked(warehouse):
    columns = [f"c{number} {kind}" for number, kind in enumerate(HIDING[warehouse.kind])]
    warehouse.run(
        f"CREATE TABLE t (id INT, seen TIMESTAMP, share DOUBLE PRECISION, said VARCHAR(9), {', '.join(columns)})"
    )
    names = [f"c{number}" for number in range(len(columns))]
    found = run(warehouse, expects(PERSONAL))
    told = "; ".join(f"{name} (of a type that is not looked into)" for name in names)
    assert [failure.reason for failure in found.failed] == [f"observed: {told}"]
    assert run(warehouse, expects(PERSONAL, allow=names)).success


def test_names_of_columns_are_read_whatever_their_spelling(warehouse):
    warehouse.run('CREATE TABLE t (id INT, "customerName" INT, "E-Mail" INT)')
    found = run(warehouse, expects(PERSONAL))
    assert found.failed[0].reason == "observed: customerName (by its name); E-Mail (by its name)"


@pytest.mark.parametrize(
    "name", ["first_name", "applicantFirstName", "DOB", "date_of_birth", "phone_2", "billing_address"]
)
def test_a_name_that_says_personal_data(name):
    assert named_personal(name)


@pytest.mark.parametrize("name", ["name", "product_name", "mean_radius", "deny", "adobe_version", "heifers", "dmi"])
def test_a_name_that_does_not_say_personal_data(name):
    assert not named_personal(name)


def test_types_that_may_hide_text_are_told_from_those_that_cannot():
    assert all(
        map(may_hide_text, ["jsonb", "STRUCT(a INTEGER)", "text[]", "VARCHAR[3]", "bytea", "inet", "map<int,int>"])
    )
    plain = ["INTEGER", "UBIGINT", "int4", "double precision", "DECIMAL(9,2)", "timestamp_ntz", "timestamptz", "uuid"]
    assert not any(
        map(may_hide_text, [*plain, "TIMESTAMP WITH TIME ZONE", "boolean", "HUGEINT", "text", "", "interval"])
    )


def test_types_that_hold_text_are_told_from_those_that_do_not():
    assert all(map(holds_text, ["VARCHAR", "character varying(20)", "TEXT", "bpchar", "", "ENUM('a')", "String"]))
    assert not any(map(holds_text, ["INTEGER", "double precision", "TIMESTAMP", "BOOLEAN", "uuid", "NUMERIC(3)"]))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (expects(GROUPS, column="g", reference={"a": 0.7, "b": 0.7}, tolerance=0.1), "add up to 1"),
        (expects(GROUPS, column="g", reference={}, tolerance=0.1), "one share or more"),
        (expects(GROUPS, column="g", reference={"a": 1}, tolerance=0), "tolerance"),
        (expects(GROUPS, column="h", reference={"a": 1}, tolerance=0.1), "'h'"),
        (expects(GROUPS, column="g", reference={"a": 1}, tolerance=0.1, row_condition="g=1"), "row_condition"),
        (expects(OVERLAP, column_list=["g"], tables=["t"]), "the only table it names is the one"),
        (expects(OVERLAP, column_list=["g"], tables=["absent"]), r"applications\.yaml.*'absent'"),
        (expects(OVERLAP, column_list=["g"], tables=["u"]), "'g', which the table 'u' does not have"),
        (expects(OVERLAP, column_list=["g"], tables=[]), "tables"),
        (expects(NEWEST, column="g", slots=0), "slots from 1"),
        (expects(NEWEST, column="g", slots=1, since="2020-01-01"), "'since' is not for a suite"),
        (expects(NEWEST, column="g", slots=1), "cannot be computed"),
        (expects(PERSONAL, allow="g"), "allow"),
    ],
)
def test_a_suite_that_asks_for_what_cannot_be_is_refused_by_name(duck, wanted, message):
    duck.run("CREATE TABLE t (g VARCHAR)", "CREATE TABLE u (h VARCHAR)", "INSERT INTO t VALUES ('hunter2')")
    with pytest.raises(SuiteError, match=message) as error:
        run(duck, wanted)
    assert "hunter2" not in str(error.value)


def test_freshness_without_a_schedule_is_refused(duck):
    duck.run("CREATE TABLE t (seen DATE)")
    with pytest.raises(SuiteError, match="needs the schedule"):
        run(duck, expects(NEWEST, column="seen", slots=1), due=None)


@pytest.mark.parametrize("name", ["q\"'; DROP TABLE t; --", "Überschuß", "a b.c"])
def test_names_that_need_quoting_are_quoted(warehouse, name):
    quoted = '"' + name.replace('"', '""') + '"'
    warehouse.run(
        f"CREATE TABLE t ({quoted} VARCHAR(20))",
        f"CREATE TABLE u ({quoted} VARCHAR(20))",
        "INSERT INTO t VALUES ('it''s')",
        "INSERT INTO u VALUES ('it''s')",
    )
    found = run(
        warehouse,
        expects(GROUPS, column=name, reference={"it's": 1}, tolerance=0.1),
        expects(OVERLAP, column_list=[name], tables=["u"]),
        expects(PERSONAL),
    )
    assert [failure.test for failure in found.failed] == [f"{OVERLAP}:{name}"]


def test_data_docs_say_in_words_what_was_expected_and_seen(duck):
    duck.run(
        "CREATE TABLE t (g VARCHAR, email VARCHAR, seen TIMESTAMP)",
        "CREATE TABLE u (g VARCHAR)",
        "INSERT INTO t VALUES ('a', 'x@example.org', '1990-01-01')",
        "INSERT INTO u VALUES ('a')",
    )
    found = run(
        duck,
        expects(GROUPS, column="g", reference={"a": 0.5, "b": 0.5}, tolerance=0.1),
        expects(OVERLAP, column_list=["g"], tables=["u"]),
        expects(NEWEST, column="seen", slots=2),
        expects(PERSONAL, allow=["g"]),
    )
    words = html.unescape(re.sub(r"<[^>]+>", "", render(found.details, where="blob")))
    assert "shares of all rows must be a 50.0%, b 50.0%, each to within 10.0%" in words
    assert "a: 1, b: 0, all others: 0, of 1 rows" in words
    assert "No row may have the same g as a row in another of the tables u." in words
    assert "1 unexpected values found" in words
    assert "newest date must lie in the last 2 complete slots of the schedule." in words
    assert "late" in words
    assert "No column but g may look like personal data." in words
    assert "email (by its name, 1 of 1 values look like e-mail addresses)" in words

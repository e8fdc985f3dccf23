"""Of each test that failed a few rows, those that fail it, and of a clean table nothing at all."""

import pytest
import sqlalchemy as sa

from affidavit.errors import SourceError
from affidavit.evidence import dumps, loads
from affidavit.quality import examples, examples_of, validate
from affidavit.warehouse import snapshot
from tests.quality.suites import expects, suite

BELOW = {"row_condition": 'col("id") < 10', "condition_parser": "great_expectations"}
WRONG = suite(
    expects("expect_column_values_to_not_be_null", column="name"),
    expects("expect_column_values_to_match_regex", column="name", regex="^n[0-8]"),
    expects("expect_column_values_to_be_between", column="amount", max_value=95),
    expects("expect_column_values_to_be_unique", column="twin"),
    expects("expect_compound_columns_to_be_unique", column_list=["same", "pair"]),
    expects("expect_column_pair_values_a_to_be_greater_than_b", column_A="id", column_B="amount", **BELOW),
    expects("expect_multicolumn_sum_to_equal", column_list=["id", "amount"], sum_total=0),
    expects("expect_column_mean_to_be_between", column="amount", max_value=1),
)
FAIL = {
    "expect_column_values_to_not_be_null:name": {0, 20, 40, 60, 80},
    "expect_column_values_to_match_regex:name": {9, *range(90, 100)},
    "expect_column_values_to_be_between:amount": {96, 97, 98, 99},
    "expect_column_values_to_be_unique:twin": {0, 1},
    "expect_compound_columns_to_be_unique:same,pair": {2, 3},
    "expect_column_pair_values_a_to_be_greater_than_b:id,amount": {*range(10)},
    "expect_multicolumn_sum_to_equal:id,amount": {*range(1, 100)},
}


@pytest.fixture
def filled(warehouse):
    rows = []
    for n in range(100):
        name = "NULL" if n % 20 == 0 else f"'n{n} \"é\"'"
        rows.append(f"({n}, {name}, {n}, {max(n, 1)}, {2 if n in (2, 3) else n}, 'x')")
    columns = "id INT, name VARCHAR(300), amount INT, twin INT, pair INT, same VARCHAR(9)"
    warehouse.run(f"CREATE TABLE t ({columns})", f"INSERT INTO t VALUES {', '.join(rows)}")
    return warehouse


def look(warehouse, wanted=WRONG, *, most=3):
    with snapshot(warehouse.connection, timeout_seconds=60) as opened:
        validation = validate(opened, table="t", suite=wanted)
        return examples_of(opened, table="t", suite=wanted, validation=validation, most=most)


def ids(found):
    document = loads(found.details)
    place = document["columns"].index("id")
    return {test: [row[place] for row in rows] for test, rows in document["tests"].items()}


def test_examples_are_rows_that_fail_the_test_and_no_more_than_asked(filled):
    found = look(filled)
    shown = ids(found)
    assert shown.keys() == FAIL.keys()
    for test, rows in shown.items():
        assert set(rows) <= FAIL[test], test
        assert len(rows) == len(set(rows)) == min(3, len(FAIL[test])) == found.rows[test], test
    every = ids(look(filled, most=20))
    assert {test: set(rows) for test, rows in every.items() if len(FAIL[test]) <= 20} == {
        test: rows for test, rows in FAIL.items() if len(rows) <= 20
    }


def test_the_same_rows_in_another_order_give_the_same_examples(filled):
    before = look(filled).details
    filled.run(
        "CREATE TABLE u AS SELECT * FROM t", "DELETE FROM t", "INSERT INTO t SELECT * FROM u ORDER BY amount DESC"
    )
    assert look(filled).details == before


def test_what_holds_is_not_looked_into(filled):
    clean = suite(
        expects("expect_column_values_to_not_be_null", column="id"),
        expects("expect_column_mean_to_be_between", column="amount", max_value=1),
    )
    with snapshot(filled.connection, timeout_seconds=60) as opened:
        validation = validate(opened, table="t", suite=clean)
        asked = []
        sa.event.listen(opened.connection.engine, "before_cursor_execute", lambda *each: asked.append(each[2]))
        assert examples_of(opened, table="t", suite=clean, validation=validation, most=3) is None
    assert not [statement for statement in asked if " t" in statement and "LIMIT" in statement], asked


def test_a_long_value_is_cut_and_what_has_no_room_is_left_out(duck, monkeypatch):
    duck.run(
        "CREATE TABLE t (id INT, name VARCHAR)",
        f"INSERT INTO t SELECT i, repeat('ä', {examples.LONGEST * 2}) FROM range(50) r(i)",
    )
    wanted = suite(expects("expect_column_values_to_be_between", column="id", max_value=-1))
    rows = loads(look(duck, wanted, most=20).details)["tests"]["expect_column_values_to_be_between:id"]
    assert {row[1] for row in rows} == {"ä" * examples.LONGEST + "…"}
    monkeypatch.setattr(examples, "ROOM", 2 * len(dumps(rows[0])) + 3)
    assert list(look(duck, wanted, most=20).rows.values()) == [2]


def test_a_warehouse_that_fails_meanwhile_is_an_error_and_not_fewer_examples(filled):
    with snapshot(filled.connection, timeout_seconds=60) as opened:
        validation = validate(opened, table="t", suite=WRONG)
        opened.connection.connection.driver_connection.close()
        with pytest.raises(SourceError):
            examples_of(opened, table="t", suite=WRONG, validation=validation, most=3)

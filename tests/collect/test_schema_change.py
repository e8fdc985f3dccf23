import pytest

from affidavit.collect.schema_change import ROOM, schema_change
from affidavit.evidence import dumps


def facts(*columns, omitted=0):
    named = [{"name": name, "type": kind, "nulls": 0} for name, kind in columns]
    return {"dataset": "train", "table": "t", "columns": named, "columns_omitted": omitted}


BASE = facts(("id", "INTEGER"), ("name", "VARCHAR"))


def test_other_nulls_and_the_same_columns_are_no_change():
    more_nulls = facts(("id", "INTEGER"), ("name", "VARCHAR"))
    more_nulls["columns"][0]["nulls"] = 7
    assert schema_change(BASE, more_nulls) is None


@pytest.mark.parametrize(
    ("after", "columns", "reordered"),
    [
        (facts(("id", "INTEGER"), ("name", "VARCHAR"), ("x", "DATE")), [("x", None, "DATE")], False),
        (facts(("id", "INTEGER")), [("name", "VARCHAR", None)], False),
        (facts(("id", "BIGINT"), ("name", "VARCHAR")), [("id", "INTEGER", "BIGINT")], False),
        (facts(("name", "VARCHAR"), ("id", "INTEGER")), [], True),
        (facts(("id", "INTEGER"), ("Name", "VARCHAR")), [("name", "VARCHAR", None), ("Name", None, "VARCHAR")], False),
    ],
)
def test_each_change_of_a_column_is_named(after, columns, reordered):
    found = schema_change(BASE, after)
    assert [(c["name"], c["was"], c["is"]) for c in found["columns"]] == columns
    assert (found["reordered"], found["columns_omitted"]) == (reordered, 0)


def test_what_a_statement_has_no_room_for_is_counted():
    many = facts(*((f"column {number} {'x' * 200}", "INTEGER") for number in range(1_000)))
    found = schema_change(facts(), many)
    assert 0 < len(found["columns"]) < 1_000
    assert len(found["columns"]) + found["columns_omitted"] == 1_000
    assert len(dumps(found)) < ROOM + 1_000


def test_of_a_table_too_wide_to_be_named_the_number_of_columns_is_compared():
    wide = facts(("id", "INTEGER"), omitted=1_500)
    assert schema_change(wide, facts(("id", "INTEGER"), omitted=1_500)) is None
    found = schema_change(wide, facts(("id", "INTEGER"), omitted=1_498))
    assert (found["columns"], found["columns_omitted"]) == ([], 2)

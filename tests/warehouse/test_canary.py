"""A copy with a defect stands under a name of its own while it is needed; nothing that was there is ever touched."""

import pytest

from affidavit.errors import SourceRefused
from affidavit.inventory import Connection
from affidavit.warehouse import snapshot
from affidavit.warehouse.canary import MOST_ROWS, PREFIX, Defect, defects, planted
from affidavit.warehouse.tables import Column

TOKEN = "0123456789abcdef"
ROWS = 40


@pytest.fixture
def filled(warehouse):
    warehouse.run("CREATE TABLE loans (id INT, amount NUMERIC(9, 2), region VARCHAR(20), day DATE)")
    rows = ", ".join(f"({n}, {n + 1}.50, '50%% it''s'  , '2026-01-{1 + n % 28:02}')" for n in range(ROWS))
    warehouse.run(f"INSERT INTO loans VALUES {rows.replace('%%', '%')}")
    return warehouse


def read(warehouse, table):
    with snapshot(warehouse.connection, timeout_seconds=60) as opened:
        found = opened.table(table)
        return [tuple(row) for row in opened.rows(found, about=table)], [c.type for c in found.columns]


def names(warehouse):
    with snapshot(warehouse.connection, timeout_seconds=60) as opened:
        return sorted(f"{row[0]}.{row[1]}" for row in opened.query(opened.dialect.tables(), about=""))


def plant(warehouse, defect, *, token=TOKEN):
    return planted(warehouse.connection, "loans", defect, token=token, timeout_seconds=60)


def test_a_copy_without_a_defect_is_the_table_and_is_gone_afterwards(filled):
    before, there = read(filled, "loans"), names(filled)
    with plant(filled, None) as name:
        assert PREFIX in name
        copy = read(filled, name)
        assert sorted(copy[0], key=repr) == sorted(before[0], key=repr)
        if filled.kind != "sqlite":  # which knows no more of a type than what can be held
            assert copy[1] == before[1]
    assert names(filled) == there
    assert read(filled, "loans") == before


@pytest.mark.parametrize("column", ["amount", "region", "day"])
def test_of_a_column_one_value_in_four_is_missing_and_nothing_else(filled, column):
    with plant(filled, Defect("missing", column)) as name:
        rows, _ = read(filled, name)
    place = ["id", "amount", "region", "day"].index(column)
    assert sum(row[place] is None for row in rows) == ROWS / 4
    assert sum(value is None for row in rows for value in row) == ROWS / 4


def test_of_a_column_of_numbers_one_in_four_is_below_zero_and_of_its_type(filled):
    before = read(filled, "loans")[1]
    with plant(filled, Defect("sign", "amount")) as name:
        rows, types = read(filled, name)
    assert sum(row[1] < 0 for row in rows) == ROWS / 4
    if filled.kind != "sqlite":
        assert types == before


def test_rows_stand_twice(filled):
    with plant(filled, Defect("repeated", None)) as name:
        rows, _ = read(filled, name)
    assert len(rows) == 2 * ROWS
    assert len(set(rows)) == ROWS


def test_what_has_the_name_already_is_refused_and_stays(filled):
    name = f"{PREFIX}{TOKEN}"
    place = f'"{name}"' if filled.kind == "sqlite" else f'"{name}"."{name}"'
    if filled.kind != "sqlite":
        filled.run(f'CREATE SCHEMA "{name}"')
    filled.run(f"CREATE TABLE {place} AS SELECT 7 AS theirs")
    there = names(filled)
    with pytest.raises(SourceRefused, match=r"affidavit_canary_0123456789abcdef"), plant(filled, None):
        pass
    assert names(filled) == there
    assert read(filled, place.replace('"', ""))[0] == [(7,)]


def test_what_somebody_put_beside_the_copy_is_not_dropped_with_it(filled):
    if filled.kind == "sqlite":
        return  # it has no schemas
    name = f"{PREFIX}{TOKEN}"
    with pytest.raises(SourceRefused), plant(filled, None):
        filled.run(f'CREATE TABLE "{name}".theirs AS SELECT 7 AS theirs')
    assert read(filled, f"{name}.theirs")[0] == [(7,)]


def test_an_error_inside_leaves_nothing_behind(filled):
    there = names(filled)
    with pytest.raises(RuntimeError), plant(filled, None):
        raise RuntimeError
    assert names(filled) == there


@pytest.mark.parametrize("token", ["", "loans", "0123456789ABCDEF", '0"; DROP TABLE x', f"{TOKEN}0"])
def test_a_name_is_made_of_nothing_but_random_digits(filled, token):
    with pytest.raises(ValueError, match="16 hexadecimal"), plant(filled, None, token=token):
        pass


def test_a_connection_that_may_not_write_is_told_apart(filled, tmp_path):
    if filled.kind == "postgresql":
        filled.run("CREATE ROLE looker LOGIN", "GRANT SELECT ON loans TO looker")
        try:
            given = {name: getattr(filled.connection, name) for name in ("id", "type", "host", "port", "schema")}
            reader = Connection(**given, login="looker", extra=filled.connection.extra)
            copy = planted(reader, "loans", None, token=TOKEN, timeout_seconds=60)
            with pytest.raises(SourceRefused, match="affidavit_canary_") as caught, copy:
                pass
            assert "--through" in caught.value.fix
        finally:
            filled.run("DROP OWNED BY looker", "DROP ROLE looker")


def test_every_column_may_have_missing_values_and_numbers_the_other_sign():
    found = defects([Column("id", "INTEGER"), Column("name", "VARCHAR")])
    assert [(each.kind, each.column) for each in found] == [
        ("missing", "id"),
        ("missing", "name"),
        ("sign", "id"),
        ("repeated", None),
    ]
    assert MOST_ROWS == 100_000

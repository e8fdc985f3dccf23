import itertools
import random
from collections import Counter
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.warehouse import snapshot
from affidavit.warehouse.dialect import Bucket
from affidavit.warehouse.fingerprint import fingerprint
from affidavit.warehouse.postgres import _buckets
from affidavit.warehouse.sqlite import SQLite, _encode

ROWS = [(1, "a", 0.5), (2, "b", 1.5), (3, "a", 0.5), (4, None, None)]


def fill(warehouse, rows, table="t"):
    def literal(value):
        return "NULL" if value is None else warehouse.text(value) if isinstance(value, str) else repr(value)

    values = ", ".join("(" + ", ".join(literal(v) for v in row) + ")" for row in rows)
    warehouse.run(
        f"DROP TABLE IF EXISTS {table}",
        f"CREATE TABLE {table} (id BIGINT, name VARCHAR(200), score DOUBLE PRECISION)",
        *([f"INSERT INTO {table} VALUES {values}"] if rows else []),
    )


def digest(warehouse, rows):
    fill(warehouse, rows)
    found = warehouse.fingerprint()
    assert found.rows == len(rows)
    return found.sha256


def test_order_plays_no_part_and_each_change_does(warehouse):
    base = digest(warehouse, ROWS)
    assert digest(warehouse, ROWS[::-1]) == base
    changed = {
        "one cell": [(1, "a", 0.5), (2, "b", 1.5), (3, "a", 0.25), (4, None, None)],
        "cells swapped between rows": [(1, "b", 0.5), (2, "a", 1.5), (3, "a", 0.5), (4, None, None)],
        "a row twice": [*ROWS, ROWS[0]],
        "a row three times": [*ROWS, ROWS[0], ROWS[0]],
        "a row less": ROWS[:3],
        "empty": [],
        "null or empty": [*ROWS[:3], (4, "", None)],
        "null or its name": [*ROWS[:3], (4, "NULL", None)],
        "null or zero": [*ROWS[:3], (4, None, 0.0)],
        "unicode": [*ROWS[:3], (4, "naïve ✓ 𝄞", None)],
        "unicode, composed otherwise": [*ROWS[:3], (4, "nai\u0308ve ✓ 𝄞", None)],
        "quotes": [*ROWS[:3], (4, "'\"\\,()", None)],
        "the last bit of a float": [(1, "a", 0.5000000000000001), *ROWS[1:]],
    }
    digests = {name: digest(warehouse, rows) for name, rows in changed.items()}
    assert len({base, *digests.values()}) == len(changed) + 1, digests


def test_two_rows_that_would_cancel_out_in_a_sum_do_not(warehouse):
    pair, other = [(7, "x", 1.0)] * 2, [(8, "y", 2.0)] * 2
    assert len({digest(warehouse, rows) for rows in (ROWS, ROWS + pair, ROWS + other, ROWS + pair + other)}) == 4


@pytest.mark.parametrize(
    "rows",
    [
        [(1, "a", "b"), (1, "b", "a")],
        [(1, "ab", "c"), (1, "a", "bc")],
        [(1, "", None), (1, None, "")],
        [(1, "1:a", "v"), (1, "1", "a:v")],
        [(1, "x,y", "z"), (1, "x", "y,z")],
        [(1, 'x","y', "z"), (1, "x", 'y","z')],
        [(1, "x) (", ""), (1, "x", ") (")],
    ],
)
def test_values_cannot_move_across_columns(warehouse, rows):
    found = set()
    for row in rows:
        values = ", ".join("NULL" if v is None else repr(v) if isinstance(v, int) else warehouse.text(v) for v in row)
        create = "CREATE TABLE t (id INT, a VARCHAR(50), b VARCHAR(50))"
        warehouse.run("DROP TABLE IF EXISTS t", create, f"INSERT INTO t VALUES ({values})")
        found.add(warehouse.fingerprint().sha256)
    assert len(found) == len(rows)


def test_names_and_types_of_columns_count(warehouse):
    found = set()
    for columns in ("id INT, a INT", "id INT, b INT", "id INT, a BIGINT", "a INT, id INT", "id INT"):
        values = "1" if columns == "id INT" else "1, 1"
        warehouse.run("DROP TABLE IF EXISTS t", f"CREATE TABLE t ({columns})", f"INSERT INTO t VALUES ({values})")
        found.add(warehouse.fingerprint().sha256)
    assert len(found) == 5


@pytest.mark.parametrize("kind", ["duck", "postgres"])
def test_floats_are_exact_down_to_the_sign_of_zero(kind, request):
    warehouse = request.getfixturevalue(kind)
    texts = ["0.0", "-0.0", "NaN", "Infinity", "-Infinity", "5e-324", "1e308", "0.1", "0.30000000000000004", "0.3"]
    found = set()
    for text in texts:
        create = "CREATE TABLE t (x DOUBLE PRECISION)"
        insert = f"INSERT INTO t VALUES (CAST('{text}' AS DOUBLE PRECISION))"
        warehouse.run("DROP TABLE IF EXISTS t", create, insert)
        found.add(warehouse.fingerprint().sha256)
    assert len(found) == len(texts)


def test_sqlite_tells_the_types_of_values_apart(lite):
    found = set()
    for value in ("1", "1.0", "'1'", "x'31'", "NULL", "''", "x''", "0.0", "-1e-320"):
        lite.run("DROP TABLE IF EXISTS t", "CREATE TABLE t (a)", f"INSERT INTO t VALUES ({value})")
        found.add(lite.fingerprint().sha256)
    lite.run("DELETE FROM t", "INSERT INTO t VALUES (CAST(x'ff' AS TEXT))")  # text that is no UTF-8
    found.add(lite.fingerprint().sha256)
    assert len(found) == 10


def test_sqlite_takes_more_columns_than_one_function_call(lite):
    names = [f"c{number}" for number in range(130)]
    create, insert = f"CREATE TABLE t ({', '.join(names)})", f"INSERT INTO t VALUES ({', '.join(['1'] * 130)})"
    lite.run(create, insert)
    before = lite.fingerprint().sha256
    lite.run("UPDATE t SET c129 = 2")
    assert lite.fingerprint().sha256 != before


VALUES = st.one_of(
    st.tuples(st.just("null"), st.none()),
    st.tuples(st.just("integer"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("real"), st.floats(allow_nan=False)),
    st.tuples(st.sampled_from(["text", "blob"]), st.binary(max_size=8)),
)


@given(st.lists(VALUES, max_size=4), st.lists(VALUES, max_size=4))
def test_sqlite_rows_encode_injectively(one, other):
    def same(a, b):
        return [(k, repr(v)) for k, v in a] == [(k, repr(v)) for k, v in b]

    encoded = [_encode(*itertools.chain.from_iterable(row)) for row in (one, other)]
    assert (encoded[0] == encoded[1]) == same(one, other)


TEXTS = st.one_of(st.none(), st.text(st.sampled_from("nv1:,()\"'\\ a"), max_size=6))


PAIRS = st.tuples(TEXTS, TEXTS)


@st.composite
def two_tables(draw):
    """Many rows; and the same in another order, with one changed, with one once more, or others."""
    one = draw(st.lists(PAIRS, min_size=1, max_size=12))
    place = draw(st.integers(0, len(one) - 1))
    near = [[*one[:place], draw(PAIRS), *one[place + 1 :]], [*one, one[place]], draw(st.lists(PAIRS, max_size=12))]
    return one, draw(st.one_of(st.permutations(one), st.sampled_from(near)))


def buckets_of(warehouse, rows):
    """The digest of each bucket of a table that holds these rows."""
    made = [", ".join("NULL" if value is None else warehouse.text(value) for value in row) for row in rows]
    warehouse.run(
        "DROP TABLE IF EXISTS t",
        "CREATE TABLE t (a VARCHAR(9), b VARCHAR(9))",
        *([f"INSERT INTO t VALUES {', '.join(f'({row})' for row in made)}"] if made else ()),
    )
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        return list(opened.dialect.buckets(opened.connection, opened.table("t"), where=""))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAIRS, PAIRS)
@pytest.mark.parametrize("kind", ["duck", "postgres"])
def test_rows_that_differ_hash_differently(kind, request, one, other):
    """Each row in a table of its own, whose only bucket is the digest of that row's hash."""
    warehouse = request.getfixturevalue(kind)
    digests = []
    for row in (one, other):
        [bucket] = buckets_of(warehouse, [row])
        digests.append(bucket.sha256)
    assert (digests[0] == digests[1]) == (one == other)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(two_tables())
@pytest.mark.parametrize("kind", ["duck", "postgres"])
def test_tables_of_many_rows_hash_alike_only_where_each_row_stands_as_often(kind, request, tables):
    warehouse = request.getfixturevalue(kind)
    one, other = (sorted(map(repr, buckets_of(warehouse, rows))) for rows in tables)
    assert (one == other) == (Counter(tables[0]) == Counter(tables[1]))


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("VARCHAR[]", "['a, b', 'c']", "['a', 'b, c']"),
        ("VARCHAR[]", "['NULL']", "[NULL]"),
        ("VARCHAR[]", "[]", "NULL"),
        ("VARCHAR[]", "['']", "[]"),
        ("DOUBLE[2]", "[0.0, 1.0]", "['-0.0'::DOUBLE, 1.0]"),
        ('STRUCT(a VARCHAR, "it\'s" DECIMAL(30, 9))', "{'a': 'x', 'it''s': 1}", "{'a': 'x', 'it''s': 1.000000001}"),
        ("STRUCT(a VARCHAR, b VARCHAR)", "{'a': 'x', 'b': NULL}", "{'a': NULL, 'b': 'x'}"),
        ("MAP(VARCHAR, INT[])", "MAP {'k': [1, 2]}", "MAP {'k': [1], 'l': [2]}"),
        ("STRUCT(a VARCHAR[])[]", "[{'a': ['x', 'y']}]", "[{'a': ['x']}, {'a': ['y']}]"),
        ("BLOB", "'\\x00\\xFF'::BLOB", "'\\x00\\xFE'::BLOB"),
        ("TIMESTAMPTZ", "'2026-01-01 00:00:00+00'", "'2026-01-01 00:00:00.000001+00'"),
        ("TIMESTAMP_NS", "'2026-01-01 00:00:00.000000001'", "'2026-01-01 00:00:00.000000002'"),
        ("HUGEINT", "170141183460469231731687303715884105727", "170141183460469231731687303715884105726"),
        ("INTERVAL", "INTERVAL 1 MONTH", "INTERVAL 30 DAY"),
        ("TIMETZ", "'12:00:00+01'", "'12:00:00+02'"),
        ("BIT", "'0101'", "'101'"),
    ],
)
def test_duckdb_types_are_told_apart(duck, kind, one, other):
    found = set()
    for value in (one, other):
        duck.run("DROP TABLE IF EXISTS t", f"CREATE TABLE t (a {kind})", f"INSERT INTO t VALUES ({value})")
        found.add(duck.fingerprint().sha256)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("text[]", "ARRAY['a,b']", "ARRAY['a', 'b']"),
        ("text[]", "ARRAY[NULL]", "ARRAY['NULL']"),
        ("numeric", "1.0", "1.00"),
        ("bytea", "'\\x00'", "'\\x0000'"),
        ("timestamptz", "'2026-01-01 00:00:00+00'", "'2026-01-01 00:00:00.000001+00'"),
        ("jsonb", "'{\"a\": 1}'", '\'{"a": "1"}\''),
        ("real", "0.1", "0.10000001"),
        ("interval", "'1 month'", "'30 days'"),
        ("uuid", "gen_random_uuid()", "gen_random_uuid()"),
    ],
)
def test_postgres_types_are_told_apart(postgres, kind, one, other):
    found = set()
    for value in (one, other):
        postgres.run("DROP TABLE IF EXISTS t", f"CREATE TABLE t (a {kind})", f"INSERT INTO t VALUES ({value})")
        found.add(postgres.fingerprint().sha256)
    assert len(found) == 2


def test_postgres_answers_alike_whatever_the_settings_of_the_login(postgres):
    postgres.run("CREATE TABLE t (a double precision, b timestamptz, c interval, d bytea, e date)")
    postgres.run("INSERT INTO t VALUES (0.1, '2026-03-14 12:00+01', '1 day 2 hours', '\\x00ff', '2026-03-14')")
    before = postgres.fingerprint().sha256
    name = postgres.connection.schema
    for setting in (
        "extra_float_digits = -15",
        "timezone = 'Asia/Tokyo'",
        "datestyle = 'German'",
        "intervalstyle = 'iso_8601'",
        "bytea_output = 'escape'",
    ):
        postgres.run(f"ALTER DATABASE {name} SET {setting}")
    assert postgres.fingerprint().sha256 == before


def test_a_column_without_exact_text_is_refused_by_name(duck):
    duck.run("CREATE TABLE t (id INT, either UNION(a INT, b VARCHAR))")
    with pytest.raises(SourceRefused, match=r"warehouse://bank/t: .*'either' has type UNION.*view"):
        duck.fingerprint()


@pytest.mark.parametrize("name", ['a"b', "semi;colon", "naïve ✓", "per%cent", "co:lon", "a b", "ta.ble", "it's", "%s"])
def test_hostile_names_are_quoted(warehouse, name):
    quoted = '"' + name.replace('"', '""') + '"'
    warehouse.run(f"CREATE TABLE {quoted} ({quoted} INT, b INT)", f"INSERT INTO {quoted} VALUES (1, 2)")
    found = warehouse.fingerprint(name)
    assert found.rows == 1
    warehouse.run(f"UPDATE {quoted} SET {quoted} = 2")
    assert warehouse.fingerprint(name).sha256 != found.sha256


def test_many_rows_fill_the_buckets_and_every_order_agrees(warehouse):
    ids = list(range(5_000))
    rows = [(number, f"name {number % 17}", number / 3) for number in ids]
    one = digest(warehouse, rows)
    random.Random(7).shuffle(rows)
    assert digest(warehouse, rows) == one
    rows[4_321] = (rows[4_321][0], "changed", rows[4_321][2])
    assert digest(warehouse, rows) != one


def test_the_method_is_named_and_part_of_the_root(warehouse):
    fill(warehouse, ROWS)
    found = warehouse.fingerprint()
    methods = {"duckdb": "2 duckdb", "postgres": "1 postgresql", "sqlite": "1 sqlite"}
    assert found.method == f"rows-sha256-buckets/{methods[warehouse.kind]}"
    assert found.coverage == "all rows, all columns"


class Twice(SQLite):
    """A warehouse that gives one bucket twice."""

    def buckets(self, connection, table, *, where):
        return [Bucket("000", 1, "00" * 32)] * 2


def test_a_duckdb_fingerprint_that_is_stopped_half_way_is_unavailable(duck):
    duck.run("CREATE TABLE t AS SELECT range AS id FROM range(300000)")

    def stop_at_the_first_bucket(opened, table):
        with opened.guard("t"):
            for _ in opened.dialect.buckets(opened.connection, table, where=""):
                opened.dialect.interrupt(opened.connection)()

    with snapshot(duck.connection, timeout_seconds=60) as opened:
        table = opened.table("t")
        with pytest.raises(SourceUnavailable, match="stopped"):
            stop_at_the_first_bucket(opened, table)


def test_postgres_shares_the_work_among_its_workers_and_groups_by_sorting(postgres):
    postgres.run("CREATE TABLE t AS SELECT i AS id, 'x' AS name FROM generate_series(1, 200000) i", "ANALYZE t")
    with snapshot(postgres.connection, timeout_seconds=60) as opened:
        statement = _buckets(opened.table("t")).compile(dialect=opened.connection.dialect)
        opened.query(sa.text("SELECT set_config('enable_hashagg', 'off', true)"), about="t")
        explained = opened.connection.exec_driver_sql(f"EXPLAIN VERBOSE {statement}", statement.params).fetchall()
    plan = "\n".join(line for (line,) in explained)
    assert "Workers Planned" in plan
    assert "HashAggregate" not in plan
    assert plan.count("sha256(convert_to(") == 1, plan  # a row is hashed once


def test_a_bucket_that_comes_twice_is_garbled(lite):
    fill(lite, ROWS)
    with snapshot(lite.connection, timeout_seconds=5) as opened, pytest.raises(SourceGarbled, match="twice"):
        fingerprint(replace(opened, dialect=Twice()), opened.table("t"), about="t")

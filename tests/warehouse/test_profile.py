import sys
from datetime import UTC, datetime

import pytest

from affidavit.errors import SourceRefused
from affidavit.warehouse import EDGES, Snapshot, estimate, profile, snapshot


def look(warehouse, time_column=None, table="t"):
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        return profile(opened, opened.table(table), about=table, time_column=time_column)


def test_rows_and_nulls_are_counted(warehouse):
    warehouse.run("CREATE TABLE t (id INT, name VARCHAR(9))", "INSERT INTO t VALUES (1, 'a'), (2, NULL), (NULL, NULL)")
    found = look(warehouse)
    assert found.rows == 3
    assert {name: counts.nulls for name, counts in found.counts.items()} == {"id": 1, "name": 2}
    assert [column.name for column in found.columns] == ["id", "name"]
    assert found.period is None


def test_numbers_are_counted_in_bins_whose_edges_no_row_decides(warehouse):
    values = [-2e6, -1e3, -0.5, 0, 0, 0.99, 1, 42, 99.5, 100, 1e9, 5e12]
    rows = ", ".join(f"({value!r}, 'a')" for value in values)
    warehouse.run("CREATE TABLE t (x DOUBLE PRECISION, name VARCHAR(9))", f"INSERT INTO t VALUES {rows}, (NULL, 'b')")
    found = look(warehouse).counts
    expected = [0] * (len(EDGES) + 1)
    for value in values:
        expected[sum(edge <= value for edge in EDGES)] += 1
    assert list(found["x"].histogram) == expected
    assert sum(found["x"].histogram) + found["x"].nulls == 13
    assert found["name"].histogram is None
    distinct = {name: counts.distinct for name, counts in found.items()}
    assert distinct == ({"x": 11, "name": 2} if warehouse.kind == "duckdb" else {"x": None, "name": None})


@pytest.mark.parametrize("kind", ["SMALLINT", "INTEGER", "BIGINT", "NUMERIC(12, 2)", "DECIMAL", "REAL", "FLOAT"])
def test_each_type_of_number_has_a_histogram(warehouse, kind):
    warehouse.run(f"CREATE TABLE t (x {kind})", "INSERT INTO t VALUES (7), (NULL)")
    assert look(warehouse).counts["x"].histogram == (0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)


def test_one_scan_is_enough_until_the_answer_has_too_many_columns(warehouse, monkeypatch):
    columns = [f"c{number}" for number in range(30)]
    create = f"CREATE TABLE t ({', '.join(f'{name} INT' for name in columns)})"
    warehouse.run(create, f"INSERT INTO t VALUES ({', '.join(map(str, range(30)))})")
    asked = []
    query = Snapshot.query
    monkeypatch.setattr(Snapshot, "query", lambda self, s, **rest: asked.append(s) or query(self, s, **rest))
    whole = look(warehouse).counts
    assert len(asked) == 3  # the catalogue twice
    monkeypatch.setattr(sys.modules[profile.__module__], "MOST_AT_ONCE", 100)
    assert look(warehouse).counts == whole
    assert len(asked) > 8


@pytest.mark.parametrize(
    ("kind", "start", "end", "first", "last"),
    [
        ("DATE", "2026-01-31", "2026-03-01", (2026, 1, 31), (2026, 3, 1)),
        (
            "TIMESTAMP",
            "2026-01-31 10:00:00",
            "2026-03-01 00:00:00.25",
            (2026, 1, 31, 10),
            (2026, 3, 1, 0, 0, 0, 250_000),
        ),
    ],
)
def test_the_time_column_gives_the_period(warehouse, kind, start, end, first, last):
    warehouse.run(f"CREATE TABLE t (seen_at {kind})", f"INSERT INTO t VALUES ('{end}'), ('{start}'), (NULL)")
    found = look(warehouse, "seen_at")
    assert (found.period.start, found.period.end) == (datetime(*first, tzinfo=UTC), datetime(*last, tzinfo=UTC))
    assert found.earliest.startswith("2026-01-31")


@pytest.mark.parametrize("kind", ["duck", "postgres"])
def test_a_time_with_a_zone_is_read_in_it(kind, request):
    warehouse = request.getfixturevalue(kind)
    warehouse.run("CREATE TABLE t (seen_at TIMESTAMPTZ)", "INSERT INTO t VALUES ('2026-01-31 23:00:00-02')")
    assert look(warehouse, "seen_at").period.start == datetime(2026, 2, 1, 1, tzinfo=UTC)


def test_an_empty_table_has_no_period(warehouse):
    warehouse.run("CREATE TABLE t (seen_at DATE)")
    assert look(warehouse, "seen_at").period is None


def test_a_time_column_that_is_absent_or_no_time_is_refused(warehouse):
    warehouse.run("CREATE TABLE t (received VARCHAR(20))", "INSERT INTO t VALUES ('hunter2')")
    with pytest.raises(SourceRefused, match=r"warehouse://bank/t: .*'recieved'.*did you mean 'received'"):
        look(warehouse, "recieved")
    with pytest.raises(SourceRefused, match="not an ISO date or time") as error:
        look(warehouse, "received")
    assert "hunter2" not in str(error.value)


def test_digits_are_not_taken_for_a_time(warehouse):
    warehouse.run("CREATE TABLE t (seen_at INT)", "INSERT INTO t VALUES (17120101)")
    with pytest.raises(SourceRefused, match="not an ISO"):
        look(warehouse, "seen_at")


def test_an_estimate_scans_nothing_and_says_what_it_rests_on(warehouse):
    warehouse.run("CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1), (2), (3)", "CREATE VIEW v AS SELECT * FROM t")
    if warehouse.kind == "postgres":
        assert estimate(warehouse.connection, "t", timeout_seconds=5).rows is None
        warehouse.run("ANALYZE t")
    found = estimate(warehouse.connection, "t", timeout_seconds=5, suite_size=2)
    assert (found.rows, found.queries) == (3, 6)
    assert (found.bytes is not None) == (warehouse.kind == "postgres")
    assert estimate(warehouse.connection, "v", timeout_seconds=5).rows is None
    with pytest.raises(SourceRefused, match="no table or view"):
        estimate(warehouse.connection, "absent", timeout_seconds=5)

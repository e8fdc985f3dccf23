from datetime import UTC, datetime

import pytest

from affidavit.errors import SourceRefused
from affidavit.warehouse import estimate, profile, snapshot


def look(warehouse, time_column=None, table="t"):
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        return profile(opened, opened.table(table), about=table, time_column=time_column)


def test_rows_and_nulls_are_counted(warehouse):
    warehouse.run("CREATE TABLE t (id INT, name VARCHAR(9))", "INSERT INTO t VALUES (1, 'a'), (2, NULL), (NULL, NULL)")
    found = look(warehouse)
    assert (found.rows, dict(found.nulls)) == (3, {"id": 1, "name": 2})
    assert [column.name for column in found.columns] == ["id", "name"]
    assert found.period is None


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

import hashlib
from contextlib import contextmanager

import pytest

from affidavit.errors import SourceGarbled, SourceRefused
from affidavit.inventory import Partition
from affidavit.warehouse import Snapshot, fingerprint_parts, partitions, snapshot
from affidavit.warehouse.sqlite import SQLite

BY = Partition(column="month", token="version", rotation=4)
MONTHS = ["2026-01", "2026-02", "2026-03", "2026-04"]


def fill(warehouse, *, rows=3, kind="VARCHAR(9)", months=MONTHS):
    values = [f"({n}, '{month}', 1, 'a')" for month in months for n in range(rows)]
    warehouse.run(
        f"CREATE TABLE t (id INT, month {kind}, version INT, name VARCHAR(9))",
        f"INSERT INTO t VALUES {','.join(values)}",
    )


def look(warehouse, before=(), *, day=1, by=BY):
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        now = f"2026-05-{day:02}T00:00:00.000Z"
        return fingerprint_parts(opened, opened.table("t"), by, about="t", now=now, before=before)


@contextmanager
def scans(monkeypatch):
    """Counts the guarded statements: the catalogue three times, the partitions, and one for each that is read."""
    asked = []
    guard = Snapshot.guard
    with monkeypatch.context() as patched:
        patched.setattr(Snapshot, "guard", lambda self, about: asked.append(about) or guard(self, about))
        yield asked


def test_a_partition_is_read_when_its_token_changed_and_else_in_its_turn(warehouse, monkeypatch):
    fill(warehouse)
    first = look(warehouse)
    assert (first.read, len(first.parts), first.digest.rows) == (4, 4, 12)
    assert first.digest.coverage == "all columns; all 4 partitions by month, read now"
    warehouse.run("UPDATE t SET name = 'b', version = 2 WHERE id = 1 AND month = '2026-03'")
    with scans(monkeypatch) as asked:
        second = look(warehouse, first.parts, day=2)
    assert second.read == 2  # the one that changed, and one whose turn it was
    assert len(asked) == 4 + 2
    assert second.digest.coverage.startswith("all columns; 2 of 4 partitions by month read now, 2 carried over")
    assert second.digest.coverage.endswith("the oldest read at 2026-05-01T00:00:00.000Z")
    assert second.digest.sha256 == look(warehouse).digest.sha256 != first.digest.sha256
    times = [part.last_read_at[8:10] for part in second.parts]
    assert sorted(times) == ["01", "01", "02", "02"]


def test_without_a_token_nothing_is_skipped(warehouse):
    fill(warehouse)
    warehouse.run("UPDATE t SET version = NULL")
    first = look(warehouse)
    assert look(warehouse, first.parts).read == 4


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO t VALUES (9, '2026-02', 0, 'a')",
        "DELETE FROM t WHERE id = 1 AND month = '2026-02'",
        "UPDATE t SET version = 2 WHERE id = 1 AND month = '2026-02'",
        "UPDATE t SET version = NULL WHERE id = 1 AND month = '2026-02'",
        "UPDATE t SET month = '2026-02' WHERE id = 1 AND month = '2026-01'",
        "INSERT INTO t VALUES (9, '2026-05', 1, 'a')",
        "INSERT INTO t VALUES (9, NULL, 1, 'a')",
        "INSERT INTO t VALUES (9, 'NULL', 1, 'a')",
        "INSERT INTO t VALUES (9, '', 1, 'a')",
        "DELETE FROM t WHERE month = '2026-04'",
        "DELETE FROM t",
        "ALTER TABLE t ADD COLUMN other INT",
        "ALTER TABLE t RENAME COLUMN name TO label",
    ],
)
def test_whatever_moves_the_token_the_rows_or_the_columns_is_seen_at_once(warehouse, change):
    fill(warehouse)
    first = look(warehouse)
    warehouse.run(change)
    second = look(warehouse, first.parts)
    assert second.digest.sha256 == look(warehouse).digest.sha256 != first.digest.sha256


def test_a_view_swapped_under_the_name_is_read_whole(warehouse):
    fill(warehouse)
    warehouse.run(
        "ALTER TABLE t RENAME TO one",
        "CREATE TABLE two (id INT, month VARCHAR(9), version INT, name VARCHAR(9))",
        "INSERT INTO two SELECT id, month, version, 'b' FROM one",
    )
    parts = ()
    for source, read in (("one", 4), ("two", 4), ("two", 1)):
        warehouse.run("DROP VIEW IF EXISTS t", f"CREATE VIEW t AS SELECT id, month, version, name FROM {source}")
        seen = look(warehouse, parts)
        assert seen.read == read
        parts = seen.parts


def test_what_another_method_hashed_is_not_carried_over(lite, monkeypatch):
    fill(lite)
    first = look(lite)
    assert look(lite, first.parts).read == 1
    monkeypatch.setattr(SQLite, "method", "another/1")
    second = look(lite, first.parts)
    assert (second.read, second.digest) == (4, look(lite).digest)


@pytest.mark.parametrize("field", ["column", "token"])
def test_what_other_columns_divided_or_vouched_for_is_not_carried_over(lite, field):
    fill(lite)
    lite.run("ALTER TABLE t ADD COLUMN period VARCHAR(9)", "ALTER TABLE t ADD COLUMN edition INT")
    lite.run("UPDATE t SET period = month, edition = version")
    first = look(lite)
    other = BY.model_copy(update={field: {"column": "period", "token": "edition"}[field]})
    assert look(lite, first.parts, by=other).read == 4


def test_an_edit_in_place_is_found_within_one_rotation_wherever_it_was_made(warehouse):
    fill(warehouse)
    for month in MONTHS:
        before = look(warehouse)
        warehouse.run(f"UPDATE t SET name = name || 'x' WHERE id = 1 AND month = '{month}'")
        true, seen = look(warehouse).digest.sha256, before
        for day in range(2, 2 + BY.rotation):
            seen = look(warehouse, seen.parts, day=day)
        assert seen.digest.sha256 == true != before.digest.sha256


def test_no_partition_is_carried_over_longer_than_the_rotation_however_the_others_come_and_go(lite):
    fill(lite)
    seen, by = look(lite), BY.model_copy(update={"rotation": 3})
    for day in range(2, 20):
        lite.run(
            f"INSERT INTO t VALUES (1, 'new {day}', 1, 'a'), (2, 'new {day}', 1, 'a'), (3, 'more {day}', 1, 'a')",
            f"DELETE FROM t WHERE month = 'new {day - 1}'",
            f"UPDATE t SET version = {day} WHERE month = '2026-0{1 + day % 2}'",
        )
        seen = look(lite, seen.parts, day=day, by=by)
        assert max(part.carried for part in seen.parts) <= by.rotation - 1
        assert all(int(part.last_read_at[8:10]) > day - by.rotation for part in seen.parts)


def test_no_partition_waits_longer_because_those_read_before_it_are_gone(lite):
    fill(lite, months=[f"m{number:02}" for number in range(20)])
    seen = look(lite)
    for day in (2, 3):
        seen = look(lite, seen.parts, day=day)
    stay = {part.name for part in seen.parts if part.carried == 2}
    gone = [m for m in (f"m{n:02}" for n in range(20)) if hashlib.sha256(f'"{m}"'.encode()).hexdigest() not in stay]
    lite.run(*(f"DELETE FROM t WHERE month = '{month}'" for month in gone))
    for day in (4, 5):
        seen = look(lite, seen.parts, day=day)
        assert (len(seen.parts), max(part.carried for part in seen.parts) < BY.rotation) == (10, True)


def test_a_rotation_of_one_reads_everything_each_time(lite):
    fill(lite)
    first = look(lite)
    assert look(lite, first.parts, by=BY.model_copy(update={"rotation": 1})).read == 4


def test_order_of_rows_and_time_of_reading_play_no_part_and_no_value_is_kept(warehouse):
    fill(warehouse)
    first = look(warehouse)
    warehouse.run("DROP TABLE t")
    fill(warehouse, months=MONTHS[::-1])
    second = look(warehouse, day=3)
    assert first.digest == second.digest
    assert "2026-0" not in repr([(part.name, part.token, part.sha256) for part in first.parts])


def test_an_empty_table_has_no_partition_and_a_fingerprint(warehouse):
    fill(warehouse)
    full = look(warehouse).digest
    warehouse.run("DELETE FROM t")
    found = look(warehouse)
    assert (found.parts, found.digest.rows) == ((), 0)
    assert found.digest.sha256 != full.sha256


def test_the_method_is_another_than_that_of_the_whole_table(warehouse):
    fill(warehouse)
    found = look(warehouse).digest
    assert found.method == f"partitions/1 of {warehouse.fingerprint().method}"
    assert found.sha256 != warehouse.fingerprint().sha256


@pytest.mark.parametrize("kind", ["INT", "BIGINT", "DATE", "DECIMAL(12, 2)", "TIMESTAMP", "DOUBLE PRECISION"])
def test_columns_of_many_types_divide_a_table(warehouse, kind):
    time = kind in {"DATE", "TIMESTAMP"}
    fill(warehouse, kind=kind, months=["2026-01-31", "2026-02-28"] if time else ["-1", "0", "7"])
    found = look(warehouse)
    assert found.digest.rows == sum(part.rows for part in found.parts)
    assert look(warehouse, found.parts).digest.sha256 == found.digest.sha256


def test_columns_that_are_absent_are_named_with_near_ones(lite):
    fill(lite)
    for field in ("column", "token"):
        with pytest.raises(SourceRefused, match=r"warehouse://bank/t: .*no column 'monht'.*'month'"):
            look(lite, by=BY.model_copy(update={field: "monht"}))


def test_too_many_partitions_are_refused(lite, monkeypatch):
    fill(lite)
    monkeypatch.setattr(partitions, "MOST", 3)
    with pytest.raises(SourceRefused, match=r"more than 3 partitions.*coarser"):
        look(lite)


def test_values_that_do_not_find_their_rows_again_are_refused(duck, lite):
    duck.run(
        "CREATE TABLE t (month TIMESTAMP_NS, version INT)",
        "INSERT INTO t VALUES ('2026-01-01 00:00:00.000000001', 1), ('2026-01-01 00:00:00.000000002', 1)",
    )
    with pytest.raises((SourceRefused, SourceGarbled), match="partition"):
        look(duck)
    lite.run("CREATE TABLE t (month, version)", "INSERT INTO t VALUES (1, 1), ('1', 1)")
    with pytest.raises(SourceRefused, match="same text"):
        look(lite)


@pytest.mark.parametrize(
    "value", ["it's", 'a"b', "50%", ":x", "%(x)s", "\\", "naïve \U0001f4a1", "'; DROP TABLE t; --"]
)
def test_hostile_values_and_names_are_values_and_names(warehouse, value):
    column = '"mo""n%th; --"'
    warehouse.run(f"CREATE TABLE t (id INT, {column} VARCHAR(30), version INT)")
    warehouse.run(f"INSERT INTO t VALUES (1, {warehouse.text(value)}, 1), (2, 'other', 1)")
    found = look(warehouse, by=BY.model_copy(update={"column": 'mo"n%th; --'}))
    assert [part.rows for part in found.parts] == [1, 1]

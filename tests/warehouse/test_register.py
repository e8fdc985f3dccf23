import resource
import signal
import tempfile
from datetime import date
from pathlib import Path

import pytest

from affidavit.errors import SourceRefused, SourceUnavailable
from affidavit.warehouse import Category, Day, Keys, Reconciled, count_register, reconcile, snapshot, upload

DATED = (
    "CREATE TABLE t (id VARCHAR(20), day_at VARCHAR(40), outcome VARCHAR(20))",
    "INSERT INTO t VALUES ('a', '2026-03-01 10:00:00', 'yes'), ('b', '2026-03-01', 'no'), ('c', '2026-03-02', 'maybe')",
    "INSERT INTO t VALUES ('d', 'next week', 'yes'), (NULL, NULL, NULL), (' ', '2026-02-30', ' ')",
)


def count(bank, **asked):
    wanted = {"columns": ("id",), "date_column": "day_at", "categories": {"outcome": ["yes", "no"]}, **asked}
    with snapshot(bank.connection, timeout_seconds=20) as opened:
        return count_register(opened, opened.table("t"), about="t", **wanted)


def test_rows_are_counted_by_day_and_by_listed_value(warehouse):
    warehouse.run(*DATED)
    found = count(warehouse)
    assert (found.rows, found.undated, found.blank) == (6, 3, {"id": 2})
    assert found.days == {
        date(2026, 3, 1): Day(2, {"outcome": {"yes": 1, "no": 1}}),
        date(2026, 3, 2): Day(1, {}),
    }
    assert found.categories == {"outcome": Category({"yes": 2, "no": 1}, other=1, blank=2)}


def test_a_column_that_is_not_there_is_none_and_not_nought(warehouse):
    warehouse.run(*DATED)
    found = count(warehouse, columns=("id", "key"), date_column="key", categories={"key": ["yes"]})
    assert (found.blank, found.categories, found.undated, found.days) == (
        {"id": 2, "key": None},
        {"key": None},
        None,
        {},
    )
    assert found.rows == 6


def test_days_of_dates_and_times_are_those_of_their_text(warehouse):
    warehouse.run("CREATE TABLE t (id INT, day_at TIMESTAMP)", "INSERT INTO t VALUES (1, '2026-03-01 23:59:59.5')")
    assert list(count(warehouse, categories={}).days) == [date(2026, 3, 1)]


def test_numbers_are_counted_by_their_text(warehouse):
    warehouse.run("CREATE TABLE t (id INT, day_at DATE, version INT)", "INSERT INTO t VALUES (1, '2026-03-01', 2)")
    assert count(warehouse, categories={"version": ["2", "3"]}).categories["version"].values == {"2": 1, "3": 0}


def test_a_listed_value_is_no_sql(warehouse):
    hostile = "'; DROP TABLE t; --"
    warehouse.run(*DATED)
    assert count(warehouse, categories={"outcome": [hostile]}).categories["outcome"].values == {hostile: 0}
    assert count(warehouse).rows == 6


def keys(opened, table):
    return Keys(opened, table, "id")


def test_two_sources_are_compared_by_distinct_keys(warehouse):
    warehouse.run(
        "CREATE TABLE here (id INT)",
        "CREATE TABLE there (id VARCHAR(9))",
        "INSERT INTO here VALUES (1), (2), (2), (3), (NULL)",
        "INSERT INTO there VALUES ('2'), ('3'), ('4'), ('5'), ('5'), ('5'), ('')",
    )
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        assert reconcile(keys(opened, "here"), keys(opened, "there")) == Reconciled(2, 1, 2, 1, 2, 1, 1)
        assert reconcile(keys(opened, "here"), keys(opened, "here")) == Reconciled(3, 0, 0, 1, 1, 1, 1)
        with pytest.raises(SourceRefused, match="there is no column 'key'"):
            reconcile(keys(opened, "here"), Keys(opened, "there", "key"))


@pytest.fixture
def csv_file(tmp_path):
    def write(data):
        file = tmp_path / "register.csv"
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
        return file

    return write


def read(file):
    with upload(file, where="include/register.csv") as found, snapshot(found.connection, timeout_seconds=20) as opened:
        table = opened.table(found.table)
        return found, [column.name for column in table.columns], [tuple(row) for row in opened.rows(table, about="t")]


def test_a_csv_file_is_a_table_of_text(csv_file):
    found, names, rows = read(csv_file('\ufeffitem,"the ""until"""\r\nskops,2026-12-31\r\n\r\n"a,b",\r\n'))
    assert names == ["item", 'the "until"']
    assert rows == [("skops", "2026-12-31"), ("a,b", "")]
    assert len(found.sha256) == 64


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "does not name each column"),
        ("item;until\na;b\n", "semicolons"),
        ("item,Item\na,b\n", "does not name each column once"),
        ("item,\na,b\n", "does not name each column"),
        ("item,until\nhunter2\n", "line 2 has 1 fields"),
        ("item,until\na,b,hunter2\n", "line 2 has 3 fields"),
        ('item,until\na,"hunter2\n', "no CSV near line"),
        (b"item,until\nhunter2,\xff\n", "not UTF-8 at byte"),
    ],
)
def test_what_is_no_csv_is_refused_and_never_quoted(csv_file, data, words):
    with pytest.raises(SourceRefused, match=words) as caught:
        read(csv_file(data))
    assert "include/register.csv" in caught.value.text
    assert "hunter2" not in caught.value.text + str(caught.value.__cause__)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceRefused, match=r"include/register\.csv: cannot be read \(FileNotFoundError\)"):
        read(tmp_path / "none.csv")


@pytest.fixture
def small_disk():
    """As on a disk that is nearly full: no file of this process grows beyond 8 kB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


def test_an_upload_for_which_there_is_no_room_names_the_temporary_directory(csv_file, request):
    file = csv_file("item\n" + "hunter2\n" * 100_000)
    request.getfixturevalue("small_disk")
    with pytest.raises(SourceUnavailable, match=f"the temporary directory {tempfile.gettempdir()}") as caught:
        read(file)
    assert "hunter2" not in caught.value.text


def test_keys_for_which_there_is_no_room_name_the_temporary_directory(warehouse, request):
    numbers = ", ".join(f"({n})" for n in range(100_000, 102_000))
    warehouse.run("CREATE TABLE here (id INT)", f"INSERT INTO here VALUES {numbers}")
    request.getfixturevalue("small_disk")
    refused = pytest.raises(SourceUnavailable, match=f"the temporary directory {tempfile.gettempdir()}")
    with snapshot(warehouse.connection, timeout_seconds=20) as opened, refused:
        reconcile(keys(opened, "here"), keys(opened, "here"))


def test_without_a_temporary_directory_nothing_is_uploaded(csv_file, monkeypatch, tmp_path):
    file = csv_file("item\na\n")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(SourceUnavailable, match="the temporary directory: no private folder can be made"):
        read(file)


def test_nothing_of_an_upload_stays(csv_file):
    found, _, _ = read(csv_file("item\na\n"))
    assert not Path(found.connection.host).exists()

"""A writer that commits all the time: what a look says is about one state of the table, and nothing in between."""

import threading
from contextlib import closing

import pytest

from affidavit.inventory import Dataset
from tests.collect.test_tables import LATER, SYSTEM, bank
from tests.quality.suites import expects, suite

__all__ = ["bank"]

AT_FIRST = 500
OVERLAPPED = 3
"""Looks during which the writer must have committed."""

TRAIN = Dataset(id="train", connection="bank", table="t", use="training", suite="applications", timeout_seconds=60)
SUITE = suite(
    expects("expect_column_values_to_not_be_null", column="a"),
    expects("expect_column_values_to_be_between", column="n", max_value=99),
    expects("expect_column_values_to_be_unique", column="b"),
    expects("expect_column_pair_values_to_be_equal", column_A="n", column_B="b", ignore_row_if="neither"),
    expects("expect_column_median_to_be_between", column="n", max_value=1),
)


def row(n):
    """Rows are numbered without a gap, so that how many there are says what is in each of them."""
    return f"({n}, {'NULL' if n % 3 == 0 else n}, {n // 2})"


def unexpected(rows):
    """Of each test that counts, over the first so many rows."""
    return {
        "expect_column_values_to_not_be_null:a": len(range(0, rows, 3)),
        "expect_column_values_to_be_between:n": rows - 100,
        "expect_column_values_to_be_unique:b": rows - rows % 2,
        "expect_column_pair_values_to_be_equal:n,b": rows - 1,
    }


class Writer(threading.Thread):
    """Commits one row after the other until it is stopped; ``committed`` is how many the table has for certain.

    It has the database open once ``ready``: DuckDB opens a file once per process, and where a look had it first, for
    reading, nobody could write it.
    """

    def __init__(self, bank):
        super().__init__(daemon=True)
        self.bank, self.committed, self.failed = bank, AT_FIRST, None
        self.ready, self.stopped = threading.Event(), threading.Event()

    def run(self):
        try:
            with closing(self.bank.open()) as connection:
                self.ready.set()
                while not self.stopped.is_set():
                    connection.execute(f"INSERT INTO t VALUES {row(self.committed)}")
                    connection.commit()
                    if self.bank.kind == "duckdb":
                        connection.begin()
                    self.committed += 1
        except Exception as error:
            self.failed = error


@pytest.fixture
def writer(bank):
    if bank.kind == "sqlite":
        with closing(bank.open()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # else a reader keeps every writer out
    bank.run("CREATE TABLE t (n INT, a INT, b INT)", f"INSERT INTO t VALUES {', '.join(map(row, range(AT_FIRST)))}")
    writer = Writer(bank)
    writer.start()
    assert writer.ready.wait(60), writer.failed
    yield writer
    writer.stopped.set()
    writer.join()


def test_counts_fingerprint_and_profile_are_of_one_state_while_rows_are_added(bank, writer):
    from affidavit.collect.tables import look_at_table

    looks = []
    while len(looks) < OVERLAPPED:
        before = writer.committed
        look = look_at_table(SYSTEM, TRAIN, SUITE, connection=bank.connection, seen=LATER)
        assert writer.failed is None
        if writer.committed > before:
            looks.append((before, look.drafts, writer.committed))
    writer.stopped.set()
    writer.join()
    for before, (shot, test), after in looks:
        rows = shot.facts["rows"]
        assert before <= rows <= after + 1
        assert test.facts["rows"] == rows
        counted = {one["test"]: one["unexpected"] for one in test.facts["failed"] if one["unexpected"] is not None}
        assert counted == unexpected(rows)
        nulls = {column["name"]: column["nulls"] for column in shot.facts["columns"]}
        assert nulls == {"n": 0, "a": unexpected(rows)["expect_column_values_to_not_be_null:a"], "b": 0}
        assert test.subjects == shot.subjects
        bank.run("DROP VIEW IF EXISTS first", f"CREATE VIEW first AS SELECT * FROM t WHERE n < {rows}")
        assert bank.fingerprint("first").sha256 == shot.facts["fingerprint"]["sha256"]

"""Tables that are dropped or renamed under a look, and names that are made to break SQL."""

import itertools
import sqlite3
from contextlib import closing, contextmanager

import psycopg
import pytest

from affidavit.collect.tables import look_at_table
from affidavit.errors import AffidavitError, SourceRefused
from affidavit.evidence import kinds
from affidavit.evidence.salted import payload
from affidavit.warehouse import Snapshot
from tests.collect.test_tables import SEEN, SYSTEM, TRAIN, bank
from tests.quality.suites import expects, suite
from tests.warehouse.databases import postgres_at

__all__ = ["bank"]

LONG = "n" * 128
NAMES = [
    't"; DROP TABLE victim; --',
    "t'; DROP TABLE victim; --",
    "Robert'); DROP TABLE victim;--",
    "select",
    "naïve ✓ ñ",
    "\U0001f4a1 \U0001f469\u200d\U0001f52c",
    "a.b.c",
    ".",
    "%(x)s %s ? :name $1 {y}",
    "\\",
    "tab\tand\nline",
    "\u202egnp.exe",
    "[brackets] `ticks`",
    " ",
    LONG,
]


def test_a_name_made_to_break_sql_names_a_table_and_a_column_like_any_other(bank):
    bank.run("CREATE TABLE victim (id INT)")
    for name in NAMES:
        # Postgres keeps the first 63 bytes of a name; the other two keep all of it.
        kept = name.encode()[:63].decode() if bank.kind == "postgres" else name
        quoted = '"' + name.replace('"', '""') + '"'
        bank.run(
            f"CREATE TABLE {quoted} (id INT, {quoted} VARCHAR(20))", f"INSERT INTO {quoted} VALUES (1, 'a'), (2, NULL)"
        )
        wanted = suite(expects("expect_column_values_to_not_be_null", column=kept))
        table = TRAIN.model_copy(update={"table": kept, "time_column": None})
        shot, test = look_at_table(SYSTEM, table, wanted, connection=bank.connection, seen=SEEN).drafts
        found = [(column["name"], column["nulls"]) for column in shot.facts["columns"]]
        assert found == [("id", 0), (kept, 1)]
        assert (test.facts["result"], test.facts["failed"][0]["unexpected"]) == ("FAILED", 1), name
        assert shot.seal(None)
        bank.run(f"UPDATE {quoted} SET {quoted} = 'b' WHERE id = 2")
        changed, test = look_at_table(SYSTEM, table, wanted, connection=bank.connection, seen=SEEN).drafts
        assert changed.subjects != shot.subjects, name
        assert test.facts["result"] == "PASSED", name
    bank.run("INSERT INTO victim VALUES (1)")  # it is still there


def test_a_name_that_postgres_cut_short_is_refused_with_the_name_it_kept(postgres_url):
    bank = postgres_at(postgres_url)
    bank.run(f"CREATE TABLE {LONG} (id INT)")
    table = TRAIN.model_copy(update={"table": LONG})
    with pytest.raises(SourceRefused, match=rf"warehouse://bank/{LONG}: .*did you mean '{LONG[:63]}'"):
        look_at_table(SYSTEM, table, None, connection=bank.connection, seen=SEEN)


@contextmanager
def changing(bank, monkeypatch, number, statement):
    """Runs ``statement`` as another connection just before the look's statement ``number``; what became of that.

    The other connection gives up at once where the look's locks keep it out.
    """
    outcome = []
    refused = (sqlite3.OperationalError, psycopg.errors.LockNotAvailable)
    guard = Snapshot.guard
    count = itertools.count()

    def guarded(self, about):
        if next(count) == number:
            try:
                writer.execute(statement)
                writer.commit()
                outcome.append("changed")
            except refused:
                outcome.append("kept out")
        return guard(self, about)

    with closing(bank.open()) as writer:
        if bank.kind == "postgres":
            writer.execute("SET lock_timeout = '1ms'")
            writer.commit()
        if bank.kind == "sqlite":
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute("PRAGMA busy_timeout = 0")
        with monkeypatch.context() as patched:
            patched.setattr(Snapshot, "guard", guarded)
            yield outcome


def looked(look):
    """The look, or why there is none."""
    try:
        return look()
    except AffidavitError as error:
        return error


WANTED = suite(
    expects("expect_column_values_to_not_be_null", column="name"),
    expects("expect_column_values_to_be_in_set", column="name", value_set=["a"]),
    expects("expect_column_values_to_be_unique", column="id"),
)


@pytest.mark.parametrize(
    "statement", ["DROP TABLE t", "ALTER TABLE t RENAME COLUMN name TO label", "ALTER TABLE t RENAME TO u"]
)
def test_a_table_that_changes_under_a_look_is_read_as_it_was_or_refused_by_name(bank, monkeypatch, statement):
    plain = TRAIN.model_copy(update={"time_column": None})

    def fill():
        bank.run(
            *(f"DROP TABLE IF EXISTS {name}" for name in "tu"),
            "CREATE TABLE t (id INT, name VARCHAR(9))",
            "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        )

    def look():
        return look_at_table(SYSTEM, plain, WANTED, connection=bank.connection, seen=SEEN)

    fill()
    whole = [(draft.kind, draft.subjects) for draft in look().drafts]
    assert [kind for kind, _ in whole] == [kinds.DATASET_SNAPSHOT, kinds.VALIDATION]
    details = [payload(blob) for blob in look().blobs]
    read = 0
    for number in itertools.count():
        fill()
        with changing(bank, monkeypatch, number, statement) as outcome:
            found = looked(look)
        if not outcome:
            break
        if isinstance(found, AffidavitError):
            assert (type(found), found.where, outcome) == (SourceRefused, "warehouse://bank/t", ["changed"])
            continue
        assert [(draft.kind, draft.subjects) for draft in found.drafts] == whole, (number, outcome)
        assert [payload(blob) for blob in found.blobs] == details
        read += 1
    assert read
    assert number >= 5

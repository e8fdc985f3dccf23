"""What whoever owns the database can put where nothing can be, or make the database itself say."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

from affidavit.errors import AffidavitError, IntegrityError
from affidavit.evidence import Statement
from affidavit.ledger import verify
from affidavit.ledger.tables import derived, entries
from affidavit.tlog.hashing import leaf_hash
from tests.conftest import NOON
from tests.ledger.test_erasures import HELD, Home

LOWEST = -(2**63)
NOT_TEXT = "CAST(x'ff41' AS TEXT)"


@pytest.fixture
def begun(place, alias):
    with place.create() as ledger:
        ledger.append([alias("1", model="a")], now=NOON)
    return place


def plant(place, draft, *, index):
    leaf = draft.seal(None)
    columns = derived(Statement.parse(leaf), leaf_hash=leaf_hash(leaf), supersedes=None)
    engine = sa.create_engine(place.url)
    with engine.begin() as connection:
        connection.execute(entries.insert().values((index, leaf, *columns)))
    engine.dispose()


@pytest.mark.parametrize("index", [LOWEST, -1, 2**62 + 1])
def test_an_entry_where_none_can_be_is_found_and_passes_for_no_recorded_fact(begun, alias, index):
    """Else a fact that is seen for the first time would count as recorded already, and never be."""
    draft = alias("7", model="planted")
    plant(begun, draft, index=index)
    with begun.write() as ledger:
        with pytest.raises(IntegrityError, match=f"entry {index}: an index that cannot be"):
            verify(ledger)
        assert ledger.latest(draft.statement.stream) is None
        with pytest.raises(AffidavitError, match="nothing was acknowledged"):
            ledger.append([draft], now=NOON)


def test_a_head_of_no_size_is_found_and_answers_for_no_time(begun):
    with begun.read() as ledger:
        note = ledger.head().note
    begun.spoil("INSERT INTO checkpoints VALUES (:size, -7, '', 5, :note)", size=LOWEST, note=note)
    with begun.read() as ledger:
        assert ledger.head_at(NOON.replace(year=2000)) is None
        with pytest.raises(IntegrityError, match=f"checkpoint of size {LOWEST}: "):
            verify(ledger)


def test_an_entry_without_an_index_is_found(sqlite_place, alias):
    with sqlite_place.create() as ledger:
        ledger.append([alias()], now=NOON)
    names = ", ".join(f'"{column.name}"' for column in entries.columns)
    for statement in (
        f"CREATE TABLE anew ({names})",
        f"INSERT INTO anew SELECT {names} FROM entries",
        f"INSERT INTO anew SELECT {names.replace(chr(34) + 'index' + chr(34), 'NULL')} FROM entries",
        "DROP TABLE entries",
        "ALTER TABLE anew RENAME TO entries",
    ):
        sqlite_place.spoil(statement)
    with sqlite_place.read() as ledger, pytest.raises(IntegrityError, match="entry None: an index that cannot be"):
        verify(ledger)


def doctor(place, *statements):
    """Run statements one by one, also what only the owner of the file may: on the schema itself."""
    with closing(sqlite3.connect(place.home / "ledger.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("index", ["kind", "stream"])
def test_an_index_that_hides_entries_is_found(sqlite_place, validation, index):
    """A legal hold that no index leads to would not be asked whether a blob could be erased."""
    home = Home(sqlite_place, validation)
    home.declare(legal_holds=[HELD])
    home.erase_soundly(home.digests[0])
    with pytest.raises(IntegrityError, match="legal hold"):
        verify(home.ledger)
    home.ledger.close()
    whole = f'CREATE INDEX entries_{index} ON entries ({index}, "index")'
    doctor(
        sqlite_place,
        f"DROP INDEX entries_{index}",
        f"{whole} WHERE kind <> 'organisation-declaration'",
        f"UPDATE sqlite_master SET sql = '{whole}' WHERE name = 'entries_{index}'",
    )
    says = f"row 4 missing from index entries_{index}" if index == "kind" else "legal hold"
    with sqlite_place.read() as ledger, pytest.raises(IntegrityError, match=says):
        verify(ledger)


def test_a_table_that_is_none_is_named(sqlite_place):
    """A virtual table can show each reader something else."""
    sqlite_place.create().close()
    names = ", ".join(f'"{column.name}"' for column in entries.columns)
    doctor(
        sqlite_place,
        "ALTER TABLE entries RENAME TO real",
        f'CREATE VIEW shown AS SELECT "index" AS rowid, {names} FROM real',
        f"CREATE VIRTUAL TABLE entries USING fts5({names}, content='shown')",
    )
    with pytest.raises(IntegrityError, match="table entries: gone"):
        sqlite_place.read()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (f"UPDATE checkpoints SET note = {NOT_TEXT} WHERE size = 2", "checkpoint of size 2: a note that is not UTF-8"),
        (f'UPDATE entries SET kind = {NOT_TEXT} WHERE "index" = 1', "table entries, row 1, column kind"),
        (f'UPDATE entries SET leaf = {NOT_TEXT} WHERE "index" = 1', "entry 1: its leaf is not bytes"),
        ('UPDATE entries SET leaf = 9223372036854775807 WHERE "index" = 0', "entry 0: not a statement"),
    ],
)
def test_what_is_of_no_type_that_was_stored_is_named(sqlite_place, alias, change, says):
    with sqlite_place.create() as ledger:
        ledger.append([alias()], now=NOON)
    sqlite_place.spoil(change)
    with pytest.raises(IntegrityError, match=says), sqlite_place.read() as ledger:
        verify(ledger)


@pytest.mark.parametrize(
    "change", ["leaf_hash = 9223372036854775807", "leaf_hash = 5", "facts_digest = 'x'", "observed_at = x'00'"]
)
def test_nothing_is_appended_behind_what_is_of_another_type(sqlite_place, alias, change):
    with sqlite_place.create() as ledger:
        ledger.append([alias("1")], now=NOON)
        sqlite_place.spoil(f'UPDATE entries SET {change} WHERE "index" = 1')
        with pytest.raises(IntegrityError, match="a derived column of the latest entry"):
            ledger.append([alias("2")], now=NOON)
        assert ledger.stored() == 2

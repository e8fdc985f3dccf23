import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
import sqlalchemy as sa

from affidavit.errors import (
    AffidavitError,
    ConfigurationError,
    IntegrityError,
    LedgerError,
    LedgerFull,
    LedgerMissing,
    LedgerUnavailable,
)
from affidavit.ledger import Ledger, LocalSigner, driver, verify
from affidavit.ledger.places import shown

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "mysql://h/d", "duckdb:///f", "postgresql+nodriver://h/d", "nonsense", ""],
)
def test_a_url_that_cannot_hold_a_ledger(url):
    with pytest.raises(ConfigurationError):
        Ledger.open(url, blobs="")


def test_a_password_is_never_shown(tmp_path):
    url = "postgresql+psycopg://u:hunter2@127.0.0.1:1/d"
    assert "hunter2" not in shown(url)
    with pytest.raises(LedgerUnavailable) as caught:
        Ledger.open(url, blobs=str(tmp_path))
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_database_that_does_not_exist(postgres_url, tmp_path):
    url = sa.make_url(postgres_url).set(database="nowhere").render_as_string()
    with pytest.raises((LedgerMissing, LedgerUnavailable)):
        Ledger.open(url, blobs=str(tmp_path))


@pytest.mark.parametrize("seconds", ["0.05", "0"])
def test_a_writer_waits_no_longer_than_it_was_told(place, alias, seconds):
    from affidavit.ledger.engine import writing

    place.create().close()
    separator = "&" if "?" in place.url else "?"
    with (
        place.write() as holder,
        writing(holder._engine),
        Ledger.open(
            f"{place.url}{separator}timeout={seconds}", blobs=place.blobs, signer=LocalSigner.load(place.key)
        ) as waiting,
    ):
        with pytest.raises(LedgerUnavailable, match="somebody else has kept it locked") as caught:
            waiting.append([alias()], now=NOON)
        assert caught.value.retryable
        assert waiting.head().size == 1  # readers do not wait


@pytest.mark.parametrize("seconds", ["soon", "nan", "inf", "1e400", "-1", "86401"])
@pytest.mark.parametrize("url", ["sqlite:////nowhere/ledger.db?timeout=", "postgresql://h/d?timeout="])
def test_a_wait_that_is_none(url, seconds):
    with pytest.raises(ConfigurationError, match="timeout is not a number of seconds up to 86400"):
        Ledger.open(url + seconds, blobs="")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_name_is_refused(postgres_url, tmp_path, encoding):
    name = f"{sa.make_url(postgres_url).database}_{encoding.lower()}"
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        try:
            url = sa.make_url(postgres_url).set(database=name).render_as_string()
            with pytest.raises(ConfigurationError, match=f"keeps text as {encoding}, not as UTF8"):
                Ledger.create(url, blobs="", signer=LocalSigner.generate(tmp_path / "key"), now=NOON)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_clients_encoding_is_ours(postgres_url, tmp_path, alias, monkeypatch):
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    signer = LocalSigner.generate(tmp_path / "key")
    with Ledger.create(postgres_url, blobs=str(tmp_path), signer=signer, now=NOON) as ledger:
        ledger.append([alias(model="審計")], now=NOON)
        assert "審計" in ledger.entry(1).statement.subject.name


def test_options_in_the_url_are_kept_and_ours_count(postgres_url, tmp_path):
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA apart")
        url = postgres_url + "&options=-csearch_path%3Dapart%20-csynchronous_commit%3Doff"
        signer = LocalSigner.generate(tmp_path / "key")
        with Ledger.create(url, blobs=str(tmp_path), signer=signer, now=NOON) as ledger:
            assert ledger.unsafe_settings() == []
        query = "SELECT schemaname FROM pg_tables WHERE tablename = 'entries'"
        assert connection.execute(query).fetchall() == [("apart",)]


def test_a_full_disk_changes_nothing(sqlite_place, alias):
    with sqlite_place.create() as ledger:
        before = ledger.head()

        def shrink(connection, _):
            connection.execute("PRAGMA max_page_count = 30")

        sa.event.listen(ledger._engine, "connect", shrink)
        ledger._engine.dispose()
        many = [alias(model=f"{number}" + "x" * 900) for number in range(200)]
        with pytest.raises(LedgerFull):
            ledger.append(many, now=NOON)
        assert ledger.head() == before
        sa.event.remove(ledger._engine, "connect", shrink)
        ledger._engine.dispose()
        assert ledger.append(many, now=NOON).head.size == 201
        verify(ledger)


def test_a_log_that_cannot_grow_is_a_full_disk(sqlite_place, alias, no_file_beyond):
    with sqlite_place.create() as ledger:
        before = ledger.head()
        many = [alias(model=f"{number}" + "x" * 900) for number in range(200)]
        with no_file_beyond(100_000), pytest.raises(LedgerFull) as caught:
            ledger.append(many, now=NOON)
        assert caught.value.__cause__.sqlite_errorname == "SQLITE_IOERR_WRITE"
        assert ledger.head() == before
        assert ledger.append(many, now=NOON).head.size == 201
        verify(ledger)


def test_shared_memory_that_cannot_be_made_is_a_full_disk(sqlite_place, no_file_beyond):
    sqlite_place.create().close()
    with no_file_beyond(1000), pytest.raises(LedgerFull):
        sqlite_place.read().close()
    with sqlite_place.read() as ledger:
        verify(ledger)


def test_a_lost_connection_changes_nothing(postgres_url, tmp_path, alias):
    signer = LocalSigner.generate(tmp_path / "key")
    with Ledger.create(postgres_url, blobs=str(tmp_path), signer=signer, now=NOON) as ledger:

        def hang_up(_):
            engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
            engine.dispose()

        with pytest.raises(LedgerUnavailable):
            ledger.append([alias()], now=NOON, closing=hang_up)
        assert ledger.append([alias()], now=NOON).receipts[0].index == 1
        verify(ledger)


def test_a_file_that_is_no_database(sqlite_place):
    (sqlite_place.home / "ledger.db").write_bytes(b"this is not a database, and it is long enough to tell" * 20)
    with pytest.raises(IntegrityError, match="damaged"):
        sqlite_place.read()


def test_making_a_ledger_flushes_the_names_of_its_folders(tmp_path, monkeypatch):
    flushed = set()
    real = os.fsync

    def fsync(descriptor):
        flushed.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    signer = LocalSigner.generate(tmp_path / "keys" / "more" / "key")
    url = f"sqlite:///{tmp_path}/db/more/ledger.db"
    Ledger.create(url, blobs=str(tmp_path), signer=signer, now=NOON).close()
    folders = [tmp_path, *(tmp_path / each for each in ("keys", "keys/more", "db", "db/more"))]
    assert {folder.stat().st_ino for folder in folders} <= flushed


def test_a_database_that_is_no_ledger(sqlite_place):
    with closing(sqlite3.connect(sqlite_place.home / "ledger.db")) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(LedgerMissing):
        sqlite_place.read()


def test_a_table_of_somebody_else_that_is_called_as_one_of_ours_is_no_trace_of_a_ledger(place):
    with place.create():
        pass
    for table in ("alembic_version", "entries", "nodes", "checkpoints"):
        place.spoil(f"DROP TABLE {table}")
    place.spoil("CREATE TABLE nodes (id integer, hash text)")
    with pytest.raises(LedgerMissing):
        place.read()


@pytest.mark.parametrize("table", ["entries", "nodes", "checkpoints", "alembic_version"])
def test_a_table_that_was_dropped_is_named_and_nobody_is_told_to_begin_anew(place, alias, table):
    with place.create() as ledger:
        ledger.append([alias()], now=NOON)
    place.spoil(f"DROP TABLE {table}")
    with pytest.raises(IntegrityError, match=f"table {table}: gone") as found, place.read() as ledger:
        verify(ledger)
    assert "init" not in found.value.fix


@pytest.mark.parametrize(
    ("table", "column"),
    [("entries", "leaf"), ("entries", "kind"), ("nodes", "hash"), ("checkpoints", "note"), ("checkpoints", "time")],
)
def test_a_column_that_was_dropped_is_named(place, alias, table, column):
    with place.create() as ledger:
        ledger.append([alias()], now=NOON)
    place.spoil(f"ALTER TABLE {table} RENAME COLUMN {column} TO taken")
    with pytest.raises(IntegrityError, match=f"table {table}, column {column}: gone") as found, place.read() as ledger:
        verify(ledger)
    assert "copy" in found.value.fix


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ("ALTER TABLE entries RENAME COLUMN leaf TO taken", "column (entries.)?leaf: gone"),
        ("ALTER TABLE checkpoints RENAME COLUMN note TO taken", "column (checkpoints.)?note: gone"),
        ("ALTER TABLE nodes RENAME TO taken", "table nodes: gone"),
    ],
)
def test_what_is_dropped_under_an_open_ledger_is_named(place, alias, change, gone):
    with place.create() as ledger:
        ledger.append([alias()], now=NOON)
        place.spoil(change)
        with pytest.raises(IntegrityError, match=gone):
            verify(ledger)
        with pytest.raises(IntegrityError, match=gone):
            ledger.append([alias(model=str(number)) for number in range(3)], now=NOON)


def test_a_view_in_the_place_of_a_table_is_none(place, alias):
    with place.create() as ledger:
        ledger.append([alias()], now=NOON)
    place.spoil("ALTER TABLE nodes RENAME TO hidden")
    place.spoil("CREATE VIEW nodes AS SELECT * FROM hidden")
    with pytest.raises(IntegrityError, match="table nodes: gone"):
        place.read()


LOST = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import psycopg
from affidavit.errors import LedgerUnavailable
from affidavit.ledger import Ledger, LocalSigner
from affidavit.ledger.keychain import genesis
url, blobs, key = sys.argv[1:]
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)

def hang_up(_):
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
                      "WHERE datname = current_database() AND pid <> pg_backend_pid()")

with Ledger.open(url, blobs=blobs, signer=LocalSigner.load(Path(key))) as ledger:
    try:
        ledger.append([genesis(ledger.signer, recovery=None, quorum=None, now=NOON)], now=NOON, closing=hang_up)
    except LedgerUnavailable:
        print("told")
"""


def test_of_a_lost_connection_only_our_error_tells(postgres_url, tmp_path):
    signer = LocalSigner.generate(tmp_path / "key")
    Ledger.create(postgres_url, blobs=str(tmp_path), signer=signer, now=NOON).close()
    command = [sys.executable, "-c", LOST, postgres_url, str(tmp_path), str(tmp_path / "key")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr) == ("told\n", "")


def test_unsafe_settings_are_named(sqlite_place):
    with sqlite_place.create() as ledger:
        sa.event.listen(ledger._engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        ledger._engine.dispose()
        assert ledger.unsafe_settings() == ["synchronous is 0, not 2"]


def test_a_reader_cannot_write(place):
    from affidavit.ledger.engine import reading

    place.create().close()
    with place.read() as ledger, pytest.raises(LedgerError, match="cannot be written"), reading(ledger._engine) as c:
        c.execute(sa.text("INSERT INTO nodes VALUES (9, 9, 'x')"))


def test_the_end_of_a_password_with_an_at_sign_is_never_shown():
    assert "S3c" not in shown("postgresql+psycopg://bob:S3c@r3t@localhost/x?password=r3t")
    assert "r3t" not in shown("postgresql+psycopg://bob:S3c@r3t@localhost/x?password=r3t")


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "mysql"])
def test_a_password_behind_the_question_mark_is_in_no_error(scheme):
    url = f"{scheme}://bob@127.0.0.1:1/x?password=hunter2"
    with pytest.raises(AffidavitError) as caught:
        Ledger.open(url, blobs="")
    assert "hunter2" not in caught.value.text
    assert caught.value.where == f"{scheme}://bob@127.0.0.1:1/x"


def test_a_writer_keeps_its_connection_and_gives_it_up_after_an_error(place):
    def taken(held):
        with held.locked(()) as (connection, _):
            return driver.plain(connection), connection

    with place.create() as ledger:
        first = taken(ledger._held)
        assert taken(ledger._held) == first
        with pytest.raises(ZeroDivisionError), ledger._held.locked(()):
            raise ZeroDivisionError
        assert first[1].closed
        last = taken(ledger._held)[1]
        assert not last.closed
    assert last.closed

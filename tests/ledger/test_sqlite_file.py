import errno
import os
import shutil
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from affidavit.errors import LedgerReplaced, LedgerRolledBack, LedgerUnavailable
from affidavit.ledger import Ledger, verify
from tests.conftest import Place

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def test_a_log_that_cannot_be_made_is_no_absent_ledger(sqlite_place):
    sqlite_place.create().close()
    (sqlite_place.home / "ledger.db-wal").mkdir()
    with pytest.raises(LedgerUnavailable, match="cannot be opened or made"):
        sqlite_place.write()


def test_a_folder_that_cannot_be_flushed_is_not_written_to(sqlite_place, alias, monkeypatch):
    """SQLite itself would go on, with a log whose name a power cut takes away."""
    from affidavit.ledger import sqlite_file

    def refuse(_):
        raise OSError(errno.EIO, "Input/output error")

    sqlite_place.create().close()
    with monkeypatch.context() as patched:
        patched.setattr(sqlite_file, "sync_directory", refuse)
        with pytest.raises(LedgerUnavailable, match=r"cannot be flushed \(Input/output error\)"):
            sqlite_place.write()
        sqlite_place.read().close()
    with sqlite_place.write() as ledger:
        assert ledger.append([alias()], now=NOON).receipts[0].index == 1


# Taken away under a writer


def take_away(path, how):
    if how == "removed":
        path.unlink()
    elif how == "renamed":
        path.rename(path.with_name("elsewhere"))
    else:
        copy = path.with_name("copy")
        shutil.copy(path, copy)
        copy.replace(path)


@pytest.mark.parametrize("how", ["removed", "renamed", "replaced"])
@pytest.mark.parametrize("name", ["ledger.db", "ledger.db-wal"])
def test_what_is_taken_away_under_a_writer_is_written_to_no_more(sqlite_place, alias, how, name):
    """SQLite goes on with the file that it opened, and nobody would find again what is written there."""
    with sqlite_place.create() as ledger:
        ledger.append([alias()], now=NOON)
        take_away(sqlite_place.home / name, how)
        left = {path: path.read_bytes() for path in sqlite_place.home.glob("*-wal")}
        with pytest.raises(LedgerReplaced, match="removed or replaced while it was open"):
            ledger.append([alias("2")], now=NOON)
        # Where the database is another, so may the log be that stands beside it.
        assert name != "ledger.db" or {path: path.read_bytes() for path in sqlite_place.home.glob("*-wal")} == left


@pytest.mark.parametrize("how", ["removed", "renamed", "replaced"])
def test_what_is_taken_away_before_commit_is_not_acknowledged(sqlite_place, alias, how):
    with sqlite_place.create() as ledger:
        ledger.append([alias()], now=NOON)
        remembered = ledger.signer.remembered()

        def take(_):
            take_away(sqlite_place.home / "ledger.db", how)

        with pytest.raises(LedgerReplaced):
            ledger.append([alias("2")], now=NOON, closing=take)
        assert ledger.signer.remembered() == remembered


def test_a_writer_goes_on_with_a_file_that_was_put_back_only_where_it_holds_what_was_signed(sqlite_place, alias):
    path = sqlite_place.home / "ledger.db"
    with sqlite_place.create() as ledger:
        ledger.append([alias()], now=NOON)
    old, new = path.with_name("old"), path.with_name("new")
    shutil.copy(path, old)
    with sqlite_place.write() as ledger:
        ledger.append([alias("2")], now=NOON)
    shutil.copy(path, new)
    with sqlite_place.write() as ledger:
        old.replace(path)
        with pytest.raises(LedgerReplaced):
            ledger.append([alias("3")], now=NOON)
        with pytest.raises(LedgerRolledBack):
            ledger.append([alias("3")], now=NOON)
    new.replace(path)
    with sqlite_place.write() as ledger:
        assert ledger.append([alias("3")], now=NOON).head.size == 4
        verify(ledger)


# Read where the reader may not write


@contextmanager
def somebody_else():
    """As root, who may write anywhere: as a user who may not. Others may not write where the mode does not let them."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def folder():
    """A folder that may be entered by all, which one of pytest's may not."""
    home = Path(tempfile.mkdtemp(prefix="affidavit-read-only-"))
    home.chmod(0o755)
    yield home
    home.chmod(0o755)
    shutil.rmtree(home)


def read_only(home):
    for path in home.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    home.chmod(0o555)


def read(home):
    with somebody_else(), Ledger.open(f"sqlite:///{home}/ledger.db", blobs=str(home / "blobs")) as ledger:
        return verify(ledger).entries


@pytest.mark.parametrize("log", [None, b""], ids=["no log", "an empty log"])
def test_what_was_closed_in_one_piece_is_verified_where_nothing_can_be_written(sqlite_place, folder, alias, log):
    with sqlite_place.create() as ledger:
        ledger.append([alias()], now=NOON)
    shutil.copy(sqlite_place.home / "ledger.db", folder)
    if log is not None:
        (folder / "ledger.db-wal").write_bytes(log)
    before = sorted(folder.iterdir())
    read_only(folder)
    assert read(folder) == 2
    assert sorted(folder.iterdir()) == before


def test_entries_in_a_log_that_cannot_be_read_are_not_passed_over(sqlite_place, folder, alias):
    """As a file that nobody changes it would be read without its log: intact, and older than it is."""
    with sqlite_place.create() as ledger:
        ledger.append([alias()], now=NOON)
        for name in ("ledger.db", "ledger.db-wal"):
            shutil.copy(sqlite_place.home / name, folder)
    read_only(folder)
    with pytest.raises(LedgerUnavailable, match="entries stand in its log") as found:
        read(folder)
    assert "copy ledger.db and ledger.db-wal together" in found.value.fix


def test_a_reader_who_may_not_write_sees_what_a_writer_appends(folder, alias):
    place = Place(f"sqlite:///{folder}/ledger.db", folder)
    with place.create() as ledger:
        assert read(folder) == 1
        ledger.append([alias()], now=NOON)
        assert read(folder) == 2


def test_what_is_written_to_while_it_is_read_without_a_lock_is_read_again(folder, alias):
    place = Place(f"sqlite:///{folder}/ledger.db", folder)
    place.create().close()
    with somebody_else():
        reader = place.read()

    def read_while_it_is_written():
        with reader.snapshot(), place.write() as writer:
            writer.append([alias()], now=NOON)

    with reader, pytest.raises(LedgerUnavailable, match="somebody wrote to it while it was read") as found:
        read_while_it_is_written()
    assert found.value.retryable
    assert read(folder) == 2

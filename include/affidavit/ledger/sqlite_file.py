"""The file of a ledger in SQLite: how it is opened, and whether it is still there.

A connection holds on to the files that it opened. Where one of them is removed or replaced, SQLite goes on writing to
what no name leads to any more; so a writer asks, under its lock and again after COMMIT, whether the names still lead
to the same files.

Whoever reads, and may not write in the file's folder, cannot take part in SQLite's locking unless a writer is there.
What was closed in one piece can then still be read as a file that nobody changes (``immutable=1``), and that nobody
did is seen afterwards: neither its size nor its time have changed, and no log has appeared beside it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from affidavit.errors import LedgerFull, LedgerReplaced, LedgerUnavailable
from affidavit.ledger.blobs import sync_directory

Access = Literal["create", "write", "read"]

AGAIN = "nothing was acknowledged; make the same call again"
_UNWRITABLE = ("SQLITE_CANTOPEN", "SQLITE_READONLY")


class OpenFile(sqlite3.Connection):
    """A connection that can tell whether the files that it opened are those that are there."""

    path: Path
    _look: Callable[[str], tuple[int, ...]] | None = None
    _seen: tuple[int, ...] | None = None

    def mark(self, look: Callable[[str], tuple[int, ...]]) -> None:
        """Remember what ``look`` sees now at the path, for :meth:`demand_same`."""
        self._look, self._name, self._seen = look, str(self.path), look(str(self.path))

    def demand_same(self) -> None:
        """Where it was opened to be written, raise ``LedgerReplaced`` unless its path still leads to the same files.

        Where it was opened as a file that nobody changes, raise ``LedgerUnavailable`` if somebody did.
        """
        if self._look is None:
            return
        try:
            seen = self._look(self._name)
        except OSError:
            seen = None
        if seen == self._seen:
            return
        if self._look is _states:
            raise LedgerUnavailable(
                "somebody wrote to it while it was read, and who may not write in its folder cannot lock it",
                where=f"sqlite:///{self.path}",
                fix="ask again once nobody writes, or read a copy",
            )
        raise LedgerReplaced(
            "the file of the database, or its log beside it, was removed or replaced while it was open",
            where=f"sqlite:///{self.path}",
            fix="nothing was acknowledged; put back the file that was there, with its log, and find out who took it",
        )


def _identities(path: str) -> tuple[int, ...]:
    # os.stat: twice at each append, and a Path costs as much again.
    file = os.stat(path)  # noqa: PTH116
    try:
        log = os.stat(path + "-wal")  # noqa: PTH116
    except FileNotFoundError:  # where SQLite could not begin one, which 'affidavit doctor' says
        return file.st_dev, file.st_ino
    return file.st_dev, file.st_ino, log.st_dev, log.st_ino


def _states(path: str) -> tuple[int, ...]:
    file, log = Path(path).stat(), Path(f"{path}-wal")
    return *_identities(path), file.st_size, file.st_mtime_ns, log.stat().st_size if log.exists() else 0


def open_file(path: Path, *, access: Access, timeout: float) -> OpenFile:
    """A connection with the settings that the guarantees need; ``timeout`` in seconds is how long it waits for a lock.

    Raises ``sqlite3.Error``, ``LedgerUnavailable`` or ``LedgerFull``.
    """
    if access == "read":
        return _reader(path, timeout)
    connection = _connect(path, "mode=rwc" if access == "create" else "mode=rw", timeout)
    connection.execute("PRAGMA journal_mode=WAL")
    _configure(connection)
    # SQLite goes on where the name of its log cannot be flushed, and a power cut would take the log along.
    connection.execute("SELECT 1 FROM sqlite_master").fetchall()
    try:
        sync_directory(path.parent)
    except OSError as error:
        kind = LedgerFull if error.errno == errno.ENOSPC else LedgerUnavailable
        problem = f"the folder of the database cannot be flushed ({error.strerror})"
        raise kind(problem, where=f"sqlite:///{path}", fix=AGAIN) from error
    connection.mark(_identities)
    return connection


def there(path: Path) -> bool:
    """Whether there is a file, or what keeps us from seeing that there is none."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _reader(path: Path, timeout: float) -> OpenFile:
    connection = _connect(path, "mode=ro", timeout)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()
    except sqlite3.OperationalError as error:
        connection.close()
        if not error.sqlite_errorname.startswith(_UNWRITABLE) or os.access(path.parent, os.W_OK):
            raise
        connection = _frozen(path, timeout)
    _configure(connection)
    return connection


def _frozen(path: Path, timeout: float) -> OpenFile:
    connection = _connect(path, "mode=ro&immutable=1", timeout)
    connection.mark(_states)
    log = Path(f"{path}-wal")
    if there(log) and log.stat().st_size:
        connection.close()
        raise LedgerUnavailable(
            f"entries stand in its log, {log.name}, which cannot be read in a folder that cannot be written",
            where=f"sqlite:///{path}",
            fix=f"copy {path.name} and {log.name} together to a folder that you may write in, and name the copy",
        )
    return connection


def _connect(path: Path, mode: str, timeout: float) -> OpenFile:
    # isolation_level None: the driver begins nothing by itself.
    settings: dict[str, Any] = {"timeout": timeout, "isolation_level": None, "check_same_thread": False}
    connection = sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, factory=OpenFile, **settings)
    connection.path = path
    # What is no UTF-8 must be read to be named: the driver would rather fail, and say of no row.
    connection.text_factory = _text
    return connection


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _configure(connection: OpenFile) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA recursive_triggers=ON")

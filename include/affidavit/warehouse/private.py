"""A folder below the temporary directory that only we may read, and its failures in our words."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from affidavit.errors import SourceUnavailable

_FIX = "see to the space and the rights there, or set TMPDIR to another folder, and try again"
_OF_THE_DISK = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that is removed with the block. Raises ``SourceUnavailable`` where none can be made."""
    try:
        made = tempfile.TemporaryDirectory(prefix="affidavit-")  # mode 0700
    except OSError as error:
        problem = f"no private folder can be made ({type(error).__name__})"
        raise SourceUnavailable(problem, where="the temporary directory", fix=_FIX) from error
    with made as folder:
        yield Path(folder)


@contextmanager
def private_database(file: Path) -> Iterator[sqlite3.Connection]:
    """An SQLite file in such a folder, in autocommit.

    Raises ``SourceUnavailable``, naming the folder, where the disk gives out; other errors of SQLite pass.
    """
    database = None
    try:
        database = sqlite3.connect(file, isolation_level=None)
        yield database
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", "")
        if not code.startswith(_OF_THE_DISK):
            raise
        problem = f"a private file cannot be written there ({code})"
        raise SourceUnavailable(problem, where=f"the temporary directory {file.parent.parent}", fix=_FIX) from error
    finally:
        if database is not None:
            database.close()

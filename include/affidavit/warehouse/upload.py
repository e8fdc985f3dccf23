"""A CSV file as a warehouse: its rows as text, in a private SQLite file that is removed with the block."""

from __future__ import annotations

import csv
import hashlib
import io
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from affidavit.errors import SourceRefused
from affidavit.inventory import Connection
from affidavit.warehouse.private import private_database, private_folder

MAX_BYTES = 64 * 2**20
METHOD = "file-sha256/1"
"""How the fingerprint of a file comes about: SHA-256 of its bytes, as ``sha256sum`` gives it."""

_DIALECT = "sqlite"
_FIX = "save it as CSV: UTF-8, commas, names of columns in the first line"


@dataclass(frozen=True)
class Upload:
    """A file as it was read, once: its SHA-256 in hexadecimal, and where its rows stand in a table ``rows``."""

    sha256: str
    connection: Connection
    table: str = "rows"


@contextmanager
def upload(file: Path, *, where: str) -> Iterator[Upload]:
    """Open a CSV file: UTF-8, commas, names of columns in its first line. ``where`` names it in errors.

    Raises ``SourceRefused`` for a file that is absent, too large, or no such CSV, and ``SourceUnavailable`` where the
    temporary directory has no room for it; never quotes a row.
    """
    data = _read(file, where)
    with private_folder() as folder:
        path = folder / "upload.db"
        try:
            with private_database(path) as database:
                _fill(database, data, where)
        except sqlite3.Error as error:
            problem = f"cannot be read as a table ({type(error).__name__})"
            raise SourceRefused(problem, where=where, fix=_FIX) from None
        yield Upload(hashlib.sha256(data).hexdigest(), Connection("upload", _DIALECT, host=str(path)))


def _read(file: Path, where: str) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        fix = "put it there, or correct the file's name in the declaration"
        raise SourceRefused(f"cannot be read ({type(error).__name__})", where=where, fix=fix) from error
    if len(data) > MAX_BYTES:
        raise SourceRefused(f"more than {MAX_BYTES:,} bytes", where=where, fix="keep the register in a table")
    return data


def _fill(database: sqlite3.Connection, data: bytes, where: str) -> None:
    fix = _FIX
    try:
        lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        names = next(lines, [])
        if len(names) < 2 and ";" in "".join(names):
            raise SourceRefused("its first line has semicolons in place of commas", where=where, fix=fix)
        if not all(names) or not names or len({name.lower() for name in names}) < len(names):
            raise SourceRefused("its first line does not name each column once", where=where, fix=fix)
        table = sa.Table("rows", sa.MetaData(), *(sa.Column(sa.sql.quoted_name(n, True), sa.Text) for n in names))
        dialect = sa.create_engine("sqlite://").dialect
        database.execute(str(sa.schema.CreateTable(table).compile(dialect=dialect)))
        insert = f"INSERT INTO rows VALUES ({', '.join('?' * len(names))})"  # noqa: S608  (question marks alone)
        database.execute("BEGIN")
        for row in lines:
            if not row:
                continue  # an empty line
            if len(row) != len(names):
                problem = f"line {lines.line_num} has {len(row)} fields, and the first line names {len(names)} columns"
                raise SourceRefused(problem, where=where, fix=fix)
            database.execute(insert, row)
        database.execute("COMMIT")
    except UnicodeDecodeError as error:
        raise SourceRefused(f"not UTF-8 at byte {error.start}", where=where, fix=fix) from None
    except csv.Error as error:
        raise SourceRefused(f"no CSV near line {lines.line_num} ({error})", where=where, fix=fix) from None

"""A CSV file or a sheet as a warehouse: rows as text, in a private SQLite file that is removed with the block."""

from __future__ import annotations

import csv
import hashlib
import io
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from affidavit.errors import ConfigurationError, SourceRefused, SourceUnavailable
from affidavit.inventory import Connection
from affidavit.warehouse.private import private_database, private_folder
from affidavit.warehouse.sheet import open_sheet

MAX_BYTES = 64 * 2**20
METHOD = "file-sha256/1"
"""How the fingerprint of a file comes about: SHA-256 of its bytes, as ``sha256sum`` gives it."""

_DIALECT = "sqlite"
_FIX = "save it as CSV (UTF-8, commas) or XLSX, with the names of columns in the first line"


@dataclass(frozen=True)
class Upload:
    """A file as it was read, once: its SHA-256 in hexadecimal, and where its rows stand in a table ``rows``.

    ``hidden`` counts the rows, columns and sheets that a workbook does not show; the hidden rows are among its rows.
    ``formulas`` counts the cells of which the result of a formula was read.
    """

    sha256: str
    connection: Connection
    coverage: str
    hidden: Mapping[str, int] = field(default_factory=dict)
    formulas: int = 0
    table: str = "rows"


@contextmanager
def upload(file: Path | str, *, where: str, sheet: str | None = None) -> Iterator[Upload]:
    """Open a CSV file (UTF-8, commas, names of columns in its first line), or a ``sheet`` of an XLSX workbook.

    ``file`` is a path, or a URL that fsspec knows; ``where`` names it in errors. Without ``sheet`` it is the only one
    that the workbook shows.

    Raises ``SourceRefused`` for a file that is absent, too large, or no such table, ``SourceUnavailable`` where it
    cannot be reached now or the temporary directory has no room for it, ``ConfigurationError`` where a package is
    absent that it takes; never quotes a row.
    """
    data = _read(file, where)
    with private_folder() as folder:
        path = folder / "upload.db"
        connection = Connection("upload", _DIALECT, host=str(path))
        try:
            with private_database(path) as database:
                if str(file).endswith(".xlsx"):
                    with open_sheet(data, sheet, where=where) as found:
                        _fill(database, found.rows, where)
                    coverage = f"the whole file; read is the sheet {found.name!r}"
                    hidden, formulas = found.hidden, found.formulas
                else:
                    _fill(database, _csv(data, where), where)
                    coverage, hidden, formulas = "the whole file", {}, 0
        except sqlite3.Error as error:
            problem = f"cannot be read as a table ({type(error).__name__})"
            raise SourceRefused(problem, where=where, fix=_FIX) from None
        yield Upload(hashlib.sha256(data).hexdigest(), connection, coverage, hidden, formulas)


def _read(file: Path | str, where: str) -> bytes:
    import fsspec

    try:
        with file.open("rb") if isinstance(file, Path) else fsspec.open(file, "rb") as opened:
            data: bytes = opened.read(MAX_BYTES + 1)
    except (ValueError, ImportError) as error:
        fix = str(error) if isinstance(error, ImportError) else "write a path or an fsspec URL"
        raise ConfigurationError("no file that can be reached", where=where, fix=fix) from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        fix = "put it there, or correct the file's name in the declaration"
        raise SourceRefused(f"cannot be read ({type(error).__name__})", where=where, fix=fix) from error
    except OSError as error:
        raise SourceUnavailable(f"cannot be read ({type(error).__name__})", where=where, fix="try again") from error
    if len(data) > MAX_BYTES:
        raise SourceRefused(f"more than {MAX_BYTES:,} bytes", where=where, fix="keep the register in a table")
    return data


def _csv(data: bytes, where: str) -> Iterator[list[str]]:
    """The rows, the first of which names the columns."""
    fix = _FIX
    try:
        lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        names = next(lines, [])
        if len(names) < 2 and ";" in "".join(names):
            raise SourceRefused("its first line has semicolons in place of commas", where=where, fix=fix)
        yield names
        for row in lines:
            if not row:
                continue  # an empty line
            if len(row) != len(names):
                problem = f"line {lines.line_num} has {len(row)} fields, and the first line names {len(names)} columns"
                raise SourceRefused(problem, where=where, fix=fix)
            yield row
    except UnicodeDecodeError as error:
        raise SourceRefused(f"not UTF-8 at byte {error.start}", where=where, fix=fix) from None
    except csv.Error as error:
        raise SourceRefused(f"no CSV near line {lines.line_num} ({error})", where=where, fix=fix) from None


def _fill(database: sqlite3.Connection, rows: Iterable[Sequence[str | None]], where: str) -> None:
    lines = iter(rows)
    named = next(lines, [])
    names = [name for name in named if name]
    if not names or len(names) < len(named) or len({name.lower() for name in names}) < len(names):
        raise SourceRefused("its first line does not name each column once", where=where, fix=_FIX)
    table = sa.Table("rows", sa.MetaData(), *(sa.Column(sa.sql.quoted_name(n, True), sa.Text) for n in names))
    dialect = sa.create_engine("sqlite://").dialect
    database.execute(str(sa.schema.CreateTable(table).compile(dialect=dialect)))
    insert = f"INSERT INTO rows VALUES ({', '.join('?' * len(names))})"  # noqa: S608  (question marks alone)
    database.execute("BEGIN")
    for row in lines:
        database.execute(insert, row)
    database.execute("COMMIT")

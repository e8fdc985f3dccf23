"""Parquet files through Spark: the way on for a table that no warehouse holds, and that outgrew one machine.

A connection of type ``spark`` names a folder, and a master in its extra field ``master`` (``local[*]`` if absent). Each
``NAME.parquet`` in the folder, a file or a folder of files, is a table.

Files have no transaction. So the files that Spark lists for a table are hashed before it is read and again after; one
that changed in between has moved. The fingerprint is over the bytes of its files: the same rows in other files give
another. This process reads every byte of them, over local paths, whatever the master; no time limit covers that.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from affidavit.errors import AffidavitError, ConfigurationError, SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.evidence import dumps
from affidavit.inventory import Connection
from affidavit.warehouse.fingerprint import Fingerprint
from affidavit.warehouse.profile import EDGES, ColumnProfile, Profile, is_number, period_of
from affidavit.warehouse.tables import Column, TableRef, find

METHOD = "parquet-files-sha256/1"
_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.ansi.enabled": "false",
}


@dataclass(frozen=True)
class Lake:
    """A folder of Parquet tables, and the Spark session that reads them."""

    source: str
    folder: Path
    session: Any
    timeout_seconds: int
    consistency: str = "files hashed before and after"
    _late: list[bool] = field(default_factory=list)

    def where(self, table: str) -> str:
        """How errors name a table: its URI in statements."""
        return f"warehouse://{self.source}/{table}"

    def table(self, name: str) -> TableRef:
        """The table called ``name``, with its columns. Raises ``SourceRefused`` with near names."""
        found = _find(self.folder, name, where=self.where(name))
        with self.guard(name):
            columns = tuple(Column(each.name, each.dataType.simpleString()) for each in self.frame(found).schema)
        return TableRef(None, found.name, columns)

    def frame(self, table: TableRef) -> Any:
        """The table as a Spark DataFrame."""
        return self.session.read.parquet(str(self._place(table)))

    def restart(self) -> None:
        """Nothing: a query that failed leaves nothing behind."""

    @contextmanager
    def guard(self, about: str) -> Iterator[None]:
        """Limit the time of what runs inside, and translate its failures; none quotes a row."""
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(done,), daemon=True)
        watch.start()
        try:
            yield
        except AffidavitError:
            raise
        except Exception as error:
            self.refuse_late(about)
            raise SourceGarbled(
                f"Spark could not read it ({type(error).__name__})",
                where=self.where(about),
                fix="see whether the files are whole Parquet files with one schema, and whether the master answers",
            ) from None
        finally:
            done.set()
            watch.join()
        self.refuse_late(about)

    def refuse_late(self, about: str) -> None:
        """Raise ``SourceUnavailable`` if the time limit was reached: whoever swallows errors may have hidden it."""
        if self._late:
            raise SourceUnavailable(
                f"a query ran longer than {self.timeout_seconds} seconds and was stopped",
                where=self.where(about),
                fix="raise the table's timeout_seconds, or give Spark a larger master",
            )

    def fingerprint(self, table: TableRef, *, rows: int) -> Fingerprint:
        """SHA-256 over names and bytes of the files that Spark reads, and the columns; ``rows`` as they were counted.

        Raises ``SourceRefused`` for a file that is not of the table's own in the folder.
        """
        try:
            listed = [
                {"name": path.relative_to(self.folder).as_posix(), "sha256": _sha256(path)}
                for path in self._read(table)
            ]
        except OSError as error:
            raise SourceUnavailable(
                f"a file of it cannot be read ({error.strerror})", where=self.where(table.name)
            ) from None
        columns = [{"name": column.name, "type": column.type} for column in table.columns]
        digest = hashlib.sha256(dumps({"method": METHOD, "columns": columns, "files": listed})).hexdigest()
        return Fingerprint(digest, METHOD, "all bytes of all files; the same rows in other files give another", rows)

    def profile(self, table: TableRef, *, time_column: str | None) -> Profile:
        """Counts in one pass, as :func:`affidavit.warehouse.profile` has them; distinct values are estimated."""
        from pyspark.sql import functions as f

        where = self.where(table.name)
        asked = [f.count(f.lit(1))]
        for column in table.columns:
            value = f.col(quoted(column.name))
            asked += [f.count(value), f.approx_count_distinct(value)]
            if is_number(column):
                asked += [f.count(f.when(value < f.lit(edge), 1)) for edge in EDGES]
        if time_column is not None:
            dated = f.col(quoted(table.column(time_column, where=where).name))
            asked += [f.min(dated).cast("string"), f.max(dated).cast("string")]
        with self.guard(table.name):
            row = list(self.frame(table).agg(*(each.alias(f"c{n}") for n, each in enumerate(asked))).collect()[0])
        earliest, latest = (row[-2], row[-1]) if time_column is not None else (None, None)
        found = iter(row[1:])
        counts = {}
        for column in table.columns:
            values, distinct, bins = next(found), next(found), None
            if is_number(column):
                below = [0, *itertools.islice(found, len(EDGES)), values]
                bins = tuple(more - less for less, more in itertools.pairwise(below))
            counts[column.name] = ColumnProfile(row[0] - values, distinct, bins)
        period = period_of(earliest, latest, where=where, column=time_column or "")
        return Profile(row[0], table.columns, counts, earliest, latest, period)

    def _place(self, table: TableRef) -> Path:
        return self.folder / f"{table.name}.parquet"

    def _read(self, table: TableRef) -> list[Path]:
        """The files that Spark lists for ``table`` now: what is hashed is what is read."""
        with self.guard(table.name):
            # With any schema: to list the files none of them has to be opened.
            frame = self.session.read.schema("listed INT").parquet(str(self._place(table)))
            names = [urlsplit(name) for name in frame.inputFiles()]
        files = sorted({Path(unquote(name.path)) for name in names})
        place, folder = self._place(table), self.folder.resolve()
        own = all(path.is_relative_to(place) and path.resolve().is_relative_to(folder) for path in files)
        if not own or any(name.scheme != "file" for name in names):
            raise SourceRefused(
                "Spark reads files for it that lie outside its folder",
                where=self.where(table.name),
                fix="put the files themselves there in place of links, under a name without wildcards",
            )
        return files

    def _watch(self, done: threading.Event) -> None:
        if not done.wait(self.timeout_seconds):
            self._late.append(True)
            # Again and again: what is cancelled are the jobs that run, and the next may not have begun.
            while not done.wait(0.2):
                self.session.sparkContext.cancelAllJobs()


@contextmanager
def lake(connection: Connection, *, timeout_seconds: int) -> Iterator[Lake]:
    """Start Spark and open a folder of Parquet tables; Spark stops with the block.

    Raises ``ConfigurationError`` where pyspark or Java is absent, ``SourceUnavailable`` where the master does not take
    the application, ``SourceRefused`` for a folder that is not there.
    """
    folder, where = _folder(connection), f"connection {connection.id!r}"
    try:
        from pyspark.sql import SparkSession

        started = SparkSession.builder.master(str(connection.extra.get("master", "local[*]"))).appName("affidavit")
        for name, value in _SETTINGS.items():
            started = started.config(name, value)
        session = started.getOrCreate()
    except Exception as error:
        problem = f"Spark does not start ({type(error).__name__})"
        # An error of Java itself: so it is there, and what failed is to reach the master.
        if type(error).__name__.startswith("Py4J"):
            raise SourceUnavailable(problem, where=where, fix="see whether the master answers, and its URL") from error
        fix = "install the extra: pip install 'affidavit[spark]', and Java 17"
        raise ConfigurationError(problem, where=where, fix=fix) from error
    try:
        session.sparkContext.setLogLevel("OFF")
        yield Lake(connection.id, folder, session, timeout_seconds)
    finally:
        session.stop()


def parquet_bytes(connection: Connection, table: str) -> int:
    """How large the files of ``table`` are, without Spark. Raises ``SourceRefused`` where there is none."""
    folder = _folder(connection)
    found = _find(folder, table, where=f"warehouse://{connection.id}/{table}")
    return sum(path.stat().st_size for path in _files(folder / f"{found.name}.parquet"))


def quoted(name: str) -> str:
    """A column's name as Spark's column expressions take it."""
    return "`" + name.replace("`", "``") + "`"


def _folder(connection: Connection) -> Path:
    folder = Path(connection.path)
    if not folder.is_absolute() or not folder.is_dir():
        where = f"connection {connection.id!r}"
        raise SourceRefused("there is no such folder", where=where, fix="give the absolute path of a folder")
    return folder


def _find(folder: Path, name: str, *, where: str) -> TableRef:
    there = [(None, path.name.removesuffix(".parquet"), True) for path in sorted(folder.glob("*.parquet"))]
    return find(name, there, where=where)


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(path for path in place.rglob("*") if _is_data(path, place))


def _is_data(path: Path, place: Path) -> bool:
    """As Spark lists a folder: what begins with a dot or an underscore is no data, but for ``_column=value``."""
    parts = path.relative_to(place).parts
    hidden = any(part.startswith(".") or (part.startswith("_") and "=" not in part) for part in parts)
    return path.is_file() and not hidden


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Whether two sources hold the same keys: each is read once, and compared in a private file that is then removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from affidavit.warehouse.dialect import declared
from affidavit.warehouse.private import private_database, private_folder
from affidavit.warehouse.snapshot import Snapshot


@dataclass(frozen=True)
class Reconciled:
    """Distinct keys that both sources hold, or one of them.

    ``repeated`` rows have a key that an earlier one had, ``blank`` rows have none and are compared with nothing.
    """

    matched: int
    only_here: int
    only_there: int
    repeated_here: int
    repeated_there: int
    blank_here: int
    blank_there: int


@dataclass(frozen=True)
class Keys:
    """A column of a table, in a snapshot."""

    snapshot: Snapshot
    table: str
    column: str

    def read(self) -> Iterator[str]:
        """The key of each row as text, empty where it is null or blank. Raises as :meth:`Snapshot.query`."""
        table = self.snapshot.table(self.table)
        (column,) = declared([table.column(self.column, where=self.snapshot.where(self.table))])
        text = sa.cast(column, sa.Text)
        statement = sa.select(text).select_from(table.selectable)
        for row in self.snapshot.stream(statement, about=self.table):
            yield (row[0] or "").strip()


def reconcile(here: Keys, there: Keys) -> Reconciled:
    """Compare two sources by key, in constant memory.

    Raises as :meth:`Snapshot.query`, and ``SourceUnavailable`` where the temporary directory has no room for the keys.
    """
    with private_folder() as folder, private_database(folder / "keys.db") as database:
        return _compare(database, here, there)


def _compare(database: sqlite3.Connection, here: Keys, there: Keys) -> Reconciled:
    for pragma in ("journal_mode = OFF", "synchronous = OFF"):
        database.execute(f"PRAGMA {pragma}")
    rows, blank, distinct = {}, {}, {}
    for name, keys in (("here", here), ("there", there)):
        database.execute(f"CREATE TABLE {name} (key TEXT PRIMARY KEY) WITHOUT ROWID")
        database.execute("BEGIN")
        rows[name] = blank[name] = 0
        for key in keys.read():
            if not key:
                blank[name] += 1
                continue
            database.execute(f"INSERT OR IGNORE INTO {name} VALUES (?)", (key,))  # noqa: S608  (one of two names above)
            rows[name] += 1
        database.execute("COMMIT")
        distinct[name] = database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
    matched = database.execute("SELECT count(*) FROM here JOIN there USING (key)").fetchone()[0]
    return Reconciled(
        matched,
        distinct["here"] - matched,
        distinct["there"] - matched,
        rows["here"] - distinct["here"],
        rows["there"] - distinct["there"],
        blank["here"],
        blank["there"],
    )

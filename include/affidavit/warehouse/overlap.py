"""Hold-out rows that stand in the training table too, by the same bytes of a row that the fingerprint hashes.

Two rows are the same if each of their columns has the same type and value; here, unlike in SQL, a missing value is
equal to a missing value. Tables of one snapshot are compared by the warehouse itself. Of two connections of one kind
the hashes of rows pass by here, by way of a private file that is then removed, in constant memory. Two kinds of
warehouse write values differently, and are not judged. The expectation ``expect_compound_columns_to_not_overlap`` asks
a question about keys instead, as SQL compares them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from affidavit.measure import Estimate, cannot
from affidavit.measure.shares import share
from affidavit.warehouse.private import private_database, private_folder
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef

MEASURE = "holdout_overlap_share"


@dataclass(frozen=True)
class Rows:
    """A table in a snapshot; ``about`` is its declared name."""

    snapshot: Snapshot
    table: TableRef
    about: str

    def of(self, columns: Sequence[str]) -> Rows:
        """The same with these columns only. Raises ``SourceRefused``, with near names, for one that is not there."""
        where = self.snapshot.where(self.about)
        chosen = tuple(self.table.column(name, where=where) for name in columns)
        return replace(self, table=replace(self.table, columns=chosen))

    @property
    def digests(self) -> sa.Select[tuple[bytes]]:
        """The hash of each row, named ``h``."""
        digest = self.snapshot.dialect.row_digest(self.table, where=self.snapshot.where(self.about))
        return sa.select(digest.label("h")).select_from(self.table.selectable)


def holdout_overlap(holdout: Rows, training: Rows, *, columns: Sequence[str] | None = None) -> Estimate:
    """The share of hold-out rows that are training rows, by ``columns``, or by all where both have the same.

    Every row is compared; the interval (Wilson) is for the process that made the rows. Raises as
    :meth:`Snapshot.query`, and ``SourceRefused`` for a column that is not there or has no exact text.
    """
    if why := _not_comparable(holdout, training, columns):
        return cannot(MEASURE, why)
    names = [column.name for column in holdout.table.columns] if columns is None else columns
    here, there = holdout.of(names), training.of(names)
    others = [one.name for one, other in zip(here.table.columns, there.table.columns, strict=True) if one != other]
    if others:
        why = f"of other types in the two tables, which a view could cast: {', '.join(others)}"
        return cannot(MEASURE, why)
    rows, shared = _within(here, there) if here.snapshot is there.snapshot else _between(here, there)
    if not rows:
        return cannot(MEASURE, "no hold-out rows")
    return share(MEASURE, shared, rows)


def _not_comparable(holdout: Rows, training: Rows, columns: Sequence[str] | None) -> str | None:
    kinds = [each.snapshot.dialect.name for each in (holdout, training)]
    if kinds[0] != kinds[1]:
        return f"not compared: {kinds[0]} and {kinds[1]} write values differently"
    names = [{column.name for column in each.table.columns} for each in (holdout, training)]
    if columns is None and names[0] != names[1]:
        return "the two tables have other columns: name those to compare"
    return None if (names[0] if columns is None else columns) else "no columns to compare"


def _within(here: Rows, there: Rows) -> tuple[int, int]:
    ours, theirs = here.digests.subquery("ours"), there.digests.subquery("theirs")
    known = sa.select(theirs.c.h).distinct().subquery("known")
    joined = ours.outerjoin(known, ours.c.h == known.c.h)
    statement = sa.select(sa.func.count(), sa.func.count(known.c.h)).select_from(joined)
    rows, shared = here.snapshot.query(statement, about=here.about)[0]
    return int(rows), int(shared)


def _between(here: Rows, there: Rows) -> tuple[int, int]:
    with private_folder() as folder, private_database(folder / "hashes.db") as database:
        return _compare(database, here, there)


def _compare(database: sqlite3.Connection, here: Rows, there: Rows) -> tuple[int, int]:
    for pragma in ("journal_mode = OFF", "synchronous = OFF"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE known (h PRIMARY KEY) WITHOUT ROWID")
    database.execute("BEGIN")
    for row in there.snapshot.stream(there.digests, about=there.about):
        database.execute("INSERT OR IGNORE INTO known VALUES (?)", (row[0],))
    database.execute("COMMIT")
    rows = shared = 0
    for row in here.snapshot.stream(here.digests, about=here.about):
        rows += 1
        shared += database.execute("SELECT count(*) FROM known WHERE h = ?", (row[0],)).fetchone()[0]
    return rows, shared

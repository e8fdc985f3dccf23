"""A sample that is the same rows whoever draws it, in whatever warehouse: those whose keys hash smallest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from affidavit.errors import SourceRefused
from affidavit.warehouse.dialect import declared
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef

METHOD = "smallest-sha256-of-seed-and-key/1"


@dataclass(frozen=True)
class Sample:
    """Columns by name, in the order of the rows' hashes. Values stay in memory: they are never evidence."""

    columns: dict[str, list[Any]]
    rows: int


def sample(snapshot: Snapshot, table: TableRef, *, key: str, columns: Sequence[str], rows: int, seed: str) -> Sample:
    """The ``rows`` rows with the smallest SHA-256 of ``<seed>:<key as text>``, or all where there are fewer.

    The same in DuckDB, Postgres and SQLite for keys that are integers or text; rows without a key are never drawn.
    Raises as :meth:`Snapshot.query`, and ``SourceRefused`` for an absent column or a key that two drawn rows share.
    """
    where = snapshot.where(table.name)
    names = [table.column(name, where=where) for name in columns]
    (by,) = declared([table.column(key, where=where)])
    digest = snapshot.dialect.text_sha256(sa.literal(f"{seed}:").op("||")(sa.cast(by, sa.Text)))
    statement = (
        sa.select(digest, *declared(names)).select_from(table.selectable).where(by.is_not(None)).order_by(digest)
    ).limit(rows)
    found = snapshot.query(statement, about=table.name)
    if len({row[0] for row in found}) < len(found):
        raise SourceRefused(
            f"two rows share a key in the column {key!r}", where=where, fix="name a column whose values are unique"
        )
    return Sample({column.name: [row[n + 1] for row in found] for n, column in enumerate(names)}, len(found))

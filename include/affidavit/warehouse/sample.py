"""A sample that is the same rows whoever draws it, in whatever warehouse: those whose keys hash smallest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from affidavit.errors import SourceRefused
from affidavit.warehouse.dialect import declared
from affidavit.warehouse.facets import GroupColumn, position
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef

METHOD = "smallest-sha256-of-seed-and-key/1"

UNDECLARED = ""
"""Stands for a value that is not declared: no declared value is empty."""


@dataclass(frozen=True)
class Sample:
    """Columns by name, in the order of the rows' hashes. Values stay in memory: they are never evidence.

    ``coded`` are columns of which only the declared values are told, as they are declared: any other is
    :data:`UNDECLARED`, a null is None.
    """

    columns: dict[str, list[Any]]
    rows: int
    coded: dict[GroupColumn, list[str | None]] = field(default_factory=dict)

    def numbers(self, column: str) -> list[float]:
        """The values of a column: NaN for what is missing or, as SQLite keeps in any column, no number."""
        return [_number(value) for value in self.columns[column]]


def sample(
    snapshot: Snapshot, table: TableRef, *, key: str, columns: Sequence[str | GroupColumn], rows: int, seed: str
) -> Sample:
    """The ``rows`` rows with the smallest SHA-256 of ``<seed>:<key as text>``, or all where there are fewer.

    Of a :class:`GroupColumn` the declared values come back, of any other column what it holds.
    The same in DuckDB, Postgres and SQLite for keys that are integers or text; rows without a key are never drawn.
    Raises as :meth:`Snapshot.query`, and ``SourceRefused`` for an absent column or a key that two drawn rows share.
    """
    where = snapshot.where(table.name)
    plain = [table.column(each, where=where) for each in columns if isinstance(each, str)]
    groups = [each for each in columns if isinstance(each, GroupColumn)]
    codes = [position(table.column(each.column, where=where), each.values) for each in groups]
    (by,) = declared([table.column(key, where=where)])
    digest = snapshot.dialect.text_sha256(sa.literal(f"{seed}:").op("||")(sa.cast(by, sa.Text)))
    statement = (
        sa.select(digest, *declared(plain), *codes)
        .select_from(table.selectable)
        .where(by.is_not(None))
        .order_by(digest)
        .limit(rows)
    )
    found = snapshot.query(statement, about=table.name)
    if len({row[0] for row in found}) < len(found):
        raise SourceRefused(
            f"two rows share a key in the column {key!r}", where=where, fix="name a column whose values are unique"
        )
    told = {each: (*each.values, UNDECLARED, None) for each in groups}
    return Sample(
        {column.name: [row[n + 1] for row in found] for n, column in enumerate(plain)},
        len(found),
        {each: [told[each][row[n + 1 + len(plain)]] for row in found] for n, each in enumerate(groups)},
    )


def _number(value: Any) -> float:
    try:
        return math.nan if value is None or isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan

"""Rows as text: what the cells of a small table say, for whoever reads them row by row."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from affidavit.warehouse.dialect import declared
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef


def texts(
    snapshot: Snapshot, table: TableRef, columns: Sequence[str], *, about: str, most: int
) -> list[tuple[str | None, ...]]:
    """The first ``most`` rows of ``table`` by the text of their ``columns``, each cell as the warehouse writes it.

    Raises ``SourceRefused`` for a column that there is not, else as :meth:`Snapshot.query`.
    """
    found = [table.column(name, where=snapshot.where(about)) for name in columns]
    cells = [sa.cast(each, sa.Text).label(f"c{n}") for n, each in enumerate(declared(found))]
    inner = sa.select(*cells).select_from(table.selectable).subquery()
    rows = snapshot.query(sa.select(*inner.c).order_by(*inner.c).limit(most), about=about)
    return [tuple(row) for row in rows]


def uploaded(snapshot: Snapshot, table: TableRef, *, about: str, most: int) -> list[tuple[str | None, ...]]:
    """The first ``most`` rows of a file (:func:`~affidavit.warehouse.upload.upload`), whole, in the file's order."""
    columns = sa.select(*declared(table.columns)).select_from(table.selectable)
    rows = snapshot.query(columns.order_by(sa.literal_column("rowid")).limit(most), about=about)
    return [tuple(row) for row in rows]

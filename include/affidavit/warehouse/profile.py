"""What one scan says about a table: counts, and the period of its time column. No other value of a row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from affidavit.errors import SourceRefused
from affidavit.evidence import Period
from affidavit.warehouse.dialect import declared
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import Column, TableRef

_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d.*)?")


@dataclass(frozen=True)
class Profile:
    """Counts of one table.

    ``nulls`` by column name. ``earliest`` and ``latest`` are the time column's ends as the warehouse writes them, and
    ``period`` the same as moments; None without a time column or without a dated row.
    """

    rows: int
    columns: tuple[Column, ...]
    nulls: Mapping[str, int]
    earliest: str | None
    latest: str | None
    period: Period | None


def profile(snapshot: Snapshot, table: TableRef, *, about: str, time_column: str | None) -> Profile:
    """Profile ``table`` in one scan; ``about`` is the table's declared name.

    A time without a zone is taken as UTC. Raises as :meth:`Snapshot.query`, and ``SourceRefused`` for a time column
    that is absent or does not hold ISO times.
    """
    where = snapshot.where(about)
    aggregates: list[sa.ColumnElement[Any]] = [sa.func.count()]
    aggregates += [sa.func.count(column) for column in declared(table.columns)]
    if time_column is not None:
        dated = declared([table.column(time_column, where=where)])[0]
        aggregates += [sa.cast(sa.func.min(dated), sa.Text), sa.cast(sa.func.max(dated), sa.Text)]
    (row,) = snapshot.query(sa.select(*aggregates).select_from(table.selectable), about=about)
    rows, counts = int(row[0]), row[1 : 1 + len(table.columns)]
    earliest, latest = (row[-2], row[-1]) if time_column is not None else (None, None)
    period = None
    if earliest is not None and latest is not None:
        period = Period(*(_moment(text, where=where, column=time_column or "") for text in (earliest, latest)))
    return Profile(
        rows=rows,
        columns=table.columns,
        nulls={column.name: rows - int(count) for column, count in zip(table.columns, counts, strict=True)},
        earliest=earliest,
        latest=latest,
        period=period,
    )


def _moment(text: str, *, where: str, column: str) -> datetime:
    try:
        if not _ISO.fullmatch(text):
            raise ValueError("not an ISO time")
        moment = datetime.fromisoformat(text)
    except ValueError:
        # The cause would quote the value.
        raise SourceRefused(
            f"the time column {column!r} holds something that is not an ISO date or time",
            where=where,
            fix="name a column of type date or timestamp as time_column, or mend the values",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

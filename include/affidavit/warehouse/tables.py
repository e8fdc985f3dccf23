"""A table by its declared name: found in the catalogue, never pasted into SQL."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import sqlalchemy as sa

from affidavit.errors import SourceRefused

_DATED = re.compile(r"date|datetime|timestamp(_s|_ms|_ns)?(\(\d\))?( with(out)? time zone)?", re.IGNORECASE)
"""Types whose values the warehouse itself compares as times. Not SQLite's: it has none."""


@dataclass(frozen=True)
class Column:
    """A column as the warehouse's catalogue describes it."""

    name: str
    type: str

    @property
    def is_time(self) -> bool:
        """Whether its type is a date, or a date with a time of the day."""
        return _DATED.fullmatch(self.type) is not None


@dataclass(frozen=True)
class TableRef:
    """A table or view that exists. ``schema`` is None where the warehouse has none; ``only`` leaves rows out."""

    schema: str | None
    name: str
    columns: tuple[Column, ...] = ()
    only: sa.ColumnElement[bool] | None = field(default=None, compare=False)

    @property
    def selectable(self) -> sa.FromClause:
        """The table as an expression, its names quoted by the dialect."""
        schema = sa.sql.quoted_name(self.schema, True) if self.schema else None
        table = sa.table(sa.sql.quoted_name(self.name, True), schema=schema)
        if self.only is None:
            return table
        return sa.select(sa.literal_column("*")).select_from(table).where(self.only).subquery("part")

    def dated(self, column: Column, start: datetime, end: datetime) -> TableRef | None:
        """The rows that ``column`` dates from ``start`` to before ``end``; None where its type is no time.

        A time without a zone is taken as UTC.
        """
        if not column.is_time:
            return None
        kind = "TIMESTAMP WITH TIME ZONE" if column.type.lower().endswith("with time zone") else "TIMESTAMP"
        moments = (moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") for moment in (start, end))
        zone = "+00" if "ZONE" in kind else ""
        bounds: list[sa.ColumnElement[datetime]] = [
            sa.literal_column(f"CAST('{moment}{zone}' AS {kind})") for moment in moments
        ]
        first, after = bounds
        value: sa.ColumnElement[datetime] = sa.column(sa.sql.quoted_name(column.name, True))
        return replace(self, only=sa.and_(value >= first, value < after))

    def column(self, name: str, *, where: str) -> Column:
        """The column called ``name``. Raises ``SourceRefused``, with near names."""
        for column in self.columns:
            if column.name == name:
                return column
        raise SourceRefused(
            f"there is no column {name!r}", where=where, fix=near(name, [column.name for column in self.columns])
        )


def find(name: str, catalogue: Sequence[tuple[str | None, str, bool]], *, where: str) -> TableRef:
    """The one table that ``table`` or ``schema.table`` names, by exact spelling.

    ``catalogue`` holds (schema, table, whether a bare name reaches it). A dot may be part of a name, so each split is
    tried; two tables that fit are refused rather than guessed between. Raises ``SourceRefused``.
    """
    splits = {(name[:dot], name[dot + 1 :]) for dot, character in enumerate(name) if character == "."}
    found = [
        TableRef(schema, table)
        for schema, table, reachable in catalogue
        if (reachable and table == name) or (schema, table) in splits
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise SourceRefused(
            f"the name {name!r} fits {len(found)} tables", where=where, fix="rename one, or make a view to read"
        )
    names = [table if reachable or schema is None else f"{schema}.{table}" for schema, table, reachable in catalogue]
    raise SourceRefused(
        f"there is no table or view {name!r} that this connection may see", where=where, fix=near(name, names)
    )


def near(name: str, names: Sequence[str]) -> str:
    """A hint for a name that is not there."""
    lower = {known.lower(): known for known in names}
    close = [lower[match] for match in difflib.get_close_matches(name.lower(), list(lower), n=3)]
    if close:
        return "did you mean " + " or ".join(repr(match) for match in close) + "?"
    return "check the name in the system's file in include/systems, and the rights of the connection"

"""The fingerprint of a table that is read by parts: one for each partition, and one over them.

A partition is read where it is new, where its change token is another than when it was last read, or where it has none.
An edit in place can leave the token as it was, so partitions are also read again in rotation. What was not read now
keeps the fingerprint that it had, and the time at which it was read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from affidavit.errors import SourceGarbled, SourceRefused
from affidavit.evidence import dumps
from affidavit.inventory import Partition
from affidavit.warehouse.dialect import declared
from affidavit.warehouse.fingerprint import Fingerprint, described, fingerprint, root
from affidavit.warehouse.relation import relation
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef

MOST = 10_000
"""Partitions of one table: this process holds a line for each, and each that is read costs a query."""


@dataclass(frozen=True)
class Part:
    """One partition as it was last read.

    ``name`` is the SHA-256 of the value that its rows share. ``token`` is one over all that must be the same for it to
    be carried: rows and change token, the columns that give both, all columns, what stands behind the table's name,
    and the method. ``sha256`` is the fingerprint of its ``rows`` rows as they were at ``last_read_at`` (UTC, as entries
    write times), and ``carried`` counts the looks since that carried it over.
    """

    name: str
    token: str | None
    rows: int
    sha256: str
    last_read_at: str
    carried: int = 0


@dataclass(frozen=True)
class Parted:
    """``digest`` over all partitions, and what each contributed, in order of name; ``read`` were read now."""

    digest: Fingerprint
    parts: tuple[Part, ...]
    read: int


@dataclass(frozen=True)
class _Listed:
    """A partition as the warehouse counts it now."""

    value: Any
    name: str
    token: str | None
    rows: int


def fingerprint_parts(
    snapshot: Snapshot, table: TableRef, by: Partition, *, about: str, now: str, before: Sequence[Part]
) -> Parted:
    """Fingerprint ``table`` by its partitions; ``before`` are those of its last snapshot, where they are known.

    One query counts the partitions, and each that is read costs another. Raises as
    :func:`affidavit.warehouse.fingerprint`, and ``SourceRefused`` for columns that are absent, too many partitions, or
    values that do not come back as the rows that they were counted for.
    """
    listed = _listed(snapshot, table, by, about=about)
    known = {part.name: part for part in before}
    due = _due(listed, known, by.rotation)
    column = declared([table.column(by.column, where=snapshot.where(about))])[0]
    parts = []
    for each in sorted(listed, key=lambda one: one.name):
        if each.name not in due:
            parts.append(replace(known[each.name], carried=known[each.name].carried + 1))
            continue
        only = column.is_(None) if each.value is None else column == sa.literal(each.value)
        found = fingerprint(snapshot, replace(table, only=only), about=about)
        if found.rows != each.rows:
            raise SourceGarbled(
                f"of a partition by {by.column!r} another number of rows was read than counted",
                where=snapshot.where(about),
                fix="name a column of whole numbers, texts or dates as partition.column",
            )
        parts.append(Part(each.name, each.token, each.rows, found.sha256, now))
    return Parted(_whole(snapshot, table, by, parts, read=len(due)), tuple(parts), len(due))


def _listed(snapshot: Snapshot, table: TableRef, by: Partition, *, about: str) -> list[_Listed]:
    where = snapshot.where(about)
    value, token = declared([table.column(name, where=where) for name in (by.column, by.token)])
    newest = sa.cast(sa.func.max(token), sa.Text)
    statement = (
        sa.select(value, sa.cast(value, sa.Text), sa.func.count(), newest, sa.func.count(token))
        .select_from(table.selectable)
        .group_by(value)
        .limit(MOST + 1)
    )
    rows = snapshot.query(statement, about=about)
    if len(rows) > MOST:
        raise SourceRefused(
            f"the column {by.column!r} makes more than {MOST:,} partitions",
            where=where,
            fix="name a coarser column as partition.column, such as a month",
        )
    behind = relation(snapshot, table, about=about)
    same = [snapshot.dialect.method, by.column, by.token, behind.kind, behind.sha256, described(table)]
    listed = [
        _Listed(
            row[0],
            hashlib.sha256(dumps(row[1])).hexdigest(),
            None if row[3] is None else hashlib.sha256(dumps([*same, *row[2:5]])).hexdigest(),
            int(row[2]),
        )
        for row in rows
    ]
    if len({each.name for each in listed}) < len(listed):
        raise SourceRefused(
            f"two partitions by {by.column!r} have the same text",
            where=where,
            fix="name a column of one type as partition.column",
        )
    return listed


def _due(listed: Sequence[_Listed], known: Mapping[str, Part], rotation: int) -> frozenset[str]:
    """Names of the partitions to read: what is not known to be as it was, and of the rest what has its turn.

    No partition is carried over ``rotation`` looks running; the share that has its turn before that spreads the work.
    """
    same = [
        known[each.name]
        for each in listed
        if each.name in known and each.token is not None and each.token == known[each.name].token
    ]
    order = sorted(same, key=lambda part: (-part.carried, part.name))
    share = -(-len(listed) // rotation)
    kept = {part.name for part in order[share:] if part.carried + 1 < rotation}
    return frozenset(each.name for each in listed if each.name not in kept)


def _whole(snapshot: Snapshot, table: TableRef, by: Partition, parts: Sequence[Part], *, read: int) -> Fingerprint:
    """The RFC 6962 root over the schema and the partitions, in order of name."""
    method = f"partitions/1 of {snapshot.dialect.method}"
    head = dumps({"method": method, "partitioned_by": by.column, "columns": described(table)})
    leaves = [f"{part.name} {part.rows} {part.sha256}".encode() for part in parts]
    coverage = f"all columns; all {len(parts)} partitions by {by.column}, read now"
    if read < len(parts):
        oldest = min(part.last_read_at for part in parts)
        coverage = (
            f"all columns; {read} of {len(parts)} partitions by {by.column} read now, {len(parts) - read} carried over "
            f"as their change token ({by.token}) is the same, the oldest read at {oldest}"
        )
    return Fingerprint(root([head, *leaves]).hex(), method, coverage, sum(part.rows for part in parts))

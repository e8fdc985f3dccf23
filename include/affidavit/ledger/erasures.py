"""Erasures in a ledger's database, read for verification and before a blob is removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit.evidence import Entry, kinds
from affidavit.evidence.erasing import blob_subject
from affidavit.ledger.blobs import Blobs
from affidavit.ledger.log import entry_of
from affidavit.ledger.tables import checkpoints, entries
from affidavit.projections.erasures import KINDS, Erased, demand_dated, survey

_COVERED = sa.select(sa.func.coalesce(sa.func.max(checkpoints.c.size), 0)).scalar_subquery()
_PAGE = 500


@dataclass(frozen=True)
class Erasing:
    """What was erased as it may be; of ``lingering`` the bytes are still there."""

    erased: tuple[Erased, ...]
    lingering: tuple[Erased, ...]


def claimed(connection: Connection) -> Mapping[str, int]:
    """The digests that erasures under the newest head name, each with the index of the last; not yet judged."""
    names = sa.select(entries.c.subject, sa.func.max(entries.c.index)).where(
        entries.c.kind == kinds.ERASURE.name, entries.c.index >= 0, entries.c.index < _COVERED
    )
    prefix = blob_subject("").name
    rows = connection.execute(names.group_by(entries.c.subject))
    return {subject.removeprefix(prefix): index for subject, index in rows}


def erasure_of(connection: Connection, digest: str) -> int | None:
    """The index of the last erasure that names a blob, whether or not a head covers it yet."""
    query = sa.select(sa.func.max(entries.c.index)).where(
        entries.c.kind == kinds.ERASURE.name, entries.c.subject == blob_subject(digest).name, entries.c.index >= 0
    )
    index: int | None = connection.execute(query).scalar()
    return index


def judged(connection: Connection, store: Blobs, wanted: Mapping[str, int], *, size: int) -> Erasing:
    """Every erasure among the first ``size`` entries. Raises ``IntegrityError`` naming the first that may not be.

    ``wanted`` are the digests that :func:`claimed` gave. Memory grows with these, not with the ledger.
    """
    if not wanted:
        return Erasing((), ())
    surveyed = survey(_entries(connection, size), wanted)
    for each in surveyed.every:
        demand_dated(each, covered=_covered_at(connection, each.index))
    found = tuple(surveyed.erased.values())
    return Erasing(found, tuple(each for each in found if store.has(each.blob)))


def _covered_at(connection: Connection, index: int) -> int:
    """When the head was signed that first covers an entry, in POSIX seconds."""
    query = sa.select(checkpoints.c.time).where(checkpoints.c.size > index).order_by(checkpoints.c.size).limit(1)
    return int(connection.execute(query).scalar_one())


def _entries(connection: Connection, size: int) -> Iterator[Entry]:
    query = sa.select(entries.c.index, entries.c.leaf).where(entries.c.kind.in_(KINDS)).order_by(entries.c.index)
    start = 0
    while rows := connection.execute(query.where(entries.c.index >= start, entries.c.index < size).limit(_PAGE)).all():
        for index, leaf in rows:
            yield entry_of(index, leaf)
        start = rows[-1][0] + 1

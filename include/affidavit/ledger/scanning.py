"""Reading a whole ledger in constant memory, deriving everything again from the leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from affidavit.errors import AffidavitError, IntegrityError
from affidavit.evidence import Statement
from affidavit.ledger.tables import DERIVED, checkpoints, derived, entries, nodes
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.tree import Node

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Scanned:
    """An entry as it is stored and as it should be: ``stored`` and ``derived`` are parallel to ``DERIVED``."""

    index: int
    statement: Statement
    leaf_hash: bytes
    stored: tuple[Any, ...]
    derived: tuple[Any, ...]

    def wrong(self) -> list[str]:
        """The derived columns that do not hold what the leaf says."""
        return [name for name, has, should in zip(DERIVED, self.stored, self.derived, strict=True) if has != should]


def pages(connection: Connection) -> Iterator[list[Scanned]]:
    """Every entry in order, page by page.

    Raises ``IntegrityError`` naming the first that is absent, twice there, or cannot be read.
    """
    columns = [entries.c.index, entries.c.leaf, *(entries.c[name] for name in DERIVED)]
    query = sa.select(*columns).order_by(entries.c.index).limit(_PAGE).where(entries.c.index >= sa.bindparam("start"))
    start = -(2**62)
    expected = 0
    while rows := connection.execute(query, {"start": start}).all():
        page = []
        for row in rows:
            if row[0] != expected:
                what = "absent" if row[0] > expected else "an index that cannot be"
                index = min(row[0], expected)
                raise IntegrityError(f"entry {index}: {what}", index=index)
            page.append(_scanned(row))
            expected += 1
        yield page
        start = expected


def stored_nodes(connection: Connection, start: int, stop: int) -> dict[Node, bytes]:
    """The stored nodes that the entries ``start`` to before ``stop`` should complete."""
    parts = []
    level = 1
    while stop >> level:
        low, high = start >> level, stop >> level
        parts.append(sa.and_(nodes.c.level == level, nodes.c.index >= low, nodes.c.index < high))
        level += 1
    if not parts:
        return {}
    rows = connection.execute(sa.select(nodes.c.level, nodes.c.index, nodes.c.hash).where(sa.or_(*parts)))
    return {(level, index): digest for level, index, digest in rows}


def extra_nodes(size: int) -> sa.ColumnElement[bool]:
    """The condition for nodes that no tree of ``size`` leaves completes."""
    complete = sa.literal(size, sa.BigInteger).op(">>")(nodes.c.level)
    return sa.or_(nodes.c.level < 1, nodes.c.level > 62, nodes.c.index < 0, nodes.c.index >= complete)


def heads(connection: Connection) -> Iterator[Row[tuple[int, int, bytes, int, str]]]:
    """Every row of ``checkpoints`` (size, previous, root, time, note) in order of size."""
    columns = [checkpoints.c[name] for name in ("size", "previous", "root", "time", "note")]
    query = sa.select(*columns).order_by(checkpoints.c.size).limit(_PAGE)
    query = query.where(checkpoints.c.size > sa.bindparam("after"))
    after = -(2**62)
    while rows := connection.execute(query, {"after": after}).all():
        yield from rows
        after = rows[-1][0]


def _scanned(row: Sequence[Any]) -> Scanned:
    index, leaf, stored = row[0], row[1], tuple(row[2:])
    if not isinstance(leaf, bytes):
        raise IntegrityError(f"entry {index}: its leaf is not bytes", index=index)
    digest = leaf_hash(leaf)
    try:
        statement = Statement.parse(leaf)
        return Scanned(
            index, statement, digest, stored, derived(statement, leaf_hash=digest, supersedes=statement.supersedes)
        )
    except (AffidavitError, KeyError, TypeError, ValueError, AttributeError) as error:
        problem = error.problem if isinstance(error, AffidavitError) else type(error).__name__
        raise IntegrityError(f"entry {index}: cannot be read: {problem}", index=index) from error

"""Reading a whole ledger in constant memory, deriving everything again from the leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from affidavit.errors import AffidavitError, IntegrityError
from affidavit.evidence import Statement
from affidavit.evidence.naming import named_blobs
from affidavit.ledger.tables import DERIVED, checkpoints, derived, entries, nodes
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.tree import Node

_PAGE = 1000
_NODES = 'SELECT level, "index", hash FROM nodes WHERE level = {level} AND "index" >= {low} AND "index" < {high}'

_FIRST_HEADS = (  # built once: that costs as much as asking
    sa.select(*(checkpoints.c[name] for name in ("size", "previous", "root", "time", "note")))
    .where(checkpoints.c.size <= sa.bindparam("upto"))
    .order_by(checkpoints.c.size)
    .limit(_PAGE)
)
_HEADS = _FIRST_HEADS.where(checkpoints.c.size > sa.bindparam("after"))


@dataclass(frozen=True, slots=True)
class Scanned:
    """An entry as it is stored and as it should be: ``stored`` and ``derived`` are parallel to ``DERIVED``.

    ``blobs`` are the digests that it names.
    """

    index: int
    statement: Statement
    leaf_hash: bytes
    stored: tuple[Any, ...]
    derived: tuple[Any, ...]
    blobs: tuple[str, ...]

    def wrong(self) -> list[str]:
        """The derived columns that do not hold what the leaf says."""
        return [name for name, has, should in zip(DERIVED, self.stored, self.derived, strict=True) if has != should]


def pages(connection: Connection) -> Iterator[list[Scanned]]:
    """Every entry in order, page by page; see :func:`page`."""
    start = 0
    while found := page(connection, start, start + _PAGE):
        yield found
        start += len(found)


def page(connection: Connection, start: int, stop: int) -> list[Scanned]:
    """The entries ``start`` to before ``stop``, as far as there are any from ``start`` on.

    Raises ``IntegrityError`` naming the first that is absent, twice there, or cannot be read.
    """
    columns = [entries.c.index, entries.c.leaf, *(entries.c[name] for name in DERIVED)]
    # What stands before entry 0, however far, is found with it; what has no index stands nowhere (:func:`beyond`).
    there = entries.c.index >= start if start else entries.c.index.is_not(None)
    query = sa.select(*columns).where(there).order_by(entries.c.index).limit(stop - start)
    found = []
    for expected, row in enumerate(connection.execute(query), start):
        if row[0] != expected:
            below = isinstance(row[0], int) and row[0] < expected
            index = row[0] if below else expected
            raise IntegrityError(f"entry {index}: {'an index that cannot be' if below else 'absent'}", index=index)
        found.append(_scanned(row))
    return found


def stored_nodes(connection: Connection, start: int, stop: int, *, levels: range = range(1, 63)) -> dict[Node, bytes]:
    """The stored nodes, of some levels, that the entries ``start`` to before ``stop`` should complete.

    One that is there twice holds nothing: which of the two a reader gets is left to chance.
    """
    parts = [
        _NODES.format(level=level, low=start >> level, high=stop >> level)
        for level in levels
        if start >> level < stop >> level
    ]
    rows = connection.exec_driver_sql(" UNION ALL ".join(parts)).cursor.fetchall() if parts else ()
    found = {(level, index): digest for level, index, digest in rows}
    if len(found) < len(rows):  # the table's key was taken away
        found |= {node: b"" for node, times in Counter((row[0], row[1]) for row in rows).items() if times > 1}
    return found


def extra_nodes(size: int) -> sa.ColumnElement[bool]:
    """The condition for nodes that no tree of ``size`` leaves completes."""
    complete = sa.literal(size, sa.BigInteger).op(">>")(nodes.c.level)
    return sa.or_(nodes.c.level < 1, nodes.c.level > 62, nodes.c.index < 0, nodes.c.index >= complete)


def heads(
    connection: Connection, *, after: int = 0, upto: int = 2**62
) -> Iterator[Row[tuple[int, int, bytes, int, str]]]:
    """The rows of ``checkpoints`` (size, previous, root, time, note) in order of size, beyond ``after``."""
    query = _HEADS if after else _FIRST_HEADS  # what is of no size is found with the first
    while rows := connection.execute(query, {"after": after, "upto": upto}).all():
        yield from rows
        if len(rows) < _PAGE:
            return
        query, after = _HEADS, rows[-1][0]


def covered(connection: Connection) -> int:
    """How many entries the newest head covers by its row's key; where that is no number, more than there can be."""
    size = connection.execute(sa.select(sa.func.max(checkpoints.c.size))).scalar()
    return size if isinstance(size, int) else 0 if size is None else 2**62


def beyond(connection: Connection, size: int) -> tuple[Row[Any] | None, Row[Any] | None]:
    """What no tree of ``size`` entries has: a row of ``checkpoints``, and one with the index of an entry; or None.

    Where the tables were made anew without their types, these can be text, which stands behind every number, or NULL.
    """
    column = checkpoints.c.size
    head = sa.select(checkpoints).where(sa.or_(column > size, column.is_(None))).order_by(column).limit(1)
    index = entries.c.index
    entry = connection.execute(sa.select(index).where(sa.or_(index >= size, index.is_(None))).limit(1)).first()
    return connection.execute(head).first(), entry


def contradiction(connection: Connection) -> str | None:
    """Where an SQLite file does not hold together, what SQLite says of it: of an index that lacks a row, above all.

    Whoever owns the file can make such an index, and SQLite believes it wherever it asks by kind, scope or stream. Of
    Postgres nothing can be asked that its owner could not have answered as they like.
    """
    if connection.dialect.name != "sqlite":
        return None
    found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
    return None if found == "ok" else str(found)


def _scanned(row: Sequence[Any]) -> Scanned:
    index, leaf, stored = row[0], row[1], tuple(row[2:])
    if not isinstance(leaf, bytes):
        raise IntegrityError(f"entry {index}: its leaf is not bytes", index=index)
    digest = leaf_hash(leaf)
    try:
        statement = Statement.parse(leaf)
        should = derived(statement, leaf_hash=digest, supersedes=statement.supersedes)
        return Scanned(index, statement, digest, stored, should, named_blobs(statement))
    except (AffidavitError, KeyError, TypeError, ValueError, AttributeError) as error:
        problem = error.problem if isinstance(error, AffidavitError) else type(error).__name__
        raise IntegrityError(f"entry {index}: cannot be read: {problem}", index=index) from error

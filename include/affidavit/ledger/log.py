"""The log in the database: heads, complete nodes and the right edge, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit.errors import IntegrityError, NoteError
from affidavit.evidence import Entry
from affidavit.evidence.keychain import Keychain
from affidavit.ledger import driver
from affidavit.ledger.tables import checkpoints, entries, nodes
from affidavit.projections.reader import Head
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import Note
from affidavit.tlog.tree import Frontier, Node, cover, root

REBUILD = "run 'affidavit rebuild' to compute it again from the leaves"

_NEWEST = "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1"
_AT = "SELECT note FROM checkpoints WHERE time <= {} AND size > 0 ORDER BY size DESC LIMIT 1"
BEYOND = 2**62
"""No ledger has an entry of that index."""

_HIGHEST = f'SELECT MAX("index") FROM entries WHERE "index" < {BEYOND}'  # noqa: S608

STANDING: driver.Query = (f"SELECT ({_NEWEST}), ({_HIGHEST})", ())
"""Asks for :func:`newest` and :func:`size` in one; see :func:`standing`."""


class DatabaseNodes:
    """Reads complete nodes from a database: one SELECT for any proof."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, wanted: Sequence[Node]) -> list[bytes]:
        """See :class:`affidavit.tlog.tree.NodeReader`."""
        parts: list[sa.Select[Any]] = []
        leaves = [index for level, index in wanted if level == 0]
        if leaves:
            level_0: sa.ColumnElement[int] = sa.literal_column("0")
            leaf = sa.select(level_0.label("level"), entries.c.index, entries.c.leaf_hash.label("hash"))
            parts.append(leaf.where(entries.c.index.in_(leaves)))
        inner = [node for node in wanted if node[0] > 0]
        if inner:
            several = sa.tuple_(nodes.c.level, nodes.c.index).in_(inner)
            parts.append(sa.select(nodes.c.level, nodes.c.index, nodes.c.hash).where(several))
        rows = self._connection.execute(sa.union_all(*parts)) if parts else ()
        found: dict[Node, bytes] = {(level, index): digest for level, index, digest in rows}
        for level, index in wanted:
            if (level, index) not in found:
                raise IntegrityError(f"node ({level}, {index}): absent", fix=REBUILD)
        return [found[node] for node in wanted]


def head_of(note: object, keys: Keychain) -> Head:
    """The head in a checkpoint's note, with the time that its key claims; its signature is not verified here.

    Raises ``NoteError`` where it does not claim to be by the key of ``keys`` for its size.
    """
    if not isinstance(note, str):  # a column can hold anything
        raise NoteError("its note is not text")
    signed = Note.parse(note)
    checkpoint = Checkpoint.parse(signed.text)
    link = keys.link_at(checkpoint.size)
    claimed = [cosignature.claimed_time(signature) for signature in signed.signed_by(link.key)]
    if not claimed:
        raise NoteError(f"a head that is not signed by {keys.origin!r} with the key that entry {link.index} names")
    try:
        time = datetime.fromtimestamp(min(claimed), UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise NoteError("a head signed at an impossible time") from error
    return Head(checkpoint.origin, checkpoint.size, checkpoint.root, time, note)


def newest(connection: Connection, *, at: datetime | None = None) -> object:
    """The note of the newest head, or of the newest signed at or before ``at``, as it is stored; None for none."""
    found = driver.rows(connection, _NEWEST) if at is None else driver.rows(connection, _AT, [int(at.timestamp())])
    return found[0][0] if found else None


def standing(found: driver.Rows) -> tuple[object, int]:
    """What :data:`STANDING` found: the newest head's note, and how many entries are stored."""
    [(note, highest)] = found
    return note, _size(highest)


def entry_of(index: int, leaf: object) -> Entry:
    """An entry as its row has it. Raises ``IntegrityError`` where the leaf is not bytes: SQLite keeps any type."""
    if not isinstance(leaf, bytes):
        raise IntegrityError(f"entry {index}: its leaf is not bytes", index=index)
    return Entry(index, leaf)


def size(connection: Connection) -> int:
    """How many entries are stored, also those beyond the newest head."""
    [(highest,)] = driver.rows(connection, _HIGHEST)
    return _size(highest)


def _size(highest: int | None) -> int:
    return 0 if highest is None else int(highest) + 1


def record(connection: Connection, head: Head, *, previous: Head | None) -> Head:
    """Insert ``head`` behind ``previous``; where that covers as much already, it is the head. Returns the newest."""
    if previous is not None and previous.size >= head.size:
        return previous
    row = (head.size, previous.size if previous else 0, head.root, int(head.time.timestamp()), head.note)
    driver.insert(connection, checkpoints, [row])
    return head


def kept(head: Head) -> driver.Kept:
    r"""What must be there once :func:`record` has run."""
    return checkpoints, "size", "note", {head.size: head.note}


def frontier(connection: Connection, head: Head | None, *, size: int) -> Frontier:
    """The right edge of the first ``size`` entries, of which ``head`` covers some or all, from O(log size) nodes.

    Raises ``IntegrityError`` where the stored nodes do not lead to the signed root: nothing may be built on them.
    """
    reader = DatabaseNodes(connection)
    edge = Frontier(size, reader.read(cover(0, size)))
    if head is not None and head.root != (edge.root() if head.size == size else root(reader, head.size)):
        raise IntegrityError(
            f"the nodes of size {head.size} do not lead to the signed root", fix="run 'affidavit verify'"
        )
    return edge

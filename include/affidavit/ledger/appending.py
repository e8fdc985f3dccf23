"""One append, inside the transaction that holds the write lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit.evidence import Draft
from affidavit.ledger.signer import Signer
from affidavit.ledger.tables import DERIVED, checkpoints, derived, entries, nodes
from affidavit.projections.reader import Head
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.proofs import prove_consistency
from affidavit.tlog.tree import Frontier, Node, cover

Closing = Callable[[Sequence[bool]], Draft | None]
"""Makes the last draft of an append from which of the others are new; None for no such draft."""

_LATEST = sa.select(entries.c.stream, entries.c.leaf_hash, entries.c.facts_digest).where(
    entries.c.index.in_(
        sa.select(sa.func.max(entries.c.index))
        .where(entries.c.stream.in_(sa.bindparam("streams", expanding=True)))
        .group_by(entries.c.stream)
    )
)


@dataclass(frozen=True)
class Receipt:
    """A durable entry: its place, its leaf hash, and the signed head that first covers it."""

    index: int
    leaf_hash: bytes
    head: Head


@dataclass(frozen=True)
class Appended:
    """What an append did: a receipt for each draft, None where the latest entry of its stream holds the same facts.

    ``head`` is the newest head; ``closing`` the receipt of the closing draft.
    """

    receipts: tuple[Receipt | None, ...]
    head: Head
    closing: Receipt | None = None


class Batch:
    """The new entries of one append. ``edge`` grows with them."""

    def __init__(self, connection: Connection, edge: Frontier) -> None:
        self._connection = connection
        self._edge = edge
        self._old = edge.copy()
        self._latest: dict[bytes, tuple[bytes, bytes]] = {}
        self._rows: list[dict[str, Any]] = []
        self._nodes: dict[Node, bytes] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def look_up(self, drafts: Iterable[Draft]) -> None:
        """Read the latest entry of each draft's stream."""
        streams = {draft.statement.stream for draft in drafts} - set(self._latest)
        for some in _batched(sorted(streams), 500):
            rows = self._connection.execute(_LATEST, {"streams": some})
            self._latest.update({bytes(stream): (bytes(leaf), bytes(facts)) for stream, leaf, facts in rows})

    def add(self, draft: Draft) -> int | None:
        """Seal ``draft`` behind the latest of its stream; its index, or None where the facts are the same."""
        statement = draft.statement
        latest = self._latest.get(statement.stream)
        if latest is not None and latest[1] == statement.facts_digest:
            return None
        supersedes = latest[0] if latest else None
        leaf = draft.seal(supersedes)
        digest = leaf_hash(leaf)
        index = self._edge.size
        values = derived(statement, leaf_hash=digest, supersedes=supersedes)
        self._rows.append({"index": index, "leaf": leaf, **dict(zip(DERIVED, values, strict=True))})
        self._nodes[0, index] = digest
        self._nodes.update(self._edge.append(digest))
        self._latest[statement.stream] = (digest, statement.facts_digest)
        return index

    def sign(self, signer: Signer, *, previous: Head | None, now: datetime) -> Head:
        """The signed head over the tree with these entries."""
        size = self._edge.size
        # What leads from one head to the next is in the old edge and the new nodes: nothing need be read.
        known = {**dict(zip(cover(0, self._old.size), self._old.peaks, strict=True)), **self._nodes}
        proof = prove_consistency(_Known(known), size1=previous.size, size2=size) if previous else []
        checkpoint = Checkpoint(signer.vkey.name, size, self._edge.root())
        return signer.sign(checkpoint, previous=previous, proof=proof, time=now)

    def write(self, head: Head) -> None:
        """Insert entries, the nodes they complete, and the head."""
        self._connection.execute(entries.insert(), self._rows)
        completed = [
            {"level": level, "index": index, "hash": digest} for (level, index), digest in self._nodes.items() if level
        ]
        if completed:
            self._connection.execute(nodes.insert(), completed)
        row = {"size": head.size, "previous": self._old.size, "root": head.root}
        self._connection.execute(checkpoints.insert(), {**row, "time": int(head.time.timestamp()), "note": head.note})

    def receipt(self, index: int | None, head: Head) -> Receipt | None:
        """The receipt of an entry of this batch, once ``head`` is durable."""
        return None if index is None else Receipt(index, self._nodes[0, index], head)


@dataclass(frozen=True)
class _Known:
    nodes: dict[Node, bytes]

    def read(self, wanted: Sequence[Node]) -> list[bytes]:
        return [self.nodes[node] for node in wanted]


def _batched(items: Sequence[bytes], size: int) -> Iterable[Sequence[bytes]]:
    return (items[start : start + size] for start in range(0, len(items), size))

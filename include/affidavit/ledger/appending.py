"""One append, inside the transaction that holds the write lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from affidavit.errors import UsageError
from affidavit.evidence import Draft
from affidavit.ledger import driver, log
from affidavit.ledger.signer import Signer
from affidavit.ledger.tables import derived, entries, nodes
from affidavit.projections.reader import Head
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.proofs import prove_consistency
from affidavit.tlog.tree import Frontier, Node, NodeReader, cover

Closing = Callable[[Sequence[bool]], Draft | None]
"""Makes the last draft of an append from which of the others are new; None for no such draft."""

_LATEST = (
    'SELECT stream, leaf_hash, facts_digest, observed_at FROM entries WHERE "index" IN '
    '(SELECT MAX("index") FROM entries WHERE stream %s GROUP BY stream)'
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
    """The new entries of one append. ``edge`` grows with them; ``head`` covers all before them, or some of it."""

    def __init__(self, connection: Connection, edge: Frontier, head: Head | None) -> None:
        self._connection = connection
        self._head = head
        self.edge = edge
        self._old = edge.copy()
        self._latest: dict[bytes, tuple[bytes, bytes, str]] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._nodes: dict[Node, bytes] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def look_up(self, drafts: Iterable[Draft]) -> None:
        """Read the latest entry of each draft's stream."""
        streams = {draft.statement.stream for draft in drafts} - set(self._latest)
        for some in _batched(sorted(streams), 500):
            among, values = driver.among(self._connection, some)
            rows = driver.rows(self._connection, _LATEST % among, values)
            self._latest.update({bytes(stream): (bytes(leaf), bytes(facts), at) for stream, leaf, facts, at in rows})

    def add(self, draft: Draft) -> int | None:
        """Seal ``draft`` behind the latest of its stream; its index, or None where the facts are the same.

        Raises ``UsageError`` where that one was observed later: what was seen first would stand as what is true now.
        """
        statement = draft.statement
        latest = self._latest.get(statement.stream)
        if latest is not None and latest[1] == statement.facts_digest:
            return None
        if latest is not None and latest[2] > statement.observed_at:
            raise UsageError(
                f"it was observed at {statement.observed_at}, and what is recorded of it at {latest[2]}, later",
                where=f"{statement.kind} of {statement.subject.name[:200]}",
                fix="look again: clear the tasks that looked too, or run them anew",
            )
        supersedes = latest[0] if latest else None
        leaf = draft.seal(supersedes)
        digest = leaf_hash(leaf)
        index = self.edge.size
        self._rows.append((index, leaf, *derived(statement, leaf_hash=digest, supersedes=supersedes)))
        self._nodes[0, index] = digest
        self._nodes.update(self.edge.append(digest))
        self._latest[statement.stream] = (digest, statement.facts_digest, statement.observed_at)
        return index

    def write(self) -> None:
        """Insert entries and the nodes they complete."""
        if not self._rows:
            return
        driver.insert(self._connection, entries, self._rows)
        completed = [(level, index, digest) for (level, index), digest in self._nodes.items() if level]
        if completed:
            driver.insert(self._connection, nodes, completed)

    def sign(self, signer: Signer, *, now: datetime) -> Head | None:
        """The head over everything that was written, signed and recorded; the present one where that covers it."""
        size, previous = self.edge.size, self._head
        if size == (previous.size if previous else 0):
            return previous
        reader: NodeReader = log.DatabaseNodes(self._connection)
        if previous is not None and previous.size == self._old.size:
            # What leads from one head to the next is in the old edge and the new nodes: nothing need be read.
            reader = _Known({**dict(zip(cover(0, self._old.size), self._old.peaks, strict=True)), **self._nodes})
        proof = prove_consistency(reader, size1=previous.size, size2=size) if previous else []
        checkpoint = Checkpoint(signer.vkey.name, size, self.edge.root())
        head = signer.sign(checkpoint, previous=previous, proof=proof, time=now)
        return log.record(self._connection, head, previous=previous)

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

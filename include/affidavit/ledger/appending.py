"""One append, inside the transaction that holds the write lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from affidavit.errors import IntegrityError, UsageError
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

_THERE = f'"index" >= 0 AND "index" < {log.BEYOND}'
"""A row at an index that cannot be, planted, would else pass for what is recorded."""

_LATEST = (
    'SELECT stream, leaf_hash, facts_digest, observed_at FROM entries WHERE "index" IN '  # noqa: S608
    f'(SELECT MAX("index") FROM entries WHERE stream {{}} AND {_THERE} GROUP BY stream)'
)
_TYPES = (bytes, bytes, bytes, str)
_STREAMS = 500
"""Streams that one query asks for."""


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


def standing(drafts: Iterable[Draft]) -> list[driver.Query]:
    """What an append must know under the lock: how the log stands, then the latest entry of each draft's stream."""
    return [log.STANDING, *_latest_of(drafts)]


def _latest_of(drafts: Iterable[Draft]) -> list[driver.Query]:
    streams = sorted({draft.statement.stream for draft in drafts})
    return [(_LATEST, [streams[start : start + _STREAMS]]) for start in range(0, len(streams), _STREAMS)]


class Batch:
    """The new entries of one append. ``edge`` grows with them; ``head`` covers all before them, or some of it."""

    def __init__(self, connection: Connection, edge: Frontier, head: Head | None) -> None:
        self._connection = connection
        self._present = head
        self._head: Head | None = None
        self.edge = edge
        self._old = edge.copy()
        self._latest: dict[bytes, tuple[bytes, bytes, str]] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._nodes: dict[Node, bytes] = {}

    def look_up(self, found: Iterable[driver.Rows]) -> None:
        """Learn the latest entries that queries of :func:`standing` found; what was added here is later still."""
        for rows in found:
            for stream, leaf, facts, at in rows:
                if (type(stream), type(leaf), type(facts), type(at)) != _TYPES:
                    raise IntegrityError(
                        "a derived column of the latest entry of a stream holds another type", where="table entries"
                    )
                self._latest.setdefault(stream, (leaf, facts, at))

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

    def sign(self, signer: Signer, *, now: datetime) -> Head | None:
        """The head over everything that is stored or was added; the present one where that covers it.

        Raises ``LedgerRolledBack`` as :meth:`Signer.sign` does, also where nothing is to be signed: what is recorded
        already may only be in a database that was put back.
        """
        size, previous = self.edge.size, self._present
        if size == (previous.size if previous else 0):
            signer.confront(previous, last=signer.remembered())  # nobody commits under our lock
            return previous
        known = {**dict(zip(cover(0, self._old.size), self._old.peaks, strict=True)), **self._nodes}
        reader = _Known(known, log.DatabaseNodes(self._connection))
        proof = prove_consistency(reader, size1=previous.size, size2=size) if previous else []
        checkpoint = Checkpoint(signer.vkey.name, size, self.edge.root())
        self._head = signer.sign(checkpoint, previous=previous, proof=proof, time=now)
        return self._head

    def add_behind(self, draft: Draft) -> int | None:
        """:meth:`add` a draft that was not asked about before."""
        self.look_up(driver.asked(self._connection, _latest_of([draft])))
        return self.add(draft)

    def write(self) -> None:
        """Insert what was added, the nodes it completed, and the head where :meth:`sign` made a new one.

        Raises ``LedgerError`` where the entries and the head do not stand there after all that.
        """
        if self._rows:
            driver.insert(self._connection, entries, self._rows)
        completed = [(level, index, digest) for (level, index), digest in self._nodes.items() if level]
        if completed:
            driver.insert(self._connection, nodes, completed)
        kept: list[driver.Kept] = []
        if self._rows:
            kept.append((entries, "index", "leaf", {row[0]: row[1] for row in self._rows}))
        if self._head is not None:
            kept.append(log.kept(log.record(self._connection, self._head, previous=self._present)))
        if kept:
            driver.demand_kept(self._connection, *kept)

    def receipt(self, index: int | None, head: Head) -> Receipt | None:
        """The receipt of an entry of this batch, once ``head`` is durable."""
        return None if index is None else Receipt(index, self._nodes[0, index], head)


@dataclass(frozen=True)
class _Known:
    """The old edge and the new nodes. Where nothing stood behind the last head, they lead from it to the next."""

    nodes: dict[Node, bytes]
    stored: NodeReader

    def read(self, wanted: Sequence[Node]) -> list[bytes]:
        absent = [node for node in wanted if node not in self.nodes]
        found = {**self.nodes, **dict(zip(absent, self.stored.read(absent), strict=True))} if absent else self.nodes
        return [found[node] for node in wanted]

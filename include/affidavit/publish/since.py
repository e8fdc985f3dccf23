"""What a ledger gained since somebody noted its head: the proof that it only grew, and what was added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from affidavit.evidence.keychain import Keychain
from affidavit.projections.reader import Head, Reader
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.extension import check_extension
from affidavit.tlog.note import Note


class Prover(Protocol):
    """Proves what is in the log, and that it only grew (RFC 6962); see :mod:`affidavit.tlog.proofs`."""

    @property
    def keys(self) -> Keychain:
        """The log's keys."""

    def prove_inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of an entry under the head of ``size``."""

    def prove_consistency(self, size1: int, size2: int) -> list[bytes]:
        """The proof that the head of ``size2`` extends that of ``size1``."""


@dataclass(frozen=True)
class Growth:
    """The log had ``since`` entries when it was noted, and has ``size``.

    ``added`` holds, for each kind of the entries between, first and last index of each unbroken run of them.
    """

    since: int
    size: int
    added: Mapping[str, tuple[tuple[int, int], ...]]

    def count(self, kind: str) -> int:
        """How many entries of a kind were added."""
        return sum(last - first + 1 for first, last in self.added[kind])

    def indices(self, kind: str) -> str:
        """Their indices, as in ``41, 43-45``."""
        return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in self.added[kind])


def prove_extension(noted: Note, head: Head, prover: Prover) -> list[bytes]:
    """The proof that ``head`` extends the noted checkpoint, checked.

    Raises ``LedgerRolledBack`` where the log is behind what was noted, ``NoteError`` where that is of another log, and
    ``ProofError`` where it was not extended.
    """
    size = Checkpoint.parse(noted.text).size
    path = prover.prove_consistency(size, head.size) if 0 < size <= head.size else []
    check_extension(noted, Checkpoint(head.origin, head.size, head.root), path=path, key=prover.keys.at(size))
    return path


def growth(noted: Note, head: Head, *, reader: Reader, prover: Prover) -> Growth:
    """What was added between the noted checkpoint and ``head``; raises as :func:`prove_extension` does."""
    prove_extension(noted, head, prover)
    since = Checkpoint.parse(noted.text).size
    runs: dict[str, list[tuple[int, int]]] = {}
    for entry in reader.entries(since, head.size):
        of_kind = runs.setdefault(entry.statement.kind, [])
        if of_kind and of_kind[-1][1] == entry.index - 1:
            of_kind[-1] = (of_kind[-1][0], entry.index)
        else:
            of_kind.append((entry.index, entry.index))
    return Growth(since, head.size, {kind: tuple(found) for kind, found in sorted(runs.items())})

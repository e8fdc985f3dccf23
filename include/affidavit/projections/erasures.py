"""Which blobs were erased, when and why; and whether each of these erasures was one that may be.

What is demanded of an erasure, whose numbers the code repeats:

1. An entry before it names the blob, and its scope is that of such an entry.
2. Its decision is an entry before it: either an erasure decision that a person declared, which lists the blob and gives
   the same ground; or a declaration of the organisation whose retention of that kind of entry stood in force and had
   passed, for every entry that names the blob, counted from its observation.
3. No legal hold that stood in force then covers an entry that names the blob.
4. One whose ground is that retention had passed is dated at most a day after the head that first covers it (of a
   bundle: its head) was signed. A later date would let an early erasure look due.

What stood in force is what the declarations before it come to (:mod:`affidavit.inventory.loosening`): a hold that was
taken away, and a shorter retention, wait for approval. From some of the entries, a bundle's, the same follows as far as
these go: of the holds only those that they show.
"""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from affidavit.errors import CanonicalError, FieldNotAllowed, IntegrityError
from affidavit.evidence import Entry, Origin, Statement, kinds, moment, shapes
from affidavit.evidence.erasing import RETENTION, blob_subject, in_words
from affidavit.evidence.naming import named_blobs
from affidavit.inventory.keeping import Keeping, keeping_in_force
from affidavit.inventory.organisation import LegalHold
from affidavit.projections.reader import Reader

KINDS = (*kinds.WITH_BLOBS, kinds.ORGANISATION.name, kinds.ERASURE_DECISION.name, kinds.ERASURE.name)
"""The kinds of entry that erasures are judged by."""

_AHEAD = 86_400
"""Retention is counted in days, and two clocks may differ by less."""

FIX = "keep what is here; ask who removed the blob, and restore it from a copy"


@dataclass(frozen=True)
class Naming:
    """An entry that names a blob."""

    index: int
    scope: str
    kind: str
    at: datetime


@dataclass(frozen=True)
class Erased:
    """A blob that entry ``index`` says was erased, as entry ``decided`` decided; ``named_by`` came before both.

    ``declared`` are the organisation's declarations before it, of which retention and legal holds stood.
    """

    blob: str
    at: str
    reason: str
    by: str | None
    index: int
    decided: int
    named_by: tuple[Naming, ...]
    declared: tuple[int, ...]

    @property
    def entries(self) -> frozenset[int]:
        """The entries that show all of it: who names the blob, what stood, who decided, and that it was done.

        Of the declarations all: a later one alone can seem to keep what an earlier one shows to be free.
        """
        return frozenset({self.index, self.decided, *self.declared, *(naming.index for naming in self.named_by)})

    @property
    def words(self) -> str:
        """When, why and who decided, and in which entries that stands."""
        who = f" by {self.by}" if self.by else ""
        why = f"erased on {self.at[:10]} because {in_words(self.reason)}"
        return f"{why} (entry {self.index}, decided{who} in entry {self.decided})"


@dataclass
class Erasures:
    """Takes in entries of :data:`KINDS` in order.

    ``wanted`` are the digests of which it remembers who names them; None for all. ``every`` holds all erasures,
    ``erased`` the latest of each blob, ``named`` the entries that name one.
    """

    wanted: Container[str] | None = None
    erased: dict[str, Erased] = field(default_factory=dict)
    named: dict[str, list[Naming]] = field(default_factory=dict)
    every: list[Erased] = field(default_factory=list)
    _standing: Keeping | None = None
    _declarations: list[tuple[Entry, Keeping]] = field(default_factory=list)
    _decisions: dict[str, Entry] = field(default_factory=dict)

    def apply(self, entry: Entry) -> None:
        """Take in the next entry. Raises ``IntegrityError`` for an erasure that may not be, and names it."""
        try:
            self._apply(entry)
        except (CanonicalError, ValueError, OverflowError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"entry {entry.index}: facts or a time that cannot be read", index=entry.index, fix=FIX
            ) from error

    def _apply(self, entry: Entry) -> None:
        statement = entry.statement
        if statement.kind in kinds.WITH_BLOBS:
            self._name(entry)
        elif statement.kind == kinds.ORGANISATION.name:
            self._declare(entry)
        elif statement.kind == kinds.ERASURE_DECISION.name:
            self._decisions[entry.leaf_hash.hex()] = entry
        elif statement.kind == kinds.ERASURE.name:
            self._erase(entry)

    def retention(self, digest: str, *, at: datetime) -> tuple[Entry, ...]:
        """The declarations by whose retention a named blob may be erased at ``at``; none while it may not."""
        rules: Mapping[Any, int] = self._standing.retention if self._standing else {}
        wanted: dict[Any, int] = {}
        for naming in self.named[digest]:
            days = rules.get(naming.kind)
            if days is None or naming.at + timedelta(days=days) > at:
                return ()
            wanted[naming.kind] = days
        return tuple(entry for entry, declared in self._declarations if wanted.items() <= declared.retention.items())

    def hold(self, digest: str) -> LegalHold | None:
        """A legal hold in force that covers the blob."""
        holds = self._standing.legal_holds if self._standing else ()
        return next((h for h in holds for n in self.named.get(digest, ()) if h.covers(n.scope, n.kind)), None)

    def _name(self, entry: Entry) -> None:
        statement = entry.statement
        for digest in named_blobs(statement):
            if self.wanted is None or digest in self.wanted:
                naming = Naming(entry.index, statement.scope, statement.kind, moment(statement.observed_at))
                self.named.setdefault(digest, []).append(naming)

    def _declare(self, entry: Entry) -> None:
        declared = Keeping.recorded(entry.statement.facts.get("organisation"))
        if declared is None:  # one that cannot be read decides nothing
            return
        self._declarations.append((entry, declared))
        self._standing = keeping_in_force(self._standing, declared)

    def _erase(self, entry: Entry) -> None:
        statement, facts = entry.statement, entry.statement.facts
        try:
            shapes.check(facts, kinds.ERASURE.facts, where=kinds.ERASURE.name)
        except FieldNotAllowed as error:
            raise _unsound(entry, error.problem) from error
        if statement.subject.name != blob_subject(facts["blob"]).name:
            raise _unsound(entry, "it is about another blob than it says")
        digest, namings = facts["blob"], self.named.get(facts["blob"], [])
        if statement.scope not in {naming.scope for naming in namings}:  # 1
            raise _unsound(entry, "no entry of its scope before it names the blob")
        decision = self._decided(entry, facts)  # 2
        if hold := self.hold(digest):  # 3
            raise _unsound(entry, f"the legal hold {hold.id!r} covers the blob")
        self.erased[digest] = Erased(
            blob=digest,
            at=statement.observed_at,
            reason=facts["reason"],
            by=decision.statement.header.get("by"),
            index=entry.index,
            decided=decision.index,
            named_by=tuple(namings),
            declared=tuple(before.index for before, _ in self._declarations),
        )
        self.every.append(self.erased[digest])

    def _decided(self, entry: Entry, facts: Mapping[str, Any]) -> Entry:
        if facts["reason"] == RETENTION:
            due = self.retention(facts["blob"], at=moment(entry.statement.observed_at))
            decided = next((e for e in due if e.leaf_hash.hex() == facts["decision"]), None)
            if decided is None:
                raise _unsound(entry, "it names no declaration whose retention stood in force and had passed")
            return decided
        decision = self._decisions.get(facts["decision"])
        if decision is None or not _decides(decision.statement, facts):
            raise _unsound(entry, "no decision before it, by a person and on the same ground, covers the blob")
        return decision


def _decides(statement: Statement, facts: Mapping[str, Any]) -> bool:
    try:
        shapes.check(statement.facts, kinds.ERASURE_DECISION.facts, where=kinds.ERASURE_DECISION.name)
    except FieldNotAllowed:
        return False
    person = statement.header.get("by")
    declared = statement.header.get("origin") == Origin.DECLARED and isinstance(person, str) and bool(person)
    return declared and facts["blob"] in statement.facts["blobs"] and facts["reason"] == statement.facts["reason"]


def _unsound(entry: Entry, problem: str) -> IntegrityError:
    return IntegrityError(f"entry {entry.index}: an erasure that may not be: {problem}", index=entry.index, fix=FIX)


def demand_dated(erased: Erased, *, covered: int) -> None:
    """Raise ``IntegrityError`` for an erasure dated ahead of its head, signed at ``covered`` (POSIX seconds)."""
    if erased.reason == RETENTION and moment(erased.at).timestamp() > covered + _AHEAD:  # 4
        problem = f"entry {erased.index}: an erasure that may not be: it is dated after the head that covers it"
        raise IntegrityError(problem, index=erased.index, fix=FIX)


def survey(entries: Iterable[Entry], wanted: Container[str] | None = None) -> Erasures:
    """What ``entries``, in order, come to. Raises ``IntegrityError`` for an erasure that may not be."""
    found = Erasures(wanted)
    for entry in entries:
        found.apply(entry)
    return found


def read_all(reader: Reader, *, size: int) -> Erasures:
    """What the first ``size`` entries come to, with every blob that is named; memory grows with these."""
    return survey(_entries(reader, size))


def read(reader: Reader, *, size: int, digest: str = "") -> Erasures:
    """As :func:`read_all`, with the blobs alone that were erased, and the one with ``digest``."""
    wanted = {digest} | {
        str(entry.statement.facts.get("blob")) for entry in reader.entries(0, size, kind=kinds.ERASURE.name)
    }
    return survey(_entries(reader, size), wanted) if digest or len(wanted) > 1 else Erasures(wanted)


def _entries(reader: Reader, size: int) -> Iterator[Entry]:
    return heapq.merge(*(reader.entries(0, size, kind=kind) for kind in KINDS), key=lambda entry: entry.index)

"""Management records as they stand, how each came to be so, and what was changed whether or not a plan said so.

A record is told by the entries of its stream. Only records of books that are declared count, as these are in force.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from affidavit.evidence import Entry, moment
from affidavit.inventory import Book, BookKind
from affidavit.projections.decisions import settled
from affidavit.projections.scope import ScopeState

_SCORES = ("likelihood", "consequence", "residual_likelihood", "residual_consequence")
_TERMS = ("due", "planned", "effective")
_ENDS = ("done", "closed", "reported")
_TREATING = ("controls", "criteria")
_CLOSED, _ACCEPTED = "closed", "accepted"


@dataclass(frozen=True)
class Record:
    """One record: its entries, oldest first, in the scope whose declaration names its book."""

    scope: str
    entries: tuple[Entry, ...]

    @property
    def latest(self) -> Entry:
        """The entry that says how it stands."""
        return self.entries[-1]

    @property
    def id(self) -> str:
        """Its id, which its book has once."""
        return str(self.latest.statement.facts["record"])

    @property
    def withdrawn(self) -> bool:
        """Whether its row is gone."""
        return bool(self.latest.statement.facts["withdrawn"])

    @property
    def about(self) -> str:
        """Of a risk: the AI system that it is about, or ``organisation``."""
        return next(iter(self.links("scope")), self.scope.removeprefix("system:"))

    @property
    def over(self) -> bool:
        """Whether nothing is owed for it any more: it is closed, done or reported."""
        return self.word("state") == _CLOSED or any(self.day(name) for name in _ENDS)

    def day(self, field: str) -> date | None:
        """A day; None where the row has none."""
        text = self.latest.statement.facts["days"].get(field)
        return date.fromisoformat(text) if text else None

    def number(self, field: str) -> float | None:
        """A number; None where the row has none."""
        value: float | None = self.latest.statement.facts["numbers"].get(field)
        return value

    def word(self, field: str) -> str | None:
        """A word of the field's list; None where the row has none."""
        value: str | None = self.latest.statement.facts["words"].get(field)
        return value

    def role(self, field: str = "owner") -> str:
        """A role; empty where the row has none."""
        return str(self.latest.statement.facts["roles"].get(field, ""))

    def person(self, field: str) -> str | None:
        """A pseudonym; None where the row has none."""
        value: str | None = self.latest.statement.facts["people"].get(field)
        return value

    def links(self, field: str) -> tuple[str, ...]:
        """What the row names."""
        return tuple(self.latest.statement.facts["links"].get(field, ()))

    def before(self, index: int) -> Record | None:
        """The record as the first ``index`` entries have it; None where they have none."""
        earlier = tuple(entry for entry in self.entries if entry.index < index)
        return Record(self.scope, earlier) if earlier else None


@dataclass(frozen=True)
class Weakened:
    """A change of a record that makes less of it, in words; ``entry`` records it."""

    entry: Entry
    words: str


@dataclass(frozen=True)
class Effect:
    """Something that changed, in ``words``: what a plan would have named (``item``), and the entry that first shows it.

    ``deployment`` tells the approval of a model version from everything else.
    """

    scope: str
    item: str
    words: str
    entry: Entry
    deployment: bool = False


def books_of(scope: ScopeState, kind: BookKind) -> tuple[Book, ...]:
    """The books of one kind that a scope declares, as they are in force."""
    declared = scope.standing.value.books if scope.standing else ()
    return tuple(book for book in declared if book.kind == kind)


def records_of(scope: ScopeState, kind: BookKind) -> tuple[Record, ...]:
    """The records of a scope's books of one kind, in the order in which they first came; the withdrawn ones too."""
    names = tuple(book.name for book in books_of(scope, kind))
    return tuple(
        Record(scope.name, tuple(entries))
        for name, entries in scope.records.items()
        if name.startswith(names) and entries[-1].statement.facts["kind"] == kind
    )


def weakened(record: Record) -> Iterator[Weakened]:
    """Each change that made less of a record: withdrawn while open, scored lower, put off, reviewed more rarely."""
    states = [Record(record.scope, record.entries[: n + 1]) for n in range(len(record.entries))]
    for before, after in itertools.pairwise(states):
        for words in _weaker(before, after):
            yield Weakened(after.latest, f"{record.id} {words} (entry {after.latest.index})")


def _weaker(before: Record, after: Record) -> Iterator[str]:
    if after.withdrawn:
        if not before.withdrawn and not before.over:
            yield "was withdrawn while it was open"
        return
    yield from _scored_lower(before, after)
    for name in _TERMS:
        due, now = before.day(name), after.day(name)
        if due and now and now > due:
            yield f"was put off from {due} to {now}"
    if after.word("state") == _ACCEPTED != before.word("state"):
        yield "was accepted"
    for name in _TREATING:
        if gone := sorted(set(before.links(name)) - set(after.links(name))):
            yield f"names {', '.join(gone[:3])} no more"


def _scored_lower(before: Record, after: Record) -> Iterator[str]:
    for name in _SCORES:
        old, new = before.number(name), after.number(name)
        if old is not None and (new is None or new < old):
            yield f"had its {name.replace('_', ' ')} lowered from {old:g} to {'none' if new is None else f'{new:g}'}"
    months, longer = before.number("review_months"), after.number("review_months")
    if months and longer and longer > months:
        yield f"is reviewed every {longer:g} months, not every {months:g}"


def effects(scope: ScopeState, *, at: datetime, within: timedelta) -> Iterator[Effect]:
    """What the ledger saw change in a scope by ``at``, and less than ``within`` before: whatever plan there was.

    These are weakenings that were approved, model versions that were approved, and documents whose file became another.
    A document's first file is no change.
    """
    found = (*_loosened(scope), *_deployed(scope), *_rewritten(scope))
    return (each for each in found if (seen := moment(each.entry.statement.observed_at)) <= at < seen + within)


def _loosened(scope: ScopeState) -> Iterator[Effect]:
    decisions = {each.entry.index: each.entry for some in scope.decisions.values() for each in some}
    for standing in scope.standings:
        for grant in standing.grants:
            change = grant.loosening
            yield Effect(scope.name, change.field, f"{change.field} of {change.file}", decisions[grant.index])


def _deployed(scope: ScopeState) -> Iterator[Effect]:
    for decisions in scope.decisions.values():
        if decisions[0].need.type != "deployment":
            continue
        outcome = settled(decisions)
        if outcome and outcome.approves:
            home, _, version = outcome.need.subjects[0].name.partition("/versions/")
            model = home.partition("/models/")[2]
            words = f"the deployment of {model} version {version}"
            yield Effect(scope.name, f"{model}/{version}", words, outcome.entries[-1], deployment=True)


def _rewritten(scope: ScopeState) -> Iterator[Effect]:
    for looks in scope.documents.values():
        read = [look for look in looks if look.statement.facts["sha256"] is not None]
        for before, after in itertools.pairwise(read):
            if before.statement.facts["sha256"] != after.statement.facts["sha256"]:
                name = after.statement.facts["document"]
                yield Effect(scope.name, name, f"the new text of the document {name}", after)

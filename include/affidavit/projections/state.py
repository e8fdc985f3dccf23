"""The fold: entries, in their order, into the state that rules judge."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from affidavit.errors import AffidavitError, StatementError
from affidavit.evidence import CANARY_SCOPES, ORGANISATION_SCOPE, Entry, Origin, Period, Statement, moment
from affidavit.evidence.kinds import BY_PREDICATE_TYPE, DECISION, ORGANISATION, SYSTEM
from affidavit.evidence.shapes import TEXT, TIME, Shape, check, maybe
from affidavit.inventory import Organisation
from affidavit.projections.asking import expected, waited_since
from affidavit.projections.decisions import Decided, Settled, Standpoint, decided, need_of, requested_at
from affidavit.projections.need import Need
from affidavit.projections.retirement import RETIREMENT, gone_since, retirement_need, retirements, retiring
from affidavit.projections.scope import ScopeState

_ENDS: Shape = maybe({"from": maybe(TIME), "to": maybe(TIME)})
_HEADER: Mapping[str, Shape] = {
    "scope": TEXT,
    "origin": TEXT,
    "observed_at": TIME,
    "effective": _ENDS,
    "interval": _ENDS,
    "demonstration": maybe(TEXT),
}


@dataclass(frozen=True, slots=True)
class Aside:
    """An entry that is kept aside and never counts; ``why`` in words."""

    index: int
    why: str


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What is scripted or simulated, in words, in how many entries of which scope."""

    text: str
    scope: str
    count: int


@dataclass
class State:
    """Everything that the first ``size`` entries come to, or those of one scope among them.

    A State is changed by :meth:`apply` alone; :func:`fold` over the same entries is the oracle that it is checked
    against. What an entry means never depends on a later one.
    """

    size: int = 0
    scopes: dict[str, ScopeState] = field(default_factory=dict)
    aside: list[Aside] = field(default_factory=list)
    marked: dict[tuple[str, str], int] = field(default_factory=dict)

    def apply(self, entry: Entry) -> None:
        """Take in the next entry, or the next of one scope: indices only ever grow.

        An entry that is unreadable, of an unknown kind, or not what its kind allows is kept aside: it is named, and
        nothing counts on it.
        """
        if entry.index < self.size:
            raise ValueError(f"entry {entry.index} comes after entry {self.size - 1}")
        self.size = entry.index + 1
        try:
            statement = entry.statement
            self._mark(statement)
            kind = BY_PREDICATE_TYPE.get(statement.predicate_type)
            if kind is None:
                self.aside.append(Aside(entry.index, "of an unknown kind"))
                return
            _check_header(statement)
            check(statement.facts, kind.facts, where=kind.name)
            if statement.scope.startswith(CANARY_SCOPES):
                return  # marked, and no part of anything that is judged
            scope = self.scopes.get(statement.scope) or ScopeState(statement.scope)
            scope.apply(entry, found=self._decided(scope, entry) if kind is DECISION else None)
            self.scopes[scope.name] = scope
        except AffidavitError as error:
            self.aside.append(Aside(entry.index, error.problem))

    def _decided(self, scope: ScopeState, entry: Entry) -> Decided:
        need, standing = need_of(entry), self.organisation.organisation
        now, asked_at = standing.value if standing else None, requested_at(entry)
        if need.type == RETIREMENT:
            asked, since = self._retirement(now, need), gone_since(self.organisation, retiring(need))
        else:
            asked, since = expected(now, scope, need), waited_since(scope, need)
        by = Standpoint(
            requested=self._organisation_at(asked_at) if asked_at is not None else None,
            now=now,
            before=self._organisation_at(since) if since is not None else None,
        )
        return decided(entry, need, asked, by)

    def _retirement(self, organisation: Organisation | None, need: Need) -> Need | None:
        """What is asked about the AI system that ``need`` is to retire; None where its file is there."""
        asked = (retirement_need(organisation, scope) for scope in self.gone(self.systems))
        return next((each for each in asked if each and each.subjects == need.subjects), None)

    def _organisation_at(self, size: int) -> Organisation | None:
        """The organisation as in force after the first ``size`` entries."""
        stood = (value for index, value in reversed(self.organisation.organisations) if index < size)
        return next(stood, None)

    def _mark(self, statement: Statement) -> None:
        # An entry that does not count still says that it is staged.
        if text := statement.demonstration:
            place = (str(text), statement.scope)
            self.marked[place] = self.marked.get(place, 0) + 1

    def scope(self, name: str) -> ScopeState:
        """One scope; an empty one where nothing was recorded."""
        return self.scopes.get(name) or ScopeState(name)

    @property
    def organisation(self) -> ScopeState:
        """The organisation's scope."""
        return self.scope(ORGANISATION_SCOPE)

    @property
    def systems(self) -> tuple[ScopeState, ...]:
        """The scopes of all AI systems, by name, whether or not their declaration could be read."""
        return tuple(self.scopes[name] for name in sorted(self.scopes) if name != ORGANISATION_SCOPE)

    @property
    def active(self) -> tuple[ScopeState, ...]:
        """The AI systems that anything is due for: all but those that are retired."""
        retired = {scope.name for scope, _ in self.retired}
        return tuple(scope for scope in self.systems if scope.name not in retired)

    @property
    def retired(self) -> tuple[tuple[ScopeState, Settled], ...]:
        """The AI systems whose file is gone and whose retirement was decided, each with that decision."""
        found = ((scope, self._retirement_of(scope)) for scope in self.gone(self.systems))
        return tuple((scope, decided) for scope, decided in found if decided)

    def dropped(self, scopes: Iterable[ScopeState]) -> tuple[ScopeState, ...]:
        """Those of ``scopes`` whose file is gone and that nobody decided to retire: what they owe stands."""
        return tuple(scope for scope in self.gone(scopes) if self._retirement_of(scope) is None)

    def gone(self, scopes: Iterable[ScopeState]) -> tuple[ScopeState, ...]:
        """Those of ``scopes``, AI systems, whose file was gone at the organisation's latest look.

        One that was first declared after that look is none of them.
        """
        standing = self.organisation.organisation
        if standing is None:
            return ()
        present = set(standing.entry.statement.facts["systems"])
        absent = [scope for scope in scopes if scope.system and scope.name.removeprefix("system:") not in present]
        if not absent:
            return ()
        # A look that finds the same files adds no declaration, only its collection; it began after the slot's end.
        looks = (one.end for one in self.organisation.looks.latest_first("declarations"))
        latest = max((moment(standing.entry.statement.observed_at), *islice(looks, 1)))
        return tuple(scope for scope in absent if scope.system and scope.system.since < latest)

    def _retirement_of(self, scope: ScopeState) -> Settled | None:
        """The decision that holds for an AI system whose file is gone."""
        found = retirements(self.organisation, scope)
        return found[-1].decided if found and found[-1].end is None else None

    @property
    def demonstrations(self) -> tuple[Demonstration, ...]:
        """What is scripted or simulated, by scope and text."""
        return tuple(
            Demonstration(text, scope, count)
            for (text, scope), count in sorted(self.marked.items(), key=lambda item: (item[0][1], item[0][0]))
        )


def fold(entries: Iterable[Entry]) -> State:
    """The state after ``entries``: all of a ledger's from index 0 on, or all of one scope's."""
    state = State()
    for entry in entries:
        state.apply(entry)
    return state


class Entries(Protocol):
    """What reads entries of one scope or kind in order: a ledger, or any reader of one."""

    def entries(
        self, start: int = 0, stop: int | None = None, *, scope: str | None = None, kind: str | None = None
    ) -> Iterator[Entry]:
        """Entries ``start`` to before ``stop``."""


def fold_scope(ledger: Entries, scope: str, *, size: int | None = None) -> ScopeState:
    """One scope of the first ``size`` entries, as a fold of all of them has it.

    What decisions come to rests on the organisation: its declarations, and what was decided about these, are read too.
    The retirement of an AI system rests on what was declared of that, and decided.
    """
    read = [ledger.entries(0, size, scope=scope)]
    if scope != ORGANISATION_SCOPE:
        of_organisation = (ORGANISATION.name, DECISION.name)
        read += (ledger.entries(0, size, scope=ORGANISATION_SCOPE, kind=kind) for kind in of_organisation)
    else:
        declared = (ledger.entries(0, size, kind=kind) for kind in (SYSTEM.name, DECISION.name))
        read += ((each for each in some if each.statement.scope != scope) for some in declared)
    return fold(heapq.merge(*read, key=lambda entry: entry.index)).scope(scope)


def _check_header(statement: Statement) -> None:
    header = statement.header
    check({name: header.get(name) for name in _HEADER}, _HEADER, where="header")
    try:
        moment(header["observed_at"])
        Period.of(header.get("effective"))
        Period.of(header.get("interval"))
        Origin(header["origin"])
    except ValueError as error:
        raise StatementError("a header with a time or an origin that there is not") from error

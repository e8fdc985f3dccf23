"""Which needs are open: what waits for a person in a state that was folded and judged.

Each type of decision is asked for from what stands: a weakening that waits, a question whose records are there, a model
version in use or newly registered, a document, a requirement that fails. Who decides is whoever answers for it, or whom
the organisation's ``deciders`` name. What was answered so that it counts is asked no more, until the answer lapses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from affidavit.catalogue import Catalogue, Policy
from affidavit.evidence import ORGANISATION_SCOPE, Entry, Subject, dumps, kinds
from affidavit.inventory import Loosening, Organisation
from affidavit.inventory.people import Accepted, Exclusion
from affidavit.projections.decisions import Decided, Settled, months_after, rounds, settled
from affidavit.projections.deployments import Basis, approval_of, left_at, version_subject
from affidavit.projections.documents import asked_since, document_needs
from affidavit.projections.findings import TRIAGE, finding_needs
from affidavit.projections.lineage import InUse, in_use
from affidavit.projections.need import COMPETENCE, ON_WEAKENINGS, OPTIONS, Need, change_subjects
from affidavit.projections.own_controls import with_own_controls
from affidavit.projections.retirement import RETIREMENT, gone_since, retirement_need, retiring
from affidavit.projections.scope import ScopeState

if TYPE_CHECKING:
    from affidavit.projections.state import State

QUESTION = "question_answered/"
"""The check, whatever its number, that stands for what only a person can judge; all other parts are the machine's."""

_DECIDED = {Basis.APPROVED, Basis.CARRIED, Basis.REJECTED}
_ASKS = {"awaiting judgement", "failing", "stale"}
_CHANGES, _APPLICABILITY, _DEPLOYMENT = "6.3", "6.1.3", "A.6.2.5"
_CONTROL = "affidavit://controls/"


class Answered(Protocol):
    """A part of a verdict: see :class:`affidavit.rules.Part`."""

    @property
    def check(self) -> str:
        """Its name and number."""

    @property
    def status(self) -> str:
        """Its status, in words."""


class Judged(Protocol):
    """A verdict: see :class:`affidavit.rules.Verdict`."""

    @property
    def control(self) -> str:
        """Control or clause id."""

    @property
    def scope(self) -> str:
        """Where."""

    @property
    def parts(self) -> Sequence[Answered]:
        """What it is made of."""

    @property
    def entries(self) -> tuple[int, ...]:
        """Indices it rests on."""


def needs(state: State, verdicts: Iterable[Judged], *, at: datetime, catalogue: Catalogue) -> tuple[Need, ...]:
    """Every open need of ``state``, judged by ``verdicts`` as of ``at``: weakenings, versions, documents, questions."""
    standing = state.organisation.organisation
    organisation = standing.value if standing else None
    asked = with_own_controls(catalogue, state.organisation)
    wanted = [
        need
        for scope in (state.organisation, *state.active)
        for need in (
            *_loosenings(organisation, scope),
            *_deployments(organisation, scope, at, catalogue.policy),
            *_documents(organisation, scope),
            *finding_needs(organisation, scope),
        )
    ]
    wanted += (need for scope in state.dropped(state.systems) if (need := retirement_need(organisation, scope)))
    wanted += (need for verdict in verdicts for need in _judgements(organisation, state, verdict, asked))
    every = (each for need in wanted for each in _open(state.scope(need.scope), need, organisation, at))
    return tuple({need.id: need for need in every}.values())


def expected(organisation: Organisation | None, scope: ScopeState, need: Need) -> Need | None:
    """What would be asked now about the subjects of ``need``, by its type; None where they no longer stand so.

    Of a question, who wrote what it rests on is left as it was asked: only a verdict says it.
    """
    if need.type in ON_WEAKENINGS:
        return next((each for each in _changes(organisation, scope) if each.subjects == need.subjects), None)
    if need.type == "judgement":
        control = next((s.name.removeprefix(_CONTROL) for s in need.subjects if s.name.startswith(_CONTROL)), "")
        return _asked(organisation, replace(need, roles=(f"{COMPETENCE}{control}",)))
    asked = {"deployment": _versions, "document": _documents, TRIAGE: finding_needs}.get(need.type)
    every = asked(organisation, scope) if asked else ()
    return next((each for each in every if each.subjects == need.subjects), None)


def waited_since(scope: ScopeState, need: Need) -> int | None:
    """The entry that declared the weakening that ``need`` is about; None where it is about none that is known."""
    for standing in scope.standings if need.type in ON_WEAKENINGS else ():
        for change in (*standing.waiting, *(grant.loosening.change for grant in standing.grants)):
            if change_subjects(change) == need.subjects:
                return standing.waited_since(change)
    return None


def judgement_subjects(control: str, question: str, parts: Iterable[Answered]) -> tuple[Subject, ...]:
    """What an answer to a control's question is bound to: the question, and how each of the machine's parts stood.

    Checks are named with their frozen numbers, so a check that means something else is another subject.
    """
    machine = sorted([part.check, str(part.status)] for part in parts if not part.check.startswith(QUESTION))
    return (
        Subject(f"affidavit://questions/{control}", hashlib.sha256(dumps(question)).hexdigest()),
        Subject(f"{_CONTROL}{control}", hashlib.sha256(dumps(machine)).hexdigest()),
    )


def judgement(
    scope: ScopeState, subjects: tuple[Subject, ...], *, at: datetime, months: int
) -> tuple[Settled | None, Decided | None]:
    """The latest answer that counts to a question about exactly these subjects, and the latest one of all.

    An answer, and a vote, counts for ``months``.
    """
    asked = [
        decisions
        for decisions in scope.decisions.values()
        if decisions[0].need.type == "judgement" and decisions[0].need.subjects == subjects
    ]
    fresh = ([each for each in decisions if months_after(each.at, months) > at] for decisions in asked)
    outcomes = (settled(decisions) for decisions in fresh)
    every = (each for decisions in asked for each in decisions)
    return (
        max((each for each in outcomes if each), key=lambda each: each.index, default=None),
        max(every, key=lambda each: each.entry.index, default=None),
    )


def _loosenings(organisation: Organisation | None, scope: ScopeState) -> Iterator[Need]:
    waiting = {change_subjects(change) for standing in scope.standings for change in standing.waiting}
    return (need for need in _changes(organisation, scope) if need.subjects in waiting)


def _changes(organisation: Organisation | None, scope: ScopeState) -> Iterator[Need]:
    """What is asked of each weakening that waits, and was asked of each that was let through."""
    for standing in scope.standings:
        for loosening in (*standing.pending, *(grant.loosening for grant in standing.grants)):
            yield _asked(organisation, _loosening(organisation, scope, standing.declared, loosening))


def _loosening(organisation: Organisation | None, scope: ScopeState, declared: Any, loosening: Loosening) -> Need:
    area, _, control = loosening.field.partition(".")
    request: Exclusion | Accepted | None = None
    if area == "excluded":
        request = declared.excluded.get(control)
    elif area == "exceptions":
        request = next((each for each in declared.exceptions if each.control == control), None)
    before, after = (text or "nothing" for text in (loosening.old, loosening.new))
    return Need(
        type={"excluded": "exclusion", "exceptions": "exception"}.get(area, "loosening"),
        scope=scope.name,
        title=f"{loosening.field} in {loosening.file}",
        question=f"Of {before!r}, may it become {after!r}? If it does, {loosening.why}.",
        subjects=change_subjects(loosening.change),
        options=(),
        roles=_roles(_answering(organisation, scope, loosening)),
        authors=_roles(request.requested_by if request else None),
        until=datetime.combine(request.until, time(23, 59, 59), UTC) if isinstance(request, Accepted) else None,
    )


def _answering(organisation: Organisation | None, scope: ScopeState, loosening: Loosening) -> str | None:
    """The role that answers for what would be weaker."""
    area, _, rest = loosening.field.partition(".")
    owner = scope.system.value.owner if scope.system else None
    if organisation is None:
        return owner
    if area == "excluded":
        return organisation.owner_of(_APPLICABILITY) or organisation.owner_of(rest)
    if area == "exceptions":
        return organisation.owner_of(rest) or owner
    if scope.name != ORGANISATION_SCOPE:
        return owner
    named = {"roles": rest.removesuffix(".holders"), "owners": organisation.owners.get(rest)}.get(area)
    role = organisation.roles.get(named) if named else None
    return named if role and role.holders else organisation.owner_of(_CHANGES)


def _judgements(
    organisation: Organisation | None, state: State, verdict: Judged, catalogue: Catalogue
) -> Iterator[Need]:
    waits = any(part.check.startswith(QUESTION) and part.status in _ASKS for part in verdict.parts)
    item = catalogue.get(verdict.control)
    if waits and item is not None:
        need = Need(
            type="judgement",
            scope=verdict.scope,
            title=f"{item.id} {item.title}",
            question=item.question,
            subjects=judgement_subjects(item.id, item.question, verdict.parts),
            options=(),
            roles=(f"{COMPETENCE}{item.id}",),
            authors=_authors(state.scope(verdict.scope), verdict.entries),
        )
        yield _asked(organisation, need)


def _authors(scope: ScopeState, entries: Collection[int]) -> tuple[str, ...]:
    """Who made what a verdict rests on, as far as entries name anybody: people by pseudonym."""
    resting = (entry.statement for entry in scope.streams.values() if entry.index in entries)
    named = {
        str(person)
        for statement in resting
        if statement.kind != kinds.DECISION.name
        for person in (statement.header.get("by"), statement.facts.get("author"))
        if person
    }
    return tuple(sorted(named))


def _deployments(organisation: Organisation | None, scope: ScopeState, at: datetime, policy: Policy) -> Iterator[Need]:
    """Of each model the version in use, where no approval stands, and the newest one that could be."""
    subjects, rollback = set(), timedelta(hours=policy.rollback_approval_hours)
    for used in in_use(scope):
        if used.version and approval_of(scope, used, at=at, rollback=rollback).basis not in _DECIDED:
            subjects.add(version_subject(used.version))
        if proposed := _proposed(scope, used):
            subjects.add(version_subject(proposed))
    return (need for need in _versions(organisation, scope) if subjects & set(need.subjects))


def _documents(organisation: Organisation | None, scope: ScopeState) -> Iterator[Need]:
    return (_asked(organisation, need) for need in document_needs(scope))


def _versions(organisation: Organisation | None, scope: ScopeState) -> Iterator[Need]:
    """What is asked about each model version that is recorded."""
    if scope.system is None:
        return
    system = scope.system.value
    owner = (organisation.owner_of(_DEPLOYMENT) if organisation else None) or system.owner
    envelope = system.envelope.model_dump(mode="json") if system.envelope else None
    for version in scope.latest(kinds.MODEL_VERSION).values():
        facts = version.statement.facts
        if facts["lifecycle"] != "active":
            continue
        need = Need(
            type="deployment",
            scope=scope.name,
            title=f"{facts['model']} version {facts['version']}",
            question=f"May version {facts['version']} of {facts['model']} be in use?",
            subjects=(version_subject(version),),
            options=(),
            roles=_roles(owner),
            envelope=envelope,
        )
        yield _asked(organisation, need)


def _proposed(scope: ScopeState, used: InUse) -> Entry | None:
    """The newest version of the model that can be used and is not, where it is newer than the one in use."""
    versions = [
        entry
        for name, entry in scope.latest(kinds.MODEL_VERSION).items()
        if name.startswith(f"{used.home}/versions/")
        and (entry.statement.facts["lifecycle"], entry.statement.facts["status"]) == ("active", "READY")
    ]
    newest = max(versions, key=_created, default=None)
    older = used.version is not None and newest is not None and _created(newest) <= _created(used.version)
    return None if older else newest


def _created(version: Entry) -> str:
    created: str = version.statement.facts["created_at"]
    return created


def _asked(organisation: Organisation | None, need: Need) -> Need:
    """The need between its options, and of whom the organisation says."""
    decider = organisation.deciders.get(need.type) if organisation else None  # type: ignore[call-overload]
    return replace(need, options=OPTIONS[need.type], roles=_roles(decider) or need.roles)


def _open(scope: ScopeState, need: Need, organisation: Organisation | None, at: datetime) -> Iterator[Need]:
    """The need, of each member of a committee by itself, where nothing that counts was answered since it came up.

    A question that still waits is open whatever was answered: the answer has lapsed, or was that it is not adequate.
    """
    decisions, since = scope.decisions.get(need.topic, []), _since(scope, need, at)
    judged = need.type == "judgement"
    if not judged and settled(decisions, since=since):
        return
    committee = organisation.committees.get(need.roles[0]) if organisation and need.roles else None
    for ballot in committee.members if committee else (None,):
        answers = [each for each in decisions if each.need.ballot == ballot]
        if judged or not any(each.counts and each.entry.index >= since for each in answers):
            yield replace(need, ballot=ballot, round=rounds(answers))


def _since(scope: ScopeState, need: Need, at: datetime) -> int:
    """The entry before which answers are about something past."""
    if need.type in ON_WEAKENINGS:
        return waited_since(scope, need) or 0
    if need.type == "deployment":
        return left_at(scope, scope.latest(kinds.MODEL_VERSION)[need.subjects[0].name])
    if need.type == RETIREMENT:
        return gone_since(scope, retiring(need)) or 0
    if need.type == "document":
        return asked_since(scope, need.subjects[0].name, at)
    return 0


def _roles(name: str | None) -> tuple[str, ...]:
    return (name,) if name else ()

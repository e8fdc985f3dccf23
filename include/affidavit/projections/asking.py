"""Which needs are open: what waits for a person in a state that was folded and judged.

Each type of decision is asked for from what stands: a weakening that waits, a question whose records are there, a model
version in use or newly registered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any, Protocol

from affidavit.catalogue import Catalogue
from affidavit.evidence import ORGANISATION_SCOPE, Entry, Subject, dumps, kinds
from affidavit.inventory import Loosening, Organisation
from affidavit.inventory.people import Accepted, Exclusion
from affidavit.projections.lineage import InUse, in_use
from affidavit.projections.needs import COMPETENCE, OPTIONS, Need
from affidavit.projections.scope import ScopeState
from affidavit.projections.state import State

QUESTION = "question_answered/"
"""The check, whatever its number, that stands for what only a person can judge; all other parts are the machine's."""

_AWAITING = "awaiting judgement"
_CHANGES, _APPLICABILITY, _DEPLOYMENT = "6.3", "6.1.3", "A.6.2.5"


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


def needs(state: State, verdicts: Iterable[Judged], *, at: datetime, catalogue: Catalogue) -> tuple[Need, ...]:  # noqa: ARG001 until answers lapse
    """Every open need of ``state``, judged by ``verdicts`` as of ``at``: the organisation's first, then by system.

    Each id once. A need that was answered so that it counts is open no more, until the answer lapses.
    """
    found: dict[str, Need] = {}
    for scope in (state.organisation, *state.systems):
        for need in (*_loosenings(state, scope), *_deployments(state, scope)):
            found.setdefault(need.id, need)
    for verdict in verdicts:
        for need in _judgements(state, verdict, catalogue):
            found.setdefault(need.id, need)
    return tuple(found.values())


def judgement_subjects(control: str, question: str, parts: Iterable[Answered]) -> tuple[Subject, ...]:
    """What an answer to a control's question is bound to: the question, and how each of the machine's parts stood.

    Checks are named with their frozen numbers, so a check that means something else is another subject.
    """
    machine = sorted([part.check, str(part.status)] for part in parts if not part.check.startswith(QUESTION))
    return (
        Subject(f"affidavit://questions/{control}", hashlib.sha256(dumps(question)).hexdigest()),
        Subject(f"affidavit://controls/{control}", hashlib.sha256(dumps(machine)).hexdigest()),
    )


def loosening_subjects(loosening: Loosening) -> tuple[Subject, ...]:
    """What the approval of a weakening is bound to: file and field, with the text before and after it."""
    place = f"affidavit://declared/{loosening.file}#{loosening.field}"
    digests = (hashlib.sha256(text.encode()).hexdigest() for text in (loosening.old, loosening.new))
    return tuple(Subject(f"{place}@{when}", digest) for when, digest in zip(("before", "after"), digests, strict=True))


def version_subject(version: Entry) -> Subject:
    """A model version as what is approved: its artifacts where they were collected, else all that is recorded of it."""
    statement = version.statement
    return Subject(statement.subject.name, (statement.subjects[1:] or statement.subjects)[0].sha256)


def _loosenings(state: State, scope: ScopeState) -> Iterator[Need]:
    for standing in scope.standings:
        for loosening in standing.pending:
            yield from _ask(state, _loosening(state, scope, standing.declared, loosening))


def _loosening(state: State, scope: ScopeState, declared: Any, loosening: Loosening) -> Need:
    area, _, control = loosening.field.partition(".")
    request: Exclusion | Accepted | None = None
    if area == "excluded":
        request = declared.excluded[control]
    elif area == "exceptions":
        request = next(each for each in declared.exceptions if each.control == control)
    before, after = (text or "nothing" for text in (loosening.old, loosening.new))
    return Need(
        type={"excluded": "exclusion", "exceptions": "exception"}.get(area, "loosening"),
        scope=scope.name,
        title=f"{loosening.field} in {loosening.file}",
        question=f"Of {before!r}, may it become {after!r}? If it does, {loosening.why}.",
        subjects=loosening_subjects(loosening),
        options=(),
        roles=_roles(_answering(state, scope, loosening)),
        authors=_roles(request.requested_by if request else None),
        until=datetime.combine(request.until, time(23, 59, 59), UTC) if isinstance(request, Accepted) else None,
    )


def _answering(state: State, scope: ScopeState, loosening: Loosening) -> str | None:
    """The role that answers for what would be weaker."""
    area, _, rest = loosening.field.partition(".")
    owner = scope.system.value.owner if scope.system else None
    organisation = _organisation(state)
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


def _judgements(state: State, verdict: Judged, catalogue: Catalogue) -> Iterator[Need]:
    waits = any(part.check.startswith(QUESTION) and part.status == _AWAITING for part in verdict.parts)
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
        yield from _ask(state, need)


def _authors(scope: ScopeState, entries: Collection[int]) -> tuple[str, ...]:
    """Who made what a verdict rests on, as far as entries name anybody: people by pseudonym."""
    latest = (entry for entry in scope.streams.values() if entry.index in entries)
    named = {str(entry.statement.header["by"]) for entry in latest if entry.statement.header["by"]}
    return tuple(sorted(named))


def _deployments(state: State, scope: ScopeState) -> Iterator[Need]:
    if scope.system is None:
        return
    system, organisation = scope.system.value, _organisation(state)
    owner = (organisation.owner_of(_DEPLOYMENT) if organisation else None) or system.owner
    envelope = system.envelope.model_dump(mode="json") if system.envelope else None
    for used in in_use(scope):
        for version in filter(None, (used.version, _proposed(scope, used))):
            facts = version.statement.facts
            in_words = "in use" if version is used.version else "proposed"
            need = Need(
                type="deployment",
                scope=scope.name,
                title=f"{facts['model']} version {facts['version']}",
                question=f"Version {facts['version']} of {facts['model']} is {in_words}. May it be in use?",
                subjects=(version_subject(version),),
                options=(),
                roles=_roles(owner),
                envelope=envelope,
            )
            yield from _ask(state, need)


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


def _ask(state: State, need: Need) -> Iterator[Need]:
    """The need as it is asked: of whom the organisation says, and of each member of a committee by itself."""
    organisation = _organisation(state)
    decider = organisation.deciders.get(need.type) if organisation else None  # type: ignore[call-overload]
    need = replace(need, options=OPTIONS[need.type], roles=_roles(decider) or need.roles)
    committee = organisation.committees.get(need.roles[0]) if organisation and need.roles else None
    for ballot in committee.members if committee else (None,):
        yield replace(need, ballot=ballot)


def _organisation(state: State) -> Organisation | None:
    standing = state.organisation.organisation
    return standing.value if standing else None


def _roles(name: str | None) -> tuple[str, ...]:
    return (name,) if name else ()

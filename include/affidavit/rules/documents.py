"""Checks of controlled documents: whether each is there, says something, is in date, and was signed as it stands.

That a file is there shows nothing by itself: a start file is one too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from affidavit.evidence import ORGANISATION_SCOPE, Entry
from affidavit.inventory import STAGES_OF_SYSTEM_DOCUMENTS, ControlledDocument
from affidavit.projections import InUse
from affidavit.projections.documents import (
    authors_of,
    documents_of,
    reused_version,
    review_due,
    signature,
    unfilled,
)
from affidavit.rules.collected import freshness
from affidavit.rules.models import each_version, trail
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

COLLECTOR = "documents"


@dataclass(frozen=True)
class _Held:
    """A document, and the scope whose declaration names it."""

    view: ScopeView
    document: ControlledDocument

    @property
    def label(self) -> str:
        of = "" if self.view.scope == ORGANISATION_SCOPE else f" of {self.view.scope.removeprefix('system:')}"
        return f"The document {self.document.id}{of}"

    @property
    def looks(self) -> list[Entry]:
        return self.view.mine.documents.get(self.document.name, [])


def _scopes(view: ScopeView, kind: str) -> tuple[str, ...]:
    """The scopes in which a document of a kind is due, as far as ``view`` is about them."""
    if kind not in STAGES_OF_SYSTEM_DOCUMENTS:
        return (ORGANISATION_SCOPE,)
    return tuple(scope.name for scope in view.systems)


def _held(view: ScopeView, kind: str) -> tuple[list[_Held], list[Outcome]]:
    """The documents of one kind, and an outcome for each scope that has none."""
    found, absent = [], []
    for scope in _scopes(view, kind):
        own = replace(view, scope=scope)
        mine = [_Held(own, document) for document in documents_of(own.mine) if document.kind == kind]
        found += mine
        if not mine:
            absent.append(_undeclared(kind, scope))
    if not found and not absent:
        absent.append(Outcome(Status.MISSING, "No AI system is recorded.", (), "Declare the AI systems and collect"))
    return found, absent


def _undeclared(kind: str, scope: str) -> Outcome:
    system = "" if scope == ORGANISATION_SCOPE else scope.removeprefix("system:")
    file = f"include/systems/{system}.yaml" if system else "include/organisation.yaml"
    action = f"Write it (affidavit document new {kind}{f' --system {system}' if system else ''}), and name it in {file}"
    what = kind.replace("-", " ")
    sentence = f"{system} declares no document: {what}." if system else f"No document is declared: {what}."
    return Outcome(Status.MISSING, sentence, (), action)


@check(
    "document_kept/1",
    about="any",
    params=("kind",),
    limits="That a document is true, fits the organisation, and is known to those whom it binds.",
)
def _document_kept(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    return _kept(view, (params["kind"],), at)


@check(
    "documents_kept/1",
    about="any",
    params=("kinds",),
    limits="That these are all the documents which the organisation needs.",
)
def _documents_kept(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    return _kept(view, params["kinds"], at)


def _kept(view: ScopeView, kinds: Iterable[str], at: datetime) -> Outcome:
    outcomes, said = [], []
    for kind in kinds:
        found, absent = _held(view, kind)
        judged = [_judged(held, at) for held in found]
        outcomes += [*absent, *judged]
        said += [outcome.sentence for outcome in judged]
    return together(outcomes, " ".join(said))


def _judged(held: _Held, at: datetime) -> Outcome:
    """One document: what stands against it, first of all; else its signature."""
    problems = [*_unread(held, at)] or [*_unfit(held)]
    problems += _vacant(held)
    if problems:
        return together(problems, "")
    last = held.looks[-1]
    fresh = freshness(held.view, COLLECTOR, at, facts=True)
    signed = _signed(held, last, at)
    outcome = together([signed, fresh], "")
    if outcome.status is not Status.SUPPORTED:
        return outcome
    return replace(outcome, sentence=signed.sentence)


def _unread(held: _Held, at: datetime) -> Iterator[Outcome]:
    document, looks = held.document, held.looks
    if not looks:
        fresh = freshness(held.view, COLLECTOR, at)
        if fresh.status is Status.NOT_YET_DUE:
            yield fresh
        else:
            action = "Run the collection, and read the log of the task documents"
            yield Outcome(Status.MISSING, f"{held.label} was never looked at.", (), action)
        return
    facts, entries = looks[-1].statement.facts, (looks[-1],)
    if facts["problem"] is not None:
        _, _, problem = facts["problem"].partition(f"{facts['source']}: ")
        sentence = f"{held.label} cannot be read: {(problem or facts['problem']).partition('. Fix: ')[0]}."
        yield Outcome(Status.MISSING, sentence, entries, f"Restore {document.uri}, or name where it is")
    elif (facts["kind"], facts["source"]) != (document.kind, document.uri):
        action = "Run the collection again"
        yield Outcome(Status.STALE, f"{held.label} was read elsewhere than is declared.", entries, action)


def _unfit(held: _Held) -> Iterator[Outcome]:
    last, uri = held.looks[-1], held.document.uri
    yield from _versioned(held)
    if empty := unfilled(last):
        many = f"{count(len(empty), 'section')} of {held.label.lower()} {'says' if len(empty) == 1 else 'say'}"
        sentence = f"{many} nothing yet: {some(empty)}."
        yield Outcome(Status.MISSING, sentence, (last,), f"Write these sections of {uri}")


def _versioned(held: _Held) -> Iterator[Outcome]:
    last, uri = held.looks[-1], held.document.uri
    version = last.statement.facts["version"]
    if version is None:
        action = f"Write a version into {uri}: in its front matter, or its properties"
        yield Outcome(Status.FAILING, f"{held.label} names no version.", (last,), action)
    elif other := reused_version(held.looks):
        sentence = f"{held.label} was changed, and still calls itself version {version}."
        yield Outcome(Status.FAILING, sentence, (other, last), f"Give {uri} a new version")


def _vacant(held: _Held) -> Iterator[Outcome]:
    organisation, document = held.view.organisation, held.document
    for what, role in (("answers for", document.owner), ("may sign", document.approver)):
        found = organisation.roles.get(role) if organisation else None
        if found is None or not found.holders:
            sentence = f"Nobody holds {role}, which {what} {held.label.lower()}."
            yield Outcome(Status.MISSING, sentence, (), f"Name who holds {role} in include/organisation.yaml")
    authors = set(authors_of(held.view.mine, document))
    approver = organisation.roles.get(document.approver) if organisation else None
    if approver and approver.holders and not set(approver.holders) - authors:
        sentence = f"Only its author holds {document.approver}, which may sign {held.label.lower()}."
        yield Outcome(Status.FAILING, sentence, (), f"Name another person as {document.approver}, or another approver")


def _signed(held: _Held, last: Entry, at: datetime) -> Outcome:
    """Whether the file as it stands was signed, by a decision that counts, and when it has to be looked at again."""
    version, document = last.statement.facts["version"], held.document
    signed = signature(held.view.mine, document)
    if signed is None:
        action = f"Have a holder of {document.approver} who did not write it sign version {version}"
        sentence = f"Nobody whose signature counts has signed {held.label.lower()} as it stands (version {version})."
        return Outcome(Status.AWAITING, sentence, (last,), action)
    entries = (last, *signed.entries)
    if not signed.approves:
        sentence = f"Version {version} of {held.label.lower()} was turned down: {signed.words}."
        return Outcome(Status.FAILING, sentence, entries, f"Correct {document.uri}, under a new version")
    due = review_due(document, signed)
    if due <= at:
        sentence = f"{held.label} was to be looked at again by {due.date()}: {signed.words}."
        return Outcome(Status.STALE, sentence, entries, f"Look at {document.uri} again, and have it signed")
    sentence = f"{held.label}, version {version}, stands as it was signed: {signed.words}."
    return Outcome(Status.SUPPORTED, sentence, entries, valid_until=due)


@check(
    "document_covers_versions/1",
    params=("kind",),
    limits="That what a document says of a version is true.",
)
def _document_covers_versions(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    found, absent = _held(view, params["kind"])
    if absent:
        return absent[0]

    def judge(used: InUse) -> Outcome:
        if absent := trail(used):
            return absent
        looks = [held.looks[-1] for held in found if held.looks]
        covering = [look for look in looks if used.label.replace(" version ", " ") in look.statement.facts["covers"]]
        entries = (*used.entries, *(covering or looks))
        if not covering:
            earlier = any(look.statement.facts["covers"] for look in looks)
            sentence = f"{used.label} is in use, and {some(held.label.lower() for held in found)} does not cover it."
            action = f"See whether the text holds of {used.label}, and name it under covers in a new version"
            return Outcome(Status.STALE if earlier else Status.MISSING, sentence, entries, action)
        return Outcome(Status.SUPPORTED, "", entries)

    return each_version(view, at, judge, f"a document ({params['kind'].replace('-', ' ')}) says that it covers it.")


@check(
    "documents_identified/1",
    about="any",
    limits="That whoever is named as its author wrote a document.",
)
def _documents_identified(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(held: _Held) -> Iterator[Outcome]:
        yield from _unread(held, at)
        if held.looks and held.looks[-1].statement.facts["problem"] is None:
            yield from _versioned(held)
        yield from _vacant(held)

    return _every(view, judge, "each names its version, its author, and another person who may sign it", at)


@check(
    "documents_unaltered/1",
    about="any",
    limits="What became of a document between two looks.",
)
def _documents_unaltered(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(held: _Held) -> Iterator[Outcome]:
        yield from _unread(held, at)
        if held.looks and held.looks[-1].statement.facts["problem"] is None:
            yield from _versioned(held)

    return _every(view, judge, "each is where it is declared, and none was changed under the version it had", at)


def _every(view: ScopeView, judge: Callable[[_Held], Iterator[Outcome]], supported: str, at: datetime) -> Outcome:
    """The total over every document that is declared, the organisation's and those of all its AI systems."""
    views = [replace(view, scope=scope) for scope in {view.scope: 0, **{each.name: 0 for each in view.systems}}]
    outcomes = []
    documents = [_Held(own, document) for own in views for document in documents_of(own.mine)]
    for held in documents:
        outcomes += [*judge(held), freshness(held.view, COLLECTOR, at, facts=True)]
        outcomes.append(Outcome(Status.SUPPORTED, "", tuple(held.looks[-1:])))
    if not documents:
        action = "Declare the documents (documents) in include/organisation.yaml and the files of the AI systems"
        return Outcome(Status.MISSING, "No document is declared.", (), action)
    return together(outcomes, f"{count(len(documents), 'document')} declared: {supported}.")

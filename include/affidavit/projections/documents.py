"""Controlled documents as they were seen: since when a file has been what it is, and what its approver is asked.

What is signed is a digest. A file that became another one and back again was another one in between: what was signed
before that signs nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from affidavit.evidence import Entry, Subject
from affidavit.inventory import ControlledDocument
from affidavit.projections.decisions import Settled, months_after, settled
from affidavit.projections.need import Need
from affidavit.projections.scope import ScopeState


def documents_of(scope: ScopeState) -> tuple[ControlledDocument, ...]:
    """The documents that a scope declares, as they are in force."""
    standing = scope.system or scope.organisation
    return standing.value.documents if standing else ()


def unchanged_since(looks: Sequence[Entry]) -> Entry | None:
    """The first of the latest looks that saw one and the same file; None where it was never read.

    A look that could not read it saw no other file.
    """
    first = None
    for look in reversed(looks):
        sha256 = look.statement.facts["sha256"]
        if sha256 is None:
            continue
        if first is not None and sha256 != first.statement.facts["sha256"]:
            break
        first = look
    return first


def reused_version(looks: Sequence[Entry]) -> Entry | None:
    """The latest look that saw another file under the version of the last one; None where there is none."""
    read = [look for look in looks if look.statement.facts["sha256"] is not None]
    if not read:
        return None
    last = read[-1].statement.facts
    others = (look for look in reversed(read) if look.statement.facts["sha256"] != last["sha256"])
    return next((look for look in others if look.statement.facts["version"] == last["version"]), None)


def unfilled(look: Entry) -> tuple[str, ...]:
    """The titles of the sections that say nothing yet: absent, empty, or nothing but what the template says."""
    facts = look.statement.facts
    empty = [section["title"] for section in facts["sections"] if section["state"] != "filled" and section["title"]]
    return (*facts["absent"], *empty)


def authors_of(scope: ScopeState, document: ControlledDocument) -> tuple[str, ...]:
    """Who wrote a document, by pseudonym: as it stands, and as a change says that waits for approval."""
    field = f"documents.{document.id}.author"
    waiting = (one.new for one in scope.pending if one.field == field and one.new)
    return tuple(sorted({document.author, *waiting}))


def document_need(scope: ScopeState, document: ControlledDocument) -> Need | None:
    """What the approver of a document is asked about it now; None while there is nothing fit to be signed.

    Nothing is: a file that was never read or cannot be, one without version, one whose version stood for another file,
    and one whose sections say nothing yet.
    """
    looks = scope.documents.get(document.name, [])
    first = unchanged_since(looks)
    if first is None or looks[-1].statement.facts["problem"] is not None:
        return None
    facts = looks[-1].statement.facts
    if facts["version"] is None or reused_version(looks) or unfilled(looks[-1]):
        return None
    return Need(
        type="document",
        scope=scope.name,
        title=f"{document.title}, version {facts['version']}",
        question=f"Is version {facts['version']} of {document.title} as it should be, and does it hold from now on?",
        subjects=(Subject(document.name, facts["sha256"]),),
        options=(),
        roles=(document.approver,),
        authors=authors_of(scope, document),
    )


def document_needs(scope: ScopeState) -> Iterator[Need]:
    """What the approvers of a scope's documents are asked now."""
    for document in documents_of(scope):
        if need := document_need(scope, document):
            yield need


def signature(scope: ScopeState, document: ControlledDocument) -> Settled | None:
    """The latest answer that counts to whether the document holds as it stands, whoever was asked."""
    first = unchanged_since(scope.documents.get(document.name, []))
    if first is None:
        return None
    subjects = (Subject(document.name, first.statement.facts["sha256"]),)
    found = (
        settled(decisions, since=first.index)
        for decisions in scope.decisions.values()
        if (decisions[0].need.type, decisions[0].need.subjects) == ("document", subjects)
    )
    return max((each for each in found if each), key=lambda each: each.index, default=None)


def review_due(document: ControlledDocument, signed: Settled) -> datetime:
    """When a signed document has to be looked at again."""
    return months_after(signed.at, document.review_months)


def asked_since(scope: ScopeState, name: str, at: datetime) -> int:
    """The entry before which answers about a document are past: another file, or the review that is due by ``at``."""
    first = unchanged_since(scope.documents.get(name, []))
    for document in documents_of(scope):
        signed = signature(scope, document) if document.name == name else None
        if signed and signed.approves and review_due(document, signed) <= at:
            return signed.index + 1
    return first.index if first else 0

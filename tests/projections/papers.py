"""Documents for the story in memory: what is declared of one, and what a look at it saw."""

from affidavit.evidence import ORGANISATION_SCOPE, Entry, Origin, kinds
from tests.projections import story
from tests.projections.story import Story

POLICY = {
    "id": "policy",
    "kind": "ai-policy",
    "title": "AI policy",
    "owner": "governance-lead",
    "author": "p-7",
    "approver": "board",
    "review_months": 12,
    "file": "documents/policy.md",
}
IMPACT = POLICY | {"id": "impact", "kind": "ai-impact-assessment", "title": "Impact", "file": "documents/impact.md"}
ROLES = {
    name: {"title": name, "holders": [holder]}
    for name, holder in (("ml-lead", "p-1"), ("data-owner", "p-2"), ("governance-lead", "p-3"), ("board", "p-4"))
}
PEOPLE = {person: {} for person in ("p-1", "p-2", "p-3", "p-4", "p-7")}


def declare(ledger: Story, *documents: dict, **changes) -> Entry:
    """Declare the organisation with these documents; without any, with :data:`POLICY`."""
    declared = {"documents": list(documents) or [POLICY], "roles": ROLES, "people": PEOPLE, **changes}
    return ledger.declare_organisation(**declared)


def look(
    ledger: Story, text: str | None, version: str | None = "1", *, of=None, scope=ORGANISATION_SCOPE, **changes
) -> Entry:
    """A look at a document that saw ``text``, or, for None, a file that could not be read."""
    of = of or POLICY
    read = text is not None
    source = f"file:include/{of['file']}"
    facts = {
        "document": of["id"],
        "kind": of["kind"],
        "source": source,
        "problem": None if read else f"{source}: there is no such file. Fix: put it there",
        "media_type": "text/markdown" if read else None,
        "bytes": 1 if read else None,
        "sha256": story.digest(text) if read else None,
        "version": version if read else None,
        "covers": [],
        "template": story.digest("template"),
        "sections": [section("Purpose"), section("Scope")] if read else [],
        "sections_omitted": 0,
        "absent": [],
        "details": None,
        **changes,
    }
    name, sha256 = f"affidavit://documents/{of['id']}", facts["sha256"] or ""
    return ledger.say(kinds.DOCUMENT, name, facts, scope=scope, sha256=sha256, origin=Origin.DECLARED)


def section(title: str | None, state: str = "filled") -> dict:
    """A section as a look says of it."""
    return {"title": title, "sha256": story.digest(f"{title} {state}"), "state": state}

"""Books for the story in memory: what is declared, and what a look at one recorded of each row."""

from typing import Any

from affidavit.evidence import ORGANISATION_SCOPE, Entry, Origin, kinds
from affidavit.inventory import book_name
from affidavit.inventory.record_fields import FIELDS, GROUPS
from tests.projections import papers
from tests.projections.story import STEPS, Story

BOOKS = [{"id": kind, "kind": kind, "file": f"records/{kind}.yaml"} for kind in FIELDS]
OWNERS = {str(clause): "governance-lead" for clause in range(4, 11)} | {"A.5": "governance-lead", "A.6": "ml-lead"}
RISK = {
    "scope": ["loans"],
    "owner": "ml-lead",
    "identified": "2026-01-05",
    "likelihood": 4,
    "consequence": 4,
    "controls": ["A.5.2", "A.6.2.5"],
    "residual_likelihood": 2,
    "residual_consequence": 4,
    "state": "treated",
    "reviewed": "2026-02-01",
    "review_months": 6,
}
ACTION = {
    "risk": ["r-1"],
    "owner": "ml-lead",
    "opened": "2026-01-06",
    "due": "2026-04-01",
    "done": "2026-02-20",
    "effect": "reduced",
}
PLAN = {
    "what": "documents",
    "items": ["policy"],
    "owner": "governance-lead",
    "planned": "2026-03-01",
    "effective": "2026-03-05",
    "approved_by": "p-4",
}
AUDIT = {
    "planned": "2026-02-10",
    "criteria": ["9.2.2", "A.6.2.5"],
    "auditor": "p-7",
    "held": "2026-02-11",
    "reported": "2026-02-20",
    "findings": 2,
}
IMPROVEMENT = {
    "source": "audit",
    "owner": "ml-lead",
    "opened": "2026-01-01",
    "due": "2026-03-01",
    "closed": "2026-02-01",
    "figure_before": 12.5,
    "figure_after": 3,
    "unit": "hours",
    "better": "lower",
}
NONCONFORMITY = {
    "source": "internal-audit",
    "requirements": ["A.6.2.5"],
    "grade": "minor",
    "graded_by": "p-7",
    "owner": "ml-lead",
    "opened": "2026-01-10",
    "cause_in": "process",
    "similar": "none-found",
    "due": "2026-02-01",
    "acted": "2026-01-20",
    "effective_days": 30,
    "closed": "2026-02-20",
    "closed_by": "p-7",
}
FIRST_ROWS = {
    "risks": ("r-1", RISK),
    "risk-actions": ("ra-1", ACTION),
    "planned-changes": ("pc-1", PLAN),
    "audits": ("ia-1", AUDIT),
    "nonconformities": ("nc-1", NONCONFORMITY),
    "improvements": ("im-1", IMPROVEMENT),
}


def declare(story: Story, *, books: Any = BOOKS, **changes: Any) -> None:
    """The organisation with these books, and the AI system without any."""
    story.declare_organisation(
        **{"roles": papers.ROLES, "people": papers.PEOPLE, "owners": OWNERS, "books": list(books), **changes}
    )
    story.declare()


def record(
    story: Story, kind: str, name: str, row: dict[str, Any], *, scope: str = ORGANISATION_SCOPE, withdrawn: bool = False
) -> Entry:
    """What a look at a book recorded of one row."""
    facts: dict[str, Any] = {group: {} for group in GROUPS.values()}
    for field, value in row.items():
        facts[GROUPS[FIELDS[kind][field].holds]][field] = value
    facts |= {"book": kind, "kind": kind, "record": name, "source": f"file:include/records/{kind}.yaml"}
    facts |= {"withdrawn": withdrawn, "details": None}
    return story.say(kinds.RECORD, f"{book_name(kind)}{name}", facts, scope=scope, origin=Origin.DECLARED)


def collect(story: Story, *, read: Any = tuple(FIELDS)) -> None:
    """The end of the slot in both scopes, in which these books were read."""
    story.collection(steps=STEPS)
    story.collection(scope=ORGANISATION_SCOPE, steps=("declarations", *(f"book:{kind}" for kind in read)))


def kept(*without: str, **rows: Any) -> Story:
    """One good record of each kind, but for those kinds ``without``; all looked at."""
    story = Story()
    declare(story)
    for kind, (name, row) in FIRST_ROWS.items():
        if kind not in without:
            record(story, kind, name, {**row, **rows.get(kind.replace("-", "_"), {})})
    collect(story)
    return story

"""The catalogue's values: requirements, crosswalk links, check calls, policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Scope = Literal["organisation", "system", "dataset", "supplier"]
Automation = Literal["machine", "hybrid", "attestation"]

TOPICS = (
    "governance",
    "risk-management",
    "impact-assessment",
    "data-governance",
    "model-management",
    "transparency-explainability",
    "human-oversight",
    "security-privacy",
    "incident-management",
    "continual-improvement",
)
"""The second axis: what a requirement is about, across the areas of the standard."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another framework: ``framework`` (``eu-ai-act``), ``reference`` (``Art. 11``), who supports it."""

    framework: str
    reference: str
    support: tuple[str, ...]

    @property
    def proposal(self) -> bool:
        """True where nobody but us supports the link; hidden by default."""
        return set(self.support) <= {"OWN"}


@dataclass(frozen=True, slots=True)
class CheckCall:
    """A named check (``suites_passed/1``) with the parameters it is asked with."""

    check: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Requirement:
    """A control of Annex A, or an auditable clause.

    ``scope`` says what one answer is about; ``group`` is the sub-heading, where there is one; ``question`` is what
    only a competent person can judge; ``parts`` are the named checks that decide.
    """

    id: str
    clause: bool
    title: str
    area: str
    group: str
    scope: Scope
    lifecycle: tuple[str, ...]
    topics: tuple[str, ...]
    automation: Automation
    summary: str
    check: str
    question: str
    evidence: tuple[str, ...]
    crosswalks: tuple[Link, ...]
    parts: tuple[CheckCall, ...]

    def links(self, *, proposals: bool = False) -> tuple[Link, ...]:
        """Crosswalk links; without ``proposals``, only those that somebody else supports."""
        return tuple(link for link in self.crosswalks if proposals or not link.proposal)


@dataclass(frozen=True, slots=True)
class Policy:
    """Values that the checks read.

    ``grace_slots``: slots that may come due after the last collected one before evidence is stale; ``window_slots``:
    latest due slots that must each have been collected where a requirement asks for no gaps. ``judgement_months``: how
    long a person's answer to a question holds; ``answer_hours``: how long a person is waited for before the request
    times out; ``rollback_approval_hours``: how long after a rollback its approval may come; ``triage_days``: how long a
    requirement may fail before somebody has said what that amounts to.
    """

    grace_slots: int
    window_slots: int
    judgement_months: int
    answer_hours: int
    rollback_approval_hours: int
    triage_days: int


@dataclass(frozen=True)
class Catalogue:
    """All requirements, in the order of the standard: clauses, then controls.

    ``digest`` is a SHA-256, in hexadecimal, over everything that the files say, comments aside.
    """

    clauses: tuple[Requirement, ...]
    controls: tuple[Requirement, ...]
    policy: Policy
    digest: str

    def __iter__(self) -> Iterator[Requirement]:
        yield from self.clauses
        yield from self.controls

    def get(self, requirement_id: str) -> Requirement | None:
        """The requirement with that id; None where there is none."""
        return next((item for item in self if item.id == requirement_id), None)

"""Findings: controls and clauses that assessments recorded as failing, each once for as long as it lasts.

A finding opens with the assessment that first records a requirement as failing, however many repeat it. It ends where
one records it as supported or as asked no more: of an accepted one it is known that it fails, and of a stale, missing
or undetermined one nothing shows that it works again. What fails again within :data:`RECURS` of its end is the same
finding: one good run between two bad ones ends nothing. What a finding amounts to, a person says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from affidavit.evidence import Json, Subject
from affidavit.inventory import Organisation
from affidavit.projections.decisions import Settled, settled
from affidavit.projections.need import OPTIONS, Need
from affidavit.projections.scope import ScopeState

TRIAGE = "finding"
RECURS = timedelta(days=30)
IMPROVEMENT = "10.2"
"""The clause whose owner is asked."""

_FAILING, _ENDS = "failing", {"supported", "not applicable", None}


@dataclass(frozen=True, slots=True)
class Finding:
    """A requirement of ``scope`` that the assessment in entry ``index`` was the first to record as failing, ``at``.

    ``ended`` is when it was recorded not to fail any more, None while it was not; ``spells`` how often it began.
    """

    scope: str
    control: str
    index: int
    at: datetime
    ended: datetime | None
    spells: int

    @property
    def name(self) -> str:
        """What records call it: ``A.7.4@17``."""
        return f"{self.control}@{self.index}"

    @property
    def subject(self) -> Subject:
        """What a decision about it is bound to: where, what, and since which entry."""
        facts: dict[str, Json] = {"scope": self.scope, "control": self.control, "entry": self.index}
        return Subject.of_facts(f"affidavit://findings/{self.scope}/{self.control}/{self.index}", facts)


def findings(scope: ScopeState) -> tuple[Finding, ...]:
    """Every finding of ``scope``, ended ones too, in the order in which they opened."""
    found = (each for control in scope.recorded for each in _of_control(scope, control))
    return tuple(sorted(found, key=lambda each: (each.index, each.control)))


def _of_control(scope: ScopeState, control: str) -> Iterator[Finding]:
    last: Finding | None = None
    for change in scope.recorded[control]:
        if change.status == _FAILING and (last is None or (last.ended and last.ended + RECURS < change.at)):
            if last:
                yield last
            last = Finding(scope.name, control, change.index, change.at, None, 1)
        elif change.status == _FAILING and last and last.ended:
            last = replace(last, ended=None, spells=last.spells + 1)
        elif change.status in _ENDS and last and last.ended is None:
            last = replace(last, ended=change.at)
    if last:
        yield last


def finding_needs(organisation: Organisation | None, scope: ScopeState) -> Iterator[Need]:
    """What is asked about each finding of ``scope`` that has not ended: of who answers for it, once."""
    asked = (organisation.deciders.get("finding") or organisation.owner_of(IMPROVEMENT)) if organisation else None
    role = asked or (scope.system.value.owner if scope.system else None)
    for finding in findings(scope):
        if finding.ended is None:
            yield Need(
                type=TRIAGE,
                scope=scope.name,
                title=f"{finding.control} fails ({finding.name})",
                question=f"{finding.control} has been failing since {finding.at.date()}. What does that amount to?",
                subjects=(finding.subject,),
                options=OPTIONS[TRIAGE],
                roles=(role,) if role else (),
            )


def triaged(scope: ScopeState, finding: Finding) -> Settled | None:
    """The latest answer that counts to what ``finding`` amounts to, whoever was asked."""
    found = (
        settled(decisions)
        for decisions in scope.decisions.values()
        if (decisions[0].need.type, decisions[0].need.subjects) == (TRIAGE, (finding.subject,))
    )
    return max((each for each in found if each), key=lambda each: each.index, default=None)

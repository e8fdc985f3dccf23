"""Checks of findings: whether somebody looked at each requirement that assessments record as failing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from affidavit.evidence import ORGANISATION_SCOPE, Entry
from affidavit.projections import ScopeState
from affidavit.projections.findings import Finding, findings, triaged
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView


@check(
    "findings_triaged/1",
    about="any",
    limits="What no check finds, and that a finding was taken for what it is.",
)
def _findings_triaged(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    scopes = (view.state.organisation, *view.systems) if view.scope == ORGANISATION_SCOPE else (view.mine,)
    recorded = sum(len(scope.recorded) for scope in scopes)
    if not recorded:
        return Outcome(Status.MISSING, "No assessment was recorded.", _declared(scopes), "Run the assessment")
    every = [(scope, finding) for scope in scopes for finding in findings(scope) if finding.ended is None]
    if not every:
        ended = sum(len(findings(scope)) for scope in scopes)
        sentence = f"Nothing fails of {count(recorded, 'requirement')} assessed; {count(ended, 'finding')} ended."
        return Outcome(Status.SUPPORTED, sentence, _declared(scopes))
    patience = timedelta(days=view.policy.triage_days)
    outcomes = [_triaged(scope, finding, at, patience) for scope, finding in every]
    amount = [outcome.sentence for outcome in outcomes if outcome.status is Status.SUPPORTED]
    return together(outcomes, f"{count(len(every), 'finding')}, each looked at: {some(amount)}.")


def _declared(scopes: Iterable[ScopeState]) -> tuple[Entry, ...]:
    # Of assessments, which record what this judges, only the words speak: else each would make the next one another.
    return tuple(scope.standing.entry for scope in scopes if scope.standing)


def _triaged(scope: ScopeState, finding: Finding, at: datetime, patience: timedelta) -> Outcome:
    name = f"{finding.control} of {scope.name.removeprefix('system:')}"
    entries, since = _declared((scope,)), f"since {finding.at.date()} (entry {finding.index})"
    decided = triaged(scope, finding)
    if decided:
        return Outcome(Status.SUPPORTED, f"{name} ({decided.words})", (*entries, *decided.entries))
    action = f"Say what the finding amounts to: {name} (affidavit decisions)"
    due = finding.at + patience
    if at < due:
        sentence = f"{name} has been failing {since}, and nobody has looked at it yet."
        return Outcome(Status.AWAITING, sentence, entries, action, due)
    sentence = f"{name} has been failing {since}, and nobody looked at it by {due.date()}."
    return Outcome(Status.FAILING, sentence, entries, action)

"""Checks of nonconformities: whether each has a record, and each record what it takes to close one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.projections import ScopeState
from affidavit.projections.findings import Finding, findings, triaged
from affidavit.projections.need import NONCONFORMITY
from affidavit.projections.records import Record
from affidavit.rules.records import Kept, concluded, day_after, kept
from affidavit.rules.registry import Outcome, check, count, some
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView


@check(
    "nonconformities_treated/1",
    about="any",
    limits="That a cause is the real one and a correction enough, and effects that no check of these shows.",
)
def _nonconformities_treated(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    found, patience = kept(view, "nonconformities", at), timedelta(days=view.policy.triage_days)
    scopes = (view.state.organisation, *view.systems)
    known = {finding.name: finding for scope in scopes for finding in findings(scope)}
    asked = (view.mine,) if view.scope != ORGANISATION_SCOPE else scopes
    records = found.standing
    outcomes = [each for scope in asked for each in _unrecorded(scope, records, at, patience)]
    outcomes += (outcome for record in records for outcome in _treated(found, record, known, at, patience))
    closed = sum(record.day("closed") is not None for record in records)
    sentence = (
        f"{count(len(records), 'record')} of nonconformities, none overdue; {closed} closed once an effect was seen."
    )
    return concluded([found], outcomes, sentence, at)


def _unrecorded(scope: ScopeState, records: tuple[Record, ...], at: datetime, patience: timedelta) -> Iterator[Outcome]:
    """Each finding that somebody called a nonconformity, and that no record names."""
    named = {name for record in records for name in record.links("findings")}
    for finding in findings(scope):
        decided = triaged(scope, finding)
        if decided is None or decided.option != NONCONFORMITY or finding.name in named:
            continue
        due, action = decided.at + patience, f"Record the nonconformity, with {finding.name} among its findings"
        words = f"{', '.join(decided.by)} called the finding {finding.name} a nonconformity, and no record names it"
        if at < due:
            yield Outcome(Status.NOT_YET_DUE, f"{words} yet.", decided.entries, action, due)
        else:
            yield Outcome(Status.FAILING, f"{words}.", decided.entries, action)


def _treated(
    found: Kept, record: Record, known: Mapping[str, Finding], at: datetime, patience: timedelta
) -> Iterator[Outcome]:
    label, entries = f"The nonconformity {record.id}", (record.latest,)
    due, acted, days = record.day("due"), record.day("acted"), record.number("effective_days")
    assert due
    assert days
    for words, action in _lacks(found, record, known):
        yield Outcome(Status.FAILING, f"{label} {words}.", entries, action)
    if acted is None and day_after(due) <= at:
        action = f"Act on {record.id}, and write down when"
        yield Outcome(Status.FAILING, f"{label} was due on {due}, and nobody has acted.", entries, action)
    elif acted is None:
        yield Outcome(Status.SUPPORTED, "", entries, valid_until=day_after(due))
    elif record.day("closed") is None:
        seen = day_after(acted) + timedelta(days=days)
        if at < seen + patience:
            yield Outcome(Status.SUPPORTED, "", entries, valid_until=seen + patience)
        else:
            sentence = f"{label} was acted on by {acted}, and whether that helped was to be seen by {seen.date()}."
            yield Outcome(Status.FAILING, sentence, entries, f"Close {record.id}, or act again")
    else:
        yield Outcome(Status.SUPPORTED, "", entries)


def _lacks(found: Kept, record: Record, known: Mapping[str, Finding]) -> Iterator[tuple[str, str]]:
    """What a record does not say, or says too early, with what to do."""
    if record.word("grade") and record.person("graded_by") is None:
        yield f"is graded {record.word('grade')} by nobody", f"Name the auditor who graded {record.id}"
    if record.day("acted") and not (record.word("cause_in") and record.word("similar")):
        yield "was acted on, and its cause or similar cases were not looked for", f"Find the cause of {record.id}"
    if unknown := [name for name in record.links("findings") if name not in known]:
        yield f"names {some(unknown)}, which is no finding", f"Correct the findings of {record.id}"
    closed, acted, days = record.day("closed"), record.day("acted"), record.number("effective_days")
    if closed is None or acted is None or days is None:
        return
    person, period = record.person("closed_by"), timedelta(days=days)
    again = f"Open {record.id} again until its effect was seen for {days:g} days"
    if person is None or person in found.holders(record.role()):
        who = "nobody" if person is None else f"{person}, who holds {record.role()}, its owner"
        yield f"was closed by {who}", f"Have {record.id} closed by somebody else than its owner"
    if closed - acted < period:
        yield f"was closed {(closed - acted).days} days after it was acted on, not {days:g}", again
    for finding in (known[name] for name in record.links("findings") if name in known):
        if finding.ended is None:
            yield f"is closed, and {finding.control} of {finding.scope} fails", again
        elif day_after(closed) < finding.ended + period:
            yield f"was closed before {finding.control} of {finding.scope} had worked for {days:g} days", again

"""Checks of what management plans and follows up: changes, audits and improvements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from affidavit.evidence import ORGANISATION_SCOPE, Entry
from affidavit.projections.decisions import months_after
from affidavit.projections.records import Effect, Record, effects
from affidavit.rules.records import TOLD, Kept, concluded, day_after, kept
from affidavit.rules.registry import Outcome, check, count, some
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

_YEAR = 12
_DEPLOYMENT = "deployment"


@check(
    "changes_planned/1",
    about="any",
    limits="Changes that left no trace in this ledger, and whether a plan weighed what the change would bring.",
)
def _changes_planned(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    found = kept(view, "planned-changes", at)
    scopes = dict.fromkeys((ORGANISATION_SCOPE, *(scope.name for scope in view.systems)))
    views = [replace(view, scope=name) for name in scopes]
    seen = [effect for own in views for effect in effects(own.mine, at=at, within=TOLD)]
    outcomes = [_planned(found, effect) for effect in seen]
    what = f"{count(len(seen), 'change')} in the last {TOLD.days} days"
    said = f"{what}: for each a plan was recorded before, approved by another than its owner."
    return concluded([found], outcomes, said if seen else f"{what}: nothing that a plan is due for.", at)


def _planned(found: Kept, effect: Effect) -> Outcome:
    """The best that any plan for one change came to, by what the ledger held before the change."""
    naming = [plan for plan in found.records if _names(plan, effect)]
    entries: tuple[Entry, ...] = (effect.entry,)
    action = f"Plan the next change of {effect.item} before it is made, and have it approved"
    words = f"Of {effect.words} no plan was recorded"
    for plan in naming:
        before = plan.before(effect.entry.index)
        entries = (effect.entry, plan.latest)
        if before is None or before.withdrawn or not _names(before, effect):
            words = f"Of {effect.words} the plan {plan.id} was recorded only after it, or withdrawn before"
        elif (person := before.person("approved_by")) is None:
            words = f"Of {effect.words} nobody had approved the plan {plan.id}"
        elif person in found.holders(before.role()):
            words = (
                f"Of {effect.words} the plan {plan.id} was approved by {person}, who holds {before.role()}, its owner"
            )
        else:
            return Outcome(Status.SUPPORTED, "", (effect.entry, before.latest))
    return Outcome(Status.FAILING, f"{words}.", entries, action)


def _names(plan: Record, effect: Effect) -> bool:
    """Whether a plan is about a change, or about all of what changed: ``documents.policy`` about its owner."""
    if plan.scope not in {effect.scope, ORGANISATION_SCOPE}:
        return False
    if (plan.word("what") == _DEPLOYMENT) != effect.deployment:
        return False
    # In a book of the organisation, `schedule` would be that of any AI system; a model's name is its own.
    own = plan.scope == effect.scope or effect.deployment
    name = effect.item if own else f"{effect.scope.removeprefix('system:')}:{effect.item}"
    return any(name == item or name.startswith(f"{item}.") for item in plan.links("items"))


@check(
    "audits_held/1",
    about="any",
    limits="That the programme covers what it should, what an audit looked at, and who held a role on its day: holders "
    "are read as they are now.",
)
def _audits_held(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    found = kept(view, "audits", at)
    audits = found.standing
    outcomes = [outcome for audit in audits for outcome in _audit(found, audit, at)]
    outcomes += _programme(audits, at)
    held = [audit for audit in audits if audit.day("held")]
    sentence = (
        f"{len(held)} of {count(len(audits), 'planned audit')} held and reported, none late, each by an auditor who "
        "holds no role that answers for what was audited."
    )
    return concluded([found], outcomes, sentence, at)


def _audit(found: Kept, audit: Record, at: datetime) -> Iterator[Outcome]:
    entries, planned = (audit.latest,), audit.day("planned")
    assert planned
    held, reported = audit.day("held"), audit.day("reported")
    late = (held is None or reported is None) and day_after(planned) <= at
    if late:
        lacking = "held" if held is None else "reported"
        sentence = f"The audit {audit.id} was planned for {planned} and is not {lacking}."
        yield Outcome(Status.FAILING, sentence, entries, f"Hold {audit.id} and report it, or plan it anew")
    organisation = found.view.organisation
    owners = {each: organisation.owner_of(each) if organisation else None for each in audit.links("criteria")}
    own = sorted({role for role in owners.values() if role and audit.person("auditor") in found.holders(role)})
    if own:
        sentence = f"{audit.person('auditor')}, who audits in {audit.id}, holds {some(own)}, which answers for it."
        yield Outcome(Status.FAILING, sentence, entries, f"Have {audit.id} held by somebody else")
    elif vacant := sorted(each for each, role in owners.items() if role is None or not found.holders(role)):
        sentence = f"Nobody answers for {some(vacant)}: whether {audit.id} is independent cannot be told."
        action = f"Name who answers for {some(vacant)} in include/organisation.yaml"
        yield Outcome(Status.UNDETERMINED, sentence, entries, action)
    else:
        yield Outcome(Status.SUPPORTED, "", entries, valid_until=None if held or late else day_after(planned))


def _programme(audits: tuple[Record, ...], at: datetime) -> Iterator[Outcome]:
    """Whether there are audits at all: one held within a year, or one to come before anything can be asked of it."""
    if not audits:
        yield Outcome(Status.MISSING, "No audit is planned.", (), "Plan audits, and write down what each is to look at")
        return
    held = [audit for audit in audits if audit.day("held") and audit.day("reported")]
    last = max(held, key=lambda audit: str(audit.day("held")), default=None)
    if last is None:
        first = min(str(audit.day("planned")) for audit in audits)
        entries = tuple(audit.latest for audit in audits)
        yield Outcome(Status.NOT_YET_DUE, f"The first audit is planned for {first}.", entries, "Hold it in time")
        return
    day = last.day("held")
    assert day
    until = months_after(day_after(day), _YEAR)
    if until <= at:
        sentence = f"The latest audit, {last.id}, was held on {day}, more than {_YEAR} months ago."
        yield Outcome(Status.STALE, sentence, (last.latest,), "Plan the next audit, and hold it")
    else:
        yield Outcome(Status.SUPPORTED, "", (last.latest,), valid_until=until)


@check(
    "improvements_measured/1",
    about="any",
    limits="That the figures are right and measure what was to be improved, and that what was done brought the change.",
)
def _improvements_measured(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    found = kept(view, "improvements", at)
    records = found.standing
    closed = [each for each in records if (day := each.day("closed")) and months_after(day_after(day), _YEAR) > at]
    outcomes = [*(_improved(each) for each in closed), *(_open(each, at) for each in records if not each.over)]
    if not records:
        action = "Record what is improved, with a figure before and after"
        outcomes.append(Outcome(Status.MISSING, "No improvement is recorded.", (), action))
    elif not closed:
        action = "Finish what is open, and measure what came of it"
        last = max((str(each.day("closed")) for each in records if each.over), default="")
        status, words = (Status.STALE, f"since {last}") if last else (Status.NOT_YET_DUE, "yet")
        sentence = f"No improvement was finished {words}."
        outcomes.append(Outcome(status, sentence, tuple(each.latest for each in records), action))
    sentence = f"{count(len(closed), 'improvement')} in the last {_YEAR} months: each with figures that got better."
    return concluded([found], outcomes, sentence, at)


def _improved(record: Record) -> Outcome:
    before, after = record.number("figure_before"), record.number("figure_after")
    unit, better = record.word("unit"), record.word("better")
    label, entries = f"The improvement {record.id}", (record.latest,)
    if before is None or after is None or unit is None or better is None:
        sentence = f"{label} is closed, and does not say by figures in one unit what came of it."
        action = f"Measure what {record.id} came to: figure_before, figure_after, unit, better"
        return Outcome(Status.FAILING, sentence, entries, action)
    gain = after - before if better == "higher" else before - after
    if gain <= 0:
        sentence = f"{label} is closed, and made nothing better: {before:g} {unit} before, {after:g} after."
        return Outcome(Status.FAILING, sentence, entries, f"Open {record.id} again, or record what to do instead")
    closed = record.day("closed")
    assert closed
    return Outcome(Status.SUPPORTED, "", entries, valid_until=months_after(day_after(closed), _YEAR))


def _open(record: Record, at: datetime) -> Outcome:
    due = record.day("due")
    assert due
    if day_after(due) <= at:
        sentence = f"The improvement {record.id} was due on {due} and is not closed."
        return Outcome(Status.FAILING, sentence, (record.latest,), f"Finish {record.id}, or record why it ends")
    return Outcome(Status.SUPPORTED, "", (record.latest,), valid_until=day_after(due))

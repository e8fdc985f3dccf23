"""Checks of risks and their treatment: what the books say of each, and that no book of them went unread.

That a book is there shows nothing by itself, and an empty one shows that somebody looked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from affidavit.evidence import ORGANISATION_SCOPE, moment
from affidavit.inventory import BookKind, Organisation
from affidavit.projections.decisions import months_after
from affidavit.projections.records import Record, books_of, records_of, weakened
from affidavit.rules.collected import freshness
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

TOLD = timedelta(days=90)
"""For how long a sentence names what was made weaker, and how far back changes are asked for their plan."""

_READ = "Run the collection, and read why the book could not be understood"
_CATALOGUED = re.compile(r"(A\.)?[0-9]+(\.[0-9]+)*")


@dataclass(frozen=True)
class Kept:
    """The records of one kind that ``view`` is about, the withdrawn ones too, and how the looks at them stand."""

    view: ScopeView
    records: tuple[Record, ...]
    looks: tuple[Outcome, ...]

    @property
    def standing(self) -> tuple[Record, ...]:
        """The records whose row is there."""
        return tuple(record for record in self.records if not record.withdrawn)

    def holders(self, role: str) -> frozenset[str]:
        """Who holds a role of the organisation as in force."""
        found = self.view.organisation.roles.get(role) if self.view.organisation else None
        return frozenset(found.holders if found else ())


def kept(view: ScopeView, kind: BookKind, at: datetime) -> Kept:
    """What the organisation's books of one kind hold, and those of the AI systems that ``view`` is about."""
    scopes = dict.fromkeys((ORGANISATION_SCOPE, *(scope.name for scope in view.systems)))
    records: list[Record] = []
    looks = []
    for name in scopes:
        own = replace(view, scope=name)
        records += records_of(own.mine, kind)
        for book in books_of(own.mine, kind):
            looked = freshness(own, f"book:{book.id}", at)
            looks.append(looked if looked.status is Status.SUPPORTED else replace(looked, next_action=_READ))
    if not looks:
        words = kind.replace("-", " ")
        action = f"Declare where the {words} are kept (books), for the organisation or in the file of an AI system"
        looks.append(Outcome(Status.MISSING, f"No book of {words} is declared.", (), action))
    return Kept(view, tuple(records), tuple(looks))


def concluded(found: Iterable[Kept], outcomes: Iterable[Outcome], supported: str, at: datetime) -> Outcome:
    """The total of the looks and of what the records say; its sentence names what was made weaker of late."""
    several = tuple(found)
    outcome = together([*(look for each in several for look in each.looks), *outcomes], supported)
    changes = [change for each in several for record in each.records for change in weakened(record)]
    late = [change for change in changes if (seen := moment(change.entry.statement.observed_at)) <= at < seen + TOLD]
    if not late:
        return outcome
    words = f"{outcome.sentence} Made weaker in the last {TOLD.days} days: {some(each.words for each in late)}."
    entries = {entry.index: entry for entry in (*outcome.entries, *(each.entry for each in late))}
    return replace(outcome, sentence=words, entries=tuple(entries.values()))


def day_after(day: date) -> datetime:
    """When a day is over."""
    return datetime.combine(min(day, date.max - timedelta(days=1)) + timedelta(days=1), time(), UTC)


@check(
    "risks_scored/1",
    about="any",
    limits="That these are all the risks and each score is right, whether the criteria fit, and who accepted a risk.",
)
def _risks_scored(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    found = kept(view, "risks", at)
    risks = [risk for risk in found.standing if not risk.over]
    outcomes = [_risk(found, risk, at) for risk in risks]
    systems = [scope.name.removeprefix("system:") for scope in view.systems]
    without = [name for name in systems if name not in {risk.about for risk in risks}]
    if without:
        action = f"Record the risks of {some(without)}, each scored and owned"
        outcomes.append(
            Outcome(Status.MISSING, f"No risk that is not closed is recorded of {some(without)}.", (), action)
        )
    if not systems:
        outcomes.append(Outcome(Status.MISSING, "No AI system is recorded.", (), "Declare the AI systems and collect"))
    sentence = (
        f"{count(len(risks), 'risk')} of {count(len(systems), 'AI system')}: each is scored, owned by a role that "
        "somebody holds, treated by controls or accepted, and was reviewed in time."
    )
    return concluded([found], outcomes, sentence, at)


def _risk(found: Kept, risk: Record, at: datetime) -> Outcome:
    label, entries = f"The risk {risk.id}", (risk.latest,)

    def fails(words: str, action: str) -> Outcome:
        return Outcome(Status.FAILING, f"{label} {words}.", entries, action)

    if risk.number("likelihood") is None or risk.number("consequence") is None:
        return fails("is not scored", f"Score {risk.id} for likelihood and consequence")
    if not found.holders(risk.role()):
        return fails(f"belongs to {risk.role()}, which nobody holds", f"Name who holds {risk.role()}, or another owner")
    if risk.word("state") != "accepted":
        controls = risk.links("controls")
        if not controls:
            return fails("is neither treated by any control nor accepted", f"Name the controls that treat {risk.id}")
        if gone := [each for each in controls if not _operates(found.view.organisation, each)]:
            return fails(f"is treated by {some(gone)}, which does not apply here", f"Name other controls for {risk.id}")
    reviewed = risk.day("reviewed") or risk.day("identified")
    months = risk.number("review_months")
    assert reviewed
    assert months
    due = months_after(datetime.combine(reviewed, time(), UTC), int(months))
    if due <= at:
        sentence = f"{label} was to be reviewed by {due.date()}."
        return Outcome(Status.STALE, sentence, entries, f"Review {risk.id}, and write down when")
    return Outcome(Status.SUPPORTED, "", entries, valid_until=due)


def _operates(organisation: Organisation | None, control: str) -> bool:
    """Whether a control applies: one of the catalogue that is not excluded, or one of the organisation's own."""
    if organisation is None or control in organisation.excluded:
        return False
    return bool(_CATALOGUED.fullmatch(control)) or control in {own.id for own in organisation.own_controls}


@check(
    "risk_actions_done/1",
    about="any",
    limits="That an action was done as its row says, that it was the right one, and why a risk was accepted.",
)
def _risk_actions_done(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    risks, actions = kept(view, "risks", at), kept(view, "risk-actions", at)
    owed = [risk for risk in risks.standing if not risk.over and risk.word("state") != "accepted"]
    outcomes = [outcome for action in actions.standing for outcome in _action(action, at)]
    for risk in owed:
        own = [each for each in actions.standing if each.scope == risk.scope and risk.id in each.links("risk")]
        outcomes += _treatment(risk, own)
    if not risks.standing:
        action = "Record the risks of each AI system, and what is done about them"
        outcomes.append(Outcome(Status.MISSING, "No risk is recorded that an action could treat.", (), action))
    accepted = len([risk for risk in risks.standing if risk.word("state") == "accepted"])
    sentence = (
        f"{count(len(owed), 'risk')} to be treated, each by an action, none overdue; what is done says its effect, and "
        f"no residual risk is above the initial one. {count(accepted, 'risk')} accepted."
    )
    return concluded([risks, actions], outcomes, sentence, at)


def _action(action: Record, at: datetime) -> Iterator[Outcome]:
    entries, due, done = (action.latest,), action.day("due"), action.day("done")
    assert due
    if done is None and day_after(due) <= at:
        sentence = f"The action {action.id} was due on {due} and is not done."
        yield Outcome(Status.FAILING, sentence, entries, f"Do {action.id}, or say why its risk is accepted")
    elif done is None:
        yield Outcome(Status.SUPPORTED, "", entries, valid_until=day_after(due))
    elif action.word("effect") is None:
        sentence = f"The action {action.id} is done and does not say to what effect."
        yield Outcome(
            Status.FAILING, sentence, entries, f"Find out what {action.id} came to, and write down its effect"
        )
    else:
        yield Outcome(Status.SUPPORTED, "", entries)


def _treatment(risk: Record, actions: list[Record]) -> Iterator[Outcome]:
    entries = (risk.latest, *(action.latest for action in actions))
    if not actions:
        sentence = f"The risk {risk.id} is {risk.word('state')}, and no action treats it."
        yield Outcome(Status.FAILING, sentence, entries, f"Plan an action that treats {risk.id}, or accept it")
        return
    initial, residual = _level(risk, ""), _level(risk, "residual_")
    if initial is not None and residual is not None and residual > initial:
        sentence = f"The risk {risk.id} is {residual:g} after its treatment and was {initial:g} before."
        yield Outcome(Status.FAILING, sentence, entries, f"Score {risk.id} again, or treat it otherwise")
    if risk.word("state") == "treated":
        helped = [each for each in actions if each.day("done") and each.word("effect") in {"reduced", "removed"}]
        if residual is None or not helped:
            lacking = "no residual risk" if residual is None else "no action that is done and had an effect"
            sentence = f"The risk {risk.id} is called treated, and has {lacking}."
            yield Outcome(Status.FAILING, sentence, entries, f"Score what is left of {risk.id}, or open it again")
    yield Outcome(Status.SUPPORTED, "", entries)


def _level(risk: Record, of: str) -> float | None:
    likelihood, consequence = risk.number(f"{of}likelihood"), risk.number(f"{of}consequence")
    return likelihood * consequence if likelihood is not None and consequence is not None else None

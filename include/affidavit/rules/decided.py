"""Checks of what people decided: questions that only a person can judge, and the approval of what is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from affidavit.projections import InUse
from affidavit.projections.asking import judgement, judgement_subjects
from affidavit.projections.decisions import Decided, months_after
from affidavit.projections.deployments import Basis, approval_of
from affidavit.projections.need import ADEQUATE
from affidavit.rules.models import each_version
from affidavit.rules.registry import Outcome, check
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView


@check(
    "question_answered/2",
    about="any",
    params=("control", "question", "parts"),
    limits="That the reasons given are good ones, and that who is declared competent is.",
)
def _question_answered(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    """The answer is bound to the question and to how each of the machine's ``parts`` stood (docs/decisions/0017)."""
    question, months = params["question"].rstrip("."), view.policy.judgement_months
    action = f"Have a competent person other than the author judge, with reasons: {question}"
    if any(part.status is not Status.SUPPORTED for part in params["parts"]):
        return Outcome(Status.NOT_YET_DUE, "A person is asked once the records are there.", (), action)
    subjects = judgement_subjects(params["control"], params["question"], params["parts"])
    answer, latest = judgement(view.mine, subjects, at=at, months=months)
    if answer is None:
        return _unanswered(view, params["control"], latest, question, action)
    sentence = f"{answer.words}: {question}."
    if answer.option != ADEQUATE:
        action = f"Mend what the answer names, and have it judged again: {question}"
        return Outcome(Status.FAILING, sentence, answer.entries, action)
    return Outcome(Status.SUPPORTED, sentence, answer.entries, valid_until=months_after(answer.at, months))


def _unanswered(view: ScopeView, control: str, latest: Decided | None, question: str, action: str) -> Outcome:
    if latest and latest.counts and latest.option == ADEQUATE and latest.quorum is None:
        sentence = f"What {latest.by} answered on {latest.at.date()} has lapsed: {question}."
        return Outcome(Status.STALE, sentence, (latest.entry,), action)
    if latest and not latest.counts:
        sentence = f"The answer in entry {latest.entry.index} does not count, as {latest.why}: {question}."
        return Outcome(Status.AWAITING, sentence, (latest.entry,), action)
    before = [each for each in _about(view, control) if each.counts and each.option == ADEQUATE]
    if latest is None and before:
        sentence = f"What {before[-1].by} judged on {before[-1].at.date()} has changed since: {question}."
        return Outcome(Status.STALE, sentence, (before[-1].entry,), action)
    return Outcome(Status.AWAITING, f"Nobody has judged yet: {question}.", (), action)


def _about(view: ScopeView, control: str) -> list[Decided]:
    """Every answer to the question of a control, whatever it was bound to, in order."""
    name = f"affidavit://questions/{control}"
    every = (each for decisions in view.mine.decisions.values() for each in decisions)
    found = (each for each in every if name in {subject.name for subject in each.need.subjects})
    return sorted(found, key=lambda each: each.entry.index)


_STATUS: Mapping[Basis, tuple[Status, str]] = {
    Basis.APPROVED: (Status.SUPPORTED, ""),
    Basis.CARRIED: (Status.SUPPORTED, ""),
    Basis.OWED: (Status.NOT_YET_DUE, "Decide on the version that was rolled back to"),
    Basis.OVERDUE: (Status.FAILING, "Decide on the version that was rolled back to, or take it out of use"),
    Basis.OUTSIDE: (Status.STALE, "Decide on the version in use, or put an approved one in its place"),
    Basis.CHANGED: (Status.STALE, "Decide on the version in use as it is now"),
    Basis.REJECTED: (Status.FAILING, "Take the version out of use, or have it decided on again"),
    Basis.NEVER: (Status.MISSING, "Decide on the version in use"),
}


@check(
    "version_in_use_approved/1",
    limits="That the version served nowhere before it was approved, and that its approver did not train it.",
)
def _version_in_use_approved(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    rollback, said = timedelta(hours=view.policy.rollback_approval_hours), []

    def judge(used: InUse) -> Outcome:
        if used.version is None:
            sentence = f"No recorded version of {used.model} is in use."
            return Outcome(Status.MISSING, sentence, used.entries, "Point the alias at a registered version")
        found = approval_of(view.mine, used, at=at, rollback=rollback)
        status, action = _STATUS[found.basis]
        said.append(found.words)
        return Outcome(status, f"{found.words}.", (*used.entries, *found.entries), action, found.until)

    outcome = each_version(view, at, judge, "each in use on a decision.")
    return replace(outcome, sentence="; ".join(said) + ".") if outcome.status is Status.SUPPORTED else outcome

"""From state to verdicts: each requirement, in each scope that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from functools import partial

from affidavit.catalogue import Catalogue, Requirement
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.inventory import Organisation, System
from affidavit.inventory.schedule import next_tick
from affidavit.projections import Standing, State
from affidavit.projections.own_controls import with_own_controls
from affidavit.rules.checks import find, run
from affidavit.rules.collected import good_until, schedule_of
from affidavit.rules.horizon import unwatched
from affidavit.rules.registry import count, some, weakest
from affidavit.rules.verdict import WORST_FIRST, Part, Status, Verdict, worst
from affidavit.rules.view import ScopeView

_OF_ORGANISATION = frozenset({"organisation", "supplier"})


def judge(state: State, *, at: datetime, catalogue: Catalogue) -> tuple[Verdict, ...]:
    """How each requirement stands as of ``at``: the organisation's first, then each AI system's, by name.

    What is asked is the catalogue and the controls of the organisation's own. Raises ``ConfigurationError`` where the
    catalogue names a check that there is not.
    """
    scopes = scopes_judged(state)
    return tuple(each for scope in scopes for each in judge_scope(state, scope, at=at, catalogue=catalogue))


def scopes_judged(state: State) -> tuple[str, ...]:
    """The scopes that :func:`judge` asks about, in its order."""
    return (ORGANISATION_SCOPE, *(scope.name for scope in state.active))


def judge_scope(state: State, scope: str, *, at: datetime, catalogue: Catalogue) -> tuple[Verdict, ...]:
    """:func:`judge` of one scope. What is said of an AI system rests on its own entries and the organisation's."""
    asked, view = with_own_controls(catalogue, state.organisation), ScopeView(scope, state, catalogue.policy)
    return tuple(_verdict(item, view, at) for item in asked if _concerns(item, view))


def _concerns(item: Requirement, view: ScopeView) -> bool:
    return (item.scope in _OF_ORGANISATION) == (view.scope == ORGANISATION_SCOPE)


def _verdict(item: Requirement, view: ScopeView, at: datetime) -> Verdict:
    verdict = _judged(item, view, at)
    standing = view.state.organisation.organisation
    if standing and not item.clause and (exclusion := standing.value.excluded.get(item.id)):
        grants = [each for each in standing.grants if each.loosening.field == f"excluded.{item.id}"]
        failing = " The evidence shows that it is failing." if verdict.status is Status.FAILING else ""
        return replace(
            verdict,
            status=Status.NOT_APPLICABLE,
            sentence=f"Excluded, as entry {grants[-1].index} decided: {exclusion.why}{failing}",
            entries=tuple(sorted({*verdict.entries, standing.entry.index, grants[-1].index})),
            next_action="",
            valid_until=None,
        )
    if verdict.status is Status.FAILING and (declared := view.mine.standing):
        return _accepted(verdict, declared, at)
    return verdict


def _accepted(verdict: Verdict, standing: Standing[System] | Standing[Organisation], at: datetime) -> Verdict:
    """A failing verdict, where a decision accepts the failure until a day that is not over."""
    found = next((each for each in standing.value.exceptions if each.control == verdict.control), None)
    if found is None:
        return verdict
    end = datetime.combine(found.until, time.max, UTC)
    if end < at:
        return replace(verdict, sentence=f"{verdict.sentence} Its exception ended on {found.until}.")
    granted = [each for each in standing.grants if each.loosening.field == f"exceptions.{verdict.control}"][-1].index
    said = f"Failing, and accepted until {found.until}, as entry {granted} decided: {found.why}"
    return replace(
        verdict,
        status=Status.ACCEPTED,
        sentence=f"{said} {verdict.sentence}",
        entries=tuple(sorted({*verdict.entries, granted})),
        valid_until=min(end, verdict.valid_until or end),
    )


def _judged(item: Requirement, view: ScopeView, at: datetime) -> Verdict:
    parts = tuple(_parts(item, view, at))
    status = worst(part.status for part in parts)
    # Of the worst parts, the first that somebody can act upon says what to do.
    leading = min(parts, key=lambda part: (WORST_FIRST.index(part.status), not part.next_action))
    return Verdict(
        control=item.id,
        scope=view.scope,
        status=status,
        sentence=_sentence(parts, leading, view),
        not_shown=_not_shown(item),
        parts=parts,
        entries=tuple(sorted({index for part in parts for index in part.entries})),
        origin=weakest(part.origin for part in parts if part.origin),
        next_action=leading.next_action,
        owner=owner(item.id, view),
        valid_until=_valid_until(parts, view, at),
    )


def _parts(item: Requirement, view: ScopeView, at: datetime) -> Iterator[Part]:
    parts = tuple(run(call.check, view, call.params, at) for call in item.parts)
    yield from parts
    if item.automation != "machine":
        asked = {"control": item.id, "question": item.question, "parts": parts}
        yield run("question_answered/2", view, asked, at)


def _sentence(parts: Sequence[Part], leading: Part, view: ScopeView) -> str:
    supported = sum(part.status is Status.SUPPORTED for part in parts)
    if supported == len(parts):
        said = f"{_of_parts(supported, parts)} supported. {' '.join(part.sentence for part in parts)}"
    else:
        said = f"{_of_parts(supported, parts)} supported. {leading.sentence}"
    if pending := (*view.mine.pending, *view.dropped):
        changes = some(f"{one.field} in {one.file}" for one in pending)
        said += f" {count(len(pending), 'weakening')} of what is declared ({changes}) without approval: "
        said += "the old obligation stands."
    return said


def _of_parts(supported: int, parts: Sequence[Part]) -> str:
    return f"{supported} of {count(len(parts), 'part')}"


def _not_shown(item: Requirement) -> str:
    limits = dict.fromkeys(find(call.check).limits for call in item.parts)
    question = item.question.rstrip(".")
    return " ".join([*(limit for limit in limits if limit), f"For a person to judge: {question}."])


def owner(requirement_id: str, view: ScopeView) -> str:
    """The role that answers for a requirement; empty where none is declared.

    A control of the organisation's own names it; of any other, the organisation's ``owners`` decide by their longest
    match, then the owner of the AI system.
    """
    role = view.organisation.owner_of(requirement_id) if view.organisation else None
    return role or (view.system.owner if view.system else "")


def _valid_until(parts: Sequence[Part], view: ScopeView, at: datetime) -> datetime | None:
    ends = [part.valid_until for part in parts if part.valid_until]
    if ends:
        return min(ends)
    # What rests on no look ages all the same: it is to be judged again when the next collections are over.
    schedule = schedule_of(view.mine)
    if schedule is None:
        return None
    return good_until(schedule, unwatched(at, partial(next_tick, schedule)), view.policy.grace_slots)

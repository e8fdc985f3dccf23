"""Checks of the looking itself: what was due, what came, what was found that nobody claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache, partial
from itertools import islice
from typing import Any

from affidavit.evidence import Period, kinds, timestamp
from affidavit.inventory.schedule import next_tick, slot_at, slots_between
from affidavit.projections import Collected, ScopeState, Snapshot
from affidavit.projections.looks import Looks
from affidavit.projections.retirement import retirements
from affidavit.rules.horizon import unwatched
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

_COUNTED = 100
"""Missing slots are counted up to here; beyond, "more than" says enough."""


def schedule_of(scope: ScopeState) -> str | None:
    """The schedule in force in a scope; None where nothing was declared."""
    standing = scope.system or scope.organisation
    return standing.value.schedule if standing else None


@lru_cache(maxsize=1024)  # each verdict of a scope asks the same, and a tick costs a parse of the schedule
def good_until(schedule: str, end: datetime, grace_slots: int) -> datetime:
    """Until when a look that ended its slot at ``end`` is fresh: the grace slots after the next one are over then."""
    for _ in range(1 + grace_slots):
        end = next_tick(schedule, end)
    return end


def freshness(view: ScopeView, collector: str, at: datetime, *, facts: bool = False) -> Outcome:
    """Whether ``collector`` ("" for the collection as a whole) looked recently enough, against the schedule.

    ``facts`` demands that the look brought back at least one fact.
    """
    scope, schedule = view.mine, schedule_of(view.mine)
    standing = scope.system or scope.organisation
    if schedule is None or standing is None:
        return Outcome(Status.MISSING, "Nothing was declared here yet.", (), _collect(view))
    looked = (one for one in scope.looks.latest_first(collector) if _looked(one, collector, at, facts=facts))
    last = next(looked, None)
    what = f"The collector {collector}" if collector else "The collection"
    if last is not None:
        until = good_until(schedule, last.end, view.policy.grace_slots)
        if at < until:
            sentence = f"{what} looked for the slot that ended {_day(last.end)}."
            return Outcome(Status.SUPPORTED, sentence, (last.entry,), valid_until=until)
        late = _ends(schedule, last.end, at)
        sentence = f"{what} last looked for the slot that ended {_day(last.end)}; due since: {late}."
        return Outcome(Status.STALE, sentence, (last.entry,), _collect(view))
    due = good_until(schedule, standing.since, view.policy.grace_slots)
    if at < due:
        return Outcome(Status.NOT_YET_DUE, f"{what} is first due on {_day(due)}.", (), _collect(view), due)
    return Outcome(
        Status.MISSING, f"{what} never looked; due since: {_ends(schedule, standing.since, at)}.", (), _collect(view)
    )


def moved_outcome(table: str, snapshot: Snapshot | None) -> Outcome | None:
    """What stands instead of any verdict while the latest look saw no one state of the table."""
    if snapshot is None or not snapshot.moved:
        return None
    sentence = f"The table {table} moved while it was read: what was read is of no one state of it."
    action = f"Look at {table} when nothing writes to it, or declare a table that is not written to"
    return Outcome(Status.UNDETERMINED, sentence, (snapshot.entry,), action)


def registries_fresh(view: ScopeView, at: datetime) -> list[Outcome]:
    """:func:`freshness` of the looks at each registry that the AI system names."""
    if view.system is None:
        return [freshness(view, "mlflow-models", at)]
    system = view.system
    return [freshness(view, system.collector("mlflow-models", server), at) for server in system.servers]


def _looked(one: Collected, collector: str, at: datetime, *, facts: bool = False) -> bool:
    # A look before its slot was over, or after the moment that is asked about, shows nothing of either.
    if not one.end <= one.seen <= at:
        return False
    return not facts or one.collectors[collector]["new"] + one.collectors[collector]["unchanged"] > 0


@check("collection_fresh/1", limits="That a source told the collectors everything it holds.")
def _collection_fresh(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    return freshness(view, "", at)


@check("slots_complete/1", limits="What happened before the first slot that was collected.")
def _slots_complete(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    fresh, schedule = freshness(view, "", at), schedule_of(view.mine)
    if fresh.status is not Status.SUPPORTED or schedule is None:
        return fresh
    looks = view.mine.looks
    first = next(one.slot for one in looks.earliest_first() if _looked(one, "", at))
    idle = retirements(view.state.organisation, view.mine)
    owed = (
        one for one in _due(view.mine, schedule, first, at) if not any(each.covers(_ended(one[0])) for each in idle)
    )
    obligations = list(islice(owed, view.policy.window_slots))
    due = [slot for slot, _ in obligations]
    covered = {slot: _covering(looks, slot, then, at) for slot, then in obligations}
    absent = [slot for slot in due if not covered[slot]]
    gaps = {slot: one for slot in due if (one := looks.of(slot)) and one.gap}
    # The newest slots may still come: that is what the grace is for.
    graced = set(due[: view.policy.grace_slots])
    absent = [slot for slot in absent if slot not in graced or slot in gaps]
    kept = len([slot for slot in due if slot not in absent])
    if not absent:
        own = {one.entry.index: one.entry for slot in due for one in covered[slot] if one.slot == slot}
        return Outcome(
            Status.SUPPORTED,
            f"Every slot that was due is there ({kept} of {len(due)}).",
            tuple(own[index] for index in sorted(own)),
            valid_until=fresh.valid_until,
        )
    said = some(f"{_end(slot)} ({gaps[slot].gap if slot in gaps else 'nothing recorded'})" for slot in absent)
    return Outcome(
        Status.MISSING,
        f"{kept} of the latest {len(due)} due slots were collected; not those that ended {said}.",
        tuple(gaps[slot].entry for slot in absent if slot in gaps),
        "Find out why these slots were not collected; what a source showed then cannot be looked at again",
        fresh.valid_until,
    )


def _due(scope: ScopeState, schedule: str, first: Period, at: datetime) -> Iterator[tuple[Period, str]]:
    """The slots that were due from ``first`` on, the newest first, each with the schedule that was then in force.

    A schedule is in force from the first collection that was recorded under it: what was due before that is judged by
    the one before it.
    """
    assert first.start is not None
    for since, then in reversed(_schedules(scope, schedule, first.start, at)):
        slot = slot_at(then, unwatched(at, partial(next_tick, then)))
        while slot.start is not None and slot.end is not None and slot.end > since and slot.start >= first.start:
            yield slot, then
            slot = slot_at(then, slot.start)
        at = since


def _schedules(scope: ScopeState, present: str, first: datetime, at: datetime) -> list[tuple[datetime, str]]:
    """Since when each schedule was in force, oldest first."""
    found = scope.looks.schedules(at)
    found[:1] = [(first, schedule) for _, schedule in found[:1]]
    if not found or found[-1][1] != present:
        found.append((at if found else first, present))
    return found


def _covering(looks: Looks, slot: Period, schedule: str, at: datetime) -> list[Collected]:
    """The look for ``slot``; without one, the looks that were taken while that was the latest slot of ``schedule``.

    The second is how a look counts that was taken for a slot of another schedule, just before or after a change.
    """
    own, end = looks.of(slot), _ended(slot)
    if own and not own.gap and own.collectors and _looked(own, "", at):
        return [own]
    return [one for one in looks.recorded_between(end, next_tick(schedule, end)) if _looked(one, "", at)]


@check(
    "unreconciled_none/1",
    about="any",
    limits="What runs outside the tracking servers and Airflow that the inventory names.",
)
def _unreconciled_none(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    organisation = ScopeView(view.state.organisation.name, view.state, view.policy)
    systems = [scope.system.value for scope in view.systems if scope.system]
    servers = {server.connection for system in systems for server in system.servers}
    if not servers:
        return Outcome(Status.MISSING, "No AI system names a tracking server.", (), "Declare the AI systems")
    outcomes = [freshness(organisation, "unreconciled", at, facts=True)]
    entries = view.state.organisation.latest(kinds.UNRECONCILED)
    for server in sorted(servers):
        entry = entries.get(f"affidavit://unreconciled/{server}")
        if entry is None:
            outcomes.append(
                Outcome(
                    Status.MISSING, f"What {server} holds was never reconciled.", (), "Collect for the organisation"
                )
            )
            continue
        facts = entry.statement.facts
        names = [
            f"{word} {name}"
            for field, word in (("experiments", "experiment"), ("registered_models", "model"), ("dags", "DAG"))
            for name in facts[field]
        ]
        if names:
            sentence = f"On {server}, {len(names)} not claimed by any AI system: {some(names)}."
            action = "Claim each in a file of include/systems, or remove it"
            outcomes.append(Outcome(Status.FAILING, sentence, (entry,), action))
        if facts["not_looked_at"]:
            sentence = f"On {server}, nobody looked at: {some(facts['not_looked_at'])}."
            action = "Give the organisation a connection to what was not looked at (airflow_connection)"
            outcomes.append(Outcome(Status.UNDETERMINED, sentence, (entry,), action))
        if not names and not facts["not_looked_at"]:
            outcomes.append(Outcome(Status.SUPPORTED, "", (entry,)))
    return together(outcomes, f"Everything found on {some(sorted(servers))} is claimed by an AI system.")


def _collect(view: ScopeView) -> str:
    return f"Run the collection of {view.scope.removeprefix('system:')} and see that its schedule is not paused"


def _ends(schedule: str, after: datetime, at: datetime) -> str:
    # Told by the slot that ``at`` lies in: every check of a judgement asks the same again.
    slot = slot_at(schedule, unwatched(at, partial(next_tick, schedule)))
    assert slot.end is not None
    return _ends_until(schedule, after, slot.end)


@lru_cache(maxsize=256)
def _ends_until(schedule: str, after: datetime, end: datetime) -> str:
    slots = list(islice(slots_between(schedule, after, end), _COUNTED))
    more = "more than " if len(slots) == _COUNTED else ""
    return f"{some(_end(slot) for slot in slots[:3])} ({more}{count(len(slots), 'slot')})"


def _end(slot: Period) -> str:
    return _day(_ended(slot))


def _ended(slot: Period) -> datetime:
    assert slot.end is not None
    return slot.end


def _day(time: datetime) -> str:
    return timestamp(time)[:16].replace("T", " ") + "Z"

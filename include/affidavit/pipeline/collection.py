"""Collecting one AI system, or the organisation: look, stage, record.

A *slot* is the period for which evidence is due, computed from the inventory's schedule. All looks of a slot and its
``collection`` statement are appended in one transaction, so a source that fails leaves the ledger as it was and the
next good run catches up from the last recorded cursors.

- The same slot again, with nothing new, adds nothing; with something new it adds the facts and a collection that
  supersedes the first.
- A table whose declaration waits for approval has its step and no evidence yet. One that was dropped or renamed, and
  that nobody has let go, is looked at by the record: whatever waits must not keep the collection from saying so. Nor
  may a source that kept its id and moved: it is looked at where it was, and need not be there any more.
- A slot that is over by the time a run starts can no longer be observed: its collection records a gap, unless the slot
  was collected in time, which is left as it is. What a table with a time column holds of that slot by now is looked at
  all the same; it is no look at what the table held then, and the gap stays one.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from affidavit import __version__
from affidavit.collect.declarations import look_at_organisation, look_at_system
from affidavit.collect.look import Look
from affidavit.errors import ConfigurationError, SourceError, UsageError
from affidavit.evidence import (
    ORGANISATION_SCOPE,
    AirflowRun,
    Circumstances,
    Collector,
    Draft,
    Origin,
    Period,
    Stage,
    Subject,
    kinds,
    system_scope,
    timestamp,
)
from affidavit.inventory import Organisation, Suite, System, loosening, schedule
from affidavit.inventory.steps import ORGANISATION, Step, steps_of, steps_of_organisation
from affidavit.ledger import Appended, Ledger
from affidavit.pipeline.sources import (
    Looks,
    look_back,
    looks_at_organisation,
    looks_at_system,
    sources_of,
    sources_of_organisation,
)
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import ScopeState, fold, fold_scope

COLLECTOR = Collector("collection", __version__)


@dataclass(frozen=True)
class Visit:
    """One run of a collection: which slot it is for, when it started, and the Airflow run it belongs to.

    ``started`` decides whether the slot can still be observed; ``airflow`` is None on the command line.
    """

    target: str
    slot: Period
    started: datetime
    airflow: AirflowRun | None = None


@dataclass(frozen=True)
class Recorded:
    """What one collection added: entries appended in all, and the index of its collection entry.

    ``collection`` is None where the slot was there already and nothing was new. ``unread`` says of each source that
    stands, but not as declared, why it could not be looked at.
    """

    entries: int
    collection: int | None
    gap: str | None
    unread: tuple[str, ...] = ()


def slot_of(workplace: Workplace, target: str, moment: datetime) -> Period:
    """The slot for which evidence about ``target`` is due at ``moment``, by the schedule in force.

    A slower schedule that nobody approved changes no slot: until then each one that it leaves out is due and missing.
    """
    with workplace.reader() as ledger:
        known = fold_scope(ledger, _scope_of(target))
    return schedule.slot_at(_standing(workplace, target, known).schedule, moment)


def collect(
    workplace: Workplace, target: str, *, now: Callable[[], datetime], progress: Callable[[str], None] = lambda _: None
) -> Recorded:
    """Look at every source of ``target`` and record, all in this process. What the command line does."""
    started = now()
    visit = Visit(target, slot_of(workplace, target, started), started)
    looks = []
    for step in steps(workplace, target):
        progress(step.id)
        looks.append(look(workplace, visit, step.id, now=now()))
    progress("record")
    return record(workplace, visit, looks, now=now())


def steps(workplace: Workplace, target: str) -> tuple[Step, ...]:
    """The steps of ``target``."""
    if target == ORGANISATION:
        return steps_of_organisation(workplace.organisation())
    return steps_of(workplace.system(target)[0])


def look(workplace: Workplace, visit: Visit, step: str, *, now: datetime) -> Look:
    """Take one step: look at its source. Writes nothing.

    Raises ``SourceError`` where the source cannot be read, ``ConfigurationError`` where what is declared is wrong; not
    where what stands is no longer what is declared: then the look is none, and says why.
    """
    missed = gap(workplace, visit) is not None
    if missed and not step.startswith("table:"):
        return Look(step, (), enumerated=0, read=0)
    if visit.target == ORGANISATION:
        return _look_at_organisation(workplace, visit, step, now)
    system, suites = workplace.system(visit.target)
    with workplace.reader() as ledger:
        known = fold_scope(ledger, system_scope(system.id))
    # The mark in force: to drop it is a weakening, which waits like any other.
    seen = Circumstances(now, visit.airflow, in_force(known, system, suites)[0].demonstration)
    if step == "declarations":
        return look_at_system(system, suites, seen=seen)
    standing = in_force(known, system, suites)[0]
    moved = sources_of(standing).get(step) != sources_of(system).get(step)
    if missed:
        return _attempt(step, partial(look_back, workplace, standing, step, visit.slot, seen), moved=moved)
    if look_at := _looks(workplace, visit.target, known, seen).get(step):
        return _attempt(step, look_at, moved=moved)
    if step in {each.id for each in steps_of(system)}:
        return Look(step, (), enumerated=0, read=0)  # it waits for approval, and its evidence with it
    raise _no_step(step, system.id, steps_of(system))


def in_force(known: ScopeState, system: System, suites: Sequence[Suite]) -> tuple[System, Mapping[str, Suite]]:
    """The obligations that stand: what is declared now, except where it weakens what was recorded before."""
    standing, _ = loosening.in_force(known.system.value if known.system else None, system)
    recorded = {name: stand.value for name, stand in known.suites.items()}
    declared = {suite.name: loosening.suite_in_force(recorded.get(suite.name), suite)[0] for suite in suites}
    # A suite that was swapped for a weaker one stays in force, and its text is then only in the ledger.
    return standing, {**recorded, **declared}


def record(workplace: Workplace, visit: Visit, looks: Sequence[Look], *, now: datetime) -> Recorded:
    """Append the looks of one slot and its collection statement: all, or none.

    Raises ``LedgerError``, or ``UsageError`` where something newer is recorded than a look, with nothing appended.
    """
    missed = gap(workplace, visit)
    scope = _scope_of(visit.target)
    with workplace.writer() as ledger:
        known = fold_scope(ledger, scope)
        before = known.looks.of(visit.slot)
        if missed and before and not before.gap:
            return Recorded(0, None, None)  # it was collected in time, and stays as it is
        seen = Circumstances(now, visit.airflow, _standing(workplace, visit.target, known).demonstration)
        if missed:
            # Nobody looked while it could be observed. What counts was looked at for the very period, and later.
            looks = [each for each in looks if each.drafts and all(d.interval == visit.slot for d in each.drafts)]
        else:
            looks = [*looks, *_no_longer_declared(workplace, visit, known, seen)]
        unread = tuple(f"{each.collector}: {each.unread}" for each in looks if each.unread)
        looks = [each for each in looks if not each.unread]
        if not missed and visit.target != ORGANISATION:
            looks = [*looks, _lineage(workplace, visit, looks, known, seen)]

        def closing(new: Sequence[bool]) -> Draft | None:
            collected = _collection(visit, looks, new, (scope, missed, seen))
            # Asked under the write lock: another run may have closed the slot since ``known`` was read.
            if any(new) and not missed:
                _refuse_late(visit, looks, ledger)
            if not any(new) and ledger.latest(collected.statement.stream):
                return None
            return collected

        drafts = [draft for each in looks for draft in each.drafts]
        blobs = [blob for each in looks for blob in each.blobs]
        appended = ledger.append(drafts, now=now, blobs=blobs, closing=closing)
    return _recorded(appended, missed, unread)


def _refuse_late(visit: Visit, looks: Sequence[Look], ledger: Ledger) -> None:
    """Raise ``UsageError`` where a collection was recorded since these looks were taken.

    It saw all of this later, also where what it saw was no news: then no entry in a stream says so.
    """
    recorded = ledger.entries(scope=_scope_of(visit.target), kind=kinds.COLLECTION.name)
    newest = max((entry.statement.observed_at for entry in recorded), default="")
    taken = [timestamp(draft.seen.observed_at) for each in looks for draft in each.drafts]
    if taken and min(taken) < newest:
        raise UsageError(
            f"these looks were taken at {min(taken)}, before the newest collection ({newest}) was recorded",
            where=f"the collection of {visit.target}",
            fix="look again: clear the collecting tasks of this run too, or run it anew",
        )


def gap(workplace: Workplace, visit: Visit) -> str | None:
    """Why the slot can no longer be observed, in words; None while it can."""
    present = slot_of(workplace, visit.target, visit.started)
    if visit.slot == present:
        return None
    if present.end and visit.slot.end and visit.slot.end > present.end:
        raise UsageError(
            f"the slot that ends at {visit.slot.end.isoformat()} is not over yet",
            where=visit.target,
            fix=f"collect again once it is; the latest that is over ends at {present.end.isoformat()}",
        )
    return "not collected while it could be observed; sources that change cannot be looked at afterwards"


def _recorded(appended: Appended, missed: str | None, unread: tuple[str, ...]) -> Recorded:
    indices = [receipt.index for receipt in appended.receipts if receipt]
    closing = appended.closing.index if appended.closing else None
    return Recorded(len(indices) + (closing is not None), closing, missed, unread)


def _scope_of(target: str) -> str:
    return ORGANISATION_SCOPE if target == ORGANISATION else system_scope(target)


def _standing(workplace: Workplace, target: str, known: ScopeState) -> System | Organisation:
    """What stands of the AI system or the organisation, given what was recorded of it."""
    if target != ORGANISATION:
        return in_force(known, *workplace.system(target))[0]
    return _organisation_in_force(workplace, known)


def _organisation_in_force(workplace: Workplace, known: ScopeState) -> Organisation:
    recorded = known.organisation.value if known.organisation else None
    return loosening.organisation_in_force(recorded, workplace.organisation())[0]


def _look_at_organisation(workplace: Workplace, visit: Visit, step: str, now: datetime) -> Look:
    loaded = workplace.loaded()
    inventory = loaded.inventory
    with workplace.reader() as ledger:
        known = fold_scope(ledger, ORGANISATION_SCOPE)
    organisation = _organisation_in_force(workplace, known)
    seen = Circumstances(now, visit.airflow, organisation.demonstration)
    if step == "declarations":
        systems = {*loaded.systems, *loaded.broken} - {ORGANISATION}
        return look_at_organisation(inventory.organisation, systems=systems, seen=seen)
    if step == "unreconciled":
        from affidavit.collect.unreconciled import look_at_unreconciled

        # What a system claimed stands while its file is broken or gone.
        standing = {**_systems_in_force(workplace), **inventory.systems}
        return look_at_unreconciled(inventory.model_copy(update={"systems": standing}), workplace.resolve, seen=seen)
    if look_at := _looks(workplace, ORGANISATION, known, seen).get(step):
        held, declared = (sources_of_organisation(each) for each in (organisation, workplace.organisation()))
        return _attempt(step, look_at, moved=held.get(step) != declared.get(step))
    raise _no_step(step, visit.target, steps_of_organisation(organisation))


def _systems_in_force(workplace: Workplace) -> dict[str, System]:
    with workplace.reader() as ledger:
        declared = (ledger.entries(kind=kind.name) for kind in (kinds.ORGANISATION, kinds.SYSTEM, kinds.DECISION))
        recorded = fold(heapq.merge(*declared, key=lambda entry: entry.index)).active
    return {scope.system.value.id: scope.system.value for scope in recorded if scope.system}


def _no_step(step: str, target: str, known: Sequence[Step]) -> UsageError:
    fix = f"choose one of: {', '.join(each.id for each in known)}"
    return UsageError(f"no step {step!r}", where=f"the collection of {target}", fix=fix)


def _no_longer_declared(workplace: Workplace, visit: Visit, known: ScopeState, seen: Circumstances) -> Iterator[Look]:
    """Look at what an old obligation keeps, though no step is its own any more: tables, registers, books, endpoints.

    What cannot be read is left out, and the posture misses its evidence.
    """
    declared = {step.id for step in steps(workplace, visit.target)}
    for step, look_at in _looks(workplace, visit.target, known, seen).items():
        if step not in declared:
            yield _attempt(step, look_at, moved=True)


def _attempt(step: str, look_at: Callable[[], Look], *, moved: bool) -> Look:
    """Take a look; where it fails at a source that the file names no more, or otherwise by now, it is none.

    Were that an error, a table that is gone for good would keep the very entry from being recorded that names its
    removal, or its move.
    """
    try:
        return look_at()
    except (SourceError, ConfigurationError) as error:
        if not moved:
            raise
        return Look(step, (), enumerated=0, read=0, unread=error.text)


def _looks(workplace: Workplace, target: str, known: ScopeState, seen: Circumstances) -> Looks:
    """The sources that stand, each with its look."""
    if target == ORGANISATION:
        return looks_at_organisation(workplace, _organisation_in_force(workplace, known), known, seen)
    standing, suites = in_force(known, *workplace.system(target))
    return looks_at_system(workplace, standing, suites, known, seen)


def _lineage(workplace: Workplace, visit: Visit, looks: Sequence[Look], known: ScopeState, seen: Circumstances) -> Look:
    from affidavit.collect.lineage import look_at_lineage

    standing, _ = in_force(known, *workplace.system(visit.target))
    drafts = [draft for each in looks for draft in each.drafts]
    snapshots = {uri: [state.fingerprint for state in states] for uri, states in known.snapshots.items()}
    for draft in drafts:
        if draft.kind is kinds.DATASET_SNAPSHOT:
            snapshots.setdefault(draft.subjects[0].name, []).append(draft.subjects[0].sha256)
    recorded = frozenset(known.latest(kinds.LINEAGE_EDGE))
    return look_at_lineage(standing, drafts=drafts, snapshots=snapshots, recorded=recorded, seen=seen)


def _collection(
    visit: Visit,
    looks: Sequence[Look],
    new: Sequence[bool],
    place: tuple[str, str | None, Circumstances],
) -> Draft:
    scope, missed, seen = place
    collectors, position = {}, 0
    for each in looks:
        added = sum(new[position : position + len(each.drafts)])
        position += len(each.drafts)
        collectors[each.collector] = {
            "window": each.window.json() if each.window else None,
            "enumerated": each.enumerated,
            "read": each.read,
            "new": added,
            "unchanged": len(each.drafts) - added,
            "withheld": each.withheld,
            "notice_delay_seconds": each.notice_delay_seconds,
            "cursor": each.cursor,
        }
    facts = {"slot": visit.slot.json(), "gap": missed, "collectors": collectors}
    return Draft(
        kind=kinds.COLLECTION,
        scope=scope,
        stage=Stage.CROSS,
        origin=Origin.OBSERVED,
        subjects=(Subject.of_facts(f"affidavit://collections/{visit.target}", facts),),
        facts=facts,
        collector=COLLECTOR,
        seen=seen,
        effective=visit.slot,
        interval=visit.slot,
    )

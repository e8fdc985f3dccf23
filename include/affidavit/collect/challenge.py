"""A control is challenged: a copy of a table with a planted defect goes the very way that the table goes.

1. Two copies are made in the table's own warehouse, under names of their own (:mod:`affidavit.warehouse.canary`): one
   as it is, one with the defect. Both are gone when the challenge is over.
2. Each is looked at as the table is (:func:`affidavit.collect.tables.look_at_table`), against the suite in force.
3. Each look is folded and judged as the ledger's entries are, by the same check, alone.
4. The defect is caught where the check fails, by a test that does not fail on the copy without it.

What was seen of either copy stands in a scope that no projection takes in, marked; what came of it is one statement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import affidavit
from affidavit.catalogue import Policy
from affidavit.collect.declarations import look_at_system
from affidavit.collect.look import Look
from affidavit.collect.tables import look_at_table
from affidavit.errors import SourceUnavailable
from affidavit.evidence import (
    CANARY,
    Circumstances,
    Collector,
    Draft,
    Entry,
    Origin,
    Period,
    Stage,
    Subject,
    canary_scope,
    kinds,
    system_scope,
    timestamp,
)
from affidavit.inventory import Connection, Dataset, PredictionTable, Suite, System, schedule
from affidavit.projections import fold
from affidavit.rules.checks import run
from affidavit.rules.verdict import Part, Status
from affidavit.rules.view import ScopeView
from affidavit.warehouse.canary import Defect, planted

NAME = "challenge"
CHECK = "suites_passed/1"


@dataclass(frozen=True)
class Target:
    """What is challenged: a table of an AI system and the suite that it must pass, as they stand in force.

    ``reads`` is the connection that the table is read by; ``writes`` that by which its copies are made.
    """

    system: System
    table: Dataset | PredictionTable
    suite: Suite
    reads: Connection
    writes: Connection


@dataclass(frozen=True)
class Outcome:
    """``look`` is what to record; ``caught`` whether the defect was, ``failed`` by which tests, after ``seconds``."""

    look: Look
    caught: bool
    failed: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class _Seen:
    """One copy, looked at and judged."""

    look: Look
    part: Part
    failed: tuple[str, ...]
    injected: datetime
    judged: datetime


def challenge_table(
    target: Target, defect: Defect, *, tokens: tuple[str, str], policy: Policy, now: Callable[[], datetime]
) -> Outcome:
    """Plant ``defect`` and see whether it is caught. ``tokens`` name the two copies: new random digits, never used.

    Raises as :func:`affidavit.warehouse.canary.planted` and :func:`look_at_table`; then there is nothing to record.
    """
    clean = _seen(target, None, token=tokens[0], policy=policy, now=now)
    bad = _seen(target, defect, token=tokens[1], policy=policy, now=now)
    by = tuple(test for test in bad.failed if test not in clean.failed)
    caught = bad.part.status is Status.FAILING and bool(by)
    (snapshot,) = (draft for draft in bad.look.drafts if draft.kind is kinds.DATASET_SNAPSHOT)
    facts: dict[str, Any] = {
        "what": "bad-table",
        "source": target.table.uri,
        "dataset": target.table.id,
        "check": CHECK,
        "against": target.suite.digest,
        "defect": {"kind": defect.kind, "column": defect.column},
        "rows": snapshot.facts["rows"],
        "clean": list(clean.failed),
        "failed": list(bad.failed),
        "status": bad.part.status.value,
        "caught": caught,
        "injected_at": timestamp(bad.injected),
        "judged_at": timestamp(bad.judged),
        "canary": True,
    }
    # By defect: one that was missed stays so until that very one is caught, whatever else is tried.
    name = f"affidavit://canaries/{target.table.id}/bad-table/{defect.kind}"
    name += f"/{defect.column}" if defect.column is not None else ""
    said = Draft(
        kind=kinds.CHALLENGE,
        scope=system_scope(target.system.id),
        stage=Stage.CROSS,
        origin=Origin.OBSERVED,
        subjects=(Subject.of_facts(name, facts), *snapshot.subjects),
        facts=facts,
        collector=Collector(NAME, affidavit.__version__),
        seen=Circumstances(bad.judged, demonstration=target.system.demonstration),
    )
    aside = [_aside(draft, target.system) for each in (clean, bad) for draft in each.look.drafts]
    drafts = (*aside, said)
    look = Look(NAME, drafts, enumerated=len(drafts), read=len(drafts), blobs=(*clean.look.blobs, *bad.look.blobs))
    return Outcome(look, caught, by, (bad.judged - bad.injected).total_seconds())


def _seen(target: Target, defect: Defect | None, *, token: str, policy: Policy, now: Callable[[], datetime]) -> _Seen:
    table, limit = target.table, target.table.timeout_seconds
    with planted(target.writes, table.table, defect, token=token, timeout_seconds=limit) as there:
        injected = now()
        changes: dict[str, Any] = {"table": there, "partition": None}
        if isinstance(table, PredictionTable):
            changes["measured"] = None
        copy = table.model_copy(update=changes)
        seen = Circumstances(now(), demonstration=target.system.demonstration)
        look = look_at_table(target.system, copy, target.suite, connection=target.reads, seen=seen)
    validations = [draft for draft in look.drafts if draft.kind is kinds.VALIDATION]
    if not validations:
        fix = "try again when nothing else writes to the warehouse"
        raise SourceUnavailable("the copy moved while it was read", where=table.uri, fix=fix)
    part = _judged(target, copy, look, policy=policy, at=now())
    return _Seen(look, part, tuple(validations[0].facts["failedTests"]), injected, now())


def _judged(target: Target, copy: Dataset | PredictionTable, look: Look, *, policy: Policy, at: datetime) -> Part:
    """What the check says of a system whose only table is the copy, and which was collected just now."""
    whole, alone = target.system, {"datasets": (), "predictions": (), "serving": (), "agents": (), "registers": ()}
    field = "predictions" if isinstance(copy, PredictionTable) else "datasets"
    system = whole.model_copy(update={**alone, field: (copy,)})
    seen = Circumstances(at)
    slot = schedule.slot_at(system.schedule, at)
    declared = look_at_system(system, [target.suite], seen=seen).drafts
    drafts = [*declared, *look.drafts, _collected(system, look, slot, seen)]
    state = fold(Entry(index, draft.seal(None)) for index, draft in enumerate(drafts))
    return run(CHECK, ScopeView(system_scope(system.id), state, policy), {"uses": [copy.use]}, at)


def _collected(system: System, look: Look, slot: Period, seen: Circumstances) -> Draft:
    counted = {"enumerated": 1, "read": 1, "new": len(look.drafts), "unchanged": 0, "withheld": 0}
    about = {"window": None, "notice_delay_seconds": None, "cursor": None}
    facts = {"slot": slot.json(), "gap": None, "collectors": {look.collector: {**counted, **about}}}
    return Draft(
        kind=kinds.COLLECTION,
        scope=system_scope(system.id),
        stage=Stage.CROSS,
        origin=Origin.OBSERVED,
        subjects=(Subject.of_facts(f"affidavit://collections/{system.id}", facts),),
        facts=facts,
        collector=Collector(NAME, affidavit.__version__),
        seen=seen,
        effective=slot,
        interval=slot,
    )


def _aside(draft: Draft, system: System) -> Draft:
    """What was seen of a copy, in a scope of its own and marked."""
    return replace(draft, scope=canary_scope(system.id), seen=replace(draft.seen, demonstration=CANARY))

"""Evidence out of other people's DAGs: what a task claims, and a table that a task has validated.

A claim is named for the task that makes it, so that it never passes for what a collector of ours looked at, and has a
stream of its own per period: a task that runs again for a period supersedes what it said of that one, and of no other.
What a task tells us is ``recorded``, whatever it says; a table that we read ourselves is ``observed``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from affidavit import __version__
from affidavit.errors import FieldNotAllowed, SourceRefused, SourceUnavailable, UsageError
from affidavit.evidence import (
    AirflowRun,
    Circumstances,
    Collector,
    Draft,
    Kind,
    Origin,
    Period,
    Stage,
    Subject,
    kinds,
    shapes,
    system_scope,
)
from affidavit.inventory import System
from affidavit.pipeline import collection
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import fold_scope
from affidavit.projections.lineage import EVALUATED_ON, POINTS_AT, PRODUCED, READ_BY, TRAINED_ON, WROTE
from affidavit.projections.lineage_graph import LOGGED, REGISTERED_AS, SCORED, STOOD_AS

_STAGES = {
    kinds.MODEL_RUN.name: Stage.DEVELOPMENT,
    kinds.DATASET_SNAPSHOT.name: Stage.DATA,
    kinds.LINEAGE_EDGE.name: Stage.DEVELOPMENT,
}
_OF_MODELS = frozenset({TRAINED_ON, EVALUATED_ON, PRODUCED, POINTS_AT, LOGGED, REGISTERED_AS})
_NOT_CLAIMED = {
    **dict.fromkeys(_OF_MODELS, "read from MLflow"),
    **dict.fromkeys((READ_BY, WROTE), "read from OpenLineage events"),
    **dict.fromkeys((STOOD_AS, SCORED), "drawn from what is observed and declared"),
}
"""Relations that a verdict or the drawn lineage takes from a source of their own."""


@dataclass(frozen=True)
class Task:
    """Who speaks: a task by its ``name`` (``airflow://<dag>/<task>``), in a ``run`` that is about ``period``.

    Of a run without a data interval, the period begins and ends at the moment that it is for.
    """

    name: str
    run: AirflowRun
    period: Period


@dataclass(frozen=True)
class Validated:
    """What a validation added and said: entries, rows that were read, and the tests that failed."""

    entries: int
    rows: int
    failed: tuple[str, ...]


def claim(
    workplace: Workplace, system_id: str, kind: Kind, facts: Mapping[str, Any], *, task: Task, now: datetime
) -> int | None:
    """Record what a task says about an AI system; the entry's index, None where it had said just that before.

    Raises ``FieldNotAllowed`` or ``CanonicalError`` for facts that the kind does not allow, ``LedgerError`` where the
    ledger cannot be written; nothing is recorded then.
    """
    system, suites = workplace.system(system_id)
    scope = system_scope(system_id)
    with workplace.writer() as ledger:
        standing, _ = collection.in_force(fold_scope(ledger, scope), system, suites)
        draft = _claimed(standing, kind, facts, task=task, now=now)
        (receipt,) = ledger.append([draft], now=now).receipts
    return receipt.index if receipt else None


def _claimed(system: System, kind: Kind, facts: Mapping[str, Any], *, task: Task, now: datetime) -> Draft:
    where = f"{task.name}: {kind.name}"
    shapes.check(facts, kind.facts, where=where)
    _check(system, kind, facts, where)
    own = facts["fingerprint"]["sha256"] if kind is kinds.DATASET_SNAPSHOT else None
    start, end = task.period.start, task.period.end
    return Draft(
        kind=kind,
        scope=system_scope(system.id),
        stage=_STAGES[kind.name],
        origin=Origin.RECORDED,
        subjects=(Subject(task.name, own) if own else Subject.of_facts(task.name, facts),),
        facts=facts,
        collector=Collector("claim", __version__),
        seen=Circumstances(now, task.run, system.demonstration),
        effective=task.period if start and end and start < end else None,
        interval=task.period,
    )


def _check(system: System, kind: Kind, facts: Mapping[str, Any], where: str) -> None:
    """What a shape cannot say: whatever a log could not unsay, or a verdict would take for a look of ours."""
    if facts.get("details") is not None:
        raise FieldNotAllowed("details name a blob, which a task cannot hand over", where=where, fix="leave it null")
    if kind is kinds.LINEAGE_EDGE and (source := _NOT_CLAIMED.get(facts["relation"])):
        raise FieldNotAllowed(
            f"the relation {facts['relation']!r} is {source}, and not claimed",
            where=where,
            fix="log the input with the run (mlflow.log_input), or name another relation, such as 'prepared from'",
        )
    for field in ("params", "tags"):
        allowed = {name for server in system.servers for name in getattr(server.allow, field)}
        extra = sorted(set(facts.get(field, ())) - allowed)
        if extra:
            raise FieldNotAllowed(
                f"{field[:-1]} {extra[0]!r} is not on the allow-list",
                where=where,
                fix=f"add it to mlflow.allow.{field} in include/systems/{system.id}.yaml, or leave it out",
            )


def validate_table(
    workplace: Workplace, system_id: str, table_id: str, *, run: AirflowRun, now: Callable[[], datetime]
) -> Validated:
    """Run the suite in force on a table, and record snapshot and validation, both of the same rows.

    As the collection looks at the table, and in its streams: what it saw last adds nothing. Raises ``SourceError``,
    ``ConfigurationError`` or ``LedgerError`` with nothing recorded, also where something newer is recorded of it.
    """
    where = f"include/systems/{system_id}.yaml"
    system, _ = workplace.system(system_id)
    known = sorted(table.id for table in system.tables)
    if table_id not in known:
        raise UsageError(f"no table {table_id!r}", where=where, fix=f"choose one of: {', '.join(known)}")
    began = now()
    visit = collection.Visit(system_id, collection.slot_of(workplace, system_id, began), began, run)
    look = collection.look(workplace, visit, f"table:{table_id}", now=began)
    if look.unread:
        raise SourceRefused(look.unread, where=f"the table {table_id!r}")
    validations = [draft for draft in look.drafts if draft.kind is kinds.VALIDATION]
    if any(draft.facts.get("consistency") == kinds.MOVED for draft in look.drafts):
        raise SourceUnavailable(
            "its rows changed while it was read", where=f"the table {table_id!r}", fix="look when nothing writes to it"
        )
    if not validations:
        problem = "waits for approval" if not look.drafts else "names no suite"
        fix = "see what 'affidavit status' says of it" if not look.drafts else "name a suite in its file"
        raise UsageError(f"the table {table_id!r} {problem}", where=where, fix=fix)
    with workplace.writer() as ledger:
        appended = ledger.append(look.drafts, now=now(), blobs=look.blobs)
    facts = validations[0].facts
    return Validated(sum(map(bool, appended.receipts)), facts["rows"], tuple(facts["failedTests"]))

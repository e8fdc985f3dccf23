"""Tables: what is in one now, and whether it passes its suite, both from one snapshot of the warehouse."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import affidavit
from affidavit.collect.look import Look
from affidavit.collect.schema_change import schema_change
from affidavit.errors import SourceUnavailable
from affidavit.evidence import (
    Circumstances,
    Collector,
    Draft,
    Json,
    Kind,
    Origin,
    Stage,
    Subject,
    dumps,
    kinds,
    system_scope,
)
from affidavit.evidence.salted import salted
from affidavit.inventory import Connection, Dataset, PredictionTable, Suite, System
from affidavit.quality import Due, Validation, validate
from affidavit.warehouse import (
    EDGES,
    Fingerprint,
    Profile,
    Relation,
    Snapshot,
    fingerprint,
    profile,
    relation,
    snapshot,
)

_STAGES = {
    "training": Stage.DATA,
    "reference": Stage.DATA,
    "validation": Stage.VERIFICATION,
    "test": Stage.VERIFICATION,
    "prediction": Stage.VERIFICATION,
    "production": Stage.OPERATION,
}
_LONGEST_TYPE = 500
"""Characters of a column's type in a statement; the fingerprint covers all of it."""

_ROOM = 40_000
"""Bytes that the columns may take in a statement; the rest of a leaf is for the other facts."""


def look_at_table(
    system: System,
    table: Dataset | PredictionTable,
    suite: Suite | None,
    *,
    connection: Connection,
    seen: Circumstances,
    before: Mapping[str, Any] | None = None,
) -> Look:
    """Look at one table of one AI system: a snapshot, and with a ``suite`` a validation, of the very same rows.

    ``before`` are the facts of its last snapshot; a table that has other columns since is a statement of its own.
    The whole table is read, so a change that still stands at a look is noticed by it. Raises ``SourceError`` naming
    the table, ``SuiteError`` naming the suite's file; then there is nothing to record.
    """
    with snapshot(connection, timeout_seconds=table.timeout_seconds) as opened:
        found = opened.table(table.table)
        described = profile(opened, found, about=table.table, time_column=table.time_column)
        digest = fingerprint(opened, found, about=table.table)
        behind = relation(opened, found, about=table.table)
        validation = (
            validate(opened, table=table.table, suite=suite, due=Due(seen.observed_at, system.schedule))
            if suite
            else None
        )
        _agree(opened, table.table, {digest.rows, described.rows} | ({validation.rows} if validation else set()))
        consistency = opened.consistency

    def draft(kind: Kind, facts: Mapping[str, Any]) -> Draft:
        return Draft(
            kind=kind,
            scope=system_scope(system.id),
            stage=_STAGES[table.use],
            origin=Origin.OBSERVED,
            subjects=(Subject(table.uri, digest.sha256),),
            facts=facts,
            collector=Collector(name, affidavit.__version__),
            seen=seen,
            effective=described.period,
        )

    name = f"table:{table.id}"
    blobs = [salted(_details(described))]
    facts = _snapshot_facts(table, described, digest, behind, consistency)
    drafts = [draft(kinds.DATASET_SNAPSHOT, {**facts, "details": _named(blobs[0])})]
    if before is not None and (changed := schema_change(before, facts)) is not None:
        drafts.append(draft(kinds.SCHEMA_CHANGE, changed))
    if suite and validation:
        blobs.append(salted(validation.details))
        drafts.append(draft(kinds.VALIDATION, _validation_facts(table, suite, validation, blobs[1])))
    return Look(
        name,
        tuple(drafts),
        enumerated=1,
        read=1,
        notice_delay_seconds=0,
        blobs=tuple(blobs),
    )


def _agree(opened: Snapshot, table: str, counts: set[int]) -> None:
    if len(counts) > 1:
        raise SourceUnavailable(
            "its rows changed while it was read, although in one transaction",
            where=opened.where(table),
            fix="look again; of a view with random or volatile parts, declare a table instead",
        )


def _snapshot_facts(
    table: Dataset | PredictionTable, described: Profile, digest: Fingerprint, behind: Relation, consistency: str
) -> dict[str, Any]:
    time = None
    if table.time_column is not None:
        time = {"column": table.time_column, "from": described.earliest, "to": described.latest}
    columns: list[Json] = [
        {"name": column.name, "type": column.type[:_LONGEST_TYPE], "nulls": described.counts[column.name].nulls}
        for column in described.columns
    ]
    sizes = itertools.accumulate(len(dumps(column)) + 1 for column in columns)
    shown = sum(size <= _ROOM for size in sizes)
    return {
        "dataset": table.id,
        "table": table.table,
        "use": table.use,
        "columns": columns[:shown],
        "columns_omitted": len(columns) - shown,
        "rows": described.rows,
        "time": time,
        "fingerprint": {"sha256": digest.sha256, "method": digest.method, "coverage": digest.coverage},
        "consistency": consistency,
        "relation": asdict(behind),
    }


def _validation_facts(
    table: Dataset | PredictionTable, suite: Suite, validation: Validation, details: bytes
) -> dict[str, Any]:
    return {
        "result": "PASSED" if validation.success else "FAILED",
        "configuration": [{"name": f"expectations/{suite.name}.yaml", "digest": {"sha256": suite.digest}}],
        "passedTests": list(validation.passed),
        "warnedTests": [],
        "failedTests": [failure.test for failure in validation.failed],
        "dataset": table.id,
        "suite": suite.name,
        "rows": validation.rows,
        "failed": [
            {
                "test": failure.test,
                "column": failure.column,
                "unexpected": failure.unexpected,
                "missing": failure.missing,
                "reason": failure.reason,
            }
            for failure in validation.failed
        ],
        "details": _named(details),
    }


def _details(described: Profile) -> bytes:
    """The profile whole, as canonical JSON."""
    columns = [
        {"name": column.name, "type": column.type, **asdict(described.counts[column.name])}
        for column in described.columns
    ]
    return dumps({"rows": described.rows, "edges": list(EDGES), "columns": columns})


def _named(blob: bytes) -> dict[str, Any]:
    return {"digest": {"sha256": hashlib.sha256(blob).hexdigest()}, "media_type": "application/json"}

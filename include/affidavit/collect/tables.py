"""Tables: what is in one now, and whether it passes its suite, both from one snapshot of the warehouse."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import affidavit
from affidavit.collect.attempts import Known
from affidavit.collect.late_data import late_data, seen_until
from affidavit.collect.look import Look
from affidavit.collect.measurements import Taken, measurement
from affidavit.collect.schema_change import schema_change
from affidavit.errors import SourceRefused
from affidavit.evidence import (
    Circumstances,
    Collector,
    Draft,
    Json,
    Kind,
    Origin,
    Period,
    Stage,
    Subject,
    dumps,
    kinds,
    loads,
    system_scope,
    timestamp,
)
from affidavit.evidence.salted import salted
from affidavit.inventory import Connection, Dataset, PredictionTable, Suite, System, seconds_between_ticks
from affidavit.quality import Due, Examples, Validation, examples_of, validate
from affidavit.warehouse import (
    EDGES,
    Fingerprint,
    Part,
    Profile,
    Relation,
    Snapshot,
    TableRef,
    fingerprint,
    fingerprint_parts,
    profile,
    relation,
    snapshot,
)
from affidavit.warehouse.lake import Lake, lake

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


@dataclass(frozen=True)
class Before:
    """What the last snapshot of a table said: its facts, and the payload that they name as details, if at hand.

    Without the payload, what was read of a table's partitions is not known, and all are read.
    """

    facts: Mapping[str, Any]
    details: bytes | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The partitions, as they were last read."""
        # Payloads from before tables were read by parts have no such field.
        return tuple(Part(**part) for part in loads(self.details).get("partitions", ())) if self.details else ()


def look_at_table(  # noqa: PLR0913  each argument is one thing that is known of the table
    system: System,
    table: Dataset | PredictionTable,
    suite: Suite | None,
    *,
    connection: Connection,
    seen: Circumstances,
    before: Before | None = None,
    known: Known | None = None,
) -> Look:
    """Look at one table of one AI system: a snapshot, and with a ``suite`` a validation, of the very same rows.

    Of a table of scored rows what is declared to be measured is measured too, with what is ``known`` of versions and
    of what was tried before.

    With ``before``, other columns than then, and rows that came late, are statements of their own. The whole table is
    fingerprinted, so a change that still stands is noticed by the next look; one with ``partition`` by parts, and a
    change that leaves its token as it was is noticed when its rotation ends. Where a warehouse cannot show one state
    for so long, a table that changes meanwhile has moved, and is not validated. Raises ``SourceError`` naming the
    table, ``SuiteError`` naming the suite's file; then there is nothing to record.
    """
    measured: tuple[Taken, ...] = ()
    known = known or Known()
    if connection.type == "spark":
        with lake(connection, timeout_seconds=table.timeout_seconds) as files:
            read = _read_lake(files, table, suite, due=Due(seen.observed_at, system.schedule))
    else:
        with snapshot(connection, timeout_seconds=table.timeout_seconds) as opened:
            read = _read(opened, system, table, suite, seen=seen, before=before)
            measured = _measure(opened, system, table, read, known)
    described, digest, validation, failing = read.described, read.digest, read.validation, read.examples

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
    blobs = [salted(_details(described, read.parts))]
    facts = _snapshot_facts(table, read)
    drafts = [draft(kinds.DATASET_SNAPSHOT, {**facts, "details": _named(blobs[0])})]
    if before is not None and (changed := schema_change(before.facts, facts)) is not None:
        drafts.append(draft(kinds.SCHEMA_CHANGE, changed))
    if before and read.until is not None and (late := late_data(before.facts, facts, now=read.until)) is not None:
        drafts.append(draft(kinds.LATE_DATA, late))
    if suite and validation:
        blobs.append(salted(validation.details))
        drafts.append(draft(kinds.VALIDATION, _validation_facts(table, suite, validation, read.parts, blobs[1])))
    if suite and failing:
        blobs.append(salted(failing.details))
        drafts.append(draft(kinds.FAILING_ROWS, _examples_facts(table, suite, failing, blobs[2])))
    for taken in measured:
        of_rows = replace(taken, about=(Subject(table.uri, digest.sha256),), attempts=known.attempts(taken))
        statement, report = measurement(system, of_rows, origin=Origin.RECORDED, collector=name, seen=seen)
        drafts.append(statement)
        blobs.append(report)
    return Look(
        name,
        tuple(drafts),
        enumerated=1,
        read=1,
        notice_delay_seconds=_notice_delay(system, table),
        blobs=tuple(blobs),
    )


def look_at_period(
    system: System, table: Dataset | PredictionTable, period: Period, *, connection: Connection, seen: Circumstances
) -> Look:
    """Look, now, at the rows that the table's time column dates into a ``period`` that is over.

    It shows what the table holds of that period at this look, and not what it held then: so it is a snapshot under a
    name of its own, in a stream of its own, which no verdict takes for the state of the table. Where the table has no
    time column, or the warehouse does not compare it as a time or gives no one state of it, nothing is read; nor of
    Parquet. Raises ``SourceError``.
    """
    name, start, end = f"table:{table.id}", period.start, period.end
    nothing = Look(name, (), enumerated=1, read=0)
    if table.time_column is None or start is None or end is None or connection.type == "spark":
        return nothing
    with snapshot(connection, timeout_seconds=table.timeout_seconds) as opened:
        whole = opened.table(table.table)
        column = whole.column(table.time_column, where=opened.where(table.table))
        part = whole.dated(column, start, end) if opened.dialect.name != "sqlite" else None
        if part is None or not opened.dialect.one_state:
            return nothing
        described = profile(opened, part, about=table.table, time_column=table.time_column)
        digest = fingerprint(opened, part, about=table.table)
        behind = relation(opened, whole, about=table.table)
        opened.agree(table.table, {digest.rows, described.rows})
        consistency = opened.consistency
    details = salted(_details(described, ()))
    coverage = (
        f"all columns of the rows whose {table.time_column} lies in the period, as the table held them at this look"
    )
    read = _Read(described, replace(digest, coverage=coverage), (), behind, None, consistency, None)
    facts = _snapshot_facts(table, read)
    draft = Draft(
        kind=kinds.DATASET_SNAPSHOT,
        scope=system_scope(system.id),
        stage=_STAGES[table.use],
        origin=Origin.OBSERVED,
        subjects=(Subject(f"{table.uri}?{table.time_column}={timestamp(start)}/{timestamp(end)}", digest.sha256),),
        facts={**facts, "details": _named(details)},
        collector=Collector(name, affidavit.__version__),
        seen=seen,
        effective=period,
        interval=period,
    )
    return Look(name, (draft,), enumerated=1, read=1, notice_delay_seconds=None, blobs=(details,))


@dataclass(frozen=True)
class _Read:
    """What one opened snapshot gave. Of a table that moved nothing is known but that, and what it ended as."""

    described: Profile
    digest: Fingerprint
    parts: tuple[Part, ...]
    behind: Relation | None
    validation: Validation | None
    consistency: str
    until: int | None
    examples: Examples | None = None


def _read(
    opened: Snapshot,
    system: System,
    table: Dataset | PredictionTable,
    suite: Suite | None,
    *,
    seen: Circumstances,
    before: Before | None,
) -> _Read:
    found = opened.table(table.table)
    digest, parts = fingerprint_of(opened, found, table, seen=seen, before=before)
    until = None
    if before and before.facts["consistency"] != kinds.MOVED:
        types = {column.name: column.type[:_LONGEST_TYPE] for column in found.columns}
        until = seen_until(before.facts, column=table.time_column, type_=types.get(table.time_column or ""))
    described = profile(opened, found, about=table.table, time_column=table.time_column, until=until)
    behind = relation(opened, found, about=table.table)
    validation = examples = None
    if suite:
        validation = validate(opened, table=table.table, suite=suite, due=Due(seen.observed_at, system.schedule))
        if table.examples and validation.failed:
            examples = examples_of(opened, table=table.table, suite=suite, validation=validation, most=table.examples)
    counts = {digest.rows, described.rows} | ({validation.rows} if validation else set())
    if not opened.dialect.one_state:
        after, parts = fingerprint_of(opened, found, table, seen=seen, before=before)
        if after != digest or len(counts) > 1:
            return _Read(described, after, parts, behind, None, kinds.MOVED, None)
    opened.agree(table.table, counts)
    return _Read(described, digest, parts, behind, validation, opened.consistency, described.until, examples)


def _measure(
    opened: Snapshot,
    system: System,
    table: Dataset | PredictionTable,
    read: _Read,
    known: Known,
) -> tuple[Taken, ...]:
    """What is declared to be measured of the rows; nothing of a table that moved, whose rows are of no one state."""
    if not isinstance(table, PredictionTable) or table.measured is None or read.consistency == kinds.MOVED:
        return ()
    from affidavit.collect.predictions import measure_rows
    from affidavit.collect.scored import Scored

    version = known.versions.get(table.measured.model)
    scored = Scored(opened, system, table, table.measured, opened.table(table.table), version)
    return measure_rows(scored, digest=read.digest)


def _read_lake(files: Lake, table: Dataset | PredictionTable, suite: Suite | None, *, due: Due) -> _Read:
    """The same through Spark, where nothing shows one state: the files are listed and hashed again at the end."""
    for asked, what in ((table.partition is not None, "partitions"), (table.examples > 0, "examples of failing rows")):
        if asked:
            problem = f"{what} are not supported for this engine, Spark"
            raise SourceRefused(problem, where=files.where(table.table), fix="leave them out")
    found = files.table(table.table)
    before = files.fingerprint(found, rows=0)
    described = files.profile(found, time_column=table.time_column)
    validation = validate(files, table=table.table, suite=suite, due=due) if suite else None
    # With its columns asked for anew: the first were read before the first hash.
    digest = files.fingerprint(files.table(table.table), rows=described.rows)
    if digest.sha256 != before.sha256 or (validation and validation.rows != described.rows):
        return _Read(described, digest, (), None, None, kinds.MOVED, None)
    return _Read(described, digest, (), None, validation, files.consistency, None)


def fingerprint_of(
    opened: Snapshot, found: TableRef, table: Dataset | PredictionTable, *, seen: Circumstances, before: Before | None
) -> tuple[Fingerprint, tuple[Part, ...]]:
    """The fingerprint of a table as it is declared, and its partitions where it is read by parts."""
    if table.partition is None:
        return fingerprint(opened, found, about=table.table), ()
    now = timestamp(seen.observed_at)
    known = before.parts if before else ()
    parted = fingerprint_parts(opened, found, table.partition, about=table.table, now=now, before=known)
    return parted.digest, parted.parts


def _notice_delay(system: System, table: Dataset | PredictionTable) -> int:
    """How late a change that still stands is noticed at most, in seconds, if no collection is missed."""
    return table.partition.rotation * seconds_between_ticks(system.schedule) if table.partition else 0


def _snapshot_facts(table: Dataset | PredictionTable, read: _Read) -> dict[str, Any]:
    described, digest, time = read.described, read.digest, None
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
        "consistency": read.consistency,
        "relation": asdict(read.behind) if read.behind else None,
    }


def _validation_facts(
    table: Dataset | PredictionTable, suite: Suite, validation: Validation, parts: tuple[Part, ...], details: bytes
) -> dict[str, Any]:
    return {
        "result": "FAILED" if validation.failed else "WARNED" if validation.warned else "PASSED",
        "configuration": [{"name": f"expectations/{suite.name}.yaml", "digest": {"sha256": suite.digest}}],
        "passedTests": list(validation.passed),
        "warnedTests": list(validation.warned),
        "failedTests": [failure.test for failure in validation.failed],
        "dataset": table.id,
        "suite": suite.name,
        "rows": validation.rows,
        "carried": sum(part.carried > 0 for part in parts),
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


def _examples_facts(
    table: Dataset | PredictionTable, suite: Suite, failing: Examples, details: bytes
) -> dict[str, Any]:
    return {
        "dataset": table.id,
        "table": table.table,
        "suite": suite.name,
        "tests": [{"test": test, "rows": rows} for test, rows in failing.rows.items()],
        "details": _named(details),
    }


def _details(described: Profile, parts: tuple[Part, ...]) -> bytes:
    """The profile whole, and the partitions, as canonical JSON."""
    columns = [
        {"name": column.name, "type": column.type, **asdict(described.counts[column.name])}
        for column in described.columns
    ]
    partitions = [asdict(part) for part in parts]
    return dumps({"rows": described.rows, "edges": list(EDGES), "columns": columns, "partitions": partitions})


def _named(blob: bytes) -> dict[str, Any]:
    return {"digest": {"sha256": hashlib.sha256(blob).hexdigest()}, "media_type": "application/json"}

"""A small ledger in memory, behind the real reader's interface, and the statements that fill it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from affidavit.errors import CanonicalError, IntegrityError, UsageError
from affidavit.evidence import (
    AirflowRun,
    Circumstances,
    Collector,
    Draft,
    Entry,
    Json,
    Kind,
    Origin,
    Period,
    Stage,
    Statement,
    Subject,
    kinds,
    timestamp,
)
from affidavit.pages.posture import Completeness
from affidavit.projections.reader import Head
from affidavit.rules.verdict import Part, Status, Verdict

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
SYSTEM = "system:mortgage-approval"
NOTHING_DUE = Completeness({}, {}, NOON)
SIMULATED = "Real applications; runs and dates are scripted by the demo."


@dataclass
class Log:
    """A ledger in memory. ``write`` appends; the rest is the reader."""

    origin: str = "affidavit.invalid/test"
    leaves: list[bytes] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    latest: dict[bytes, bytes] = field(default_factory=dict)

    def write(self, draft: Draft) -> int:
        stream = draft.statement.stream
        self.leaves.append(draft.seal(self.latest.get(stream)))
        self.latest[stream] = self.entry(len(self.leaves) - 1).leaf_hash
        return len(self.leaves) - 1

    def write_raw(self, leaf: bytes) -> int:
        self.leaves.append(leaf)
        return len(self.leaves) - 1

    @classmethod
    def entry_of(cls, draft: Draft) -> Entry:
        log = cls()
        return log.entry(log.write(draft))

    def keep(self, blob: bytes) -> str:
        digest = hashlib.sha256(blob).hexdigest()
        self.blobs[digest] = blob
        return digest

    def head(self) -> Head:
        root = hashlib.sha256(b"".join(self.leaves)).digest()
        size = len(self.leaves)
        return Head(self.origin, size, root, NOON + timedelta(minutes=size), f"{self.origin}\n{size}\n\n— signature\n")

    def head_at(self, time: datetime) -> Head | None:
        return self.head()

    def entry(self, index: int) -> Entry:
        if not 0 <= index < len(self.leaves):
            raise UsageError(f"there is no entry {index}")
        return Entry(index, self.leaves[index])

    def entries(
        self, start: int = 0, stop: int | None = None, *, scope: str | None = None, kind: str | None = None
    ) -> Iterator[Entry]:
        for index, leaf in list(enumerate(self.leaves))[start:stop]:
            entry = Entry(index, leaf)
            if kind is not None and not _readable(entry):  # it has no derived columns to be found by
                continue
            if scope is not None and entry.statement.scope != scope:
                continue
            if kind is None or entry.statement.kind == kind:
                yield entry

    def blob(self, sha256: str) -> bytes:
        if sha256 not in self.blobs:
            raise IntegrityError("the blob is absent", where=f"blob {sha256}")
        return self.blobs[sha256]


def _readable(entry: Entry) -> bool:
    try:
        return bool(entry.statement)
    except CanonicalError:
        return False


def draft(
    kind: Kind,
    subject: str,
    facts: dict[str, Json],
    *,
    scope: str = SYSTEM,
    demonstration: str | None = None,
    airflow: AirflowRun | None = None,
) -> Draft:
    return Draft(
        kind=kind,
        scope=scope,
        stage=Stage.DATA,
        origin=Origin.OBSERVED,
        subjects=(Subject.of_facts(subject, facts),),
        facts=facts,
        collector=Collector("table:applications-train", "0.1.0"),
        seen=Circumstances(NOON, airflow=airflow, demonstration=demonstration),
        effective=Period(NOON - timedelta(days=30), NOON),
    )


def validation(
    details: str,
    *,
    failed: tuple[str, ...] = (),
    warned: tuple[str, ...] = (),
    table: str = "warehouse://bank/applications_train",
    scope: str = SYSTEM,
) -> Draft:
    facts = {
        "result": "FAILED" if failed else "WARNED" if warned else "PASSED",
        "configuration": [{"name": "expectations/applications.yaml", "digest": {"sha256": "ab" * 32}}],
        "passedTests": [f"expect_column_values_to_not_be_null:c{i}" for i in range(9 - len(failed) - len(warned))],
        "warnedTests": list(warned),
        "failedTests": list(failed),
        "dataset": "applications-train",
        "suite": "applications",
        "rows": 2381,
        "carried": 0,
        "failed": [{"test": t, "column": "dir", "unexpected": 5, "missing": 0, "reason": None} for t in failed],
        "details": {"digest": {"sha256": details}, "media_type": "application/json"},
    }
    return draft(kinds.VALIDATION, table, facts, scope=scope, demonstration=SIMULATED)


def snapshot(rows: int = 2381, *, table: str = "applications_train") -> Draft:
    facts = {
        "dataset": "applications-train",
        "table": table,
        "use": "training",
        "columns": [{"name": f"c{i}", "type": "DOUBLE", "nulls": i % 3} for i in range(14)],
        "columns_omitted": 0,
        "rows": rows,
        "time": {"column": "received_on", "from": "1990-01-02", "to": "1990-12-30"},
        "fingerprint": {
            "sha256": hashlib.sha256(str(rows).encode()).hexdigest(),
            "method": "rows-sha256-buckets/2 duckdb",
            "coverage": "all rows and columns",
        },
        "consistency": "one read transaction",
        "relation": {"kind": "table", "sha256": None},
        "details": None,
    }
    return draft(kinds.DATASET_SNAPSHOT, f"warehouse://bank/{table}", facts, demonstration=SIMULATED)


def run(name: str = "mortgage-approval", **params: str) -> Draft:
    facts = {
        "status": "FINISHED",
        "lifecycle": "active",
        "experiment": {"id": "1", "name": name},
        "parent": None,
        "source": {"commit": "9c1e" * 10, "dirty": False},
        "metrics": {"roc_auc": 0.812, "log_loss": "float:nan"},
        "params": params or {"model": "logistic_regression", "C": "0.5"},
        "tags": {},
        "inputs": [
            {
                "name": "applications-train",
                "context": "training",
                "source_digest": "1a2b3c4d",
                "fingerprint": None,
                "rows": 1666,
            }
        ],
        "outputs": [{"name": "mlflow://mlflow_default/models/m-6a3b", "digest": "cd" * 32}],
        "artifacts": {"files": 7, "bytes": 81234, "moved": 0, "sha256": "ef" * 32},
        "withheld": {"metrics": 0, "params": 2, "tags": 7, "inputs": 0, "outputs": 0},
    }
    seen = AirflowRun("evidence.mortgage-approval", "scheduled__2026-03-14", "development.model_runs", 1)
    return draft(kinds.MODEL_RUN, "mlflow://mlflow_default/runs/5f0c", facts, airflow=seen, demonstration=SIMULATED)


def alias(version: str | None) -> Draft:
    facts = {"model": "mortgage-approval", "alias": "champion", "version": version}
    return draft(kinds.MODEL_ALIAS, "mlflow://mlflow_default/models/mortgage-approval@champion", facts)


def system(title: str = "Mortgage approval") -> Draft:
    facts = {"file": "include/systems/mortgage-approval.yaml", "system": {"id": "mortgage-approval", "title": title}}
    return draft(kinds.SYSTEM, "affidavit://systems/mortgage-approval", facts)


def collection() -> Draft:
    look = {
        "window": None,
        "enumerated": 3,
        "read": 3,
        "new": 2,
        "unchanged": 1,
        "withheld": 4,
        "notice_delay_seconds": 86_400,
        "cursor": {"after": timestamp(NOON), "open": ["r1"]},
    }
    slot = Period(NOON - timedelta(days=1), NOON).json()
    facts = {"slot": slot, "gap": None, "collectors": {"mlflow-runs": look}}
    return draft(kinds.COLLECTION, "affidavit://collections/mortgage-approval", facts)


def unknown(predicate_type: str = "urn:elsewhere:thing:v9") -> bytes:
    from affidavit.evidence import dumps

    return dumps({**Statement.parse(alias("1").seal(None)).document, "predicateType": predicate_type})


def verdict(
    control: str,
    status: Status,
    *,
    scope: str = SYSTEM,
    entries: tuple[int, ...] = (),
    valid_until: datetime | None = None,
    next_action: str = "",
) -> Verdict:
    origin = Origin.OBSERVED if entries else None
    part = Part("suite_passed/1", status, "What this check found.", entries, origin, next_action, valid_until)
    return Verdict(
        control=control,
        scope=scope,
        status=status,
        sentence=f"What the evidence for {control} shows.",
        not_shown="Whether the suite asks enough.",
        parts=(part,),
        entries=entries,
        origin=origin,
        next_action=next_action,
        owner="data-owner",
        valid_until=valid_until,
    )

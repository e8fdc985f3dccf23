"""A small ledger of our own, for attacks that take a key: made as any other, signed by a key that is given away.

Six days of one AI system whose tables pass, whose runs are logged and whose collections end; on the third day a witness
cosigns the head, on the fourth an auditor notes it.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from affidavit.anchor.evidence import Anchored, body
from affidavit.evidence import (
    Circumstances,
    Collector,
    Draft,
    Kind,
    Origin,
    Period,
    Stage,
    Subject,
    kinds,
    system_scope,
    timestamp,
)
from affidavit.evidence.salted import salted
from affidavit.ledger import Ledger, LocalSigner
from affidavit.ledger.copying import BLOBS, DATABASE
from affidavit.projections.anchoring import WITNESS
from affidavit.projections.reader import Head
from affidavit.tlog import cosignature
from affidavit.tlog.note import COSIGNATURE, SigningKey

KEY = "signer.key"
BACKUP = "backup.db"
DAYS, TABLES = 6, 4

_STAGED = "Made to be cheated: nothing in it happened."
_SCOPE = system_scope("staged")
_REPORT = b'{"success": false, "statistics": {"evaluated_expectations": 2}}'


@dataclass(frozen=True)
class Staged:
    """What was made: the secrets, the head that an auditor noted, and the newest, which other readers were shown."""

    key: SigningKey
    witness: SigningKey
    noted: Head
    newest: Head


def make(home: Path, *, now: datetime, hidden: str = "") -> Staged:
    """Make the ledger in ``home``, with its key, its signer's memory and an older copy of its database.

    ``hidden`` names a run of its source that no collector sees.
    """
    start = now.replace(microsecond=0) - timedelta(days=DAYS)
    signer = LocalSigner.generate(home / KEY)
    witness = SigningKey("witness.invalid/staged", COSIGNATURE, secrets.token_bytes(32))
    with Ledger.create(f"sqlite:///{home / DATABASE}", blobs=str(home / BLOBS), signer=signer, now=start) as ledger:
        noted = head = ledger.head()
        for day in range(1, DAYS + 1):
            at = start + timedelta(days=day)
            drafts, blobs = _day(day, Circumstances(at, demonstration=_STAGED), hidden)
            for draft in drafts[:-1]:
                head = ledger.append([draft], now=at, blobs=blobs).head
            head = ledger.append(drafts[-1:], now=at).head
            if day == 2:
                _back_up(home)
            elif day == 3:
                head = ledger.append([_witnessed(head, witness, at)], now=at).head
            elif day == 4:
                noted = head
    return Staged(SigningKey.parse((home / KEY).read_text(encoding="ascii").strip()), witness, noted, head)


def _day(day: int, seen: Circumstances, hidden: str) -> tuple[list[Draft], list[bytes]]:
    drafts, blobs = [], []
    for table in range(TABLES):
        report = salted(_REPORT.replace(b"2", b"%d%d" % (day, table)))
        blobs.append(report)
        name, rows = f"warehouse://staged/table-{table}", 100 * day + table
        drafts.append(_draft(kinds.DATASET_SNAPSHOT, name, _snapshot(table, rows), seen, Stage.DATA))
        drafts.append(_draft(kinds.VALIDATION, name, _validation(table, rows, report), seen, Stage.DATA))
    runs = {f"run-{number}": _run(number) for number in range(2 * day - 1, 2 * day + 1)}
    drafts += [
        _draft(kinds.MODEL_RUN, f"mlflow://staged/runs/{run}", facts, seen, Stage.DEVELOPMENT)
        for run, facts in runs.items()
        if run != hidden
    ]
    alias = {"model": "staged", "alias": "champion", "version": str(1 + day % 2)}
    drafts.append(_draft(kinds.MODEL_ALIAS, "mlflow://staged/models/staged@champion", alias, seen, Stage.DEPLOYMENT))
    slot = Period(seen.observed_at - timedelta(days=1), seen.observed_at)
    facts = {"slot": slot.json(), "gap": None, "collectors": {"mlflow-runs": _looked(seen.observed_at)}}
    drafts.append(
        _draft(kinds.COLLECTION, f"affidavit://collections/{_SCOPE}", facts, seen, Stage.CROSS, interval=slot)
    )
    return drafts, blobs


def _draft(
    kind: Kind, name: str, facts: dict[str, Any], seen: Circumstances, stage: Stage, interval: Period | None = None
) -> Draft:
    return Draft(
        kind=kind,
        scope=_SCOPE,
        stage=stage,
        origin=Origin.OBSERVED,
        subjects=(Subject.of_facts(name, facts),),
        facts=facts,
        collector=Collector("staged", "1"),
        seen=seen,
        interval=interval,
    )


def _snapshot(table: int, rows: int) -> dict[str, Any]:
    fingerprint = hashlib.sha256(b"%d %d" % (table, rows)).hexdigest()
    return {
        "dataset": f"table-{table}",
        "table": f"table_{table}",
        "use": "training",
        "columns": [{"name": "amount", "type": "BIGINT", "nulls": 0}],
        "columns_omitted": 0,
        "rows": rows,
        "time": None,
        "fingerprint": {"sha256": fingerprint, "method": "staged/1", "coverage": "all rows"},
        "consistency": "one transaction",
        "relation": {"kind": "table", "sha256": None},
        "details": None,
    }


def _validation(table: int, rows: int, report: bytes) -> dict[str, Any]:
    test = "expect_column_values_to_not_be_null:amount"
    passed = table % 2 == 0
    return {
        "result": "PASSED" if passed else "FAILED",
        "configuration": [{"name": "expectations/staged.yaml", "digest": {"sha256": "0" * 64}}],
        "passedTests": [test] if passed else [],
        "warnedTests": [],
        "failedTests": [] if passed else [test],
        "dataset": f"table-{table}",
        "suite": "staged",
        "rows": rows,
        "carried": 0,
        "failed": [],
        "details": {"digest": {"sha256": hashlib.sha256(report).hexdigest()}, "media_type": "application/json"},
    }


def _run(number: int) -> dict[str, Any]:
    return {
        "status": "FINISHED",
        "lifecycle": "active",
        "experiment": {"id": "1", "name": "staged"},
        "parent": None,
        "source": {"commit": None, "dirty": None},
        "metrics": {"roc_auc": 0.5 + number / 100},
        "params": {},
        "tags": {},
        "inputs": [],
        "outputs": [],
        "artifacts": None,
        "withheld": {"metrics": 0, "params": 0, "tags": 0, "inputs": 0, "outputs": 0},
    }


def _looked(at: datetime) -> dict[str, Any]:
    counts = {"enumerated": 2, "read": 2, "new": 2, "unchanged": 0, "withheld": 0, "notice_delay_seconds": 0}
    return {"window": None, **counts, "cursor": {"until": timestamp(at)}}


def _witnessed(head: Head, witness: SigningKey, at: datetime) -> Draft:
    line = cosignature.cosign(body(head), witness, time=int(at.timestamp())).line
    made = Anchored("staged", WITNESS, witness.name, head, at, cosignature=line + "\n")
    return made.draft(Circumstances(at, demonstration=_STAGED))


def _back_up(home: Path) -> None:
    with closing(sqlite3.connect(home / DATABASE)) as source, closing(sqlite3.connect(home / BACKUP)) as target:
        source.backup(target)

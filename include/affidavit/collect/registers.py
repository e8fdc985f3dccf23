"""Registers: how many rows a source holds, by day and by listed value, and whether a second source holds the same.

All that is said of a table comes from one snapshot; so does its comparison with a table of the same warehouse. A file
is read once, and what it says is declared: nobody can tell who wrote it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import affidavit
from affidavit.collect.look import Look
from affidavit.evidence import Circumstances, Collector, Draft, Origin, Period, Subject, dumps, kinds
from affidavit.inventory import Register, Resolve
from affidavit.warehouse import (
    UPLOAD_METHOD,
    Category,
    Counts,
    Day,
    Fingerprint,
    Keys,
    Snapshot,
    count_register,
    fingerprint,
    reconcile,
    snapshot,
    upload,
)

_ROOM = 40_000
"""Bytes that the days may take in a statement; the rest of a leaf is for the other facts."""


@dataclass(frozen=True)
class _Opened:
    snapshot: Snapshot
    table: str
    fingerprint: Fingerprint | None = None
    hidden: Mapping[str, int] = field(default_factory=dict)


def look_at_register(register: Register, *, scope: str, folder: Path, resolve: Resolve, seen: Circumstances) -> Look:
    """Look at one register of ``scope``; ``folder`` is the one that files are named from.

    Raises ``SourceError`` naming table or file, ``ConfigurationError`` for a connection; then there is nothing to
    record.
    """
    with _opened(register, folder, resolve) as opened:
        facts, counts = _read(register, opened, resolve)
        facts["consistency"] = opened.snapshot.consistency if opened.fingerprint is None else "one file, read once"
    name = f"register:{register.id}"
    draft = Draft(
        kind=kinds.REGISTER,
        scope=scope,
        stage=register.demand.stage,
        origin=Origin.DECLARED if register.file else Origin.OBSERVED,
        subjects=(Subject(register.name, facts["fingerprint"]["sha256"]),),
        facts=facts,
        collector=Collector(name, affidavit.__version__),
        seen=seen,
        effective=_period(register, counts),
    )
    return Look(name, (draft,), enumerated=1, read=1, notice_delay_seconds=0)


@contextmanager
def _opened(register: Register, folder: Path, resolve: Resolve) -> Iterator[_Opened]:
    if register.file is not None:
        with (
            upload(_place(register.file, folder), where=_told(register), sheet=register.sheet) as file,
            snapshot(file.connection, timeout_seconds=register.timeout_seconds) as opened,
        ):
            # The rows count themselves below: the file's own digest stands for them.
            digest = Fingerprint(file.sha256, UPLOAD_METHOD, file.coverage, 0)
            yield _Opened(opened, file.table, digest, file.hidden)
        return
    assert register.connection is not None
    assert register.table is not None
    with snapshot(resolve(register.connection), timeout_seconds=register.timeout_seconds) as opened:
        yield _Opened(opened, register.table)


def _place(file: str, folder: Path) -> Path | str:
    return file if "://" in file else folder / file


def _told(register: Register) -> str:
    return register.uri.removeprefix("file:") if register.uri.startswith("file:include/") else register.uri


def _read(register: Register, opened: _Opened, resolve: Resolve) -> tuple[dict[str, Any], Counts]:
    table = opened.snapshot.table(opened.table)
    demand = register.demand
    roles = {role: register.columns[role] for role in demand.columns}
    counts = count_register(
        opened.snapshot,
        table,
        about=opened.table,
        columns=tuple(roles.values()),
        date_column=roles[demand.date] if demand.date else None,
        categories=register.categories,
    )
    digest = opened.fingerprint
    if digest is None:
        digest = fingerprint(opened.snapshot, table, about=opened.table)
        opened.snapshot.agree(opened.table, {digest.rows, counts.rows})
    key = roles[demand.key]
    days, rows_shown = _days(counts.days, earliest=demand.ends)
    return {
        "register": register.id,
        "kind": register.kind,
        "source": register.uri,
        "upload": register.file is not None,
        "hidden": dict(opened.hidden),
        "rows": counts.rows,
        "columns": {role: {"column": column, "blank": counts.blank[column]} for role, column in roles.items()},
        "categories": {name: _category(found) for name, found in counts.categories.items()},
        "undated": counts.undated,
        "days": days,
        "days_omitted": len(counts.days) - len(days),
        "rows_omitted": counts.rows - (counts.undated or 0) - rows_shown if counts.undated is not None else 0,
        "fingerprint": {"sha256": digest.sha256, "method": digest.method, "coverage": digest.coverage},
        "reconciled": _reconciled(register, opened, key, resolve) if counts.blank[key] is not None else None,
    }, counts


def _reconciled(register: Register, opened: _Opened, key: str, resolve: Resolve) -> dict[str, Any] | None:
    second = register.reconcile
    if second is None:
        return None
    here = Keys(opened.snapshot, opened.table, key)
    if second.connection == register.connection:
        there, consistency = opened.snapshot, "one snapshot of both"
        found = reconcile(here, Keys(there, second.table, second.column))
    else:
        consistency = "two snapshots, one after the other"
        with snapshot(resolve(second.connection), timeout_seconds=register.timeout_seconds) as there:
            found = reconcile(here, Keys(there, second.table, second.column))
    return {"with": second.uri, "consistency": consistency, **asdict(found)}


def _category(found: Category | None) -> dict[str, Any] | None:
    return None if found is None else {"values": dict(found.values), "other": found.other, "blank": found.blank}


def _days(days: Mapping[date, Day], *, earliest: bool) -> tuple[list[dict[str, Any]], int]:
    """The days that there is room for, oldest first, and how many rows are on them."""
    ordered = sorted(days, reverse=not earliest)
    listed: list[Any] = [
        {"day": day.isoformat(), "rows": days[day].rows, "categories": days[day].categories} for day in ordered
    ]
    sizes = itertools.accumulate(len(dumps(each)) + 1 for each in listed)
    shown = listed[: sum(size <= _ROOM for size in sizes)]
    return sorted(shown, key=lambda each: str(each["day"])), sum(days[day].rows for day in ordered[: len(shown)])


def _period(register: Register, counts: Counts) -> Period | None:
    if not counts.days or register.demand.ends:
        return None
    return Period(datetime.combine(min(counts.days), time.min, UTC), datetime.combine(max(counts.days), time.max, UTC))

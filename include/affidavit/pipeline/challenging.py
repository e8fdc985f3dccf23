"""A control is challenged unannounced: what is challenged, with what defect, and what is recorded of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from affidavit import catalogue
from affidavit.collect.challenge import Outcome, Target, challenge_table
from affidavit.errors import UsageError
from affidavit.evidence import system_scope
from affidavit.inventory import Suite
from affidavit.pipeline.collection import in_force
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import fold_scope
from affidavit.warehouse import snapshot
from affidavit.warehouse.canary import Defect, defects


def challenge(
    workplace: Workplace,
    system_id: str,
    table_id: str,
    *,
    defect: Defect | None,
    through: str | None,
    now: Callable[[], datetime],
) -> tuple[Defect, Outcome]:
    """Plant a defect in a copy of a table, see whether its suite catches it, and record what came of it.

    Without ``defect`` one is drawn at random, of those that the suite says something about: nobody knows beforehand.
    ``through`` is the id of a connection to the same warehouse that may create a table; the table's own if None.
    Raises ``UsageError`` for what cannot be challenged, else as :func:`affidavit.collect.challenge.challenge_table`;
    then nothing is recorded.
    """
    target = _target(workplace, system_id, table_id, through)
    with snapshot(target.reads, timeout_seconds=target.table.timeout_seconds) as opened:
        possible = defects(opened.table(target.table.table).columns)
    chosen = defect or secrets.choice(expected(target.suite, possible) or possible)
    if chosen not in possible:
        what = f"the defect {chosen.kind!r}" + (f" in the column {chosen.column!r}" if chosen.column else "")
        fix = "name a column that the table has (of numbers, for the sign), or leave both out"
        raise UsageError(f"{table_id} cannot be given {what}", where="affidavit challenge", fix=fix)
    tokens = (secrets.token_hex(8), secrets.token_hex(8))
    outcome = challenge_table(target, chosen, tokens=tokens, policy=catalogue.load().policy, now=now)
    with workplace.writer() as ledger:
        ledger.append(outcome.look.drafts, now=now(), blobs=outcome.look.blobs)
    return chosen, outcome


def expected(suite: Suite, possible: Sequence[Defect]) -> tuple[Defect, ...]:
    """Of the defects that are ``possible`` those that a suite could be meant to catch.

    They are in a column that it names; rows that stand twice, where it counts rows or wants values to be unique.
    """
    columns = {expectation.kwargs.get("column") for expectation in suite.expectations} - {None}
    types = [expectation.type for expectation in suite.expectations]
    counts = any("unique" in name or "row_count" in name for name in types)
    return tuple(each for each in possible if each.column in columns or (each.column is None and counts))


def _target(workplace: Workplace, system_id: str, table_id: str, through: str | None) -> Target:
    declared, suites = workplace.system(system_id)
    scope = system_scope(system_id)
    with workplace.reader() as ledger:
        known = fold_scope(ledger, scope)
    system, standing = in_force(known, declared, suites)
    table = next((each for each in system.tables if each.id == table_id), None)
    if table is None or table.suite is None:
        able = ", ".join(each.id for each in system.tables if each.suite) or "there is none"
        problem = f"{system_id} has no table {table_id!r}" if table is None else f"{table_id} has no suite to catch it"
        raise UsageError(problem, where="affidavit challenge", fix=f"choose one of: {able}")
    reads = workplace.resolve(table.connection)
    if reads.type == "spark":
        fix = "challenge a table of Postgres, DuckDB or SQLite"
        raise UsageError("nothing is written to a lake of files", where="affidavit challenge", fix=fix)
    writes = workplace.resolve(through) if through else reads
    return Target(system, table, standing[table.suite], reads, writes)

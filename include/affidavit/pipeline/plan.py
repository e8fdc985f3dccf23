"""The dry run of a collection: what it would ask of each source, and how many entries to expect."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.evidence import kinds, system_scope
from affidavit.pipeline.steps import pool, steps_of
from affidavit.pipeline.workplace import Workplace
from affidavit.projections.state import fold


@dataclass(frozen=True)
class Expected:
    """What one step would cost.

    ``rows`` and ``bytes`` are scanned in the warehouse, by its own statistics (``basis`` says which; None: not known);
    ``entries`` is the most that it would add.
    """

    step: str
    source: str
    pool: str | None
    timeout_seconds: int | None
    queries: int
    requests: int
    rows: int | None
    bytes: int | None
    entries: int
    basis: str


def plan(workplace: Workplace, system_id: str) -> tuple[Expected, ...]:
    """What collecting one AI system would cost. Scans nothing and writes nothing."""
    from affidavit.collect.allowlist import estimate_requests
    from affidavit.warehouse.estimate import estimate

    system, declared_suites = workplace.system(system_id)
    suites = {suite.name: suite for suite in declared_suites}
    with workplace.reader() as ledger:
        known = fold(ledger.entries(scope=system_scope(system_id))).scope(system_scope(system_id))
    present = {*known.latest(kinds.SYSTEM), *known.latest(kinds.SUITE)}
    expected = [
        Expected(
            "declarations", "include/", None, None, 0, 0, None, None, max(0, 1 + len(suites) - len(present)), "files"
        )
    ]
    tables = {f"table:{table.id}": table for table in system.tables}
    for step in steps_of(system):
        if step.id not in tables:
            continue
        table = tables[step.id]
        found = estimate(
            workplace.resolve(table.connection),
            table.table,
            suite_size=len(suites[table.suite].expectations) if table.suite else 0,
        )
        expected.append(
            Expected(
                step.id,
                table.uri,
                pool(table.connection),
                table.timeout_seconds,
                found.queries,
                0,
                found.rows,
                found.bytes,
                2 if table.suite else 1,
                found.basis,
            )
        )
    cost = estimate_requests(system, workplace.resolve(system.mlflow.connection), cursor=known.cursor("mlflow-runs"))
    expected.append(
        Expected("mlflow", system.mlflow.connection, None, None, 0, cost.requests, None, None, cost.entries, cost.basis)
    )
    expected.append(Expected("record", "ledger", None, None, 0, 0, None, None, 1, "one collection entry"))
    return tuple(expected)

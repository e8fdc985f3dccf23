"""The dry run of a collection: what it would ask of each source, and how many entries to expect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from affidavit.evidence import kinds, system_scope
from affidavit.inventory import Agent, Book, Dataset, Measured, PredictionTable, Register, Tracking
from affidavit.inventory.steps import (
    DOCUMENTS,
    pool,
    step_of_agent,
    step_of_book,
    step_of_endpoint,
    step_of_register,
    step_of_version,
)
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import fold_scope


@dataclass(frozen=True)
class Expected:
    """What one step would cost.

    ``rows`` and ``bytes`` are scanned in the warehouse, by its own statistics (``basis`` says which; None: not known);
    ``entries`` is the most that it would add, but for edges of the lineage, which nobody can count before.
    """

    step: str
    source: str
    pool: str | None = None
    timeout_seconds: int | None = None
    queries: int = 0
    requests: int = 0
    rows: int | None = None
    bytes: int | None = None
    entries: int = 0
    basis: str = ""


def plan(workplace: Workplace, system_id: str, *, now: datetime) -> tuple[Expected, ...]:
    """What collecting one AI system would cost at ``now``. Scans nothing and writes nothing."""
    from affidavit.collect.estimate import estimate_requests

    system, suites = workplace.system(system_id)
    scope = system_scope(system_id)
    with workplace.reader() as ledger:
        known = fold_scope(ledger, scope)
    sizes = {suite.name: len(suite.expectations) for suite in suites}

    def of_server(server: Tracking) -> Expected:
        runs, models = (system.collector(name, server) for name in ("mlflow-runs", "mlflow-models"))
        cost = estimate_requests(
            system.on(server),
            workplace.resolve(server.connection),
            cursor=known.cursor(runs),
            now=now,
            recorded=known.latest(kinds.MODEL_RUN),
        )
        return Expected(
            f"{runs}, {models}",
            f"MLflow {server.connection}",
            requests=cost.requests,
            entries=cost.entries,
            basis=f"{cost.runs} runs to read; one request more per artifact to hash",
        )

    return (
        # A declaration that changed is an entry of its own; which ones did is only known when they are compared.
        Expected("declarations", "include/, expectations/", entries=1 + len(suites), basis="files"),
        *(
            [Expected(DOCUMENTS, "files and addresses of documents", entries=len(system.documents), basis="files")]
            if system.documents
            else []
        ),
        *(
            [
                Expected(
                    "openlineage",
                    system.openlineage,
                    basis="files of events that are new; an entry for each edge that they tell",
                )
            ]
            if system.openlineage
            else []
        ),
        *(_of_table(workplace, table, sizes.get(table.suite or "")) for table in system.tables),
        *(_of_version(table) for table in system.predictions if table.measured and table.measured.asked),
        *map(of_server, system.servers),
        *(
            Expected(step_of_endpoint(each).id, f"endpoint {each.connection}", requests=1, entries=1, basis="one GET")
            for each in system.serving
        ),
        *(_of_agent(workplace, agent, now) for agent in system.agents),
        *(_of_register(workplace, register) for register in system.registers),
        *(_of_book(workplace, book) for book in system.books),
        Expected("record", "ledger", entries=1, basis="the collection entry; lineage adds one for each new edge"),
    )


def _of_version(table: PredictionTable) -> Expected:
    return Expected(
        step_of_version(table).id,
        table.uri,
        pool=pool(table.connection),
        timeout_seconds=table.timeout_seconds,
        queries=4,
        entries=4,
        basis="the fingerprint and two samples; minutes of questions where something changed since it was asked",
    )


def _of_table(workplace: Workplace, table: Dataset | PredictionTable, expectations: int | None) -> Expected:
    from affidavit.warehouse.estimate import estimate

    found = estimate(
        workplace.resolve(table.connection),
        table.table,
        timeout_seconds=table.timeout_seconds,
        suite_size=expectations or 0,
    )
    queries, entries = _of_measured(table.measured if isinstance(table, PredictionTable) else None)
    return Expected(
        f"table:{table.id}",
        table.uri,
        pool=pool(table.connection),
        timeout_seconds=table.timeout_seconds,
        queries=found.queries + queries,
        rows=found.rows,
        bytes=found.bytes,
        # A snapshot; a schema that changed; rows that came late; a validation; what is measured.
        entries=2 + (table.time_column is not None) + (expectations is not None) + entries,
        basis=found.basis,
    )


def _of_measured(measured: Measured | None) -> tuple[int, int]:
    """Queries and entries that measuring a table costs at most."""
    if measured is None:
        return 0, 0
    from affidavit.collect.comparison import uncompared as why_uncompared
    from affidavit.collect.predictions import VERSIONS

    versions = VERSIONS if measured.version else 1
    families = 1 + bool(measured.groups)
    # Of each version: decisions, probabilities, the course over time, and two for the order of scores.
    queries, entries = versions * 5 + bool(measured.version), versions * families
    if measured.reference:
        # Drift: both windows counted, then each column in order. Threats: each feature, both tables, held-out rows.
        queries, entries = queries + 2 + 2 * len(measured.features) + 1 + 4, entries + 2
        if measured.key and measured.features:
            queries += 5  # samples: for near duplicates of both tables, for labels of each
    if measured.task == "binary":
        queries += versions * 9  # calibration: rows that can be fitted, and a scan for each step
    if measured.custom:
        queries, entries = queries + versions, entries + versions
    uncompared = why_uncompared(measured) is not None
    if uncompared or not measured.asked:
        entries += 1  # says what nobody asked for
    if uncompared:
        return queries, entries
    # Of each version: a join with an older one, and whether keys are there once.
    return queries + versions * 3, entries + versions


def _of_agent(workplace: Workplace, agent: Agent, now: datetime) -> Expected:
    from affidavit.collect.estimate import estimate_traces

    cost = estimate_traces(agent, workplace.resolve(agent.connection), now=now)
    basis = f"{cost.traces} traces to read; one request more for each that cannot be read with others"
    return Expected(step_of_agent(agent).id, agent.uri, requests=cost.requests, entries=1, basis=basis)


def _of_register(workplace: Workplace, register: Register) -> Expected:
    step = step_of_register(register).id
    if register.connection is None or register.table is None:
        return Expected(step, register.uri, timeout_seconds=register.timeout_seconds, entries=1, basis="a file")
    from affidavit.warehouse.estimate import estimate

    connection = workplace.resolve(register.connection)
    found = estimate(connection, register.table, timeout_seconds=register.timeout_seconds)
    # Days in one statement, each category in one, and both sides of a comparison in one each.
    more = 1 + len(register.categories) + (2 if register.reconcile else 0)
    return Expected(
        step,
        register.uri,
        pool=pool(register.connection),
        timeout_seconds=register.timeout_seconds,
        queries=found.queries + more,
        rows=found.rows,
        bytes=found.bytes,
        entries=1,
        basis=found.basis,
    )


def _of_book(workplace: Workplace, book: Book) -> Expected:
    step = step_of_book(book).id
    if book.connection is None or book.table is None:
        return Expected(step, book.uri, timeout_seconds=book.timeout_seconds, basis="a file; an entry for each change")
    from affidavit.warehouse.estimate import estimate

    found = estimate(workplace.resolve(book.connection), book.table, timeout_seconds=book.timeout_seconds)
    return Expected(
        step,
        book.uri,
        pool=pool(book.connection),
        timeout_seconds=book.timeout_seconds,
        queries=3,
        rows=found.rows,
        bytes=found.bytes,
        entries=found.rows or 0,
        basis=found.basis,
    )

"""The sources of an AI system, or of the organisation, as they are in force: for the id of each step, its look."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from affidavit.collect.look import Look
from affidavit.errors import BlobAbsent, ConfigurationError, SourceError
from affidavit.evidence import ORGANISATION_SCOPE, Circumstances, Origin, Period, kinds, system_scope
from affidavit.evidence.salted import payload
from affidavit.inventory import (
    Agent,
    Book,
    Dataset,
    Endpoint,
    Organisation,
    PredictionTable,
    Register,
    Suite,
    System,
    Tracking,
)
from affidavit.inventory.steps import (
    DOCUMENTS,
    step_of_agent,
    step_of_book,
    step_of_endpoint,
    step_of_register,
    step_of_table,
    step_of_version,
)
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import ScopeState, in_use

if TYPE_CHECKING:
    from affidavit.collect.record_rows import Names
    from affidavit.collect.tables import Before

Looks = Mapping[str, Callable[[], Look]]
"""Step id to the look at its source, which is taken when it is called."""


def sources_of(system: System) -> Mapping[str, object]:
    """What each step of an AI system looks at. Where two versions differ in one, they do not look at the same."""
    return {
        "openlineage": (system.openlineage, {table.connection for table in system.tables}),
        **{step_of_table(table).id: table for table in system.tables},
        **{step_of_version(table).id: (table, endpoint) for table, endpoint in _asked(system)},
        **{
            system.collector(name, server): server
            for server in system.servers
            for name in ("mlflow-runs", "mlflow-models")
        },
        **{step_of_endpoint(endpoint).id: endpoint for endpoint in system.serving},
        **{step_of_agent(agent).id: agent for agent in system.agents},
        **sources_of_documents(system),
        **sources_of_registers(system.registers),
        **sources_of_books(system.books),
    }


def _asked(system: System) -> list[tuple[PredictionTable, Endpoint | None]]:
    """The tables whose version is asked, each with the endpoint that it is asked at; none where it is served."""
    endpoints = {endpoint.id: endpoint for endpoint in system.serving}
    return [
        (table, endpoints.get(table.measured.endpoint or ""))
        for table in system.predictions
        if table.measured and table.measured.asked
    ]


def sources_of_organisation(organisation: Organisation) -> Mapping[str, object]:
    """The same of the organisation."""
    return {
        **sources_of_documents(organisation),
        **sources_of_registers(organisation.registers),
        **sources_of_books(organisation.books),
    }


def sources_of_documents(declared: System | Organisation) -> Mapping[str, object]:
    """The same of documents."""
    return {DOCUMENTS: declared.documents} if declared.documents else {}


def sources_of_registers(registers: Iterable[Register]) -> Mapping[str, object]:
    """The same of registers."""
    return {step_of_register(register).id: register for register in registers}


def sources_of_books(books: Iterable[Book]) -> Mapping[str, object]:
    """The same of books."""
    return {step_of_book(book).id: book for book in books}


def looks_at_system(
    workplace: Workplace, system: System, suites: Mapping[str, Suite], known: ScopeState, seen: Circumstances
) -> Looks:
    """Every source of one AI system but its declarations, given what was recorded of it."""
    tables = {
        step_of_table(table).id: partial(_look_at_table, workplace, system, table, suites, known, seen)
        for table in system.tables
    }
    endpoints = {
        step_of_endpoint(endpoint).id: partial(_look_at_endpoint, workplace, system, endpoint, seen)
        for endpoint in system.serving
    }
    agents = {
        step_of_agent(agent).id: partial(_look_at_agent, workplace, system, agent, known, seen)
        for agent in system.agents
    }
    openlineage = {"openlineage": partial(_look_at_openlineage, workplace, system, known, seen)}
    versions = {
        step_of_version(table).id: partial(_look_at_version, workplace, system, table, endpoint, known, seen)
        for table, endpoint in _asked(system)
    }
    return {
        **(openlineage if system.openlineage else {}),
        **tables,
        **versions,
        **{
            system.collector(name, server): partial(look_at, workplace, system, server, known, seen)
            for server in system.servers
            for name, look_at in (("mlflow-runs", _look_at_runs), ("mlflow-models", _look_at_models))
        },
        **endpoints,
        **agents,
        **_looks_at_documents(workplace, system, seen),
        **looks_at_registers(workplace, system.registers, system_scope(system.id), seen),
        **looks_at_books(workplace, system, known, seen),
    }


def looks_at_organisation(
    workplace: Workplace, organisation: Organisation, known: ScopeState, seen: Circumstances
) -> Looks:
    """Every source of the organisation but its declarations, and what nobody claims, given what was recorded of it."""
    return {
        **_looks_at_documents(workplace, organisation, seen),
        **looks_at_registers(workplace, organisation.registers, ORGANISATION_SCOPE, seen),
        **looks_at_books(workplace, organisation, known, seen),
    }


def _looks_at_documents(workplace: Workplace, declared: System | Organisation, seen: Circumstances) -> Looks:
    return {DOCUMENTS: partial(_look_at_documents, workplace, declared, seen)} if declared.documents else {}


def _look_at_documents(workplace: Workplace, declared: System | Organisation, seen: Circumstances) -> Look:
    from affidavit.collect.documents import look_at_documents

    system = declared if isinstance(declared, System) else None
    return look_at_documents(
        declared.documents,
        scope=system_scope(system.id) if system else ORGANISATION_SCOPE,
        folder=workplace.settings.include_dir,
        models={model for server in system.servers for model in server.registered_models} if system else (),
        seen=seen,
    )


def looks_at_registers(workplace: Workplace, registers: Iterable[Register], scope: str, seen: Circumstances) -> Looks:
    """The registers of one scope."""
    return {
        step_of_register(register).id: partial(_look_at_register, workplace, register, scope, seen)
        for register in registers
    }


def looks_at_books(
    workplace: Workplace, declared: System | Organisation, known: ScopeState, seen: Circumstances
) -> Looks:
    """The books of one scope, given what was recorded of it."""
    return {
        step_of_book(book).id: partial(_look_at_book, workplace, book, declared, known, seen) for book in declared.books
    }


def _look_at_openlineage(workplace: Workplace, system: System, known: ScopeState, seen: Circumstances) -> Look:
    from affidavit.collect.openlineage import NAME, look_at_openlineage

    connections = [workplace.resolve(name) for name in sorted({table.connection for table in system.tables})]
    edges = known.latest(kinds.LINEAGE_EDGE)
    return look_at_openlineage(system, connections, cursor=known.cursor(NAME), seen=seen, recorded=edges)


def _look_at_table(
    workplace: Workplace,
    system: System,
    table: Dataset | PredictionTable,
    suites: Mapping[str, Suite],
    known: ScopeState,
    seen: Circumstances,
) -> Look:
    from affidavit.collect.attempts import Known
    from affidavit.collect.tables import look_at_table

    suite = suites[table.suite] if table.suite else None
    connection = workplace.resolve(table.connection)
    versions = {used.model: used.version_name for used in in_use(known)}
    before, told = _before(workplace, table, known), Known(versions, known.measurements)
    return look_at_table(system, table, suite, connection=connection, seen=seen, before=before, known=told)


def _before(workplace: Workplace, table: Dataset | PredictionTable, known: ScopeState) -> Before | None:
    """What the last look at a table saw: our own, since what a task claims of a table is no look at it."""
    from affidavit.collect.tables import Before

    facts = _observed(table, known)
    if facts is None:
        return None
    return Before(facts, _details(workplace, facts) if table.partition else None)


def _observed(table: Dataset | PredictionTable, known: ScopeState) -> Mapping[str, Any] | None:
    snapshots = [each.entry.statement for each in known.snapshots.get(table.uri, ())]
    return next((each.facts for each in reversed(snapshots) if each.origin == Origin.OBSERVED), None)


def _look_at_version(
    workplace: Workplace,
    system: System,
    table: PredictionTable,
    endpoint: Endpoint | None,
    known: ScopeState,
    seen: Circumstances,
) -> Look:
    from affidavit.collect.rescoring import Places, Recorded, look_at_version

    assert table.measured is not None
    model, reference = table.measured.model, table.measured.reference
    # Two servers may have a model of that name: then nobody said which of them answered.
    used = [each for each in in_use(known) if each.model == model]
    servers = [server for server in system.servers if model in server.registered_models]
    training = next((each for each in system.datasets if each.id == reference), None)
    state = _observed(training, known) if training else None
    places = Places(
        warehouse=workplace.resolve(table.connection),
        tracking=None if endpoint else workplace.resolve(servers[0].connection),
        endpoint=(endpoint, workplace.resolve(endpoint.connection)) if endpoint else None,
        secrets=workplace.secrets,
    )
    recorded = Recorded(
        used=used[0] if len(used) == 1 else None,
        before=_before(workplace, table, known),
        measurements=known.measurements,
        training=state["fingerprint"]["sha256"] if state else None,
    )
    return look_at_version(system, table, places, known=recorded, seen=seen)


def _details(workplace: Workplace, facts: Mapping[str, Any]) -> bytes | None:
    """The payload that the last snapshot names; None where it was erased, and everything is read anew."""
    if facts["details"] is None:
        return None
    with workplace.reader() as ledger:
        try:
            return payload(ledger.blob(facts["details"]["digest"]["sha256"]))
        except BlobAbsent:
            return None


def look_back(workplace: Workplace, system: System, step: str, period: Period, seen: Circumstances) -> Look:
    """The look at the rows that a table dates into a ``period`` that is over; of no other table anything is read.

    What cannot be read now keeps no gap from being recorded: the look is empty then.
    """
    from affidavit.collect.tables import look_at_period

    table = next((each for each in system.tables if step_of_table(each).id == step), None)
    if table is None or table.time_column is None:
        return Look(step, (), enumerated=0, read=0)
    try:
        return look_at_period(system, table, period, connection=workplace.resolve(table.connection), seen=seen)
    except (SourceError, ConfigurationError):
        return Look(step, (), enumerated=1, read=0)


def _look_at_runs(
    workplace: Workplace, system: System, server: Tracking, known: ScopeState, seen: Circumstances
) -> Look:
    from affidavit.collect.runs import NAME, look_at_runs

    collector, connection = system.collector(NAME, server), workplace.resolve(server.connection)
    cursor, recorded = known.cursor(collector), known.latest(kinds.MODEL_RUN)
    found = look_at_runs(system.on(server), connection, cursor=cursor, seen=seen, recorded=recorded)
    return replace(found, collector=collector)


def _look_at_models(
    workplace: Workplace, system: System, server: Tracking, known: ScopeState, seen: Circumstances
) -> Look:
    from affidavit.collect.models import NAME, look_at_models
    from affidavit.collect.resources import look_at_resources

    collector, connection = system.collector(NAME, server), workplace.resolve(server.connection)
    found = look_at_models(
        system.on(server),
        connection,
        seen=seen,
        cursor=known.cursor(collector),
        versions=known.latest(kinds.MODEL_VERSION),
        aliases=known.latest(kinds.MODEL_ALIAS),
    )
    drafts, blobs = look_at_resources(system.on(server), connection, collector=collector, seen=seen)
    return replace(
        found,
        collector=collector,
        drafts=(*found.drafts, *drafts),
        enumerated=found.enumerated + len(drafts),
        read=found.read + len(drafts),
        blobs=(*found.blobs, *blobs),
    )


def _look_at_endpoint(workplace: Workplace, system: System, endpoint: Endpoint, seen: Circumstances) -> Look:
    from affidavit.collect.serving import look_at_endpoint

    return look_at_endpoint(system, endpoint, connection=workplace.resolve(endpoint.connection), seen=seen)


def _look_at_agent(workplace: Workplace, system: System, agent: Agent, known: ScopeState, seen: Circumstances) -> Look:
    from affidavit.collect.agents import look_at_agent

    cursor = known.cursor(step_of_agent(agent).id)
    return look_at_agent(system, agent, workplace.resolve(agent.connection), cursor=cursor, seen=seen)


def _look_at_register(workplace: Workplace, register: Register, scope: str, seen: Circumstances) -> Look:
    from affidavit.collect.registers import look_at_register

    folder = workplace.settings.include_dir
    return look_at_register(register, scope=scope, folder=folder, resolve=workplace.resolve, seen=seen)


def _look_at_book(
    workplace: Workplace, book: Book, declared: System | Organisation, known: ScopeState, seen: Circumstances
) -> Look:
    from affidavit.collect.records import Shelf, look_at_book

    names, folder = _names(workplace, declared), workplace.settings.include_dir
    shelf = Shelf(known.name, declared.books, folder, workplace.resolve, names)
    return look_at_book(book, shelf, recorded=known.latest(kinds.RECORD), seen=seen)


def _names(workplace: Workplace, declared: System | Organisation) -> Names:
    """What the records of one scope may name: roles, people, AI systems, controls and clauses."""
    from affidavit.catalogue import load
    from affidavit.collect.record_rows import Names

    loaded, organisation = workplace.loaded(), workplace.organisation()
    everything = {ORGANISATION_SCOPE, *loaded.systems, *loaded.broken}
    holders = {holder for role in organisation.roles.values() for holder in role.holders}
    return Names(
        roles=organisation.roles.keys(),
        people=organisation.people.keys() | holders,
        systems={declared.id} if isinstance(declared, System) else everything,
        requirements={*(item.id for item in load()), *(each.id for each in organisation.own_controls)},
    )

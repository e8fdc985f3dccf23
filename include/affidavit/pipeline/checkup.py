"""What ``affidavit doctor`` looks at: each finding says what is wrong and how to mend it."""

from __future__ import annotations

import importlib.util
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from affidavit.errors import AffidavitError, LedgerRolledBack, SourceUnavailable, UsageError
from affidavit.inventory import Agent, Book, Connection, Endpoint, Loaded
from affidavit.ledger.places import shown
from affidavit.pipeline.workplace import Workplace

EXTRAS = {"great_expectations": "quality", "pandas": "quality", "requests": "mlflow"}
"""What each collection needs, and the extra that brings it."""

DRIVERS = {"duckdb": ("duckdb", "duckdb_engine"), "postgres": ("psycopg", "psycopg2")}
"""What each kind of warehouse needs besides, by the extra that brings it."""

TYPES = {"duckdb": "duckdb", "postgres": "postgres", "postgresql": "postgres"}
"""The extra for each type of connection that needs one."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: ``problem`` is empty where it is fine."""

    what: str
    problem: str = ""
    fix: str = ""


def examine(workplace: Workplace) -> Iterator[Finding]:
    """Look at packages, inventory, connections, agents, endpoints, folders of events, key and ledger, in that order."""
    yield from _packages(_extras_in_use(workplace))
    yield from _inventory(workplace)
    yield from _connections(workplace)
    yield from _told(workplace)
    yield _signing(workplace)
    yield from _ledger(workplace)


def _extras_in_use(workplace: Workplace) -> set[str]:
    """The extras whose drivers some table needs; what is wrong with a connection is told further down."""
    extras = set()
    for connection_id in _warehouses(workplace):
        try:
            extras.add(TYPES.get(workplace.resolve(connection_id).type, ""))
        except AffidavitError:
            continue
    return extras & DRIVERS.keys()


def _packages(extras: set[str]) -> Iterator[Finding]:
    drivers = {module: extra for extra in sorted(extras) for module in DRIVERS[extra]}
    for module, extra in (EXTRAS | drivers).items():
        if importlib.util.find_spec(module):
            yield Finding(f"package {module}")
        else:
            yield Finding(f"package {module}", "not installed", f"pip install 'affidavit[{extra}]'")


def _inventory(workplace: Workplace) -> Iterator[Finding]:
    try:
        loaded = workplace.loaded()
    except AffidavitError as error:
        yield _finding("inventory", error)
        return
    for system_id in loaded.systems:
        yield Finding(f"include/systems/{system_id}.yaml")
    for broken in loaded.errors:
        yield _finding("inventory", broken)


def _warehouses(workplace: Workplace) -> list[str]:
    loaded = workplace.loaded()
    systems, registers = loaded.systems.values(), list(loaded.organisation.registers if loaded.organisation else ())
    registers += (register for system in systems for register in system.registers)
    wanted = {table.connection for system in systems for table in system.tables}
    wanted |= {register.connection for register in registers if register.connection}
    wanted |= {book.connection for book in _books(loaded) if book.connection}
    wanted |= {register.reconcile.connection for register in registers if register.reconcile}
    return sorted(wanted)


def _books(loaded: Loaded) -> Iterator[Book]:
    if loaded.organisation:
        yield from loaded.organisation.books
    for system in loaded.systems.values():
        yield from system.books


def _connections(workplace: Workplace) -> Iterator[Finding]:
    from affidavit.warehouse import snapshot
    from affidavit.warehouse.lake import lake

    warehouses = _warehouses(workplace)
    systems = workplace.loaded().systems.values()
    servers = sorted({server.connection for system in systems for server in system.servers})

    def open_warehouse(connection: Connection) -> None:
        with (lake if connection.type == "spark" else snapshot)(connection, timeout_seconds=10):
            pass

    def ask_mlflow(connection: Connection) -> None:
        from affidavit.collect.mlflow_client import MlflowServer

        with MlflowServer(connection) as server:
            server.experiments()

    for connection_id, look in [*((w, open_warehouse) for w in warehouses), *((s, ask_mlflow) for s in servers)]:
        yield _tried(f"connection {connection_id}", partial(_open, workplace, connection_id, look))


def _open(workplace: Workplace, connection_id: str, look: Callable[[Connection], None]) -> None:
    look(workplace.resolve(connection_id))


def _told(workplace: Workplace) -> Iterator[Finding]:
    """Whether endpoints say what they serve, agents' experiments are there, and folders of events can be listed."""
    for system in workplace.loaded().systems.values():
        for agent in system.agents:
            yield _tried(f"traces of agent {agent.id} of {system.id}", partial(_find, workplace, agent))
        for endpoint in system.serving:
            yield _tried(f"endpoint {endpoint.id} of {system.id}", partial(_ask, workplace, endpoint))
        if system.openlineage:
            yield _tried(f"OpenLineage events of {system.id}", partial(_list, system.openlineage))


def _ask(workplace: Workplace, endpoint: Endpoint) -> None:
    from affidavit.collect.serving import ask

    _, unknown = ask(endpoint, workplace.resolve(endpoint.connection))
    if unknown:
        raise SourceUnavailable(unknown, where=endpoint.uri)


def _find(workplace: Workplace, agent: Agent) -> None:
    from affidavit.collect.trace_client import TraceServer

    with TraceServer(workplace.resolve(agent.connection)) as server:
        server.experiment(agent.experiment, agent=agent.id)


def _list(url: str) -> None:
    from affidavit.collect.openlineage import try_folder

    try_folder(url)


def _tried(what: str, look: Callable[[], None]) -> Finding:
    try:
        look()
    except AffidavitError as error:
        return _finding(what, error)
    except ImportError as error:
        return Finding(what, f"cannot be tried without {error.name}", "install the packages named above")
    return Finding(what)


def _signing(workplace: Workplace) -> Finding:
    """Whether there is a key, or a signer, and it is the one that signs this ledger now."""
    settings = workplace.settings
    found = _key(settings.key_file) if settings.signer_url is None else _signer(workplace)
    if found.problem:
        return found
    try:
        with workplace.writer():
            return found
    except (UsageError, LedgerRolledBack) as error:
        return _finding(found.what, error)
    except AffidavitError:  # told of the ledger
        return found


def _key(file: Path) -> Finding:
    what = f"signing key {file}"
    if not file.exists():
        return Finding(what, "absent", "run 'affidavit init' once, or set AFFIDAVIT_KEY_FILE")
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        return Finding(what, "others may read it", f"chmod 600 {file}")
    return Finding(what)


def _signer(workplace: Workplace) -> Finding:
    what = f"signer {shown(workplace.settings.signer_url or '')}"
    try:
        workplace.signer()
    except AffidavitError as error:
        return _finding(what, error)
    return Finding(what)


def _ledger(workplace: Workplace) -> Iterator[Finding]:
    what = f"ledger {workplace.settings.shown_ledger_url}"
    try:
        with workplace.reader() as ledger:
            problems = ledger.unsafe_settings()
            size = ledger.head().size
    except AffidavitError as error:
        yield _finding(what, error)
        return
    for problem in problems:
        yield Finding(what, problem, "set it as the documentation's page for data engineers says")
    if not problems:
        yield Finding(f"{what}: {size} entries")


def _finding(what: str, error: AffidavitError) -> Finding:
    return Finding(what, error.problem if not error.where else f"{error.where}: {error.problem}", error.fix)

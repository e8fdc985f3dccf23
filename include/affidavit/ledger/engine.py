"""Connections to the database: settings that make COMMIT durable, and its errors in our words.

SQLite: WAL, synchronous=FULL, recursive_triggers=ON, one host and a local disk. Postgres: READ COMMITTED,
synchronous_commit=on. On both, a writer begins by taking the one write lock.
"""

from __future__ import annotations

import logging
import math
import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event, exc
from sqlalchemy.engine import URL, make_url

from affidavit.errors import (
    AffidavitError,
    ConfigurationError,
    IntegrityError,
    LedgerError,
    LedgerFull,
    LedgerMissing,
    LedgerUnavailable,
)
from affidavit.ledger import driver
from affidavit.ledger.blobs import make_directory
from affidavit.ledger.places import shown
from affidavit.ledger.sqlite_file import AGAIN, Access, OpenFile, open_file, there

LOCK_SECONDS = 30
"""How long a writer waits for another; ``?timeout=`` in the URL says otherwise."""

_LONGEST = 86_400
_LOCK = 0x6166_6669_6461_7669  # "affidavi": the advisory lock that writers of one database take
_BEGIN = "BEGIN"
_BEGIN_COMMITTED = "BEGIN ISOLATION LEVEL READ COMMITTED"
_BEGIN_REPEATABLE = "BEGIN ISOLATION LEVEL REPEATABLE READ"
_LOCKED = {
    "sqlite": ("BEGIN IMMEDIATE",),
    "postgresql": (_BEGIN_COMMITTED, f"SELECT pg_advisory_xact_lock({_LOCK})"),
}
_GONE = re.compile(
    r'no such (table|column): (?:main\.)?([\w.]+)|has no (column) named (\w+)|(relation|column) "?([\w.]+)"?'
)
_NEW = "run 'affidavit init', or name the ledger that you mean"
_SPACE = "free space on that disk; nothing was recorded, and the same call can be made again"


def connect(url: str, *, access: Access) -> Engine:
    """An engine for the ledger at ``url``, with the settings that its guarantees need.

    Raises ``ConfigurationError`` for a URL that cannot be one. Nothing is opened yet.
    """
    parsed = _parse(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return _sqlite(parsed, access)
    if backend == "postgresql":
        return _postgres(parsed, access)
    raise ConfigurationError(
        "a ledger lives in an SQLite file or in Postgres",
        where=shown(parsed.render_as_string()),
        fix="use sqlite:////path/to/ledger.db or postgresql+psycopg://user@host/database",
    )


@contextmanager
def reading(engine: Engine, *, repeatable: bool = False) -> Iterator[Connection]:
    """A connection in one transaction that only reads; ``repeatable``: every SELECT sees one state.

    It ends with COMMIT too: at each ROLLBACK psycopg forgets what it has prepared.
    """
    begin = _BEGIN if engine.dialect.name == "sqlite" else _BEGIN_REPEATABLE if repeatable else _BEGIN_COMMITTED
    with translated(engine), engine.connect() as connection:
        driver.run(connection, begin)
        yield connection
        driver.commit(connection)
        _demand_same(connection)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A connection in one transaction that holds the write lock; COMMIT at the end, ROLLBACK on any error.

    The lock avoids retries; what makes a fork impossible are the keys of ``checkpoints``.
    """
    # SQLAlchemy is told of the transaction: Alembic would else commit one of its own.
    with locked(engine, ()) as (connection, _), connection.begin():
        yield connection


@contextmanager
def locked(engine: Engine, queries: Sequence[driver.Query]) -> Iterator[tuple[Connection, list[driver.Rows]]]:
    """A connection as :func:`writing` gives it, and what ``queries`` found once it held the lock.

    Raises ``LedgerReplaced`` where an SQLite file is no longer the one that was opened.
    """
    with translated(engine), engine.connect() as connection:
        yield connection, _lock(connection, queries)
        driver.commit(connection)


class Held:
    """One connection of a writer, kept from one transaction to the next.

    To take it from the pool each time costs as much as the INSERTs. Threads wait for each other, as they would for the
    database's lock.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._mine = threading.Lock()

    @contextmanager
    def locked(self, queries: Sequence[driver.Query]) -> Iterator[tuple[Connection, list[driver.Rows]]]:
        """As :func:`locked`; after any error the connection is given up, with what it had not committed."""
        with self._mine, translated(self._engine):
            connection, self._connection = self._connection or self._engine.connect(), None
            try:
                yield connection, _lock(connection, queries)
                driver.commit(connection)
                if connection.in_transaction():  # SQLAlchemy believes in one as soon as it was asked anything
                    connection.rollback()
            except BaseException:
                connection.close()
                raise
            self._connection = connection

    def close(self) -> None:
        """Give the connection back."""
        with self._mine:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _lock(connection: Connection, queries: Sequence[driver.Query]) -> list[driver.Rows]:
    found = driver.asked(connection, queries, first=_LOCKED[connection.dialect.name])
    _demand_same(connection)
    return found


@contextmanager
def committing(connection: Connection) -> Iterator[None]:
    """Within :func:`writing`: COMMIT, sent with what the driver is asked to insert meanwhile.

    Nothing is durable before this ends. Where a statement fails, Postgres passes over those behind it, COMMIT included.
    Raises ``LedgerReplaced`` where an SQLite file was removed or replaced meanwhile.
    """
    with driver.pipelined(connection):
        yield
        driver.run(connection, "COMMIT")
    _demand_same(connection)


def _demand_same(connection: Connection) -> None:
    opened = driver.plain(connection)
    if isinstance(opened, OpenFile):
        try:
            opened.demand_same()
        except AffidavitError as error:
            connection.invalidate(error)
            connection.engine.dispose()
            raise


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except AffidavitError:
        raise
    except exc.DBAPIError as error:
        raise _drivers(error.orig, engine) from error
    except engine.dialect.loaded_dbapi.Error as error:  # of what the driver was asked itself
        raise _drivers(error, engine) from error
    except exc.SQLAlchemyError as error:
        where = shown(engine.url.render_as_string())
        raise LedgerUnavailable(f"the database failed ({type(error).__name__})", where=where, fix=AGAIN) from error


def unsafe_settings(engine: Engine) -> list[str]:
    """What about the database's settings would break the ledger's guarantees, in words; empty if nothing."""
    with reading(engine) as connection:
        if engine.dialect.name == "sqlite":
            wanted: dict[str, Any] = {"journal_mode": "wal", "synchronous": 2, "recursive_triggers": 1}
            read = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
        else:
            wanted = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
            read = {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in wanted}
    return [f"{name} is {read[name]}, not {wanted[name]}" for name in wanted if read[name] != wanted[name]]


def _parse(url: str) -> URL:
    fix = "use sqlite:////path/to/ledger.db or postgresql+psycopg://…"
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except exc.NoSuchModuleError as error:
        raise ConfigurationError(
            f"nothing here can open {parsed.drivername}", where="the ledger's URL", fix=fix
        ) from error
    except (exc.ArgumentError, ValueError) as error:
        raise ConfigurationError("the ledger's URL cannot be read", fix=fix) from error
    return parsed


def _timeout(url: URL) -> float:
    try:
        seconds = float(str(url.query.get("timeout", LOCK_SECONDS)))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST:
        raise ConfigurationError(
            f"timeout is not a number of seconds up to {_LONGEST}",
            where=shown(url.render_as_string()),
            fix="write seconds, such as timeout=30",
        )
    return seconds


def _sqlite(url: URL, access: Access) -> Engine:
    path = Path(str(url.database)).absolute()
    if access == "create":
        make_directory(path.parent)
    timeout = _timeout(url)
    return sa.create_engine(f"sqlite:///{path}", creator=lambda: open_file(path, access=access, timeout=timeout))


def _postgres(url: URL, access: Access) -> Engine:
    options = [
        str(url.query.get("options", "")),  # ours come last, and count
        "-c synchronous_commit=on",
        f"-c lock_timeout={max(1, int(_timeout(url) * 1000))}",  # 0 would be for ever
        f"-c default_transaction_read_only={'on' if access == 'read' else 'off'}",
    ]

    def demand_unicode(connection: Any, _record: object) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":  # it could not hold every name, nor our own words
            raise ConfigurationError(
                f"the database keeps text as {encoding}, not as UTF8",
                where=shown(url.render_as_string()),
                fix="use one that was made with ENCODING 'UTF8' TEMPLATE template0",
            )

    # What it logs of a lost connection, our error says; without a handler Python would print it to the terminal.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    try:
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg").difference_update_query(["timeout"]),
            isolation_level="AUTOCOMMIT",  # the driver begins nothing by itself
            connect_args={"options": " ".join(options), "client_encoding": "UTF8"},
        )
    except ImportError as error:
        raise ConfigurationError("no driver for Postgres", fix="install affidavit[postgres]") from error
    event.listen(engine, "connect", demand_unicode, insert=True)  # before SQLAlchemy asks anything
    return engine


def _drivers(error: BaseException | None, engine: Engine) -> AffidavitError:
    where = shown(engine.url.render_as_string())
    code = getattr(error, "sqlstate", None)
    if code == "22P02" and (swallowed := driver.swallowed(str(error))):
        return swallowed
    if isinstance(error, engine.dialect.loaded_dbapi.DataError):
        problem = f"the database refuses a value ({type(error).__name__})"
        return LedgerError(problem, where=where, fix="nothing was recorded; mend what the source says, and look again")
    if isinstance(error, sqlite3.Error):
        return _sqlite_error(error, where, found=there(Path(str(engine.url.database))))
    if code in ("42P01", "42703"):
        return _gone(error, where)
    return _ours(code or "no connection", _POSTGRES, where)


def _sqlite_error(error: sqlite3.Error, where: str, *, found: bool) -> AffidavitError:
    code = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if code.startswith("SQLITE_CANTOPEN") and found:
        problem = "the database, or its log beside it, cannot be opened or made"
        return LedgerUnavailable(problem, where=where, fix="see to the rights and the space there, and try again")
    if code == "SQLITE_ERROR" and _GONE.search(str(error)):
        return _gone(error, where)
    return _ours(code, _SQLITE, where)


def _gone(error: BaseException | None, where: str) -> AffidavitError:
    """All of it was there when the ledger was opened: so somebody dropped it. ``init`` would begin anew."""
    told = _GONE.search(str(error))
    word, name = [each for each in told.groups() if each] if told else ("table", "or column of the ledger")
    problem = f"{'column' if word == 'column' else 'table'} {name}: gone"
    return IntegrityError(problem, where=where, fix="restore it from a copy, and find out who dropped it")


_Says = tuple[type[AffidavitError], str, str]
_FULL: _Says = (LedgerFull, "the disk of the ledger is full", _SPACE)
_FULL_OR_FAILING: _Says = (LedgerFull, "the disk of the ledger is full, over its quota, or failing", _SPACE)
_ABSENT: _Says = (LedgerMissing, "there is no ledger", _NEW)
_DAMAGED: _Says = (IntegrityError, "the database is damaged", "restore it from a copy")
_INSERT_ONLY: _Says = (LedgerError, "the ledger is insert-only", "append what supersedes it")
_SECOND: _Says = (
    LedgerUnavailable,
    "another writer was first",
    f"{AGAIN}; where that does not help, a row was planted: run 'affidavit verify'",
)
_BUSY: _Says = (LedgerUnavailable, "somebody else has kept it locked", f"{AGAIN}; ?timeout= in its URL waits longer")
_READ_ONLY: _Says = (LedgerError, "the database cannot be written", "open it with a signer and the right to write")

# Both by prefix, the first that fits.
_SQLITE: tuple[tuple[str, _Says], ...] = (
    ("SQLITE_FULL", _FULL),
    # Where SQLite cannot enlarge a file, its log or its shared memory, the disk or a quota is at its end; but it does
    # not say whether the disk is rather failing.
    ("SQLITE_IOERR_WRITE", _FULL_OR_FAILING),
    ("SQLITE_IOERR_SHMSIZE", _FULL_OR_FAILING),
    ("SQLITE_CANTOPEN", _ABSENT),
    ("SQLITE_CORRUPT", _DAMAGED),
    ("SQLITE_NOTADB", _DAMAGED),
    ("SQLITE_CONSTRAINT_TRIGGER", _INSERT_ONLY),
    ("SQLITE_CONSTRAINT", _SECOND),
    ("SQLITE_READONLY", _READ_ONLY),
    ("SQLITE_BUSY", _BUSY),
)
_POSTGRES: tuple[tuple[str, _Says], ...] = (
    ("53100", _FULL),
    ("3D000", _ABSENT),
    ("3F000", _ABSENT),
    ("XX001", _DAMAGED),
    ("XX002", _DAMAGED),
    ("P0001", _INSERT_ONLY),
    ("23", _SECOND),
    ("0A000", (LedgerError, "a rule on one of its tables changes what is inserted", "drop the rule")),
    ("25006", _READ_ONLY),
    ("42501", _READ_ONLY),
    ("55P03", _BUSY),
    ("28", (LedgerError, "the database refused the login", "mend user or password in the URL")),
)


def _ours(code: str, says: tuple[tuple[str, _Says], ...], where: str) -> AffidavitError:
    for prefix, (error, problem, fix) in says:
        if code.startswith(prefix):
            return error(problem, where=where, fix=fix)
    return LedgerUnavailable(f"the database failed ({code})", where=where, fix=AGAIN)

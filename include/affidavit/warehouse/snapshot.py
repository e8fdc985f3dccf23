"""One connection in one read-only transaction: everything said about a table speaks of the same rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import sqlalchemy as sa

from affidavit.errors import AffidavitError, ConfigurationError, SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.inventory import Connection
from affidavit.warehouse.dialect import Dialect, Trouble, declared
from affidavit.warehouse.tables import Column, TableRef, find


@dataclass(frozen=True)
class Snapshot:
    """A warehouse as it stood when the snapshot was opened.

    ``consistency`` says in words how statements agree with one another. Any statement that fails ends the snapshot's
    use: a transaction that has failed answers nothing more.
    """

    source: str
    dialect: Dialect
    connection: sa.Connection
    consistency: str
    timeout_seconds: int

    def where(self, table: str) -> str:
        """How errors name a table: its URI in statements."""
        return f"warehouse://{self.source}/{table}"

    def agree(self, table: str, counts: set[int]) -> None:
        """Raise ``SourceUnavailable`` unless every count of the table's rows was the same."""
        if len(counts) > 1:
            raise SourceUnavailable(
                "its rows changed while it was read, although in one transaction",
                where=self.where(table),
                fix="look again; of a view with random or volatile parts, declare a table instead",
            )

    def table(self, name: str) -> TableRef:
        """The table called ``table`` or ``schema.table``, with its columns.

        Raises ``SourceRefused`` with near names where there is none, or none that can be told apart.
        """
        catalogue = [(row[0], row[1], bool(row[2])) for row in self.query(self.dialect.tables(), about=name)]
        found = find(name, catalogue, where=self.where(name))
        columns = tuple(Column(row[0], row[1]) for row in self.query(self.dialect.columns(found), about=name))
        return TableRef(found.schema, found.name, columns)

    def query(self, statement: sa.Executable, *, about: str) -> list[Any]:
        """All rows of one statement that reads the table ``about``, within the time limit.

        Raises ``SourceUnavailable`` (hung up, locked, timed out), ``SourceRefused`` (absent, not allowed),
        ``SourceGarbled`` (a broken file).
        """
        with self.guard(about):
            return list(self.connection.execute(statement).fetchall())

    def stream(self, statement: sa.Executable, *, about: str) -> Iterator[Any]:
        """The rows of one statement in constant memory; the time limit covers all of it. Raises as :meth:`query`."""
        with self.guard(about):
            yield from self.connection.execution_options(yield_per=10_000).execute(statement)

    def rows(self, table: TableRef, *, about: str) -> Iterator[Any]:
        """All rows of ``table``, in the order of its columns and else in none. Raises as :meth:`query`."""
        return self.stream(sa.select(*declared(table.columns)).select_from(table.selectable), about=about)

    def restart(self) -> None:
        """Begin a new transaction, which may see other rows: to find out why a query failed, never for evidence."""
        with self.guard(""):
            self.connection.rollback()
            self.dialect.begin(self.connection, timeout_seconds=self.timeout_seconds)

    @contextmanager
    def guard(self, about: str) -> Iterator[None]:
        """Limit the time of what runs inside, and translate its failures."""
        try:
            with _limited(self, self.timeout_seconds):
                yield
        except AffidavitError:
            raise
        except sa.exc.SQLAlchemyError as error:
            translate(error, self.dialect, where=self.where(about), timeout_seconds=self.timeout_seconds)


@contextmanager
def snapshot(connection: Connection, *, timeout_seconds: int) -> Iterator[Snapshot]:
    """Open one connection in one read-only transaction; both end with the block.

    Each statement may run ``timeout_seconds``. Nothing is created or written: a database file that does not exist is
    refused. Raises ``ConfigurationError`` for a connection that is no warehouse, else as :meth:`Snapshot.query`.
    """
    dialect = dialect_of(connection)
    where = f"connection {connection.id!r}"
    try:
        opened = dialect.connect(connection)
    except sa.exc.SQLAlchemyError as error:
        translate(error, dialect, where=where, timeout_seconds=timeout_seconds)
    try:
        try:
            consistency = dialect.begin(opened, timeout_seconds=timeout_seconds)
        except sa.exc.SQLAlchemyError as error:
            translate(error, dialect, where=where, timeout_seconds=timeout_seconds)
        yield Snapshot(connection.id, dialect, opened, consistency, timeout_seconds)
    finally:
        _close(opened)


def _close(connection: sa.Connection) -> None:
    try:
        connection.close()
    except sa.exc.SQLAlchemyError:
        # There is nothing to commit, and what made the connection unusable has been raised already.
        connection.invalidate()
    connection.engine.dispose()


@contextmanager
def _limited(snapshot: Snapshot, seconds: int) -> Iterator[None]:
    stop = snapshot.dialect.interrupt(snapshot.connection)
    if stop is None:
        yield
        return
    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # so that it cannot stop the next statement


def translate(error: sa.exc.SQLAlchemyError, dialect: Dialect, *, where: str, timeout_seconds: int) -> NoReturn:
    """Raise what a driver's error means, as :meth:`Snapshot.query` does."""
    diagnosis = dialect.diagnose(getattr(error, "orig", None) or error)
    match diagnosis.trouble:
        case Trouble.TIMED_OUT:
            ours: AffidavitError = SourceUnavailable(
                f"a query ran longer than {timeout_seconds} seconds and was stopped",
                where=where,
                fix="raise the table's timeout_seconds, or look when the warehouse is less busy",
            )
        case Trouble.UNAVAILABLE:
            ours = SourceUnavailable(diagnosis.reason, where=where, fix=diagnosis.fix)
        case Trouble.GARBLED:
            ours = SourceGarbled(diagnosis.reason, where=where, fix=diagnosis.fix)
        case Trouble.REFUSED:
            ours = SourceRefused(diagnosis.reason, where=where, fix=diagnosis.fix)
    if diagnosis.quotes_rows:
        raise ours from None
    raise ours from error


def dialect_of(connection: Connection) -> Dialect:
    """The dialect of a connection, by its type.

    Raises ``ConfigurationError`` for a type that is no warehouse, or whose driver is not installed.
    """
    try:
        match connection.type:
            case "postgres" | "postgresql":
                from affidavit.warehouse.postgres import Postgres

                return Postgres()
            case "duckdb":
                from affidavit.warehouse.duckdb import DuckDB

                return DuckDB()
            case "sqlite":
                from affidavit.warehouse.sqlite import SQLite

                return SQLite()
    except ImportError as error:
        raise ConfigurationError(
            f"the driver for {connection.type} is not installed ({error.name})",
            where=f"connection {connection.id!r}",
            fix="install the extra: pip install 'affidavit[duckdb]' or 'affidavit[postgres]'",
        ) from error
    raise ConfigurationError(
        f"{connection.type!r} is no warehouse that can be read here",
        where=f"connection {connection.id!r}",
        fix="use a connection of type postgres, duckdb or sqlite",
    )

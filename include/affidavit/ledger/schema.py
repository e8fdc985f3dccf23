"""The schema's version: brought up to date on request, and checked at every opening."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit.errors import IntegrityError, LedgerMissing, SchemaMismatch
from affidavit.ledger.tables import metadata

_MIGRATIONS = Path(__file__).parent / "migrations"
_PRESENT = "0001"
"""The newest of the migrations: Alembic, which could find it out, takes longer to load than a ledger to open."""


def migrate(connection: Connection) -> None:
    """Bring the schema from nothing, or an older version, up to date within the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS))
    with _quiet():
        command.upgrade(config, "head")


def check(connection: Connection, *, where: str) -> None:
    """Raise ``LedgerMissing`` where there is no schema, ``SchemaMismatch`` unless it is the present one.

    Raises ``IntegrityError`` where there are tables of a ledger, and nothing says of which schema.
    """
    inspected = sa.inspect(connection)
    found = _revision(connection) if inspected.has_table("alembic_version") else None
    if found is None:
        left = [
            name for name in sorted(set(metadata.tables) & {*inspected.get_table_names()}) if _ours(inspected, name)
        ]
        if left:
            fix = "restore it from a copy, and find out who dropped it"
            raise IntegrityError(f"table alembic_version: gone, and there is a table {left[0]}", where=where, fix=fix)
        raise LedgerMissing("there is no ledger in that database", where=where, fix="run 'affidavit init'")
    if found != _PRESENT:
        raise SchemaMismatch(
            f"the ledger has schema {found[:40]!r}, and this version of the code reads {_PRESENT!r}",
            where=where,
            fix="use the version of affidavit that made it, or a newer one and 'affidavit init' to bring it up to date",
        )


def _revision(connection: Connection) -> str | None:
    """What Alembic's table holds, or None where it holds nothing. Several revisions are one that nobody reads."""
    rows = connection.execute(sa.text("SELECT version_num FROM alembic_version")).all()
    return ", ".join(str(row[0]) for row in rows) or None


def _ours(inspected: sa.Inspector, name: str) -> bool:
    """Whether a table of that name has our columns: in a database that others use, too, ``nodes`` may be theirs."""
    there = {column["name"] for column in inspected.get_columns(name)}
    return {column.name for column in metadata.tables[name].columns} <= there


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("alembic")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)

"""The schema's version: brought up to date on request, and checked at every opening."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from affidavit.errors import LedgerMissing, SchemaMismatch

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(connection: Connection) -> None:
    """Bring the schema from nothing, or an older version, up to date within the connection's transaction."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS))
    with _quiet():
        command.upgrade(config, "head")


def check(connection: Connection, *, where: str) -> None:
    """Raise ``LedgerMissing`` where there is no schema, ``SchemaMismatch`` unless it is the present one."""
    with _quiet():
        found = MigrationContext.configure(connection).get_current_revision()
    present = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    if found is None:
        raise LedgerMissing("there is no ledger in that database", where=where, fix="run 'affidavit init'")
    if found != present:
        raise SchemaMismatch(
            f"the ledger has schema {found[:40]!r}, and this version of the code reads {present!r}",
            where=where,
            fix="use the version of affidavit that made it, or a newer one and 'affidavit init' to bring it up to date",
        )


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("alembic")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)

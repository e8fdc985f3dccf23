"""The schema's version: brought up to date on request, and checked at every opening."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit.errors import IntegrityError, LedgerMissing, SchemaMismatch
from affidavit.ledger import driver, guards
from affidavit.ledger.tables import metadata

_MIGRATIONS = Path(__file__).parent / "migrations"
_PRESENT = "0001"
"""The newest of the migrations: Alembic, which could find it out, takes longer to load than a ledger to open."""
_RESTORE = "restore it from a copy, and find out who dropped it"
_COLUMNS = {  # SQLAlchemy asks for each table by itself, which costs as much again as opening a ledger
    "sqlite": (  # a virtual table, which has no page of its own, could show each reader something else
        "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
        "WHERE m.type = 'table' AND m.rootpage > 0"
    ),
    "postgresql": (
        "SELECT c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid "
        "WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND a.attnum > 0 AND NOT a.attisdropped"
    ),
}

_MEDDLERS = {
    "sqlite": "SELECT tbl_name, 'trigger', name FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
    "postgresql": (
        "SELECT c.relname, 'trigger', t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid "
        "WHERE pg_table_is_visible(c.oid) AND NOT t.tgisinternal "
        "UNION ALL SELECT tablename, 'rule', rulename FROM pg_rules WHERE schemaname = current_schema() ORDER BY 3"
    ),
}


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

    Raises ``IntegrityError`` where there are tables of a ledger, and nothing says of which schema; or where one of
    them, or a column, is gone; or where a trigger or rule that is none of ours may change what is recorded.
    """
    inspected = sa.inspect(connection)
    found = _revision(connection) if inspected.has_table("alembic_version") else None
    if found is None:
        left = [
            name for name in sorted(set(metadata.tables) & {*inspected.get_table_names()}) if _ours(inspected, name)
        ]
        if left:
            problem = f"table alembic_version: gone, and there is a table {left[0]}"
            raise IntegrityError(problem, where=where, fix=_RESTORE)
        raise LedgerMissing("there is no ledger in that database", where=where, fix="run 'affidavit init'")
    if found != _PRESENT:
        raise SchemaMismatch(
            f"the ledger has schema {found[:40]!r}, and this version of the code reads {_PRESENT!r}",
            where=where,
            fix="use the version of affidavit that made it, or a newer one and 'affidavit init' to bring it up to date",
        )
    _demand_whole(connection, where=where)
    _demand_alone(connection, where=where)


def _demand_whole(connection: Connection, *, where: str) -> None:
    there = set(driver.rows(connection, _COLUMNS[connection.dialect.name]))
    for table in metadata.sorted_tables:
        absent = [column.name for column in table.columns if (table.name, column.name) not in there]
        if absent:
            what = "" if len(absent) == len(table.columns) else f", column {', '.join(absent)}"
            raise IntegrityError(f"table {table.name}{what}: gone", where=where, fix=_RESTORE)


def _demand_alone(connection: Connection, *, where: str) -> None:
    # Whoever can make one can as well change the rows behind our back, which verification finds: this is for accidents.
    for table, what, name in driver.rows(connection, _MEDDLERS[connection.dialect.name]):
        if table in metadata.tables and name not in guards.NAMES[connection.dialect.name]:
            problem = f"{what} {name} on table {table}: it may take away or change what is recorded"
            raise IntegrityError(problem, where=where, fix="drop it, and find out who made it")


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

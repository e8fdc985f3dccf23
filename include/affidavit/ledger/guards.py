"""Triggers that refuse to change or remove what is recorded.

They are guard-rails against accidents, not the defence: whoever owns the database can drop them, and verification is
what finds out.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

GUARDED = ("entries", "nodes", "checkpoints")
"""Every table of the ledger."""

_MESSAGE = "the ledger is insert-only"


def raise_guards(connection: Connection, tables: Iterable[str] = GUARDED) -> None:
    """Make ``tables`` insert-only."""
    for statement in _creation(connection.dialect.name, tables):
        connection.execute(text(statement))


def drop_guards(connection: Connection, tables: Iterable[str] = GUARDED) -> None:
    """Allow changes of derived columns within the present transaction, which must raise the guards again."""
    on_table = connection.dialect.name == "postgresql"
    for table in tables:
        for event in _events(connection.dialect.name):
            suffix = f" ON {table}" if on_table else ""
            connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{event}{suffix}"))


def _events(dialect: str) -> tuple[str, ...]:
    return ("update", "delete", "truncate") if dialect == "postgresql" else ("update", "delete")


def _creation(dialect: str, tables: Iterable[str]) -> Iterable[str]:
    if dialect == "postgresql":
        yield (
            "CREATE OR REPLACE FUNCTION affidavit_insert_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_MESSAGE}'; END $$"
        )
    for table in tables:
        for event in _events(dialect):
            name, when = f"{table}_no_{event}", event.upper()
            if dialect == "postgresql":
                each = "STATEMENT" if event == "truncate" else "ROW"
                yield (
                    f"CREATE TRIGGER {name} BEFORE {when} ON {table} "
                    f"FOR EACH {each} EXECUTE FUNCTION affidavit_insert_only()"
                )
            else:
                yield f"CREATE TRIGGER {name} BEFORE {when} ON {table} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"


NAMES = {
    dialect: frozenset(f"{table}_no_{event}" for table in GUARDED for event in _events(dialect))
    for dialect in ("sqlite", "postgresql")
}
"""Of each kind of database the names of all that :func:`raise_guards` makes."""

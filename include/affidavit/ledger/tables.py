"""The tables. Only ``entries.leaf`` and ``checkpoints.note`` are data; every other column is derived from them.

Nodes of level 0 are ``entries.leaf_hash``; ``nodes`` holds complete nodes from level 1 on, each once.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from affidavit.evidence import Statement, identity

# Only INTEGER PRIMARY KEY is SQLite's row id; BIGINT would cost a second index.
_INDEX = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("index", _INDEX, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("stream", LargeBinary, nullable=False),
    Column("supersedes", LargeBinary),
    Column("facts_digest", LargeBinary, nullable=False),
    Column("identity", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("observed_at", Text, nullable=False),
    UniqueConstraint("identity", name="entries_identity"),
    Index("entries_stream", "stream", "index"),
    Index("entries_kind", "kind", "index"),
    Index("entries_scope", "scope", "index"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("level", SmallInteger, nullable=False),
    Column("index", _INDEX, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "index"),
    sqlite_with_rowid=False,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", _INDEX, primary_key=True, autoincrement=False),
    Column("previous", _INDEX, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    UniqueConstraint("previous", name="checkpoints_previous"),
    Index("checkpoints_time", "time", "size"),
)
"""``previous`` is the size of the head that this one extends, 0 for the first: with ``size`` it is the compare-and-swap
that leaves room for one successor only, so that no two writers can fork the log."""

DERIVED = (
    "leaf_hash",
    "stream",
    "supersedes",
    "facts_digest",
    "identity",
    "kind",
    "scope",
    "subject",
    "observed_at",
)
"""Columns of ``entries`` that are computed from ``leaf``, in the order of :func:`derived`."""


def derived(statement: Statement, *, leaf_hash: bytes, supersedes: bytes | None) -> tuple[Any, ...]:
    """The values of :data:`DERIVED` for a statement that supersedes the leaf hash ``supersedes``."""
    return (
        leaf_hash,
        statement.stream,
        supersedes,
        statement.facts_digest,
        identity(statement.stream, supersedes, statement.facts_digest),
        statement.kind,
        statement.scope,
        statement.subject.name,
        statement.observed_at,
    )

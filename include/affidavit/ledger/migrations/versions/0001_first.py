"""Entries, nodes and checkpoints, insert-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from affidavit.ledger.guards import raise_guards

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables. There is no way back: a ledger only grows."""
    index = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "entries",
        sa.Column("index", index, primary_key=True, autoincrement=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.Column("stream", sa.LargeBinary, nullable=False),
        sa.Column("supersedes", sa.LargeBinary),
        sa.Column("facts_digest", sa.LargeBinary, nullable=False),
        sa.Column("identity", sa.LargeBinary, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("observed_at", sa.Text, nullable=False),
        sa.UniqueConstraint("identity", name="entries_identity"),
    )
    op.create_index("entries_stream", "entries", ["stream", "index"])
    op.create_index("entries_kind", "entries", ["kind", "index"])
    op.create_index("entries_scope", "entries", ["scope", "index"])
    op.create_table(
        "nodes",
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("index", index, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "index"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", index, primary_key=True, autoincrement=False),
        sa.Column("previous", index, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.UniqueConstraint("previous", name="checkpoints_previous"),
    )
    op.create_index("checkpoints_time", "checkpoints", ["time", "size"])
    raise_guards(op.get_bind(), ("entries", "nodes", "checkpoints"))

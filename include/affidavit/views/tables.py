"""The rows. Times are microseconds since 1970; ``until`` is exclusive, and :data:`OPEN` while nothing ended it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

OPEN = 2**62

_ID = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

made = Table("view_made", metadata, Column("code", Text, nullable=False), Column("origin", Text, nullable=False))
"""One row: by which code, and of which log."""

judged = Table(
    "view_judged",
    metadata,
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", Text, nullable=False),
)
"""Between ``since`` and ``until`` the newest head was that of ``size`` entries, and every verdict stood as its row has
it. Moments between these rows were not judged."""

items = Table(
    "view_items",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("control", Text, nullable=False),
    UniqueConstraint("scope", "control"),
)

verdicts = Table(
    "view_verdicts",
    metadata,
    Column("item", BigInteger, ForeignKey("view_items.id"), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("from_index", BigInteger, nullable=False),
    Column("body", Text),
    PrimaryKeyConstraint("item", "since"),
)
"""A verdict as it stood from the head of ``from_index`` entries on; ``body`` is null while there was none."""

"""What is counted of features to find threats to data: how each lies to the label, and whether it is there at all.

Only counts leave the warehouse. Of a feature's values there may be as many as there are rows; what comes back is one
line for each pattern of counts, and different patterns take rows: of n rows and two classes there are fewer than
2 n^(2/3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from affidavit.measure.leakage import Ranks
from affidavit.measure.presence import Presence
from affidavit.warehouse.dialect import declared
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import Column, TableRef

_AT_ONCE = 400
"""Columns of one scan, of two aggregates each: SQLite answers with 2,000 columns at most, Postgres with 1,664."""


def rank_counts(snapshot: Snapshot, table: TableRef, feature: str, *, about: str, label: str, positive: str) -> Ranks:
    """How the rows with a value of ``feature`` lie to each other, in one window query.

    ``positive`` is the text of the label that counts as positive, every other label is negative, and rows without a
    label are left out. Values are compared as the warehouse does: NaN, where there is any, is the greatest. Raises as
    :meth:`Snapshot.query`.
    """
    value, marked = _columns(snapshot, table, [feature, label], about=about)
    text = sa.cast(marked, sa.Text)
    each = (
        sa.select(
            value.label("v"),
            sa.func.sum(sa.case((text == positive, 1), else_=0)).label("pos"),
            sa.func.sum(sa.case((text == positive, 0), else_=1)).label("neg"),
        )
        .select_from(table.selectable)
        .where(value.is_not(None), marked.is_not(None))
        .group_by(value)
        .subquery()
    )
    below = sa.func.coalesce(sa.func.sum(each.c.neg).over(order_by=each.c.v, rows=(None, -1)), 0)
    ranked = sa.select(each.c.pos, each.c.neg, below.label("below")).subquery()
    halves = sa.func.sum(ranked.c.pos * (2 * ranked.c.below + ranked.c.neg))
    row = snapshot.query(sa.select(sa.func.sum(ranked.c.pos), sa.func.sum(ranked.c.neg), halves), about=about)[0]
    return Ranks(*(int(number or 0) for number in row))


def value_counts(
    snapshot: Snapshot, table: TableRef, feature: str, *, about: str, label: str, classes: Sequence[str]
) -> list[tuple[tuple[int, ...], int]]:
    """(Rows of each of ``classes``, how many values of ``feature`` have these counts); a missing value is one.

    Rows with another label, or none, are left out. Raises as :meth:`Snapshot.query`.
    """
    value, marked = _columns(snapshot, table, [feature, label], about=about)
    text = sa.cast(marked, sa.Text)
    counts = [sa.func.sum(sa.case((text == each, 1), else_=0)).label(f"c{n}") for n, each in enumerate(classes)]
    # By its text, as not every type of every warehouse can be grouped by.
    by = sa.cast(value, sa.Text)
    inner = sa.select(*counts).select_from(table.selectable).where(text.in_(classes)).group_by(by).subquery()
    statement = sa.select(*inner.c, sa.func.count()).group_by(*inner.c)
    rows = snapshot.query(statement, about=about)
    return [(tuple(int(number) for number in row[:-1]), int(row[-1])) for row in rows]


def presence(
    training: tuple[Snapshot, TableRef, str], production: tuple[Snapshot, TableRef, str], features: Sequence[str]
) -> list[Presence]:
    """Whether each of ``features``, columns of the training table, is in production what it was.

    Each table is a snapshot, a table in it and its declared name. One scan of each table; one more of the training
    table for each feature that is one value in production. Raises as :meth:`Snapshot.query`.
    """
    snapshot, table, about = training
    rows, there = _counted(*training, [table.column(name, where=snapshot.where(about)) for name in features])
    columns = {column.name: column for column in production[1].columns}
    produced, found = _counted(*production, [columns[name] for name in features if name in columns])
    listed = []
    for name in features:
        values, varies = found.get(name, (None, False))
        most = there[name][0]
        if values and not varies and there[name][1]:
            most = _most(*training, name)
        listed.append(Presence(name, rows, there[name][0], most, produced, values, varies))
    return listed


def _columns(snapshot: Snapshot, table: TableRef, names: Sequence[str], *, about: str) -> list[sa.ColumnElement[Any]]:
    return declared([table.column(name, where=snapshot.where(about)) for name in names])


def _counted(
    snapshot: Snapshot, table: TableRef, about: str, columns: Sequence[Column]
) -> tuple[int, dict[str, tuple[int, bool]]]:
    """Rows, and of each column its values and whether they differ."""
    rows: set[int] = set()
    found: dict[str, tuple[int, bool]] = {}
    for start in range(0, max(1, len(columns)), _AT_ONCE):
        some = columns[start : start + _AT_ONCE]
        asked: list[sa.ColumnElement[Any]] = [sa.func.count()]
        for value in declared(some):
            text = sa.cast(value, sa.Text)
            asked += [sa.func.count(value), sa.func.min(text) != sa.func.max(text)]
        labelled = [each.label(f"c{n}") for n, each in enumerate(asked)]
        row = snapshot.query(sa.select(*labelled).select_from(table.selectable), about=about)[0]
        rows.add(int(row[0]))
        pairs = zip(row[1::2], row[2::2], strict=True)
        found |= {column.name: (int(n), bool(varies)) for column, (n, varies) in zip(some, pairs, strict=True)}
    snapshot.agree(about, rows)
    return rows.pop(), found


def _most(snapshot: Snapshot, table: TableRef, about: str, name: str) -> int:
    """The most rows that share one value of a column."""
    (value,) = _columns(snapshot, table, [name], about=about)
    rows = sa.func.count().label("n")
    each = sa.select(rows).select_from(table.selectable).where(value.is_not(None)).group_by(sa.cast(value, sa.Text))
    return int(snapshot.query(sa.select(sa.func.max(each.subquery().c.n)), about=about)[0][0])

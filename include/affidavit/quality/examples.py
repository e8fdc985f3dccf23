"""Examples of rows that a suite did not expect, for a table whose declaration allows them.

They are values of rows: what comes out of here belongs into an erasable blob and nowhere else. They are looked for only
where something failed and was counted by row, one query for each such test, in the snapshot that was judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from affidavit.evidence import Json, dumps
from affidavit.inventory import Suite
from affidavit.quality.gx import load, quiet
from affidavit.quality.redaction import plain
from affidavit.quality.validation import Validation, configured
from affidavit.warehouse import Snapshot, TableRef
from affidavit.warehouse.dialect import declared

ROOM = 1_000_000
"""Bytes that the examples of one look may take; rows beyond are left out."""

LONGEST = 200
"""Characters of one value; the rest is cut off."""


@dataclass(frozen=True)
class Examples:
    """``rows`` says of how many rows of each test there are examples; ``details`` holds them, as canonical bytes."""

    rows: Mapping[str, int]
    details: bytes


def examples_of(snapshot: Snapshot, *, table: str, suite: Suite, validation: Validation, most: int) -> Examples | None:
    """At most ``most`` rows for each test that failed by rows; None where there are none.

    Which rows follows from their hashes: the same rows give the same examples. A test of a whole column or table, such
    as of a mean, fails without a row that does. Raises as :func:`affidavit.quality.validate`.
    """
    failed = {failure.test for failure in validation.failed if failure.unexpected}
    wanted = [expectation for expectation in suite.expectations if expectation.test in failed]
    load()
    from affidavit.quality.engine import FailingRows

    found, room = snapshot.table(table), ROOM
    kept: dict[str, Json] = {}
    counted: dict[str, int] = {}
    for expectation in wanted:
        with quiet():
            failing = FailingRows(snapshot, found, about=table).of(configured(expectation, suite, None))
        if failing is None:
            continue
        rows, room = _within(_rows(snapshot, found, failing, about=table, most=most), room)
        if rows:
            kept[expectation.test], counted[expectation.test] = rows, len(rows)
    if not kept:
        return None
    columns: list[Json] = [column.name for column in found.columns]
    details: Json = {"table": snapshot.where(table), "suite": suite.name, "columns": columns, "tests": kept}
    return Examples(counted, dumps(details))


def _rows(snapshot: Snapshot, table: TableRef, failing: sa.ColumnElement[bool], *, about: str, most: int) -> list[Json]:
    order = snapshot.dialect.row_digest(table, where=snapshot.where(about))
    columns = declared(table.columns)
    statement = sa.select(*columns).select_from(table.selectable).where(failing).order_by(order).limit(most)
    return [[_cut(plain(value)) for value in row] for row in snapshot.query(statement, about=about)]


def _cut(value: Json) -> Json:
    text = value if isinstance(value, str) else dumps(value).decode()
    return value if len(text) <= LONGEST else text[:LONGEST] + "…"


def _within(rows: Sequence[Json], room: int) -> tuple[list[Json], int]:
    """The rows that there is room for, and the room that is left."""
    kept = []
    for row in rows:
        if (size := len(dumps(row))) > room:
            break
        kept.append(row)
        room -= size
    return kept, room

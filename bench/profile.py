"""``profile``: the profile of a table, against one hand-written scan that aggregates the same columns.

The other side counts rows, the values of each column, and those of each number below each edge of its histogram, as one
would write it by hand for this table; in DuckDB it estimates distinct values too. Of DuckDB and Postgres the worse is
the figure.
"""

from __future__ import annotations

import sqlalchemy as sa

from affidavit.warehouse import EDGES, Snapshot, TableRef, profile
from bench import tables
from bench.measurement import Measurement

BOUND = 2.0

_NUMBERS = ("id", "income", "amount", "age")
_COUNTS = [f"count({name})" for name in tables.COLUMNS]
_BELOW = [f"{name} < {edge:.0f}" for name in _NUMBERS for edge in EDGES]
_DISTINCT = [f"approx_count_distinct({name})" for name in tables.COLUMNS]
_PERIOD = ["min(applied_at)", "max(applied_at)"]
_BARE = {
    "duckdb": [*_COUNTS, *(f"count_if({below})" for below in _BELOW), *_DISTINCT, *_PERIOD],
    "postgresql": [*_COUNTS, *(f"count(*) FILTER (WHERE {below})" for below in _BELOW), *_PERIOD],
}


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`~bench.measurement.ROUNDS` rounds, both sides in turns, in one snapshot."""
    rows = tables.QUICK_ROWS if quick else tables.ROWS
    return tables.compare("profile", rows, bound=BOUND, ours=_ours, other=_bare)


def _ours(opened: Snapshot, table: TableRef) -> int:
    return profile(opened, table, about="t", time_column="applied_at").rows


def _bare(opened: Snapshot, table: TableRef) -> int:
    del table
    statement = f"SELECT count(*), {', '.join(_BARE[opened.dialect.name])} FROM t"
    return int(opened.query(sa.text(statement), about="t")[0][0])

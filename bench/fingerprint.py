"""``fingerprint``: the fingerprint of a table, against one hand-written scan that hashes the same columns.

The other side turns each row into text (DuckDB: ``concat_ws``; Postgres: the row's own text), takes its SHA-256 and
keeps the greatest: as little as a warehouse can do and still hash every row. It is no fingerprint of anything. Of
DuckDB and Postgres the worse is the figure.
"""

from __future__ import annotations

import sqlalchemy as sa

from affidavit.warehouse import Snapshot, TableRef, fingerprint
from bench import tables
from bench.measurement import Measurement

BOUND = 2.0

_BARE = {
    "duckdb": f"SELECT count(*), max(sha256(concat_ws('|', {', '.join(tables.COLUMNS)}))) FROM t",
    "postgresql": "SELECT count(*), max(sha256(convert_to(t::text, 'UTF8'))) FROM t",
}


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`~bench.measurement.ROUNDS` rounds, both sides in turns, in one snapshot."""
    rows = tables.QUICK_ROWS if quick else tables.ROWS
    return tables.compare("fingerprint", rows, bound=BOUND, ours=_ours, other=_bare)


def _ours(opened: Snapshot, table: TableRef) -> int:
    return fingerprint(opened, table, about="t").rows


def _bare(opened: Snapshot, table: TableRef) -> int:
    del table
    return int(opened.query(sa.text(_BARE[opened.dialect.name]), about="t")[0][0])

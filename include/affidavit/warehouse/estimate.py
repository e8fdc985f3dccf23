"""What a look at a table would cost, for the dry run: catalogue figures, no scan."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.errors import SourceRefused
from affidavit.inventory import Connection
from affidavit.warehouse.lake import parquet_bytes
from affidavit.warehouse.snapshot import snapshot

QUERIES = 4
"""Statements of one look beside the suite's: catalogue twice, fingerprint, profile."""


@dataclass(frozen=True)
class Estimate:
    """``rows`` and ``bytes`` that each scan would read (None: the warehouse does not know), by ``basis``.

    ``queries`` counts statements at most: each expectation is counted as one, and many share one.
    """

    rows: int | None
    bytes: int | None
    queries: int
    basis: str


def estimate(connection: Connection, table: str, *, timeout_seconds: int = 60, suite_size: int = 0) -> Estimate:
    """Estimate a look at ``table`` (``table`` or ``schema.table``) with a suite of ``suite_size`` expectations.

    Raises as :func:`affidavit.warehouse.snapshot`: a missing table or refused login shows in the dry run already.
    """
    queries = QUERIES + suite_size
    if connection.type == "spark":
        return Estimate(None, parquet_bytes(connection, table), queries, "the sizes of the Parquet files")
    with snapshot(connection, timeout_seconds=timeout_seconds) as opened:
        statement, basis = opened.dialect.size(opened.table(table))
        try:
            found = opened.query(statement, about=table)
        except SourceRefused:
            found = []  # a view has no figures, and SQLite says so by refusing
    rows, size = found[0] if found else (None, None)
    if rows is None:
        basis = "unknown: a view, or never analysed"
    return Estimate(None if rows is None else int(rows), None if size is None else int(size), queries, basis)

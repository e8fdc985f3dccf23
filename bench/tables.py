"""Tables to be measured: the same rows in DuckDB and in Postgres, each column of another type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

from affidavit.inventory import Connection
from affidavit.warehouse import Snapshot, TableRef, snapshot
from bench import ledgers
from bench.measurement import ROUNDS, Measurement, NotComparable

ROWS = 10_000_000
QUICK_ROWS = 20_000
TIMEOUT_SECONDS = 3_600

COLUMNS = ("id", "name", "region", "income", "amount", "age", "approved", "applied_at")
"""Of the table ``t``: a whole number, two texts, a float with nulls, a decimal, a small number, a truth, a time."""

_FILL = """CREATE TABLE t AS SELECT
  i AS id, 'customer ' || (i * 7919 % 1000003) AS name,
  substr('northsoutheast west ', (i % 4 * 5 + 1)::int, 5) AS region,
  CASE WHEN i % 10 <> 0 THEN ((i * 31 % 100000) / 7.0)::double precision END AS income,
  ((i * 17 % 1000000) / 100.0)::decimal(12, 2) AS amount, (18 + i % 70)::integer AS age, i % 3 = 0 AS approved,
  timestamp '2024-01-01' + i * interval '3 seconds' AS applied_at
FROM generate_series(0::bigint, {last}::bigint) AS r(i)"""


@contextmanager
def warehouses(rows: int) -> Iterator[dict[str, Connection]]:
    """A DuckDB file and a real Postgres of their own, each with the table ``t``, by the dialect's name."""
    import duckdb
    import psycopg

    fill = _FILL.format(last=rows - 1)
    with ledgers.folder() as folder, ledgers.postgres(folder) as socket:
        path = str(folder / "bench.duckdb")
        with duckdb.connect(path) as file:
            file.execute(fill)
        with psycopg.connect(host=socket, user="postgres", dbname="postgres", autocommit=True) as server:
            server.execute(fill)
            server.execute("VACUUM ANALYZE t")
        yield {
            "duckdb": Connection("bench", "duckdb", host=path),
            "postgresql": Connection("bench", "postgres", host=socket, login="postgres", schema="postgres"),
        }


Side = Callable[[Snapshot, TableRef], int]
"""Reads all of a table and gives the number of rows it met."""


def compare(name: str, rows: int, *, bound: float, ours: Side, other: Side) -> Measurement:
    """Both sides in turns in one snapshot each round; of the warehouses the one with the worse ratio is the figure."""
    with warehouses(rows) as connections:
        return ledgers.worse([_one(name, rows, each, bound, ours, other) for each in connections.values()])


def _one(name: str, rows: int, connection: Connection, bound: float, ours: Side, other: Side) -> Measurement:
    rounds = []
    with snapshot(connection, timeout_seconds=TIMEOUT_SECONDS) as opened:
        table = opened.table("t")
        other(opened, table)  # fills caches
        for _ in range(ROUNDS):
            start = perf_counter()
            met = {other(opened, table)}
            middle = perf_counter()
            met.add(ours(opened, table))
            rounds.append((perf_counter() - middle, middle - start))
            if met != {rows}:
                raise NotComparable(f"of {rows} rows the two sides met {sorted(met)}")
        kind = opened.dialect.name
    ours_median, other_median = (median(side) for side in zip(*rounds, strict=True))
    sizes = {"rows": rows, "columns": len(COLUMNS), "rounds": ROUNDS, f"ratio_{kind}": ours_median / other_median}
    return Measurement(name, ours_median, other_median, "seconds", bound, sizes)

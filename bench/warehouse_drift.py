"""``warehouse-drift``: two windows of a table of 20 columns, against one statement for each column written by hand.

A Kolmogorov-Smirnov statistic needs the values in order, so no single scan gives it. By hand it is the same exact
statistic and Wasserstein distance, and nothing else, by one window over the column's distinct values, with the sizes of
both windows given; ours finds these sizes, deviations, missing and extreme values, bins and categories too. Both sides
have to come to the same figures. In DuckDB, which works in this process, of ten million rows, and in Postgres of a
tenth of them; the worse is the figure. Once a process of its own compares, and may hold 1 GiB at most: above that
there is no figure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter

import numpy as np
import sqlalchemy as sa

from affidavit.inventory import Connection
from affidavit.measure.drift import Compared, Numbers, estimates
from affidavit.warehouse import Snapshot, snapshot
from affidavit.warehouse.drift import compare_windows
from affidavit.warehouse.windows import Window
from bench import ledgers
from bench.measurement import ROUNDS, Measurement, NotComparable

BOUND = 2.0
ROWS = {"duckdb": 10_000_000, "postgresql": 1_000_000}
QUICK_ROWS = 20_000
MOST_BYTES = 2**30
TIMEOUT_SECONDS = 3_600

MANY = {f"x{n}": f"((i * {7919 + 2 * n} % 9999991) / 7.0)::double precision" for n in range(6)}
FEW = {f"n{n}": f"(i * {31 + n} % {50 + 40 * n})::integer" for n in range(6)}
MONEY = {f"m{n}": f"((i * {17 + n} % 100000) / 100.0)::decimal(12, 2)" for n in range(2)}
TEXTS = {f"t{n}": f"'category ' || (i * {13 + n} % {4 + 100 * n})" for n in range(4)}
TRUTHS = {f"b{n}": f"i % {3 + n} = 0" for n in range(2)}
COLUMNS = MANY | FEW | MONEY | TEXTS | TRUTHS

START = datetime(2024, 1, 1, tzinfo=UTC)

PROBE = """
import json, resource, sys
from bench.warehouse_drift import probe
found = probe(json.loads(sys.argv[1]), int(sys.argv[2]))
print(json.dumps([1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, found]))
"""


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`~bench.measurement.ROUNDS` rounds, both sides in turns."""
    sizes = dict.fromkeys(ROWS, QUICK_ROWS) if quick else ROWS
    with _warehouses(sizes) as connections:
        return ledgers.worse([_one(name, sizes[name], each) for name, each in connections.items()])


@contextmanager
def _warehouses(rows: dict[str, int]) -> Iterator[dict[str, dict[str, str]]]:
    import duckdb
    import psycopg

    columns = ", ".join(f"{what} AS {name}" for name, what in COLUMNS.items())
    fill = (
        f"CREATE TABLE t AS SELECT {columns}, timestamp '2024-01-01' + i * interval '1 second' AS seen_at"
        " FROM generate_series(0::bigint, {}::bigint) AS r(i)"
    )
    with ledgers.folder() as folder, ledgers.postgres(folder) as socket:
        path = str(folder / "bench.duckdb")
        server_of = {"id": "bench", "type": "postgres", "login": "postgres", "schema": "postgres"}
        with duckdb.connect(path) as file:
            file.execute(fill.format(rows["duckdb"] - 1))
        with psycopg.connect(host=socket, user="postgres", dbname="postgres", autocommit=True) as server:
            server.execute(fill.format(rows["postgresql"] - 1))
            server.execute("VACUUM ANALYZE t")
        yield {
            "duckdb": {"id": "bench", "type": "duckdb", "host": path},
            "postgresql": server_of | {"host": socket},
        }


def _one(name: str, rows: int, connection: dict[str, str]) -> Measurement:
    peak, found = _probed(connection, rows)
    rounds = []
    with snapshot(Connection(**connection), timeout_seconds=TIMEOUT_SECONDS) as opened:
        for _ in range(ROUNDS):
            start = perf_counter()
            bare = _by_hand(opened, rows)
            middle = perf_counter()
            _compare(opened, rows)
            rounds.append((perf_counter() - middle, middle - start))
    if not np.allclose(found, bare, rtol=1e-9, atol=1e-9):
        raise NotComparable("the two sides came to other figures")
    if peak > MOST_BYTES:
        raise NotComparable(f"in {name} the comparison took {peak / 2**20:.0f} MiB of its process's memory")
    ours, other = (median(side) for side in zip(*rounds, strict=True))
    sizes = {"columns": len(COLUMNS), "rounds": ROUNDS, f"rows_{name}": rows}
    sizes |= {f"ratio_{name}": ours / other, f"peak_bytes_{name}": peak}
    return Measurement("warehouse-drift", ours, other, "seconds", BOUND, sizes)


def _probed(connection: dict[str, str], rows: int) -> tuple[int, list[float]]:
    """The most memory that a process of its own takes to compare, and what it finds."""
    command = [sys.executable, "-c", PROBE, json.dumps(connection), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotComparable(f"the comparison failed: {done.stderr[-2_000:]}")
    peak, found = json.loads(done.stdout)
    return peak, found


def probe(connection: dict[str, str], rows: int) -> list[float]:
    """The figures that both sides come to."""
    with snapshot(Connection(**connection), timeout_seconds=TIMEOUT_SECONDS) as opened:
        compared = _compare(opened, rows)
    found: list[float] = []
    for name, each in compared.items():
        values = {one.measure: one.value or 0.0 for one in estimates(each, about=name)}
        if isinstance(each, Numbers):
            found += [values["ks_statistic"], values["wasserstein_distance"]]
        else:
            found.append(values["total_variation_distance"])
    return found


def _compare(opened: Snapshot, rows: int) -> dict[str, Compared]:
    middle, end = (START + timedelta(seconds=each) for each in (rows // 2, rows))
    windows = Window("t", "seen_at", START, middle), Window("t", "seen_at", middle, end)
    return compare_windows(opened, *windows, columns=dict.fromkeys(COLUMNS))


def _by_hand(opened: Snapshot, rows: int) -> list[float]:
    """The largest difference between distribution functions and the area between them, or of shares of categories."""
    half = rows // 2
    moment = f"timestamp '2024-01-01' + {half} * interval '1 second'"
    found: list[float] = []
    for name in COLUMNS:
        counts = (
            f"(SELECT v, sum(r)::double precision AS r, sum(c)::double precision AS c FROM (SELECT {name} AS v,"
            f" CASE WHEN seen_at < {moment} THEN 1 ELSE 0 END AS r, CASE WHEN seen_at < {moment} THEN 0 ELSE 1 END AS c"
            " FROM t) AS rows GROUP BY v) AS counts"
        )
        if name in TEXTS or name in TRUTHS:
            statement = f"SELECT sum(abs(r / {half} - c / {rows - half})) / 2 FROM {counts}"
        else:
            statement = (
                "SELECT max(apart), sum(apart * (after - v)) FROM (SELECT v, lead(v) OVER w AS after,"
                f" abs(sum(r) OVER w / {half} - sum(c) OVER w / {rows - half}) AS apart FROM {counts}"
                " WINDOW w AS (ORDER BY v ROWS UNBOUNDED PRECEDING)) AS steps"
            )
        found += [float(each) for each in opened.query(sa.text(statement), about="t")[0]]
    return found

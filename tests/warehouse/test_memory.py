"""More rows take no more memory of this process: of each engine the sorting is done elsewhere, or on disk."""

import json
import subprocess
import sys

import pytest

LOOK = """
import json, resource, sys
from affidavit.inventory import Connection
from affidavit.warehouse import duckdb, fingerprint, profile, snapshot
duckdb.MEMORY = "100MB"  # so that both tables are more than it may hold
with snapshot(Connection(**json.loads(sys.argv[1])), timeout_seconds=600) as opened:
    table = opened.table(sys.argv[2])
    rows = {fingerprint(opened, table, about="t").rows, profile(opened, table, about="t", time_column=None).rows}
print(*rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
FILL = {
    "duckdb": "CREATE TABLE {} AS SELECT i AS id, 'customer ' || i AS name, i / 7.0 AS x FROM range({}) r(i)",
    "postgres": "CREATE TABLE {} AS SELECT i AS id, 'customer ' || i AS name, i / 7.0 AS x"
    " FROM generate_series(1, {}) r(i)",
    "sqlite": "CREATE TABLE {} AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {})"
    " SELECT i AS id, 'customer ' || i AS name, i / 7.0 AS x FROM r",
}


def peak(warehouse, rows):
    """Kilobytes that a process of its own takes at most to look at a table of that many rows."""
    table = f"t{rows}"
    warehouse.run(FILL[warehouse.kind].format(table, rows))
    connection = {name: getattr(warehouse.connection, name) for name in ("id", "type", "host", "login", "schema")}
    command = [sys.executable, "-c", LOOK, json.dumps(connection), table]
    found, kilobytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(found) == rows
    return int(kilobytes)


@pytest.mark.nightly
def test_five_times_the_rows_take_no_more_memory(warehouse):
    peak(warehouse, 10)  # whatever is written at the first start of an interpreter
    few, many = peak(warehouse, 1_000_000), peak(warehouse, 5_000_000)
    assert many < 1.25 * few, (few, many)

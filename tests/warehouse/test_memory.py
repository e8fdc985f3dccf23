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


def peak(warehouse, rows, *, fill=None, look=LOOK):
    """Kilobytes that a process of its own takes at most to look at a table of that many rows."""
    table = f"t{rows}"
    warehouse.run((fill or FILL[warehouse.kind]).format(table, rows))
    connection = {name: getattr(warehouse.connection, name) for name in ("id", "type", "host", "login", "schema")}
    command = [sys.executable, "-c", look, json.dumps(connection), table]
    found, kilobytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(found) == rows
    return int(kilobytes)


@pytest.mark.nightly
def test_five_times_the_rows_take_no_more_memory(warehouse):
    peak(warehouse, 10)  # whatever is written at the first start of an interpreter
    few, many = peak(warehouse, 1_000_000), peak(warehouse, 5_000_000)
    assert many < 1.25 * few, (few, many)


MEASURE = """
import json, resource, sys
from affidavit.inventory import Connection
from affidavit.warehouse import duckdb, snapshot
from affidavit.warehouse.facets import GroupColumn
from affidavit.warehouse.outcomes import Outcomes, confusion_and_probabilities, rank
from affidavit.warehouse.recalibration import recalibrated
duckdb.MEMORY = "100MB"
asked = Outcomes("label", ("0", "1"), score="score", cut=0.5)
by = (GroupColumn("region", ("0", "1", "2")),)
with snapshot(Connection(**json.loads(sys.argv[1])), timeout_seconds=600) as opened:
    table = opened.table(sys.argv[2])
    counted, likely = confusion_and_probabilities(opened, table, asked, by=by, about="t")
    ordered = rank(opened, table, asked, by=by, about="t")
    fitted = recalibrated(opened, table, asked, minimum=30, about="t")
rows = {int(counted.rows.sum()), int(ordered["rows_positive"].sum() + ordered["rows_negative"].sum()), fitted[0].n}
print(*rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
SCORED = (
    "SELECT CASE WHEN i * 7919 % 1000 < 400 THEN 1 ELSE 0 END AS label,"
    " (1 + i * 104729 % 99999) / 100001.0 AS score, i % 4 AS region FROM"
)
FILL_SCORED = {
    "duckdb": f"CREATE TABLE {{}} AS {SCORED} (SELECT CAST(i AS BIGINT) AS i FROM range({{}}) t(i))",
    "postgres": f"CREATE TABLE {{}} AS {SCORED} generate_series(1, CAST({{}} AS BIGINT)) r(i)",
    "sqlite": "CREATE TABLE {} AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {}) "
    f"{SCORED} r",
}


@pytest.mark.nightly
def test_what_is_measured_of_five_times_the_rows_takes_no_more_memory(warehouse):
    def measured(rows):
        return peak(warehouse, rows, fill=FILL_SCORED[warehouse.kind], look=MEASURE)

    measured(1_000)
    few, many = measured(500_000), measured(2_500_000)
    assert many < 1.25 * few, (few, many)

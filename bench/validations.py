"""Validating a table of :mod:`bench.tables` against a suite of 20 expectations: ours, and what it is measured against.

``written`` is what one would write by hand to count the same: every aggregate in one statement, or whether ``id`` is
unique in a statement of its own, which lets Postgres read with workers; of the two the faster is the floor.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter

import sqlalchemy as sa

from affidavit.inventory import Connection, Suite
from affidavit.quality import load, validate
from affidavit.warehouse import Snapshot, snapshot
from bench import ledgers, tables
from bench.gx_default import default
from bench.measurement import ROUNDS, Measurement, NotComparable

FAILING = 3

_ASKED = (
    *(("expect_column_values_to_not_be_null", {"column": name}) for name in tables.COLUMNS if name != "income"),
    ("expect_column_values_to_be_unique", {"column": "id"}),
    ("expect_column_values_to_be_between", {"column": "id", "min_value": 0}),
    ("expect_column_value_lengths_to_be_between", {"column": "name", "min_value": 9, "max_value": 20}),
    ("expect_column_values_to_match_regex", {"column": "name", "regex": "^customer [0-9]+$"}),
    ("expect_column_values_to_be_between", {"column": "income", "min_value": 0, "max_value": 20_000}),
    ("expect_column_mean_to_be_between", {"column": "income", "min_value": 1_000, "max_value": 10_000}),
    ("expect_column_values_to_be_between", {"column": "amount", "min_value": 0, "max_value": 10_000}),
    ("expect_column_sum_to_be_between", {"column": "amount", "min_value": 0}),
    ("expect_column_max_to_be_between", {"column": "age", "max_value": 90}),
    ("expect_table_row_count_to_be_between", {"min_value": 1}),
)
_REGIONS = ["north", "south", "east ", "west "]

_NULLS = [f"{name} IS NULL" for name in tables.COLUMNS]
_WRONG = [
    "id < 0",
    "length(name) NOT BETWEEN 9 AND 20",
    "income NOT BETWEEN 0 AND 20000",
    "amount NOT BETWEEN 0 AND 10000",
    "region NOT IN ('north', 'south', 'east ', 'west ')",
    "age NOT BETWEEN 18 AND 90",
]
_OTHERS = ["avg(income)", "sum(amount)", "max(age)"]
_DISTINCT = ["count(id)", "count(DISTINCT id)"]


def suite(*, failing: bool) -> Suite:
    """20 expectations, of which the table fulfils all, or all but three."""
    may_fail = (
        ("expect_column_values_to_be_in_set", {"column": "region", "value_set": _REGIONS[: 1 if failing else 4]}),
        ("expect_column_values_to_not_be_null", {"column": "income", "mostly": 1 if failing else 0.9}),
        ("expect_column_values_to_be_between", {"column": "age", "min_value": 18, "max_value": 80 if failing else 90}),
    )
    asked = [{"type": kind, "kwargs": kwargs, "quality": "validity"} for kind, kwargs in (*_ASKED, *may_fail)]
    return Suite.model_validate({"name": "bench", "description": "To be measured", "expectations": asked})


def compare(name: str, *, bound: float, failing: bool, against_default: bool, quick: bool) -> Measurement:
    """Ours against Great Expectations' default, or against what is written by hand; the worse warehouse counts."""
    load()
    wanted, rows = suite(failing=failing), tables.QUICK_ROWS if quick else tables.ROWS
    with tables.warehouses(rows) as connections:
        taken = [_one(name, bound, wanted, each, against_default) for each in connections.values()]
    expected = FAILING if failing else 0
    if any(measured.sizes["failed"] != expected for measured in taken):
        raise NotComparable(f"of {len(wanted.expectations)} expectations other than {expected} failed")
    return ledgers.worse(taken)


def _one(name: str, bound: float, wanted: Suite, connection: Connection, against_default: bool) -> Measurement:
    limit = tables.TIMEOUT_SECONDS
    with (
        snapshot(connection, timeout_seconds=limit) as opened,
        default(connection, "t", timeout_seconds=limit) as run,
    ):
        kind = opened.dialect.name
        failed: set[int] = set()

        rows = 0

        def ours() -> None:
            nonlocal rows
            found = validate(opened, table="t", suite=wanted)
            rows = found.rows
            failed.add(len(found.failed))

        def theirs() -> None:
            failed.add(sum(not result.success for result in run(wanted)))

        together, apart = (_hand_written(opened, separately=separately) for separately in (False, True))
        sides = [ours, together, apart, *([theirs] if against_default else [])]
        for side in sides:
            side()  # fills caches
        rounds = [[_seconds(side) for side in sides] for _ in range(ROUNDS)]
    if len(failed) != 1:
        raise NotComparable(f"the two sides found {sorted(failed)} failures")
    mine, one, two, *others = (median(side) for side in zip(*rounds, strict=True))
    floor = min(one, two)
    other = others[0] if against_default else floor
    sizes = {"rows": rows, "rounds": ROUNDS, "expectations": len(wanted.expectations), "failed": failed.pop()}
    return Measurement(
        name, mine, other, "seconds", bound, sizes | {f"ratio_{kind}": mine / other, f"floor_seconds_{kind}": floor}
    )


def _seconds(side: Callable[[], None]) -> float:
    start = perf_counter()
    side()
    return perf_counter() - start


def _hand_written(opened: Snapshot, *, separately: bool) -> Callable[[], None]:
    duck = opened.dialect.name == "duckdb"
    matches = "NOT regexp_matches(name, '^customer [0-9]+$')" if duck else "name !~ '^customer [0-9]+$'"
    form = "count_if({})" if duck else "count(*) FILTER (WHERE {})"
    counts = [form.format(condition) for condition in (*_NULLS, *_WRONG, matches)]
    lists = [["count(*)", *counts, *_OTHERS], _DISTINCT]
    statements = lists if separately else [[*lists[0], *lists[1]]]

    def run() -> None:
        for columns in statements:
            opened.query(sa.text(f"SELECT {', '.join(columns)} FROM t"), about="t")

    return run

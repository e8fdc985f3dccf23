"""Windows are compared where they lie: the same figures as from arrays, on each warehouse, and no value of a row."""

import json
import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from affidavit.errors import SourceRefused, UsageError, WindowsOverlap
from affidavit.measure.drift import NotCompared, compare_categories, compare_numbers, estimates
from affidavit.warehouse import snapshot
from affidavit.warehouse.drift import compare_windows
from affidavit.warehouse.windows import Window

DAY = datetime(2026, 3, 1, tzinfo=UTC)
REFERENCE, CURRENT = Window("reference"), Window("current")


def compare(warehouse, columns, reference=REFERENCE, current=CURRENT, **more):
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        return compare_windows(opened, reference, current, columns=columns, **more)


def fill(warehouse, kinds, reference, current):
    """Two tables; a value is written as SQL, None as null."""
    for table, rows in (("reference", reference), ("current", current)):
        warehouse.run(f"CREATE TABLE {table} ({kinds})")
        if rows:
            warehouse.run(f"INSERT INTO {table} VALUES " + ", ".join(f"({', '.join(row)})" for row in rows))


def written(value):
    if value is None:
        return "NULL"
    if isinstance(value, float) and not math.isfinite(value):
        return f"'{'-' if value < 0 else ''}{'NaN' if math.isnan(value) else 'Infinity'}'"
    return repr(value)


def same(found, expected):
    """To 1e-9, every estimate."""
    ours, theirs = (estimates(each, about="x") for each in (found, expected))
    assert [each.measure for each in ours] == [each.measure for each in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert (one.n, one.why) == (other.n, other.why), one.measure
        assert one.value == (None if other.value is None else pytest.approx(other.value, rel=1e-9, abs=1e-9)), one


def drawn(seed):
    """Two windows with ties, negative zeros, missing values and weights that doubles hold exactly."""
    random = np.random.default_rng(seed)
    for size, shift in ((331, 0.0), (257, 0.4)):
        values = random.normal(shift, 1.0, size).round(1)
        values[random.random(size) < 0.1] = np.nan
        yield values, random.integers(0, 9, size) / 4


@pytest.mark.parametrize("weighted", [False, True])
def test_numbers_are_compared_as_from_arrays(warehouse, weighted):
    (before, old), (now, new) = drawn(7)
    rows = [
        [(written(None if math.isnan(x) else float(x)), repr(float(w))) for x, w in zip(*each, strict=True)]
        for each in ((before, old), (now, new))
    ]
    fill(warehouse, '"x ""y" DOUBLE PRECISION, w NUMERIC(9, 2)', *rows)
    weights = {"reference_weights": old, "current_weights": new} if weighted else {}
    found = compare(warehouse, {'x "y': None}, weight="w" if weighted else None)['x "y']
    same(found, compare_numbers(before, now, **weights))
    assert found.reference.missing > 20


def test_each_type_of_number_is_compared(warehouse):
    kinds = {"a": "SMALLINT", "b": "BIGINT", "c": "NUMERIC(12, 2)", "d": "REAL", "e": "DECIMAL"}
    before, now = np.arange(60) % 7, np.arange(90) % 9
    columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    fill(warehouse, columns, *([(str(x),) * len(kinds) for x in each] for each in (before, now)))
    for found in compare(warehouse, dict.fromkeys(kinds)).values():
        same(found, compare_numbers(before, now))


def test_nan_is_missing_and_what_is_infinite_has_no_distance(warehouse):
    if warehouse.kind == "sqlite":
        before, now = [*range(40), "9e999"], [*range(40), "-9e999", None]
    else:
        before, now = [*range(40), math.inf], [*range(40), -math.inf, math.nan]
    rows = [[(x if isinstance(x, str) else written(x),) for x in each] for each in (before, now)]
    fill(warehouse, "x DOUBLE PRECISION", *rows)
    found = compare(warehouse, {"x": None})["x"]
    same(found, compare_numbers([*range(40), math.inf], [*range(40), -math.inf, math.nan]))
    assert (found.extreme, found.distance, found.current.missing) == (2, None, 1)


def test_numbers_so_small_that_a_product_of_two_is_none_are_compared(warehouse):
    before, now = [1e-200 * n for n in range(40)], [1e-200 * n + 5e-201 for n in range(40)]
    fill(warehouse, "x DOUBLE PRECISION", [(repr(x),) for x in before], [(repr(x),) for x in now])
    found = compare(warehouse, {"x": None})["x"]
    assert found.ks == pytest.approx(compare_numbers(before, now).ks)
    assert found.distance == 0


def test_dates_and_times_are_compared_in_seconds(warehouse):
    moments = [[DAY + timedelta(days=n % 11, hours=n % 5 + more) for n in range(50)] for more in (0, 30)]
    rows = [
        [(f"'{each.date().isoformat()}'", f"'{each.replace(tzinfo=None).isoformat(' ')}'") for each in some]
        for some in moments
    ]
    fill(warehouse, "d DATE, t TIMESTAMP", *rows)
    found = compare(warehouse, {"d": None, "t": None})
    before, now = ([each.timestamp() for each in some] for some in moments)
    same(found["t"], compare_numbers(before, now))
    before, now = ([x // 86400 * 86400 for x in some] for some in (before, now))
    same(found["d"], compare_numbers(before, now))


def test_texts_and_truths_are_categories(warehouse):
    random = np.random.default_rng(3)
    names = [f"it's {letter}" for letter in "abcdefgh"]
    shares = ([0.4, 0.3, 0.2, 0.08, 0.005, 0.005, 0.01, 0.0], [0.3, 0.3, 0.2, 0.08, 0.005, 0.005, 0.01, 0.1])
    before, now = (random.choice(8, size, p=each) for size, each in zip((400, 300), shares, strict=True))
    rows = [
        [(warehouse.text(names[x]), "TRUE" if x > 1 else "FALSE") for x in each] + [("NULL", "NULL")] * 9
        for each in (before, now)
    ]
    fill(warehouse, "name VARCHAR(20), big BOOLEAN", *rows)
    found = compare(warehouse, {"name": None, "big": None})
    before, now = (np.bincount(each, minlength=8) for each in (before, now))
    same(found["name"], compare_categories(before, now, missing=(9, 9)))
    assert len(found["name"].cells) < 8  # some are pooled
    assert found["name"].unseen > 0
    same(
        found["big"],
        compare_categories([before[:2].sum(), before[2:].sum()], [now[:2].sum(), now[2:].sum()], missing=(9, 9)),
    )


def test_listed_categories_are_compared_and_all_others_are_one(warehouse):
    before, now = [*["1"] * 40, *["2"] * 30, *["3", "4"] * 10], [*["1"] * 40, *["2"] * 10, *["5", "6", "7"] * 10]
    fill(warehouse, "code INTEGER", [(x,) for x in before], [(x,) for x in now])
    same(compare(warehouse, {"code": ["1", "2"]})["code"], compare_categories([40, 30, 20], [40, 10, 30]))


def test_a_thousand_categories_are_compared_and_the_rest_pooled(warehouse):
    many = [str(n % 1_200) if n < 13_000 else str(n) for n in range(13_500)]
    fill(warehouse, "x VARCHAR(9)", [], [])
    warehouse.run("INSERT INTO reference VALUES " + ", ".join(f"('{x}')" for x in many))
    warehouse.run("INSERT INTO current VALUES " + ", ".join(f"('{x}')" for x in many))
    counts = [10 + (n < 1_000) for n in range(1_200)] + [1] * 500
    found = compare(warehouse, {"x": None})["x"]
    same(found, compare_categories(counts, counts))
    assert len(found.cells) == 1_001


def test_what_cannot_be_compared_says_why(warehouse):
    blob = "BYTEA" if warehouse.kind == "postgres" else "BLOB"
    warehouse.run(f"CREATE TABLE reference (x INT, b {blob})", f"CREATE TABLE current (x VARCHAR(9), b {blob})")
    found = compare(warehouse, {"x": None, "b": None})
    assert found["x"] == NotCompared(
        "it holds numbers or times in the reference window, and categories in the current one"
    )
    assert "are neither numbers" in found["b"].why
    with pytest.raises(SourceRefused, match="no column 'y'"):
        compare(warehouse, {"y": None})


def test_a_text_among_the_numbers_of_sqlite_is_not_taken_for_one(lite):
    fill(lite, "x INTEGER, t DATE", [("1", "'2026-01-01'")] * 40, [("1", "'2026-01-01'")] * 39 + [("'hunter2'", "7")])
    found = compare(lite, {"x": None, "t": None})
    for each in found.values():
        assert each == NotCompared("1 rows hold something that is no number or no time")


def test_a_row_without_a_weight_is_refused(warehouse):
    bad = ["NULL", "-1", "9e999"] if warehouse.kind == "sqlite" else ["NULL", "-1", "'NaN'", "'Infinity'"]
    names = [f"w{n}" for n in range(len(bad))]
    good = ["1.0"] * len(bad)
    fill(warehouse, ", ".join(f"{name} DOUBLE PRECISION" for name in names), [good], [good, bad])
    for name in names:
        with pytest.raises(SourceRefused, match="1 rows have no weight"):
            compare(warehouse, {"w0": None}, weight=name)


def test_empty_windows_are_compared_with_nothing(warehouse):
    fill(warehouse, "x INT, name VARCHAR(9)", [], [("NULL", "NULL")] * 40)
    for each in compare(warehouse, {"x": None, "name": None}).values():
        assert {found.why for found in estimates(each, about="x")} == {"the reference window has no rows"}


def test_ranges_of_one_table_hold_their_start_and_not_their_end(warehouse):
    warehouse.run("CREATE TABLE t (seen_at TIMESTAMP, x INT)")
    days = [(DAY + timedelta(days=n)).strftime("%Y-%m-%d %H:%M:%S") for n in range(10)]
    rows = ", ".join(f"('{day}', {n})" for n, day in enumerate(days))
    warehouse.run(f"INSERT INTO t VALUES {rows}, (NULL, 99), ('2026-03-05 23:59:59.999', 77)")
    before = Window("t", "seen_at", DAY, DAY + timedelta(days=5))
    now = Window.last("t", time_column="seen_at", days=3, until=DAY + timedelta(days=8))
    found = compare(warehouse, {"x": None}, before, now)["x"]
    assert (found.reference.rows, found.current.rows) == (6, 3)
    touching = Window("t", "seen_at", DAY + timedelta(days=5), DAY + timedelta(days=10))
    assert compare(warehouse, {"x": None}, before, touching)["x"].current.rows == 5


def test_a_zone_in_a_time_counts(warehouse):
    kind = "TIMESTAMP" if warehouse.kind == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    warehouse.run(f"CREATE TABLE t (seen_at {kind})", "INSERT INTO t VALUES ('2026-03-02 01:00:00+02:00')")
    windows = [Window("t", "seen_at", DAY + timedelta(days=n), DAY + timedelta(days=n + 1)) for n in (0, 1)]
    found = compare(warehouse, {"seen_at": None}, *windows)["seen_at"]
    assert (found.reference.rows, found.current.rows) == (1, 0)


def days(column, start, end):
    return Window("t", column, DAY + timedelta(days=start), DAY + timedelta(days=end))


SHARED = [
    (Window("t"), Window("t"), "one is the whole table"),
    (Window("t"), days("seen_at", 0, 1), "one is the whole table"),
    (days("seen_at", 0, 3), days("seen_at", 3 - 1e-9, 4), "share the time from 2026-03-03T23:59:59.99"),
    (days("seen_at", 0, 9), days("seen_at", 3, 4), "share the time from 2026-03-04"),
    (days("seen_at", 0, 1), days("known_at", 1, 2), "different time columns"),
]


def test_windows_that_share_rows_are_refused(warehouse):
    warehouse.run("CREATE TABLE t (seen_at TIMESTAMP, known_at TIMESTAMP)")
    for reference, current, said in SHARED:
        for pair in ((reference, current), (current, reference)):
            with pytest.raises(WindowsOverlap, match=said):
                compare(warehouse, {}, *pair)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_column": "seen_at"},
        {"time_column": "seen_at", "start": DAY},
        {"start": DAY, "end": DAY + timedelta(days=1)},
        {"time_column": "seen_at", "start": DAY, "end": DAY},
        {"time_column": "seen_at", "start": datetime(2026, 1, 1), "end": datetime(2026, 1, 2)},  # noqa: DTZ001
    ],
)
def test_a_range_that_is_none_is_refused(wrong):
    with pytest.raises(UsageError, match="range of time"):
        Window("t", **wrong)


def test_one_table_by_two_names_shares_its_rows(warehouse):
    if warehouse.kind == "sqlite":
        pytest.skip("SQLite has no schemas")
    warehouse.run("CREATE TABLE t (x INT)")
    schema = "main" if warehouse.kind == "duckdb" else "public"
    with pytest.raises(WindowsOverlap):
        compare(warehouse, {}, Window("t"), Window(f"{schema}.t"))


def test_a_time_column_without_times_is_refused(warehouse):
    warehouse.run("CREATE TABLE t (seen_at VARCHAR(9))", "INSERT INTO t VALUES ('hunter2'), ('now'), ('12:00'), (NULL)")
    windows = [Window("t", "seen_at", DAY + timedelta(days=n), DAY + timedelta(days=n + 1)) for n in (0, 1)]
    with pytest.raises(SourceRefused, match="time column 'seen_at'") as error:
        compare(warehouse, {}, *windows)
    assert "hunter2" not in str(error.value)
    assert (" in 3 rows" in str(error.value)) == (warehouse.kind == "sqlite")


def test_a_table_that_changes_while_it_is_read_is_noticed(postgres):
    postgres.run(
        "CREATE VIEW reference AS SELECT CASE WHEN random() < 0.5 THEN 1 END AS x FROM generate_series(1, 1000)",
        "CREATE TABLE current AS SELECT 1 AS x",
    )
    with pytest.raises(Exception, match="its rows changed while it was read"):
        compare(postgres, {"x": None})


LOOK = """
import json, resource, sys
from affidavit.inventory import Connection
from affidavit.warehouse import duckdb, snapshot
from affidavit.warehouse.drift import compare_windows
from affidavit.warehouse.windows import Window
duckdb.MEMORY = "200MB"  # so that the larger tables are more than it may hold
with snapshot(Connection(**json.loads(sys.argv[1])), timeout_seconds=600) as opened:
    windows = Window("reference" + sys.argv[2]), Window("current" + sys.argv[2])
    found = compare_windows(opened, *windows, columns={"x": None, "name": None})
print(found["x"].current.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["duck", "postgres"])
def test_five_times_the_rows_take_no_more_memory(kind, request):
    warehouse = request.getfixturevalue(kind)
    series = "range({})" if kind == "duck" else "generate_series(1, {})"

    def peak(rows):
        for table, part in (("reference", 7.0), ("current", 9.0)):
            warehouse.run(
                f"CREATE TABLE {table}{rows} AS SELECT i / {part} AS x, 'customer ' || i AS name"
                f" FROM {series.format(rows)} r(i)"
            )
        connection = {name: getattr(warehouse.connection, name) for name in ("id", "type", "host", "login", "schema")}
        command = [sys.executable, "-c", LOOK, json.dumps(connection), str(rows)]
        found, kilobytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert int(found) == rows
        return int(kilobytes)

    few, many = peak(600_000), peak(3_000_000)
    assert many < 1.25 * few, (few, many)

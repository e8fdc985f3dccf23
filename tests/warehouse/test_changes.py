"""Whatever happens to a table's rows changes its fingerprint, and the order of rows does not: on each engine.

Each engine has a method of its own, named beside the fingerprint, so the promise is made and tried engine by engine.
"""

import math
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st

COLUMNS = {
    "duckdb": "id BIGINT, a VARCHAR, b VARCHAR, x DOUBLE, seen TIMESTAMPTZ, raw BLOB",
    "postgres": "id BIGINT, a TEXT, b TEXT, x DOUBLE PRECISION, seen TIMESTAMPTZ, raw BYTEA",
    "sqlite": "id BIGINT, a TEXT, b TEXT, x DOUBLE PRECISION, seen TEXT, raw BLOB",
}
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)

TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["", "1", "NULL", "null", "\\N", "a,b", '"', "''", "n\u0303", "\u00f1", "\U0001f4a1"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
)
FLOATS = st.one_of(st.none(), st.sampled_from([0.0, -0.0, math.nan, 1.0, 1.5, 5e-324, 0.1, 0.1 + 2**-56]), st.floats())
TIMES = st.one_of(
    st.none(),
    st.builds(
        lambda microseconds, hours: (NOON + timedelta(microseconds=microseconds)).astimezone(
            timezone(timedelta(hours=hours))
        ),
        st.integers(-2, 2),
        st.sampled_from([-5, 0, 1]),
    ),
)
ROWS = st.tuples(
    st.one_of(st.none(), st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63)])),
    TEXTS,
    TEXTS,
    FLOATS,
    TIMES,
    st.one_of(st.none(), st.binary(max_size=3)),
)
CHANGES = ("cell", "swap", "move", "twice", "less", "shuffle")


@st.composite
def changed(draw):
    """Rows, and the same rows after one change, which may happen to change nothing."""
    rows = draw(st.lists(ROWS, min_size=2, max_size=4))
    after, which = [list(row) for row in rows], draw(st.sampled_from(CHANGES))
    column = draw(st.integers(0, 5))
    match which:
        case "cell":
            after[0][column] = draw(ROWS)[column]
        case "swap":
            after[0][column], after[1][column] = after[1][column], after[0][column]
        case "move":
            after[0][1], after[0][2] = after[0][2], after[0][1]
        case "twice":
            after.append(after[0])
        case "less":
            del after[0]
        case "shuffle":
            after = draw(st.permutations(after))
    return rows, [tuple(row) for row in after]


def fill(bank, rows):
    mark = "%s" if bank.kind == "postgres" else "?"
    with closing(bank.open()) as writer:
        writer.execute(f"CREATE TABLE IF NOT EXISTS t ({COLUMNS[bank.kind]})")
        writer.execute("DELETE FROM t")
        for row in rows:
            values = [each.isoformat() if isinstance(each, datetime) else each for each in row]
            writer.execute(f"INSERT INTO t VALUES ({', '.join([mark] * 6)})", values)
        writer.commit()


def digest(bank, rows):
    fill(bank, rows)
    found = bank.fingerprint()
    assert found.rows == len(rows)
    return found.sha256


def stored(bank, rows):
    """What the engine can tell apart of these rows, how often each.

    A time with a zone is a moment, except to SQLite, which keeps its text; SQLite itself stores NaN as null, and no
    sign of a zero.
    """

    def value(each):
        if isinstance(each, datetime):
            return each.isoformat() if bank.kind == "sqlite" else each.astimezone(UTC).isoformat()
        if isinstance(each, float) and bank.kind == "sqlite":
            return None if math.isnan(each) else repr(each + 0.0)
        if isinstance(each, float):
            return "nan" if math.isnan(each) else repr(each)
        return each

    return Counter(tuple(value(each) for each in row) for row in rows)


ROW = (1, "a", "b", 0.5, NOON, b"\x00")


def other(column, value):
    return [ROW, (*ROW[:column], value, *ROW[column + 1 :])]


@seed(4)
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(changed())
@example(([ROW, ROW], [ROW]))
@example((other(1, ""), other(1, None)))
@example((other(1, "1"), other(1, "1 ")))
@example((other(1, "x" * 1_000_000), other(1, "x" * 999_999 + "y")))
@example((other(3, 0.0), other(3, -0.0)))
@example((other(3, math.nan), other(3, math.inf)))
@example((other(3, math.nan), other(3, None)))
@example((other(4, NOON), other(4, NOON.astimezone(timezone(timedelta(hours=1))))))
@example((other(4, NOON), other(4, NOON.replace(tzinfo=timezone(timedelta(hours=1))))))
@example((other(5, b""), other(5, None)))
@example((other(5, b"\\x00"), other(5, b"\x00")))
def test_rows_have_the_same_fingerprint_exactly_if_the_engine_stores_the_same(warehouse, pair):
    before, after = pair
    same = stored(warehouse, before) == stored(warehouse, after)
    assert (digest(warehouse, before) == digest(warehouse, after)) == same


@pytest.mark.parametrize(("one", "two"), [("1", "'1'"), ("1", "1.0"), ("NULL", "''"), ("x'31'", "'1'")])
def test_a_value_of_another_type_is_another_value_where_a_column_holds_both(lite, one, two):
    found = []
    for literal in (one, two):
        lite.run("DROP TABLE IF EXISTS t", "CREATE TABLE t (a)", f"INSERT INTO t VALUES ({literal})")
        found.append(lite.fingerprint().sha256)
    assert found[0] != found[1]


@pytest.mark.parametrize("kind", ["duck", "postgres"])
def test_the_same_text_in_a_column_of_another_type_is_another_table(kind, request):
    bank = request.getfixturevalue(kind)
    found = set()
    for column in ("INTEGER", "VARCHAR(9)", "DOUBLE PRECISION"):
        bank.run("DROP TABLE IF EXISTS t", f"CREATE TABLE t (a {column})", "INSERT INTO t VALUES ('1')")
        found.add(bank.fingerprint().sha256)
    assert len(found) == 3


def test_fingerprints_of_two_engines_never_meet_and_each_names_its_method(duck, lite, postgres):
    found = []
    for bank in (duck, lite, postgres):
        bank.run("CREATE TABLE t (id BIGINT)", "INSERT INTO t VALUES (1), (2)")
        found.append(bank.fingerprint())
    assert len({each.sha256 for each in found}) == len({each.method for each in found}) == 3

import subprocess
import sys

import pytest
from sqlalchemy import text

from affidavit.errors import SourceRefused, SourceUnavailable, SuiteError
from affidavit.evidence import loads
from affidavit.quality import validate
from affidavit.warehouse import snapshot
from tests.quality.suites import expects, suite

SECRETS = ("hunter2-Zürich", "8675309.25", "2001-02-03")


def run(warehouse, wanted, table="t", timeout_seconds=60):
    with snapshot(warehouse.connection, timeout_seconds=timeout_seconds) as opened:
        return validate(opened, table=table, suite=wanted)


def people(warehouse, rows=30):
    values = [f"({number}, 'name {number % 3}', {number}.5, '2026-01-{number % 28 + 1:02}')" for number in range(rows)]
    warehouse.run(
        "CREATE TABLE t (id INT, name VARCHAR(50), score DOUBLE PRECISION, born DATE)",
        f"INSERT INTO t VALUES {', '.join(values)}",
        f"INSERT INTO t VALUES (NULL, '{SECRETS[0]}', {SECRETS[1]}, '{SECRETS[2]}')",
    )


EVERY_KIND = suite(
    expects("expect_column_values_to_not_be_null", column="id"),
    expects("expect_column_values_to_be_unique", column="name"),
    expects("expect_column_values_to_be_between", column="score", min_value=0, max_value=20),
    expects("expect_column_values_to_be_in_set", column="name", value_set=["name 0", "name 1"]),
    expects("expect_column_values_to_match_regex", column="name", regex="^name [0-9]$"),
    expects("expect_column_values_to_not_match_regex", column="name", regex="^name 1$"),
    expects("expect_column_value_lengths_to_be_between", column="name", max_value=6),
    expects("expect_column_mean_to_be_between", column="score", max_value=1),
    expects("expect_column_sum_to_be_between", column="score", max_value=1),
    expects("expect_column_stdev_to_be_between", column="score", max_value=1),
    expects("expect_column_max_to_be_between", column="score", max_value=1),
    expects("expect_column_min_to_be_between", column="born", min_value="2026-01-01"),
    expects("expect_column_median_to_be_between", column="score", max_value=1),
    expects("expect_column_most_common_value_to_be_in_set", column="name", value_set=["x"]),
    expects("expect_column_distinct_values_to_be_in_set", column="name", value_set=["name 0"]),
    expects("expect_column_distinct_values_to_equal_set", column="name", value_set=["name 0"]),
    expects("expect_column_unique_value_count_to_be_between", column="name", max_value=1),
    expects("expect_column_proportion_of_unique_values_to_be_between", column="name", min_value=0.9),
    expects("expect_column_pair_values_a_to_be_greater_than_b", column_A="id", column_B="score"),
    expects("expect_compound_columns_to_be_unique", column_list=["id", "name"]),
    expects("expect_table_row_count_to_be_between", max_value=3),
    expects("expect_table_columns_to_match_set", column_set=["id"]),
    expects("expect_column_to_exist", column="absent"),
)


def test_every_kind_of_expectation_runs_and_no_value_of_a_row_is_kept(warehouse):
    people(warehouse)
    found = run(warehouse, EVERY_KIND)
    assert (found.success, found.rows) == (False, 31)
    assert {*found.passed, *(failure.test for failure in found.failed)} == {e.test for e in EVERY_KIND.expectations}
    assert found.passed == ("expect_compound_columns_to_be_unique:id,name",)
    everything = found.details.decode() + repr(found)
    for secret in SECRETS:
        assert secret not in everything
    failures = {failure.test: failure for failure in found.failed}
    assert failures["expect_column_values_to_not_be_null:id"].unexpected == 1
    between = failures["expect_column_values_to_be_between:score"]
    assert (between.column, between.unexpected, between.missing) == ("score", 11, 0)
    assert between.reason == "11 of 31 rows are unexpected"
    for kind in ("mean", "sum", "stdev", "max"):
        assert "withheld" in failures[f"expect_column_{kind}_to_be_between:score"].reason
    assert "withheld" in failures["expect_column_median_to_be_between:score"].reason
    assert failures["expect_column_to_exist:absent"].reason == "there is no such column"


def test_the_same_facts_give_the_same_bytes(warehouse):
    people(warehouse)
    first = run(warehouse, EVERY_KIND)
    assert run(warehouse, EVERY_KIND) == first
    assert set(loads(first.details)) == {"table", "suite", "rows", "results"}


AGGREGATES = suite(
    expects("expect_column_mean_to_be_between", column="score", max_value=-1),
    expects("expect_column_sum_to_be_between", column="score", max_value=-1),
    expects("expect_column_stdev_to_be_between", column="score", max_value=-1),
)


@pytest.mark.parametrize(
    ("scores", "ranges"),
    [
        ([*[0] * 29, 8675309.25], ["100,000 to 1,000,000", "1,000,000 to 1,000,000,000", "1,000,000 to 1,000,000,000"]),
        ([8675309.25] * 10, ["1,000,000 to 1,000,000,000", "1,000,000 to 1,000,000,000", "0 to 1"]),
        ([8675309.25, -8675310.25], ["-1 to 0", "-1 to 0", "1,000,000 to 1,000,000,000"]),
        ([-8675309.25, -8675309.25], ["below -1,000,000", "below -1,000,000", "0 to 1"]),
        ([8e12, 8e12], ["1,000,000,000 or more", "1,000,000,000 or more", "0 to 1"]),
    ],
)
def test_of_an_aggregate_only_the_range_is_kept_and_nothing_in_the_statement(warehouse, scores, ranges):
    values = ", ".join(f"({score})" for score in scores)
    warehouse.run("CREATE TABLE t (score DOUBLE PRECISION)", f"INSERT INTO t VALUES {values}, (NULL)")
    found = run(warehouse, AGGREGATES)
    kept = [result["result"].get("observed_value") for result in loads(found.details)["results"]]
    assert kept == ranges
    assert "86753" not in found.details.decode()
    for failure in found.failed:
        assert failure.reason == "what was observed may tell the value of a row, and is withheld"


def test_an_aggregate_of_nothing_has_no_range(warehouse):
    warehouse.run("CREATE TABLE t (score DOUBLE PRECISION)", "INSERT INTO t VALUES (NULL)")
    assert [result["result"] for result in loads(run(warehouse, AGGREGATES).details)["results"]] == [{}, {}, {}]


@pytest.mark.parametrize(
    "condition",
    [
        {"row_condition": 'col("id") == 7', "condition_parser": "great_expectations"},
        {"row_condition": {"type": "comparison", "column": {"name": "id"}, "operator": "==", "parameter": 7}},
    ],
)
def test_an_aggregate_over_a_filtered_few_is_withheld(warehouse, condition):
    people(warehouse)
    mean = expects("expect_column_mean_to_be_between", column="score", max_value=1, **condition)
    found = run(warehouse, suite(mean))
    assert not found.success
    assert loads(found.details)["results"][0]["result"] == {}


NONE_KNOWN = {"row_condition": 'col("id") == 99', "condition_parser": "great_expectations"}
NULLS = [(1, None), (2, None)]
EITHER = "either_value_is_missing"
HOLD_OF_NOTHING = suite(
    expects("expect_column_values_to_be_in_set", column="empty", value_set=["a"]),
    expects("expect_column_values_to_be_unique", column="empty"),
    expects("expect_column_value_lengths_to_equal", column="empty", value=1),
    expects("expect_column_distinct_values_to_be_in_set", column="empty", value_set=["a"]),
    expects("expect_column_unique_value_count_to_be_between", column="empty", max_value=3),
    expects("expect_column_values_to_not_be_null", column="name", **NONE_KNOWN),
    expects("expect_column_values_to_be_between", column="id", max_value=0, **NONE_KNOWN),
    expects("expect_column_unique_value_count_to_be_between", column="name", max_value=3, **NONE_KNOWN),
    expects("expect_column_pair_values_to_be_equal", column_A="empty", column_B="name", ignore_row_if=EITHER),
    expects("expect_column_pair_values_to_be_equal", column_A="id", column_B="id", **NONE_KNOWN),
    expects("expect_column_pair_values_a_to_be_greater_than_b", column_A="zero", column_B="id"),
    expects("expect_multicolumn_sum_to_equal", column_list=["id", "zero"], sum_total=1),
    expects("expect_compound_columns_to_be_unique", column_list=["name", "empty"]),
    expects("expect_compound_columns_to_be_unique", column_list=["id", "empty"], ignore_row_if="any_value_is_missing"),
    expects("expect_compound_columns_to_not_overlap", column_list=["empty"], tables=["u"]),
)
HOLD_OF_SOMETHING = suite(
    expects("expect_column_values_to_be_null", column="empty"),
    expects("expect_column_proportion_of_non_null_values_to_be_between", column="empty", max_value=0.5),
    expects("expect_column_to_exist", column="empty"),
    expects(
        "expect_column_pair_values_to_be_in_set", column_A="id", column_B="zero", value_pairs_set=[(1, None), (2, None)]
    ),
    expects("expect_column_distinct_values_to_be_in_set", column="name", value_set=["a"]),
    expects("expect_table_row_count_to_be_between", min_value=1),
)


def test_a_test_that_had_nothing_to_judge_has_not_passed(warehouse):
    warehouse.run(
        "CREATE TABLE t (id INT, name VARCHAR(9), empty VARCHAR(9), zero INT)", "CREATE TABLE u (empty VARCHAR(9))"
    )
    warehouse.run("INSERT INTO t VALUES (1, 'a', NULL, NULL), (2, 'a', NULL, NULL)")
    found = run(warehouse, HOLD_OF_NOTHING)
    assert found.warned == tuple(each.test for each in HOLD_OF_NOTHING.expectations)
    assert (found.passed, found.failed, found.success) == ((), (), False)
    found = run(warehouse, HOLD_OF_SOMETHING)
    assert found.passed == tuple(each.test for each in HOLD_OF_SOMETHING.expectations)
    assert (found.warned, found.success) == ((), True)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            expects("expect_column_values_to_not_be_null", column="nmae"),
            r"expectations/applications\.yaml: expect_column_values_to_not_be_null .*'nmae'.*did you mean 'name'",
        ),
        (expects("expect_column_pair_values_to_be_equal", column_A="id", column_B="x"), "'x'"),
        (expects("expect_compound_columns_to_be_unique", column_list=["id", "y"]), "'y'"),
        (expects("expect_column_values_to_be_nice", column="id"), r"applications\.yaml: .*knows no 'expect_column_val"),
        (expects("expect_column_values_to_be_between", column="id", minimum=3), r"between:id cannot .*minimum"),
        (expects("expect_column_values_to_be_in_set", column="id"), r"in_set:id cannot .*value_set"),
        (
            expects("expect_column_values_to_be_unique", column="name", result_format="COMPLETE"),
            "'result_format' is not for a suite",
        ),
    ],
)
def test_a_suite_that_does_not_fit_is_refused_by_file_expectation_and_column(duck, wanted, message):
    people(duck)
    with pytest.raises(SuiteError, match=message):
        run(duck, suite(expects("expect_column_values_to_be_unique", column="id"), wanted))


@pytest.mark.parametrize("kind", ["duck", "postgres"])
def test_an_expectation_that_the_database_refuses_is_named_among_those_that_share_its_query(kind, request):
    warehouse = request.getfixturevalue(kind)
    people(warehouse)
    wanted = suite(
        expects("expect_column_values_to_not_be_null", column="id"),
        expects("expect_column_mean_to_be_between", column="name", max_value=1),
        expects("expect_column_mean_to_be_between", column="score", max_value=1),
    )
    with pytest.raises(SuiteError, match=r"applications\.yaml: expect_column_mean_to_be_between:name cannot") as error:
        run(warehouse, wanted)
    for secret in SECRETS:
        assert secret not in str(error.value)


def test_a_missing_table_is_the_sources_fault(duck):
    people(duck)
    with pytest.raises(SourceRefused, match="warehouse://bank/absent"):
        run(duck, EVERY_KIND, table="absent")


@pytest.mark.parametrize("kind", ["duck", "lite", "postgres"])
def test_a_suite_that_takes_too_long_is_the_sources_fault(kind, request):
    warehouse = request.getfixturevalue(kind)
    slow = {
        "duck": "SELECT a.range AS id FROM range(100000000) a, range(1000) b WHERE hash(a.range + b.range) = 7",
        "lite": "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n WHERE id < 0",
        "postgres": "SELECT 1 AS id FROM pg_sleep(60)",
    }
    warehouse.run(f"CREATE VIEW t AS {slow[kind]}")
    with pytest.raises(SourceUnavailable, match=r"warehouse://bank/t: .*longer than 1 seconds"):
        run(warehouse, suite(expects("expect_column_values_to_not_be_null", column="id")), timeout_seconds=1)


def test_the_suite_reads_the_snapshot_and_not_what_came_after(postgres):
    people(postgres)
    with snapshot(postgres.connection, timeout_seconds=60) as opened:
        opened.table("t")
        postgres.run("DELETE FROM t")
        found = validate(opened, table="t", suite=EVERY_KIND)
        assert found.rows == 31
        assert opened.query(text("SELECT count(*) FROM t"), about="t") == [(31,)]  # still the same transaction


def test_hostile_names_reach_the_suite(warehouse):
    name = 'a"b; <script>$x 100%'
    quoted = '"' + name.replace('"', '""') + '"'
    warehouse.run(f"CREATE TABLE {quoted} ({quoted} INT)", f"INSERT INTO {quoted} VALUES (1), (NULL)")
    found = run(warehouse, suite(expects("expect_column_values_to_not_be_null", column=name)), table=name)
    assert found.failed[0].unexpected == 1


QUIETLY = """
import logging, sys
calls = []
sys.addaudithook(lambda event, _: event in ("socket.connect", "socket.getaddrinfo") and calls.append(event))
logging.basicConfig(level=logging.INFO)
import affidavit.quality
assert not {"great_expectations", "pandas"} & set(sys.modules)
from affidavit.inventory import Connection
from affidavit.warehouse import snapshot
from tests.quality.suites import expects, suite
wanted = suite(expects("expect_column_values_to_not_be_null", column="id"))
with snapshot(Connection("bank", "sqlite", host=sys.argv[1]), timeout_seconds=60) as opened:
    found = affidavit.quality.validate(opened, table="t", suite=wanted)
affidavit.quality.render(found.details, where="blob")
assert "great_expectations" in sys.modules and not calls, calls
"""


def test_the_room_is_light_to_import_and_neither_prints_nor_calls_anybody(lite):
    lite.run("CREATE TABLE t (id INT)", "INSERT INTO t VALUES (NULL)")
    command = [sys.executable, "-c", QUIETLY, lite.connection.path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

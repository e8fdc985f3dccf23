"""The same verdicts and counts as Great Expectations has by its own way, and fewer scans."""

import random
import re

import pytest
import sqlalchemy as sa

from affidavit.errors import SuiteError
from affidavit.evidence import loads, number
from affidavit.quality import validate
from affidavit.warehouse import snapshot
from bench.gx_default import default
from tests.quality import generated
from tests.quality.suites import expects, suite

COUNTS = (
    "element_count",
    "unexpected_count",
    "missing_count",
    "missing_percent",
    "unexpected_percent",
    "unexpected_percent_nonmissing",
    "unexpected_percent_total",
)
EVERY_DAY, ALL = range(8), range(8, 200)


def by_default(warehouse, name, wanted):
    """Results by test, and the tests of which it came to none."""
    with default(warehouse.connection, name, timeout_seconds=60) as run:
        theirs = {result.expectation_config.meta["test"]: result for result in run(wanted)}
    assert len(theirs) == len(wanted.expectations)
    # Raised exceptions stand in one mapping, or in one for each metric, which has no such key.
    return theirs, {test for test, result in theirs.items() if result.exception_info.get("raised_exception", True)}


def agree(warehouse, seed):
    """Both ways over one generated table; gives what ours came to, or None where both refuse every expectation.

    What both refuse is left out, one after another, and the rest is compared.
    """
    source, name = random.Random(seed), f"t{seed}"
    generated.table(source, warehouse, name)
    wanted = generated.wanted(source)
    while wanted.expectations:
        theirs, raised = by_default(warehouse, name, wanted)
        try:
            with snapshot(warehouse.connection, timeout_seconds=60) as opened:
                ours = validate(opened, table=name, suite=wanted)
        except SuiteError as refusal:
            refused = [each for each in wanted.expectations if f"{each.test} cannot be computed" in str(refusal)]
            if not refused or refused[0].test not in raised:
                raise
            rest = tuple(each for each in wanted.expectations if each is not refused[0])
            wanted = wanted.model_copy(update={"expectations": rest})
            continue
        compare(seed, ours, theirs, raised)
        return ours
    return None


def compare(seed, ours, theirs, raised):
    for mine in loads(ours.details)["results"]:
        their = theirs[mine["test"]]
        if mine["test"] in raised:
            # It cannot select from a selection, which it makes of a row condition where no row is to be ignored.
            assert mine["kwargs"]["ignore_row_if"] in {"neither", "never"}, (seed, mine, their.exception_info)
            assert "row_condition" in mine["kwargs"]
            continue
        assert mine["success"] == their.success, (seed, mine, their.result)
        for count in COUNTS:
            expected = their.result.get(count)
            assert mine["result"].get(count) == (expected and number(expected)), (seed, mine, their.result)
        if observed := mine["result"].get("observed_value"):
            assert same(observed, their.result["observed_value"]), (seed, mine, their.result)


def same(mine, their):
    """Whether an observed value is the same; of an aggregate a range is kept, in which it must lie."""
    if not isinstance(mine, str):
        return mine == (pytest.approx(their) if isinstance(their, float) else their)
    low, _, high = mine.replace(",", "").partition(" to ")
    if not high:
        return their < -1e6 if mine.startswith("below") else their >= 1e9
    return float(low) - 1e-9 <= their < float(high) + 1e-9


@pytest.mark.parametrize("seed", EVERY_DAY)
def test_verdicts_and_counts_are_those_of_great_expectations_itself(warehouse, seed):
    agree(warehouse, seed)


@pytest.mark.nightly
def test_verdicts_and_counts_are_those_of_great_expectations_over_200_suites(warehouse):
    outcomes = [agree(warehouse, seed) for seed in ALL]
    assert None not in outcomes
    assert {True, False} == {outcome.success for outcome in outcomes}


def few_and_many():
    """Two suites that a clean table passes: the second asks the same kinds of things, and six times as many."""
    both = {"row_condition": 'col("n") > 3', "condition_parser": "great_expectations"}
    few = [
        expects("expect_column_values_to_be_unique", column="n"),
        expects("expect_column_values_to_not_be_null", column="s"),
        expects("expect_column_pair_values_a_to_be_greater_than_b", column_A="m", column_B="n"),
        expects("expect_multicolumn_sum_to_equal", column_list=["n", "k"], sum_total=0),
        expects("expect_column_mean_to_be_between", column="n", min_value=0),
    ]
    many = [
        *(expects("expect_column_values_to_be_unique", column=column) for column in "mks"),
        expects("expect_column_values_to_be_unique", column="u", **both),
        *(expects("expect_column_values_to_not_be_null", column=column) for column in "nmku"),
        *(expects("expect_column_values_to_be_between", column=column, max_value=5000, **both) for column in "nmk"),
        *(expects("expect_column_values_to_match_regex", column=column, regex="^[su]") for column in "su"),
        *(expects("expect_column_value_lengths_to_be_between", column=column, min_value=2) for column in "su"),
        expects("expect_column_values_to_not_match_regex", column="s", regex="^u", **both),
        expects("expect_column_pair_values_to_be_equal", column_A="s", column_B="t", **both),
        expects(
            "expect_column_pair_values_a_to_be_greater_than_b", column_A="m", column_B="k", ignore_row_if="neither"
        ),
        expects("expect_select_column_values_to_be_unique_within_record", column_list=["m", "n"], **both),
        *(expects("expect_column_max_to_be_between", column=column, max_value=5000) for column in "nmk"),
    ]
    return suite(*few), suite(*few, *many)


def scans(warehouse, wanted):
    """How often the table stands in what reaches the driver, and the validation."""
    sent = []
    with snapshot(warehouse.connection, timeout_seconds=60) as opened:

        @sa.event.listens_for(opened.connection, "before_cursor_execute")
        def _(_connection, _cursor, statement, *_):
            sent.append(statement)

        found = validate(opened, table="clean", suite=wanted)
    return sum(len(re.findall(r'(?:FROM|JOIN|,) (?:"?\w+"?\.)?"?clean"?(?!\w)', text)) for text in sent), found


def clean(warehouse):
    values = ", ".join(f"({n}, {n + 1}, {-n}, 's{n}', 's{n}', 'u{n}')" for n in range(50))
    kinds = "n INT, m INT, k INT, s VARCHAR(20), t VARCHAR(20), u VARCHAR(20)"
    warehouse.run(f"CREATE TABLE clean ({kinds})", f"INSERT INTO clean VALUES {values}")


def test_clean_tables_are_scanned_as_often_for_many_expectations_as_for_few(warehouse):
    clean(warehouse)
    few, many = few_and_many()
    by_few, by_many = scans(warehouse, few), scans(warehouse, many)
    assert by_few[1].success
    assert by_many[1].success, by_many[1].failed
    assert by_few[0] == by_many[0] == 3  # how many rows, everything that is counted, whether values are unique


def test_only_values_that_are_not_unique_cost_a_scan_more(warehouse):
    clean(warehouse)
    few, _ = few_and_many()
    warehouse.run("INSERT INTO clean SELECT * FROM clean WHERE n = 7")
    count, found = scans(warehouse, few)
    assert count == 4
    assert [(failure.test, failure.unexpected) for failure in found.failed] == [
        ("expect_column_values_to_be_unique:n", 2)
    ]


def test_keys_of_several_columns_are_decided_beside_the_others(warehouse):
    clean(warehouse)
    keys = [expects("expect_compound_columns_to_be_unique", column_list=list(pair)) for pair in ("ns", "nt", "nu")]
    count, found = scans(warehouse, suite(*keys))
    assert found.success
    # SQLite counts no distinct pairs, so there each key is a query of Great Expectations' own.
    assert count == 3 or warehouse.kind == "sqlite"

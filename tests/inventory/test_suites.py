"""The demo's suites say of the real data what is true of it: what holds, and which defects are found."""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from affidavit.inventory.load import load_suite
from affidavit.settings import quiet

PROJECT = Path(__file__).resolve().parents[2]
# What Great Expectations warns of inside itself is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ANSWERS = {"model_version": "1", "scored_at": "2026-01-01 00:00:00", "score": 0.25}


@pytest.fixture(scope="module")
def context():
    quiet(os.environ)
    logging.getLogger("great_expectations._docs_decorators").setLevel(logging.CRITICAL)
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context


@pytest.fixture(scope="module")
def failing(context, tmp_path_factory):
    """Validates a frame, as a SQLite table, against a suite; gives the tests that fail, with how many rows do."""
    import great_expectations as gx

    def validate(name, frame):
        file = tmp_path_factory.mktemp("warehouse") / "w.db"
        with closing(sqlite3.connect(file)) as connection:
            frame.to_sql("rows", connection, index=False)
        source = context.data_sources.add_sqlite(file.parent.name, connection_string=f"sqlite:///{file}")
        batch = source.add_table_asset("rows", table_name="rows").add_batch_definition_whole_table("all").get_batch()
        suite = load_suite(PROJECT / "expectations" / f"{name}.yaml")
        result = batch.validate(
            gx.ExpectationSuite(name, [{"type": e.type, "kwargs": e.kwargs} for e in suite.expectations]),
            result_format={"result_format": "SUMMARY", "partial_unexpected_count": 0},
        )
        assert len(result.results) == len(suite.expectations)
        assert not [r.exception_info for r in result.results if r.exception_info.get("raised_exception")]
        columns = {r.expectation_config.kwargs.get("column", "") for r in result.results}
        assert columns - {""} <= set(frame.columns)
        return {
            f"{r.expectation_config.type}:{r.expectation_config.kwargs.get('column', '')}": r.result["unexpected_count"]
            for r in result.results
            if not r.success
        }

    return validate


@pytest.fixture(scope="module")
def applications():
    import pandas as pd

    frame = pd.read_csv(PROJECT / "demo" / "data" / "hmda_boston.csv")
    frame.insert(0, "application_id", range(1, len(frame) + 1))
    frame.insert(1, "received_on", "1990-06-01")
    return frame


@pytest.fixture(scope="module")
def samples():
    from sklearn.datasets import load_breast_cancer

    source = load_breast_cancer(as_frame=True)
    frame = source.data.rename(columns=lambda name: name.replace(" ", "_"))
    frame.insert(0, "sample_id", range(1, len(frame) + 1))
    frame["malignant"] = source.target.map({0: "yes", 1: "no"})
    return frame


def test_the_real_defects_of_the_applications_are_found_and_nothing_else_is(failing, applications):
    assert failing("applications", applications) == {
        "expect_column_values_to_not_be_null:pbcr": 1,
        "expect_column_values_to_not_be_null:self": 1,
        "expect_column_values_to_be_between:dir": 5,
        "expect_column_values_to_be_between:hir": 3,
        "expect_column_values_to_be_between:lvr": 6,
        "expect_column_values_to_be_in_set:ccs": 1,
        "expect_column_values_to_be_in_set:mcs": 1,
        "expect_column_values_to_not_be_in_set:deny": 96,
    }


def test_a_group_that_hardly_appears_is_found(failing, applications):
    few = applications.copy()
    few.loc[few.index[few.black == "yes"][50:], "black"] = "no"
    assert "expect_column_values_to_be_in_set:black" in failing("applications", few)


def test_the_samples_hold_what_is_expected_of_them(failing, samples):
    assert failing("samples", samples) == {}


def test_columns_that_were_mixed_up_are_found(failing, samples):
    swapped = samples.rename(columns={"mean_area": "worst_area", "worst_area": "mean_area"})
    assert set(failing("samples", swapped)) == {"expect_column_pair_values_a_to_be_greater_than_b:"}


@pytest.mark.parametrize("name", ["applications", "samples"])
def test_scored_tables_hold_and_a_second_answer_is_found(failing, applications, samples, name, request):
    import pandas as pd

    rows = applications if name == "applications" else samples
    kept = ["application_id", "deny", "black"] if name == "applications" else ["sample_id", "malignant"]
    decision = "approve" if name == "applications" else "routine"
    scored = rows[kept].assign(decision=decision, **ANSWERS)
    assert failing(f"{name}-scored", scored) == {}
    doubtful = pd.concat([scored, scored.head(1).assign(score=1.5, decision="perhaps")])
    assert {test.partition(":")[0] for test in failing(f"{name}-scored", doubtful)} == {
        "expect_compound_columns_to_be_unique",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_in_set",
    }

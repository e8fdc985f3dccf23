"""The demo's suites say of the real data what is true of it: what holds, and which defects are found."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from affidavit.inventory import Connection
from affidavit.inventory.load import load_suite
from affidavit.quality import Due, validate
from affidavit.warehouse import snapshot
from demo.warehouses import HELD_OUT

PROJECT = Path(__file__).resolve().parents[2]
ANSWERS = {"model_version": "1", "scored_at": datetime(2026, 1, 1), "score": 0.25}  # noqa: DTZ001  as a table holds it
DUE = Due(datetime(2026, 1, 2, 12, tzinfo=UTC), "@daily")


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """Validates a frame, as a DuckDB table, against a suite; gives the tests that fail, with how many rows do.

    ``held_out`` are the rows of the other half, from which it is to be apart.
    """

    def validate_frame(name, frame, held_out=None):
        file = tmp_path_factory.mktemp("warehouse") / "w.duckdb"
        with closing(duckdb.connect(file)) as connection:
            for half, rows in (("train", frame), ("test", frame.head(0) if held_out is None else held_out)):
                connection.register("half", rows)
                connection.execute(f'CREATE TABLE "{name}_{half}" AS FROM half')
                connection.unregister("half")
        suite = load_suite(PROJECT / "expectations" / f"{name}.yaml")
        with snapshot(Connection("w", "duckdb", host=str(file)), timeout_seconds=60) as opened:
            found = validate(opened, table=f"{name}_train", suite=suite, due=DUE)
        assert len(found.passed) + len(found.failed) == len(suite.expectations)
        return {failure.test: failure.unexpected for failure in found.failed}

    return validate_frame


def halves(frame, key):
    """As the demo splits it."""
    held_out = (frame[key] % 10).isin(HELD_OUT)
    return frame[~held_out], frame[held_out]


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


def test_two_applications_stand_on_both_sides_of_the_split_under_two_ids(failing, applications):
    train, test = halves(applications, "application_id")
    overlap = {name: rows for name, rows in failing("applications", train, test).items() if "overlap" in name}
    (name,) = overlap
    assert name.startswith("expect_compound_columns_to_not_overlap:dir,hir,lvr,")
    assert overlap[name] == 2


def test_a_group_that_hardly_appears_is_found(failing, applications):
    few = applications.copy()
    few.loc[few.index[few.black == "yes"][50:], "black"] = "no"
    assert "expect_column_values_to_be_in_set:black" in failing("applications", few)


def test_the_samples_hold_what_is_expected_of_them(failing, samples):
    assert failing("samples", *halves(samples, "sample_id")) == {}


def test_columns_that_were_mixed_up_are_found(failing, samples):
    swapped = samples.rename(columns={"mean_area": "worst_area", "worst_area": "mean_area"})
    assert set(failing("samples", swapped)) == {"expect_column_pair_values_a_to_be_greater_than_b:worst_area,mean_area"}


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

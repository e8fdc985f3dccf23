"""A drafted suite: what it holds, that it is refused until it was reviewed, and that it overwrites nothing."""

import pytest
import yaml

from affidavit.errors import ConfigurationError, SuiteError, UsageError
from affidavit.inventory import from_environment
from affidavit.inventory.connection import variable
from affidavit.inventory.load import load_suite
from affidavit.pipeline.suites import draft_suite
from affidavit.pipeline.workplace import Workplace
from affidavit.quality import validate
from affidavit.warehouse import EDGES, snapshot
from tests.pipeline.conftest import system
from tests.warehouse.databases import duck, lite, postgres  # noqa: F401


@pytest.fixture
def undrafted(project):
    """The small project, with a second table whose suite is not written yet."""
    project.sql(
        "CREATE TABLE offers AS SELECT i AS id, CASE WHEN i % 10 = 0 THEN NULL ELSE i % 7 END AS grade,"
        " (i * 1.5 - 20)::DOUBLE AS rate, 'hunter2' AS said, NULL::INT AS nothing FROM range(200) t(i)"
    )
    offers = {"id": "offers-test", "connection": "bank", "table": "offers", "use": "test", "suite": "offers"}
    declared = system("loans", project.tracking.name)
    project.declare(**declared | {"datasets": [*declared["datasets"], offers]})
    return project


def drafted(project):
    file = draft_suite(project.workplace, "loans", "offers-test")
    return file, yaml.safe_load(file.read_text(encoding="utf-8"))


def without_marks(document):
    kept = [{key: value for key, value in each.items() if key != "drafted"} for each in document["expectations"]]
    return {**document, "expectations": kept}


def test_a_draft_bounds_what_the_profile_counts_and_quotes_no_value(undrafted):
    file, document = drafted(undrafted)
    assert file == undrafted.root / "expectations" / "offers.yaml"
    found = {(each["type"], each["kwargs"].get("column")): each["kwargs"] for each in document["expectations"]}
    assert ("expect_column_values_to_be_unique", "id") in found
    assert ("expect_column_values_to_be_unique", "said") not in found
    assert found["expect_column_values_to_not_be_null", "grade"] == {"column": "grade", "mostly": 0.9}
    assert ("expect_column_values_to_not_be_null", "nothing") not in found
    assert found["expect_column_values_to_be_between", "rate"] == {
        "column": "rate",
        "min_value": -1000,
        "max_value": 1000,
    }
    assert {-1000, 1000} <= set(EDGES)
    assert found["expect_table_row_count_to_be_between", None] == {"min_value": 100}
    assert "hunter2" not in file.read_text(encoding="utf-8")
    assert all("200 rows of warehouse://bank/offers" in each["drafted"] for each in document["expectations"])


def test_of_parquet_no_suite_is_drafted(undrafted):
    lake = from_environment({variable("bank"): f"spark:///{undrafted.root}"})
    with pytest.raises(UsageError, match="drafting is not supported for this engine, Spark"):
        draft_suite(Workplace(undrafted.workplace.settings, lake), "loans", "offers-test")
    assert not (undrafted.root / "expectations" / "offers.yaml").exists()


def test_a_draft_breaks_its_systems_until_the_last_mark_is_gone(undrafted):
    file, document = drafted(undrafted)
    with pytest.raises(ConfigurationError, match=r"offers\.yaml, line \d+, expectations\[0\]\.drafted: .*is a draft"):
        undrafted.workplace.system("loans")
    *reviewed, last = without_marks(document)["expectations"]
    undrafted.write("expectations/offers.yaml", {**document, "expectations": [*reviewed, {**last, "drafted": ""}]})
    with pytest.raises(SuiteError, match=rf"expectations\[{len(reviewed)}\]\.drafted"):
        load_suite(file)
    undrafted.write("expectations/offers.yaml", without_marks(document))
    assert undrafted.workplace.system("loans")[0].id == "loans"
    assert undrafted.collect().collection is not None


@pytest.mark.parametrize("kind", ["duck", "lite", "postgres"])
def test_a_draft_holds_on_the_rows_that_it_was_drafted_from(kind, request, undrafted):
    warehouse = request.getfixturevalue(kind)
    warehouse.run(
        "DROP TABLE IF EXISTS offers",  # DuckDB's file is that of the project
        'CREATE TABLE offers (offer_id INT, "a: b # c" VARCHAR(20), amount NUMERIC(12, 2), again_id INT)',
        *(f"INSERT INTO offers VALUES ({n}, {'NULL' if n == 3 else repr('yes')}, {n * 1e8}, 1)" for n in range(12)),
    )
    workplace = Workplace(undrafted.workplace.settings, lambda _: warehouse.connection)
    file = draft_suite(workplace, "loans", "offers-test")
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    undrafted.write("expectations/offers.yaml", without_marks(document))
    suite = load_suite(file)
    assert "expect_column_values_to_be_unique:offer_id" in {e.test for e in suite.expectations}
    with snapshot(warehouse.connection, timeout_seconds=60) as opened:
        assert validate(opened, table="offers", suite=suite).failed == ()


def test_a_draft_overwrites_nothing(undrafted):
    before = (undrafted.root / "expectations" / "loans.yaml").read_bytes()
    with pytest.raises(UsageError, match=r"expectations/loans\.yaml: .*overwrites nothing"):
        draft_suite(undrafted.workplace, "loans", "loans-train")
    assert (undrafted.root / "expectations" / "loans.yaml").read_bytes() == before
    (undrafted.root / "expectations" / "offers.yaml").symlink_to(undrafted.root / "nowhere.yaml")
    with pytest.raises(UsageError, match="overwrites nothing"):
        drafted(undrafted)
    assert not (undrafted.root / "nowhere.yaml").exists()


@pytest.mark.parametrize(
    ("system_id", "table", "message"),
    [("absent", "x", "no AI system 'absent'.*loans"), ("../loans", "x", "no AI system"), ("loans", "x", "offers-test")],
)
def test_what_is_not_declared_is_not_drafted(undrafted, system_id, table, message):
    with pytest.raises(UsageError, match=message):
        draft_suite(undrafted.workplace, system_id, table)

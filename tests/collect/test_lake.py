"""Parquet through a real local Spark: the demo's suites judge it as they judge the same rows in DuckDB."""

import dataclasses
import importlib.util
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from affidavit.collect.tables import look_at_table
from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable, SuiteError
from affidavit.evidence import Circumstances, loads
from affidavit.evidence.salted import payload
from affidavit.inventory import Connection, load
from affidavit.warehouse.lake import lake
from demo.warehouses import load_bank, load_clinic
from tests.quality.suites import expects, suite

ROOT = Path(__file__).resolve().parents[2]
SEEN = Circumstances(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
pytestmark = [
    pytest.mark.nightly,  # Spark starts for each look
    pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="the extra spark is not installed"),
    pytest.mark.skipif(shutil.which("java") is None, reason="there is no Java"),
    # Spark's gateway leaves its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """The demo's two warehouses in DuckDB, and the same tables as Parquet: connections by kind."""
    home = tmp_path_factory.mktemp("lake")
    load_bank(home / "bank.duckdb", csv=ROOT / "demo" / "data" / "hmda_boston.csv")
    load_clinic(home / "clinic.duckdb")
    for name in ("bank", "clinic"):
        (home / name).mkdir()
        with duckdb.connect(str(home / f"{name}.duckdb")) as warehouse:
            for (table,) in warehouse.sql("SELECT table_name FROM duckdb_tables()").fetchall():
                warehouse.execute(f"COPY {table} TO '{home / name / table}.parquet'")
    return home


def connections(home, name):
    parsed = Connection.parse(name, f"spark:///{home / name}?master=local%5B2%5D")
    return Connection(name, "duckdb", host=str(home / f"{name}.duckdb")), parsed


@pytest.mark.parametrize(("name", "system", "result"), [("bank", 0, "FAILED"), ("clinic", 1, "PASSED")])
def test_the_demos_suite_on_parquet_gives_the_verdict_that_duckdb_gives(halves, name, system, result):
    inventory = load(ROOT / "include", ROOT / "expectations")
    declared = inventory.systems[("mortgage-approval", "tumour-triage")[system]]
    table = declared.datasets[0]
    ours, theirs = (
        look_at_table(declared, table, inventory.suites[table.suite], connection=each, seen=SEEN)
        for each in connections(halves, name)
    )
    facts = [look.drafts[-1].facts for look in (ours, theirs)]
    assert facts[0]["result"] == facts[1]["result"] == result
    for field in ("passedTests", "failedTests", "rows"):
        assert facts[0][field] == facts[1][field]
    assert [(f["test"], f["unexpected"]) for f in facts[0]["failed"]] == [
        (f["test"], f["unexpected"]) for f in facts[1]["failed"]
    ]
    snapshots = [look.drafts[0].facts for look in (ours, theirs)]
    assert snapshots[0]["rows"] == snapshots[1]["rows"]
    for field in ("name", "nulls"):
        assert [c[field] for c in snapshots[0]["columns"]] == [c[field] for c in snapshots[1]["columns"]]
    profiles = [
        {c["name"]: c["histogram"] for c in loads(payload(look.blobs[0]))["columns"]} for look in (ours, theirs)
    ]
    assert profiles[0] == profiles[1]
    assert snapshots[1]["fingerprint"]["method"] == "parquet-files-sha256/1"
    assert "other files give another" in snapshots[1]["fingerprint"]["coverage"]
    assert ours.drafts[0].effective == theirs.drafts[0].effective


def test_what_is_wrong_with_a_lake_is_named_and_no_value_is_quoted(tmp_path):
    folder = tmp_path / "lake"
    folder.mkdir()
    with duckdb.connect() as writer:
        (folder / "t.parquet").mkdir()
        part = folder / "t.parquet" / "part.parquet"
        writer.execute(f"COPY (SELECT 'hunter2' AS \"a`b\", DATE '2026-11-20' AS seen) TO '{part}'")
    (folder / "broken.parquet").write_bytes(b"PAR1 hunter2 PAR1")
    connection = Connection("lake", "spark", host=str(folder), extra={"master": "local[1]"})
    with lake(connection, timeout_seconds=60) as opened:
        table = opened.table("t")
        assert [column.name for column in table.columns] == ["a`b", "seen"]
        assert opened.profile(table, time_column="seen").latest == "2026-11-20"
        before = opened.fingerprint(table, rows=1)
        (folder / "t.parquet" / "_SUCCESS").touch()
        assert opened.fingerprint(table, rows=1) == before
        with part.open("ab") as file:
            file.write(b" ")
        assert opened.fingerprint(table, rows=1).sha256 != before.sha256
        with pytest.raises(SourceRefused, match=r"warehouse://lake/\.\./t"):
            opened.table("../t")
        with pytest.raises(SourceGarbled, match="warehouse://lake/broken") as error:
            opened.table("broken")
        assert "hunter2" not in str(error.value)
        late = dataclasses.replace(opened, timeout_seconds=1)
        with pytest.raises(SourceUnavailable, match="longer than 1 seconds"), late.guard("t"):
            opened.session.range(10**12).selectExpr("sum(id % 7)").collect()
    with (
        pytest.raises(SourceRefused, match="no such folder"),
        lake(Connection("lake", "spark", host="/absent"), timeout_seconds=1),
    ):
        pass


def test_a_suite_that_does_not_fit_parquet_is_refused_by_name(halves):
    declared = load(ROOT / "include", ROOT / "expectations").systems["mortgage-approval"]
    wanted = suite(expects("expect_column_mean_to_be_between", column="black", max_value=1), name="applications")
    with pytest.raises(SuiteError, match="expect_column_mean_to_be_between:black"):
        look_at_table(declared, declared.datasets[0], wanted, connection=connections(halves, "bank")[1], seen=SEEN)

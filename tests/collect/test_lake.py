"""Parquet through a real local Spark: the demo's suites judge it as they judge the same rows in DuckDB."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from affidavit.collect.tables import look_at_table
from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable, SuiteError
from affidavit.evidence import Circumstances, kinds, loads
from affidavit.evidence.salted import payload
from affidavit.inventory import Connection, Partition, load
from affidavit.warehouse.lake import Lake, lake
from demo.warehouses import load_bank, load_clinic
from tests.quality.suites import expects, suite

ROOT = Path(__file__).resolve().parents[2]
SEEN = Circumstances(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
pytestmark = [
    pytest.mark.nightly,  # Spark starts for each look; where it or Java is absent, these fail
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


def lake_of(tmp_path, *queries):
    """A lake whose table ``t`` is a folder with a file for each query; its connection, and the folder."""
    place = tmp_path / "lake" / "t.parquet"
    place.mkdir(parents=True)
    for number, query in enumerate(queries):
        write(query, place / f"part{number}.parquet")
    return Connection("lake", "spark", host=str(place.parent), extra={"master": "local[1]"}), place


def write(query, file):
    file.parent.mkdir(exist_ok=True)
    with duckdb.connect() as writer:
        writer.execute(f"COPY ({query}) TO '{file}'")


@pytest.fixture
def declared():
    system = load(ROOT / "include", ROOT / "expectations").systems["mortgage-approval"]
    table = system.datasets[0].model_copy(update={"connection": "lake", "table": "t", "time_column": None})
    return system, table, suite(expects("expect_column_values_to_not_be_null", column="id"), name="applications")


@pytest.mark.parametrize(
    "change",
    [
        lambda place: write("SELECT 2 AS id", place / "part0.parquet"),
        lambda place: write("SELECT 3 AS id", place / "part1.parquet"),
        lambda place: write("SELECT 1.5 AS id", place / "part0.parquet"),
    ],
    ids=["a cell", "more rows", "another type"],
)
def test_files_that_change_while_they_are_read_are_said_to_have_moved_and_not_validated(
    tmp_path, monkeypatch, declared, change
):
    connection, place = lake_of(tmp_path, "SELECT 1 AS id")
    system, table, wanted = declared
    read = Lake.profile

    def profiled(self, *arguments, **rest):
        found = read(self, *arguments, **rest)
        change(place)
        return found

    monkeypatch.setattr(Lake, "profile", profiled)
    look = look_at_table(system, table, wanted, connection=connection, seen=SEEN)
    [shot] = look.drafts
    assert (shot.facts["consistency"], shot.facts["relation"]) == (kinds.MOVED, None)
    monkeypatch.undo()
    rested = look_at_table(system, table, None, connection=connection, seen=SEEN).drafts[0]
    assert rested.facts["consistency"] != kinds.MOVED
    assert rested.subjects == shot.subjects


def test_columns_that_change_before_the_first_hash_have_moved_too(tmp_path, monkeypatch, declared):
    connection, place = lake_of(tmp_path, "SELECT 1 AS id")
    system, table, _ = declared
    hashed = Lake.fingerprint

    def first(self, *arguments, **rest):
        monkeypatch.undo()
        write("SELECT 1 AS id, 2 AS other", place / "part0.parquet")
        return hashed(self, *arguments, **rest)

    monkeypatch.setattr(Lake, "fingerprint", first)
    [shot] = look_at_table(system, table, None, connection=connection, seen=SEEN).drafts
    assert shot.facts["consistency"] == kinds.MOVED


def test_whatever_spark_reads_is_hashed_and_nothing_from_elsewhere_is_read(tmp_path):
    connection, place = lake_of(tmp_path)
    batch = place / "_batch=1" / "100%20 part.parquet"
    write("SELECT 1 AS id", batch)
    with lake(connection, timeout_seconds=60) as opened:
        table = opened.table("t")
        before = opened.fingerprint(table, rows=1)
        write("SELECT 2 AS id", batch)
        assert opened.fingerprint(table, rows=1).sha256 != before.sha256
        (place / "_SUCCESS").write_bytes(b"no data")
        write("SELECT 1 AS id", batch)
        assert opened.fingerprint(table, rows=1) == before
        (tmp_path / "elsewhere").mkdir()
        write("SELECT 3 AS id", tmp_path / "elsewhere" / "part.parquet")
        (place / "_batch=2").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(SourceRefused, match=r"warehouse://lake/t: .*outside its folder"):
            opened.fingerprint(table, rows=1)


def test_partitions_are_refused(tmp_path, declared):
    connection, _ = lake_of(tmp_path, "SELECT 1 AS id")
    system, table, _ = declared
    parted = table.model_copy(update={"partition": Partition(column="id", token="id", rotation=2)})
    with pytest.raises(SourceRefused, match="partitions are not supported for this engine, Spark"):
        look_at_table(system, parted, None, connection=connection, seen=SEEN)


def test_a_master_that_does_not_take_us_is_unavailable_and_worth_another_try(tmp_path):
    connection, _ = lake_of(tmp_path, "SELECT 1 AS id")
    wrong = dataclasses.replace(connection, extra={"master": "spark://nobody"})
    with pytest.raises(SourceUnavailable, match="see whether the master answers"), lake(wrong, timeout_seconds=1):
        pass


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

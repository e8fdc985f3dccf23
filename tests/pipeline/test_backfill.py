"""Runs for slots that are over: what a table holds of such a period by now, and nothing that passes for a look then."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest
import sqlalchemy as sa
import yaml

from affidavit.collect.tables import look_at_period
from affidavit.evidence import Circumstances, Period, timestamp
from affidavit.inventory import System, from_environment
from affidavit.inventory.connection import variable
from affidavit.pipeline import collection
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import fold
from affidavit.settings import Settings
from tests.pipeline.conftest import ORGANISATION, SUITE, system

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PAST = Period(datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC))
TABLE = {"id": "loans-train", "connection": "bank", "table": "loans", "use": "training", "suite": "loans"}


def rows(kind: str) -> str:
    """Four rows a day from 8 to 13 March, the first of each day at its very beginning."""
    times = "TIMESTAMP '2026-03-08' + i * INTERVAL 6 HOUR"
    return f"SELECT i AS id, i AS amount, 'north' AS region, CAST({times} AS {kind}) AS day FROM range(24) t(i)"


@pytest.fixture
def work(tmp_path) -> Workplace:
    for name, document in {
        "include/systems/loans.yaml": system("loans", "loans", datasets=[{**TABLE, "time_column": "day"}]),
        "include/organisation.yaml": ORGANISATION,
        "expectations/loans.yaml": SUITE,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(yaml.safe_dump(document))
    bank = f"duckdb:///{tmp_path}/bank.duckdb"
    made = Workplace(Settings.read({}, tmp_path), from_environment({variable("bank"): bank}))
    made.create_ledger(now=NOON).close()
    return made


def sql(work, statement: str) -> None:
    with duckdb.connect(work.settings.include_dir.parent / "bank.duckdb") as bank:
        bank.execute(statement)


def backfill(work, now=NOON) -> list:
    """One run for the past slot; what it added."""
    before = len(entries(work))
    visit = collection.Visit("loans", PAST, now)
    looks = [collection.look(work, visit, step.id, now=now) for step in collection.steps(work, "loans")]
    collection.record(work, visit, looks, now=now)
    return entries(work)[before:]


def entries(work) -> list:
    with work.reader() as ledger:
        return [entry.statement for entry in ledger.entries(1)]


@pytest.mark.parametrize("kind", ["TIMESTAMP", "DATE"])
def test_the_period_that_rows_are_about_and_the_time_of_the_look_stand_apart(work, kind):
    sql(work, f"CREATE TABLE loans AS {rows(kind)}")
    snapshot, closed = backfill(work)
    assert snapshot.header["effective"] == snapshot.header["interval"] == PAST.json()
    assert snapshot.observed_at == timestamp(NOON)
    assert snapshot.facts["rows"] == 4
    assert "lies in the period" in snapshot.facts["fingerprint"]["coverage"]
    assert "observed" in closed.facts["gap"]
    assert set(closed.facts["collectors"]) == {"table:loans-train"}


def test_a_slice_never_passes_for_the_state_of_the_table(work):
    sql(work, f"CREATE TABLE loans AS {rows('TIMESTAMP')}")
    backfill(work)
    with work.reader() as ledger:
        scope = fold(ledger.entries()).scope("system:loans")
    assert "warehouse://bank/loans" not in scope.snapshots
    assert scope.cursor("table:loans-train") is None


def test_the_same_interval_again_adds_nothing_and_what_changed_in_it_supersedes(work):
    sql(work, f"CREATE TABLE loans AS {rows('TIMESTAMP')}")
    first, _ = backfill(work)
    sql(work, "INSERT INTO loans VALUES (99, 1, 'south', TIMESTAMP '2026-03-11')")  # the next day's first moment
    assert backfill(work, NOON + DAY) == []
    sql(work, "INSERT INTO loans VALUES (98, 1, 'south', TIMESTAMP '2026-03-10 23:59:59.999')")
    [again] = backfill(work, NOON + 2 * DAY)  # its collection says the same as the one before
    assert (again.kind, again.stream, again.facts["rows"]) == (first.kind, first.stream, 5)
    assert (first.supersedes, again.supersedes is not None, first.facts["rows"]) == (None, True, 4)


def test_a_column_that_is_no_time_to_the_warehouse_leaves_the_gap_alone(work):
    sql(work, f"CREATE TABLE loans AS {rows('VARCHAR')}")
    assert [statement.kind for statement in backfill(work)] == ["collection"]


@pytest.mark.parametrize("made", ["nothing", "CREATE TABLE loans (id INT)"])
def test_a_table_that_cannot_be_read_today_keeps_no_gap_from_being_recorded(work, made):
    if made != "nothing":
        sql(work, made)
    [closed] = backfill(work)
    assert (closed.kind, closed.facts["collectors"]) == ("collection", {})
    assert "cannot be looked at afterwards" in closed.facts["gap"]


def test_of_parquet_no_period_is_read(work, tmp_path):
    connection = from_environment({variable("bank"): f"spark:///{tmp_path}"})
    workplace = Workplace(work.settings, connection)
    [closed] = backfill(workplace)
    assert (closed.kind, closed.facts["collectors"]) == ("collection", {})


def test_times_with_a_zone_are_compared_as_moments(postgres_url):
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        times = "timestamptz '2026-03-08 00:00:00+00' + i * interval '6 hours'"
        connection.execute(
            sa.text(f"CREATE TABLE loans AS SELECT i AS id, {times} AS day FROM generate_series(0, 23) i")
        )
    bank = f"postgres://postgres@/{engine.url.database}?host={engine.url.query['host']}"
    engine.dispose()
    declared = System.model_validate(system("loans", "loans", datasets=[{**TABLE, "time_column": "day"}]))
    found = look_at_period(
        declared,
        declared.tables[0],
        PAST,
        connection=from_environment({variable("bank"): bank})("bank"),
        seen=Circumstances(NOON),
    )
    assert [draft.facts["rows"] for draft in found.drafts] == [4]

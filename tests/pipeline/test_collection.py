"""One AI system through the whole house: what is collected, exactly once, and what happens when a source fails."""

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from affidavit.errors import (
    AffidavitError,
    ConnectionMissing,
    InventoryError,
    SourceError,
    SourceUnavailable,
    SuiteError,
    UsageError,
)
from affidavit.evidence import Circumstances, Collector, Draft, Origin, Stage
from affidavit.evidence import kinds as all_kinds
from affidavit.inventory import Connection
from affidavit.pipeline import collection
from tests.pipeline.conftest import ORGANISATION, SUITE, system


def kinds_added(project, before):
    return Counter(entry.statement.kind for entry in project.entries()[before:])


@pytest.mark.parametrize(
    ("collector", "kinds"),
    [
        ("declarations", {"system-declaration", "suite-declaration"}),
        ("table:loans-train", {"dataset-snapshot", "validation"}),
        ("mlflow-runs", {"model-run"}),
        ("mlflow-models", {"model-version", "model-alias", "measurement"}),
        ("lineage", {"lineage-edge"}),
    ],
)
def test_each_collector_yields_its_evidence(project, collector, kinds):
    project.collect()
    found = {e.statement.kind for e in project.entries() if e.statement.header["collector"]["name"] == collector}
    assert found == kinds


def test_the_organisation_is_collected_too(project):
    project.collect("organisation")
    assert {e.statement.kind for e in project.entries(scope="organisation")} == {
        "genesis",
        "organisation-declaration",
        "unreconciled",
        "collection",
    }


def test_an_experiment_that_no_system_claims_is_listed(project):
    project.tracking.call("experiments/create", name=f"{project.tracking.name}-astray")
    project.collect("organisation")
    [entry] = project.entries(kind="unreconciled")
    assert f"{project.tracking.name}-astray" in entry.statement.facts["experiments"]
    assert project.tracking.name not in entry.statement.facts["experiments"]


def test_the_same_slot_again_adds_nothing(project):
    project.collect()
    before = project.size()
    project.now += timedelta(hours=2)
    assert project.collect() == collection.Recorded(0, None, None)
    assert project.size() == before


def test_a_new_slot_over_unchanged_sources_adds_its_collection_and_no_fact(project):
    project.collect()
    before = project.size()
    project.tomorrow()
    project.collect()
    assert kinds_added(project, before) == {"collection": 1}


def test_one_new_run_and_ten_new_rows_add_exactly_their_facts(project):
    project.collect()
    before = project.size()
    project.tracking.run()
    project.sql("INSERT INTO loans SELECT 1000 + i, i, 'north' FROM range(10) t(i)")
    project.tomorrow()
    project.collect()
    assert kinds_added(project, before) == {"model-run": 1, "dataset-snapshot": 1, "validation": 1, "collection": 1}
    assert project.entries(kind="dataset-snapshot")[-1].statement.facts["rows"] == 110


def test_partitions_are_carried_over_from_slot_to_slot_and_read_again_in_rotation(project):
    document = system("loans", project.tracking.name)
    document["datasets"][0]["partition"] = {"column": "region", "token": "amount", "rotation": 2}
    project.declare(**document)
    coverage = []
    for _ in range(3):
        project.collect()
        project.tomorrow()
        found = project.entries(kind="dataset-snapshot")[-1].statement
        coverage.append(found.facts["fingerprint"]["coverage"])
    assert coverage[0].endswith("all 2 partitions by region, read now")
    assert "1 of 2 partitions by region read now, 1 carried over" in coverage[1]
    assert coverage[1].endswith("the oldest read at 2026-03-14T01:00:00.000Z")
    assert coverage[2].endswith("the oldest read at 2026-03-15T01:00:00.000Z")
    assert len({each.statement.subject.sha256 for each in project.entries(kind="dataset-snapshot")}) == 1
    with project.workplace.writer() as ledger:
        digest = found.facts["details"]["digest"]["sha256"]
        ledger._blobs.remove(digest)
    project.collect()
    last = project.entries(kind="dataset-snapshot")[-1].statement.facts["fingerprint"]["coverage"]
    assert last == coverage[0]


def test_what_a_task_claims_of_a_table_is_no_look_to_compare_with(project):
    project.collect()
    ours = project.entries(kind="dataset-snapshot")[-1].statement
    columns = [*ours.facts["columns"], {"name": "claimed", "type": "INTEGER", "nulls": 0}]
    claimed = Draft(
        kind=all_kinds.DATASET_SNAPSHOT,
        scope=ours.scope,
        stage=Stage.DATA,
        origin=Origin.RECORDED,
        subjects=ours.subjects,
        facts={**ours.facts, "columns": columns, "details": None},
        collector=Collector("somebody", "1"),
        seen=Circumstances(project.now, demonstration=None),
    )
    with project.workplace.writer() as ledger:
        ledger.append([claimed], now=project.now)
    project.tomorrow()
    project.collect()
    assert not project.entries(kind="schema-change")


def test_an_alias_moved_and_moved_back_is_three_entries(project):
    project.collect()
    second = project.tracking.version(project.tracking.run())
    for version in (second, "1"):
        project.tracking.alias(version)
        project.tomorrow()
        project.collect()
    entries = project.entries(kind="model-alias")
    assert [e.statement.facts["version"] for e in entries] == ["1", second, "1"]
    assert [e.statement.supersedes for e in entries] == [None, entries[0].leaf_hash, entries[1].leaf_hash]


def test_two_systems_that_share_a_table_and_a_suite_each_have_their_evidence(project):
    project.declare(**system("loans-two", project.tracking.name))
    project.collect("loans")
    project.collect("loans-two")
    for kind in ("dataset-snapshot", "validation", "suite-declaration"):
        assert {e.statement.scope for e in project.entries(kind=kind)} == {"system:loans", "system:loans-two"}


def test_the_collection_says_what_was_read_new_unchanged_and_withheld(project):
    project.collect()
    project.tracking.run()
    project.tomorrow()
    project.collect()
    collected = project.entries(kind="collection")[-1].statement.facts["collectors"]
    assert collected["mlflow-runs"]["new"] == 1
    assert collected["mlflow-runs"]["withheld"] >= 1
    assert collected["table:loans-train"] | {"window": None, "withheld": 0, "cursor": None} == {
        "cursor": None,
        "enumerated": 1,
        "read": 1,
        "new": 0,
        "unchanged": 2,
        "withheld": 0,
        "window": None,
        "notice_delay_seconds": collected["table:loans-train"]["notice_delay_seconds"],
    }


def test_something_new_in_a_slot_already_collected_supersedes_its_collection(project):
    project.collect()
    project.tracking.run()
    project.now += timedelta(hours=2)
    project.collect()
    first, second = project.entries(kind="collection")
    assert second.statement.supersedes == first.leaf_hash
    assert second.statement.facts["slot"] == first.statement.facts["slot"]


def test_a_late_edit_of_an_old_run_enters_with_the_next_sweep_and_supersedes(project):
    def run(days: int) -> str:
        start = int((project.now - timedelta(days=days)).timestamp() * 1_000)
        body = {"experiment_id": project.tracking.experiment_id, "start_time": start}
        return project.tracking.call("runs/create", **body)["run"]["info"]["run_id"]

    old, _ = run(40), run(1)
    project.tracking.call("runs/update", run_id=old, status="FINISHED")
    project.tomorrow()  # a Sunday, so that the next sweep is due in a week
    project.collect()
    project.tracking.call("runs/log-metric", run_id=old, key="auc", value=0.99, timestamp=1)
    recorded = []
    for days in (1, 6):
        project.now += timedelta(days=days)
        project.collect()
        recorded.append([e for e in project.entries(kind="model-run") if e.statement.subject.name.endswith(old)])
    assert [len(entries) for entries in recorded] == [1, 2]
    before, after = recorded[1]
    assert after.statement.supersedes == before.leaf_hash
    assert (before.statement.facts["metrics"], after.statement.facts["metrics"]) == ({}, {"auc": 0.99})
    collected = project.entries(kind="collection")[-1].statement.facts["collectors"]["mlflow-runs"]
    assert collected["notice_delay_seconds"] == 8 * 86_400


def test_a_slot_that_is_over_records_a_gap_and_no_observation(project):
    workplace = project.workplace
    past = collection.slot_of(workplace, "loans", project.now - timedelta(days=3))
    visit = collection.Visit("loans", past, project.now)
    looks = [collection.look(workplace, visit, s.id, now=project.now) for s in collection.steps(workplace, "loans")]
    before = project.size()
    done = collection.record(workplace, visit, looks, now=project.now)
    assert kinds_added(project, before) == {"collection": 1}
    assert "observed" in done.gap
    assert project.entries(kind="collection")[-1].statement.facts["collectors"] == {}


def test_a_backfill_never_overwrites_a_slot_that_was_collected_in_time(project):
    workplace = project.workplace
    project.collect()
    slot = collection.slot_of(workplace, "loans", project.now)
    project.now += timedelta(days=5)
    before = project.size()
    done = collection.record(workplace, collection.Visit("loans", slot, project.now), [], now=project.now)
    assert done.entries == 0
    assert project.size() == before


def slot_of(project, target="loans"):
    return collection.slot_of(project.workplace, target, project.now)


def test_a_slower_schedule_changes_no_slot_until_it_is_approved(project):
    project.collect()
    project.declare(**system("loans", project.tracking.name, schedule="@weekly"))
    for _ in range(2):
        project.tomorrow()
        assert slot_of(project).end - slot_of(project).start == timedelta(days=1)
        assert project.collect().collection is not None
    assert len(project.entries(kind="collection")) == 3
    pending = project.assess().state.scope("system:loans").pending
    assert {each.field for each in pending} == {"schedule"}


def test_a_slower_schedule_of_the_organisation_changes_no_slot_either(project):
    project.collect("organisation")
    project.write("include/organisation.yaml", {**ORGANISATION, "schedule": "@monthly"})
    project.tomorrow()
    assert slot_of(project, "organisation").end - slot_of(project, "organisation").start == timedelta(days=1)
    assert project.collect("organisation").collection is not None


def test_a_faster_schedule_counts_at_once(project):
    project.collect()
    project.declare(**system("loans", project.tracking.name, schedule="@hourly"))
    assert slot_of(project).end - slot_of(project).start == timedelta(hours=1)


def test_a_slot_that_is_not_over_is_refused(project):
    slot = collection.slot_of(project.workplace, "loans", project.now + timedelta(days=2))
    with pytest.raises(UsageError, match=r"not over yet\. Fix: "):
        collection.gap(project.workplace, collection.Visit("loans", slot, project.now))


def test_a_weakened_suite_is_recorded_but_the_old_one_still_judges(project):
    project.collect()
    weaker = {**SUITE, "expectations": [SUITE["expectations"][0], SUITE["expectations"][2]]}
    project.write("expectations/loans.yaml", weaker)
    project.sql("UPDATE loans SET amount = -5 WHERE id = 7")
    project.tomorrow()
    project.collect()
    assert len(project.entries(kind="suite-declaration")) == 2
    validation = project.entries(kind="validation")[-1].statement.facts
    assert validation["failedTests"] == ["expect_column_values_to_be_between:amount"]


LOANS = {"connection": "bank", "table": "loans", "use": "training", "suite": "loans"}


def rename_table(project):
    """Declare the only table under another id."""
    project.declare(**system("loans", project.tracking.name, datasets=[LOANS | {"id": "renamed"}]))


def collectors(project):
    return project.entries(kind="collection")[-1].statement.facts["collectors"]


def test_a_renamed_table_is_collected_under_its_old_name_until_the_change_is_approved(project):
    project.collect()
    rename_table(project)
    project.sql("INSERT INTO loans VALUES (5000, 1, 'south')")
    project.tomorrow()
    before = project.size()
    project.collect()
    added = {"system-declaration": 1, "dataset-snapshot": 1, "validation": 1, "collection": 1}
    assert kinds_added(project, before) == added
    assert project.entries(kind="dataset-snapshot")[-1].statement.facts["dataset"] == "loans-train"
    assert collectors(project)["table:loans-train"]["read"] == 1
    waiting = collectors(project)["table:renamed"]
    assert (waiting["enumerated"], waiting["read"], waiting["new"]) == (0, 0, 0)
    pending = project.assess().state.scope("system:loans").pending
    assert "datasets.loans-train" in {each.field for each in pending}


def test_a_renamed_table_that_is_gone_as_well_keeps_no_slot_from_being_recorded(project):
    project.collect()
    project.sql("CREATE TABLE newer AS SELECT * FROM loans")
    project.sql("DROP TABLE loans")
    moved = LOANS | {"id": "newer", "table": "newer"}
    project.declare(**system("loans", project.tracking.name, datasets=[moved]))
    project.tomorrow()
    assert project.collect().collection is not None
    assert collectors(project)["table:newer"]["read"] == 1
    assert "table:loans-train" not in collectors(project)
    project.tomorrow()
    assert project.collect().collection is not None


def moves_table(project):
    project.sql("ALTER TABLE loans RENAME TO newer")
    return {"datasets": [LOANS | {"id": "loans-train", "table": "newer"}]}


def moves_warehouse(project):
    project.sql("CHECKPOINT")
    project.warehouse.rename(project.root / "elsewhere.duckdb")
    project.connections["elsewhere"] = f"duckdb:///{project.root / 'elsewhere.duckdb'}"
    del project.connections["bank"]
    return {"datasets": [LOANS | {"id": "loans-train", "connection": "elsewhere"}]}


def moves_mlflow(project):
    project.connections["other"] = project.connections.pop("tracking")
    return {"mlflow": {**system("loans", project.tracking.name)["mlflow"], "connection": "other"}}


@pytest.mark.parametrize(
    ("move", "steps", "field"),
    [
        (moves_table, ["table:loans-train"], "datasets.loans-train.table"),
        (moves_warehouse, ["table:loans-train"], "datasets.loans-train.connection"),
        (moves_mlflow, ["mlflow-runs", "mlflow-models"], "mlflow.connection"),
    ],
)
def test_a_source_that_moved_under_its_id_keeps_no_slot_from_being_recorded(project, move, steps, field):
    project.collect()
    changes = move(project)
    project.declare(**system("loans", project.tracking.name, **changes))
    for _ in range(4):
        project.tomorrow()
        done = project.collect()
        assert done.collection is not None
        assert [said.split(": ")[0] for said in done.unread] == steps
        assert not set(steps) & collectors(project).keys()
    posture = project.assess()
    assert field in {each.field for each in posture.state.scope("system:loans").pending}
    assert "supported" not in {v.status.value for v in posture.verdicts if v.scope == "system:loans"}


@pytest.mark.parametrize(("target", "step"), [("loans", "table:laons"), ("organisation", "mlflow-runs")])
def test_a_step_that_does_not_exist_is_refused_with_those_that_do(project, target, step):
    visit = collection.Visit(target, collection.slot_of(project.workplace, target, project.now), project.now)
    with pytest.raises(UsageError, match="choose one of: declarations, "):
        collection.look(project.workplace, visit, step, now=project.now)


def break_mlflow(project):
    project.connections["tracking"] = "http://127.0.0.1:9"


def break_warehouse(project):
    project.warehouse.rename(project.root / "elsewhere.duckdb")


def break_table(project):
    project.sql("DROP TABLE loans")


def break_column(project):
    project.sql("ALTER TABLE loans DROP COLUMN amount")


def break_key(project):
    document = system("loans", project.tracking.name)
    project.declare(**document, ownr="typo")


def break_suite(project):
    (project.root / "expectations" / "loans.yaml").unlink()


def break_connection(project):
    project.declare(
        **system(
            "loans",
            project.tracking.name,
            datasets=[
                {"id": "loans-train", "connection": "vault", "table": "loans", "use": "training", "suite": "loans"},
            ],
        )
    )


@pytest.mark.parametrize(
    ("break_it", "error", "names"),
    [
        (break_mlflow, SourceError, "tracking"),
        (break_warehouse, SourceError, "bank"),
        (break_table, SourceError, "loans"),
        (break_column, SuiteError, "amount"),
        (break_key, InventoryError, "ownr"),
        (break_suite, InventoryError, "loans"),
        (break_connection, ConnectionMissing, "vault"),
    ],
)
def test_a_broken_source_leaves_the_ledger_as_it_was_and_names_what_is_wrong(project, break_it, error, names):
    before = project.size()
    break_it(project)
    with pytest.raises(error) as caught:
        project.collect()
    assert names in caught.value.text
    assert caught.value.fix
    assert project.size() == before


def test_the_next_good_run_catches_up_with_nothing_lost(project):
    project.collect()
    good = dict(project.connections)
    break_mlflow(project)
    new = [project.tracking.run() for _ in range(3)]
    project.sql("INSERT INTO loans VALUES (5000, 1, 'south')")
    project.tomorrow()
    with pytest.raises(SourceError):
        project.collect()
    project.connections = good
    project.tomorrow()
    project.collect()
    recorded = {e.statement.subject.name for e in project.entries(kind="model-run")}
    assert {f"mlflow://tracking/runs/{run}" for run in new} <= recorded
    assert project.entries(kind="dataset-snapshot")[-1].statement.facts["rows"] == 101


def test_a_warehouse_that_hangs_up_mid_query_changes_nothing_and_is_caught_up_with(project, postgres_url):
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    regions = "CASE i % 2 WHEN 0 THEN 'north' ELSE 'south' END"
    rows = f"SELECT i AS id, i % 500 AS amount, {regions} AS region FROM generate_series(0, 99) t(i)"
    hangs_up = "id = 50 AND pg_terminate_backend(pg_backend_pid())"
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE TABLE kept AS {rows}"))
        connection.execute(sa.text(f"CREATE VIEW loans AS SELECT * FROM kept WHERE NOT ({hangs_up})"))
        project.connections["bank"] = f"postgres://postgres@/{engine.url.database}?host={engine.url.query['host']}"
        before = project.size()
        with pytest.raises(SourceUnavailable, match="bank") as caught:
            project.collect()
        assert caught.value.fix
        assert caught.value.retryable
        assert project.size() == before
        connection.execute(sa.text("CREATE OR REPLACE VIEW loans AS SELECT * FROM kept"))
        assert project.collect().collection is not None
    engine.dispose()
    assert project.entries(kind="dataset-snapshot")[-1].statement.facts["rows"] == 100


def test_only_the_broken_system_is_affected(project):
    project.declare(**system("other", project.tracking.name))
    project.declare(**system("loans", project.tracking.name), ownr="typo")
    with pytest.raises(AffidavitError):
        project.collect("loans")
    assert project.collect("other").collection is not None


def test_an_unknown_system_is_named_with_those_that_exist(project):
    with pytest.raises(UsageError, match="choose one of: loans"):
        project.collect("laons")


def test_withheld_values_never_enter(project):
    project.collect()
    assert b"hunter2" not in b"".join(entry.leaf for entry in project.entries())


def test_a_missing_connection_names_its_environment_variable():
    from affidavit.inventory import from_environment

    with pytest.raises(ConnectionMissing, match="AIRFLOW_CONN_VAULT"):
        from_environment({})("vault")
    assert isinstance(from_environment({"AIRFLOW_CONN_A": "http://h"})("a"), Connection)


def test_looks_that_something_newer_overtook_are_not_recorded(project):
    """A table that passed at one o'clock and failed at two must not pass again because the first is recorded last."""
    workplace, visit = (
        project.workplace,
        collection.Visit("loans", collection.slot_of(project.workplace, "loans", project.now), project.now),
    )
    early = [collection.look(workplace, visit, s.id, now=project.now) for s in collection.steps(workplace, "loans")]
    project.sql("UPDATE loans SET amount = -5 WHERE id = 7")
    project.now += timedelta(hours=1)
    project.collect()
    before = project.size()
    with pytest.raises(UsageError, match="look again"):
        collection.record(workplace, visit, early, now=project.now)
    assert project.size() == before


def test_a_gap_carries_no_facts(project):
    workplace, visit = (
        project.workplace,
        collection.Visit("loans", collection.slot_of(project.workplace, "loans", project.now), project.now),
    )
    looks = [collection.look(workplace, visit, s.id, now=project.now) for s in collection.steps(workplace, "loans")]
    late = collection.Visit("loans", visit.slot, project.now + timedelta(days=3))
    before = project.size()
    collection.record(workplace, late, looks, now=late.started)
    assert kinds_added(project, before) == {"collection": 1}


def test_the_mark_of_a_demonstration_cannot_be_dropped_unapproved(project):
    marked = system("loans", project.tracking.name, demonstration="scripted")
    project.declare(**marked)
    project.collect()
    project.declare(**{key: value for key, value in marked.items() if key != "demonstration"})
    project.tomorrow()
    project.collect()
    assert {e.statement.demonstration for e in project.entries(scope="system:loans")} == {"scripted"}


def test_two_runs_of_one_slot_close_it_once(project, monkeypatch):
    """The second run read the ledger before the first had recorded."""
    workplace = project.workplace
    stale = collection.fold_scope

    def overtaken(ledger, scope):
        known = stale(ledger, scope)
        monkeypatch.setattr(collection, "fold_scope", stale)
        project.collect()
        return known

    visit = collection.Visit("loans", collection.slot_of(workplace, "loans", project.now), project.now)
    looks = [collection.look(workplace, visit, s.id, now=project.now) for s in collection.steps(workplace, "loans")]
    monkeypatch.setattr(collection, "fold_scope", overtaken)
    collection.record(workplace, visit, looks, now=project.now)
    assert len(project.entries(kind="collection")) == 1


@pytest.mark.parametrize("text", ["id: [", None])
def test_what_a_system_claimed_stands_while_its_file_is_broken_or_gone(project, text):
    project.collect()
    project.tracking.call("experiments/create", name=f"{project.tracking.name}-astray")
    file = project.root / "include/systems/loans.yaml"
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    project.collect("organisation")
    [entry] = project.entries(kind="unreconciled")
    assert f"{project.tracking.name}-astray" in entry.statement.facts["experiments"]
    assert project.tracking.name not in entry.statement.facts["experiments"]
    assert project.tracking.name not in entry.statement.facts["registered_models"]

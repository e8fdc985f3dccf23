from datetime import UTC, datetime

import pytest

from affidavit.collect.lineage import look_at_lineage, match
from affidavit.evidence import Circumstances, Collector, Draft, Origin, Stage, Subject, kinds, system_scope
from affidavit.inventory import System

SEEN = Circumstances(datetime(2026, 3, 14, 12, tzinfo=UTC))
TRAIN, TEST = "warehouse://bank/train", "warehouse://bank/test"
PRINTS = {TRAIN: ["0" * 64, "a" * 64], TEST: ["b" * 64]}
RUN = "mlflow://tracking/runs/r1"


def draft(kind, name: str, facts: dict, sha256: str | None = None) -> Draft:
    return Draft(
        kind=kind,
        scope=system_scope("loans"),
        stage=Stage.DEVELOPMENT,
        origin=Origin.RECORDED,
        subjects=(Subject(name, sha256) if sha256 else Subject.of_facts(name, facts),),
        facts=facts,
        collector=Collector("test", "0"),
        seen=SEEN,
    )


def used(name: str, context: str | None = None, rows: int | None = None, sha256: str | None = None) -> dict:
    fingerprint = {"sha256": sha256, "method": "test"} if sha256 else None
    return {"name": name, "context": context, "source_digest": "abcd1234", "fingerprint": fingerprint, "rows": rows}


def run(*inputs: dict, status: str = "FINISHED") -> Draft:
    facts = {
        "status": status,
        "lifecycle": "active",
        "experiment": {"id": "1", "name": "loans"},
        "parent": None,
        "source": {"commit": None, "dirty": None},
        "metrics": {},
        "params": {},
        "tags": {},
        "inputs": list(inputs),
        "outputs": [],
        "artifacts": None,
        "withheld": {"metrics": 0, "params": 0, "tags": 0, "inputs": 0, "outputs": 0},
    }
    return draft(kinds.MODEL_RUN, RUN, facts)


def version(run_uri: str | None, artifacts: dict | None) -> Draft:
    facts = {
        "model": "loans",
        "version": "1",
        "lifecycle": "active",
        "status": "READY",
        "created_at": "2026-03-14T11:00:00.000Z",
        "run": run_uri,
        "logged_model": None,
        "described": True,
        "signature": True,
        "environment": True,
        "artifacts": artifacts,
        "tags": {},
        "withheld": {"tags": 0},
    }
    return draft(kinds.MODEL_VERSION, "mlflow://tracking/models/loans/versions/1", facts)


def snapshot(uri: str, rows: int) -> Draft:
    facts = {
        "dataset": "loans-train",
        "table": "train",
        "use": "training",
        "columns": [],
        "columns_omitted": 0,
        "rows": rows,
        "time": None,
        "fingerprint": {"sha256": PRINTS[uri][-1], "method": "test", "coverage": "all rows"},
        "consistency": "one transaction",
        "relation": None,
        "details": None,
    }
    return draft(kinds.DATASET_SNAPSHOT, uri, facts, PRINTS[uri][-1])


def look(system: System, *drafts: Draft, recorded=frozenset(), snapshots=PRINTS):
    return look_at_lineage(system, drafts=drafts, snapshots=snapshots, recorded=recorded, seen=SEEN)


def test_a_finished_run_is_tied_to_the_snapshot_of_the_table_it_names(a_system):
    trained = run(used("loans-train", "training", 3))
    (edge,) = look(a_system, snapshot(TRAIN, 3), trained).drafts
    assert edge.facts["relation"] == "trained on"
    assert edge.facts["from"] == {"name": TRAIN, "digest": "a" * 64}
    assert edge.facts["to"] == {"name": RUN, "digest": trained.subjects[0].sha256}
    assert edge.subjects[0].name == f"affidavit://lineage/{TRAIN}->{RUN}"
    assert "both have 3 rows" in edge.facts["basis"]
    assert "no fingerprint" in edge.facts["basis"]
    assert edge.origin is Origin.RECORDED, "that the run read this table is what MLflow was told"


@pytest.mark.parametrize(
    ("name", "context", "relation"),
    [
        ("loans-train", "training", "trained on"),
        ("loans-train", "Evaluation", "evaluated on"),
        ("loans-train", None, "trained on"),
        ("loans-test", None, "evaluated on"),
        ("loans-test", "whatever", "evaluated on"),
        ("loans-test", "train", "trained on"),
        ("test", "test", "evaluated on"),
        (TEST, "validation", "evaluated on"),
    ],
)
def test_the_relation_is_the_logged_context_or_else_the_declared_use(a_system, name, context, relation):
    (edge,) = look(a_system, run(used(name, context))).drafts
    assert edge.facts["relation"] == relation


def test_other_rows_than_the_snapshot_has_are_said(a_system):
    (edge,) = look(a_system, snapshot(TRAIN, 4), run(used("loans-train", "training", 3))).drafts
    assert "the run says 3 rows, the snapshot has 4: not the same rows" in edge.facts["basis"]


def test_one_table_used_to_train_and_to_evaluate_counts_as_trained_on_and_says_both(a_system):
    (edge,) = look(a_system, run(used("loans-train", "training"), used("train", "test"))).drafts
    assert edge.facts["relation"] == "trained on"
    assert "both to train and to evaluate" in edge.facts["basis"]


@pytest.mark.parametrize("state", ["0" * 64, "a" * 64])
def test_the_fingerprint_that_the_run_took_itself_is_the_edges_digest(a_system, state):
    (edge,) = look(a_system, snapshot(TRAIN, 4), run(used(TRAIN, "training", 3, state))).drafts
    assert edge.facts["from"] == {"name": TRAIN, "digest": state}, "also where the table has moved on"
    assert (
        "the run recorded the table's fingerprint itself; a snapshot of the table has the same" in edge.facts["basis"]
    )
    assert "Not shown: that the run read the rows that it fingerprinted" in edge.facts["basis"]
    assert edge.origin is Origin.RECORDED


@pytest.mark.parametrize("snapshots", [PRINTS, {}])
def test_a_fingerprint_that_no_snapshot_has_is_kept_and_said(a_system, snapshots):
    (edge,) = look(a_system, run(used(TRAIN, "training", 3, "f" * 64)), snapshots=snapshots).drafts
    assert edge.facts["from"] == {"name": TRAIN, "digest": "f" * 64}
    assert "at this look no snapshot of the table has the same" in edge.facts["basis"]


def test_two_fingerprints_of_one_table_leave_open_which_was_used(a_system):
    (edge,) = look(a_system, run(used(TRAIN, "training", 3, "a" * 64), used(TRAIN, "training", 3, "f" * 64))).drafts
    assert edge.facts["from"] == {"name": TRAIN, "digest": None}
    assert "the run recorded 2 fingerprints of the table. Not shown: which" in edge.facts["basis"]


def test_the_runs_own_fingerprint_weighs_more_than_a_name(a_system):
    (edge,) = look(a_system, run(used("loans-train", "training", 3), used(TRAIN, "test", 3, "0" * 64))).drafts
    assert edge.facts["from"]["digest"] == "0" * 64
    assert edge.facts["basis"].startswith("the run used the table both to train and to evaluate; the run recorded")


@pytest.mark.parametrize("status", ["RUNNING", "FAILED", "KILLED"])
def test_a_run_that_is_not_finished_has_no_edge(a_system, status):
    assert look(a_system, run(used("loans-train"), status=status)).drafts == ()


def test_what_no_table_or_no_snapshot_answers_to_has_no_edge_but_is_counted(a_system):
    found = look(a_system, run(used("LOANS-TRAIN"), used("elsewhere"), used("loans-test")), snapshots={})
    assert (found.drafts, found.enumerated, found.read) == ((), 3, 0)


def test_an_edge_once_recorded_does_not_follow_the_table(a_system):
    trained = run(used("loans-train", "training"))
    (edge,) = look(a_system, trained).drafts
    later = look(a_system, trained, recorded=frozenset({edge.subjects[0].name}), snapshots={TRAIN: ["c" * 64]})
    assert later.drafts == ()
    assert later.enumerated == later.read == 1


def test_a_name_that_two_tables_have_is_no_match(a_system):
    twice = [
        {"id": "one", "connection": "bank", "table": "train", "use": "training", "suite": "s"},
        {"id": "two", "connection": "clinic", "table": "train", "use": "test", "suite": "s"},
    ]
    system = System.model_validate(a_system.model_dump() | {"datasets": twice})
    assert match(system, "train") is None
    assert match(system, "two").uri == "warehouse://clinic/train"


def test_a_run_produced_the_version_whose_source_it_is(a_system):
    tree = {"files": 1, "bytes": 1, "moved": 0, "sha256": "d" * 64}
    made = run()
    (edge,) = look(a_system, made, version(RUN, tree)).drafts
    assert edge.facts["relation"] == "produced"
    assert edge.facts["from"] == {"name": RUN, "digest": made.subjects[0].sha256}
    assert edge.facts["to"] == {"name": "mlflow://tracking/models/loans/versions/1", "digest": "d" * 64}


def test_a_version_whose_run_was_not_seen_keeps_its_edge_without_digest_and_one_without_run_has_none(a_system):
    (edge,) = look(a_system, version(RUN, None)).drafts
    assert (edge.facts["from"]["digest"], edge.facts["to"]["digest"]) == (None, None)
    assert "were not read" in edge.facts["basis"]
    assert look(a_system, version(None, None)).drafts == ()
    moved = {"files": 1, "bytes": 0, "moved": 1, "sha256": None}
    (edge,) = look(a_system, version(RUN, moved)).drafts
    assert edge.facts["to"]["digest"] is None
    assert "moved while they were read" in edge.facts["basis"]

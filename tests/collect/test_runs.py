import json
import math
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from affidavit.collect.mlflow_client import MlflowServer
from affidavit.collect.position import positions
from affidavit.collect.rest import Api
from affidavit.collect.runs import look_at_runs
from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.evidence import Circumstances, Subject

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
HOUR = 3_600_000
DAY = 24 * HOUR


def ids(look) -> list[str]:
    return [draft.subjects[0].name.rsplit("/", 1)[1] for draft in look.drafts]


def facts_of(look, run: str) -> dict:
    return next(draft.facts for draft in look.drafts if draft.subjects[0].name == f"mlflow://tracking/runs/{run}")


def dataset(name: str) -> dict:
    return {"dataset": {"name": name, "digest": "abcd1234", "source_type": "local", "source": "{}"}, "tags": []}


def first(team, seen, **more):
    return look_at_runs(team.system(**more), team.connection, cursor=None, seen=seen)


def test_every_run_is_read_once_in_order_whatever_its_state(team, seen):
    late = team.run(NOW_MS - HOUR)
    early = team.run(NOW_MS - 90 * DAY)
    running = team.run(NOW_MS - 2 * HOUR, finish=False)
    deleted = team.run(NOW_MS - 3 * HOUR)
    team.call("runs/delete", run_id=deleted)
    look = first(team, seen)
    assert ids(look) == [early, deleted, running, late]
    assert (look.collector, look.enumerated, look.read) == ("mlflow-runs", 4, 4)
    assert facts_of(look, deleted)["lifecycle"] == "deleted"
    assert facts_of(look, running)["status"] == "RUNNING"
    assert look.notice_delay_seconds == 8 * 86_400, "a week to the next sweep, a day to the look after it"


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
def test_pages_lose_and_repeat_nothing_also_where_start_times_are_equal(team, seen, page_size):
    runs = [team.run(NOW_MS - HOUR, finish=False) for _ in range(5)]
    runs += [team.run(NOW_MS - HOUR + each, finish=False) for each in (1, 1, 2)]
    look = look_at_runs(team.system(), team.connection, cursor=None, seen=seen, page_size=page_size)
    assert sorted(ids(look)) == sorted(runs)


def test_pages_stay_exact_while_others_write(team):
    runs = [team.run(NOW_MS - HOUR + each) for each in range(4)]
    with MlflowServer(team.connection) as server:
        reading = server.runs(team.experiment_id, since=None, page_size=2)
        read = [next(reading).id, next(reading).id]
        # Offsets would now give runs[1] again, and without the deletion's row never runs[3].
        team.run(NOW_MS - 2 * HOUR)
        team.call("runs/delete", run_id=runs[0])
        added = team.run(NOW_MS - HOUR + 10)
        read += [run.id for run in reading]
    assert read == [*runs, added]


def test_a_second_look_reads_only_the_window_and_what_was_open(team, seen):
    old = team.run(NOW_MS - 40 * DAY)
    old_running = team.run(NOW_MS - 30 * DAY, finish=False)
    recent = team.run(NOW_MS - HOUR)
    look = first(team, seen)
    new = team.run(NOW_MS - HOUR + 5)
    again = look_at_runs(team.system(), team.connection, cursor=look.cursor, seen=seen)
    assert ids(again) == [old_running, recent, new]
    assert old not in ids(again)
    assert again.window.start == datetime.fromtimestamp((NOW_MS - HOUR - DAY) / 1000, UTC)


def test_a_look_at_an_unchanged_source_brings_the_same_facts_and_the_same_cursor(team, seen):
    run = team.run()
    team.artifact(run, "a.txt", b"a")
    look = first(team, seen)
    again = look_at_runs(team.system(), team.connection, cursor=look.cursor, seen=seen)
    assert [draft.statement.facts_digest for draft in again.drafts] == [
        draft.statement.facts_digest for draft in look.drafts
    ]
    assert again.cursor == look.cursor


def test_a_run_that_finishes_long_after_it_started_is_followed_to_its_end(team, seen):
    run = team.run(NOW_MS - 50 * DAY, finish=False)
    team.run(NOW_MS - HOUR)
    look = first(team, seen)
    team.log(run, metrics=[{"key": "auc", "value": 0.75, "timestamp": 1, "step": 0}])
    team.finish(run)
    again = look_at_runs(team.system(), team.connection, cursor=look.cursor, seen=seen)
    assert facts_of(again, run)["status"] == "FINISHED"
    assert facts_of(again, run)["metrics"] == {"auc": 0.75}
    third = look_at_runs(team.system(), team.connection, cursor=again.cursor, seen=seen)
    assert run not in ids(third)


def test_a_run_deleted_within_the_window_is_noticed(team, seen):
    run = team.run()
    look = first(team, seen)
    team.call("runs/delete", run_id=run)
    again = look_at_runs(team.system(), team.connection, cursor=look.cursor, seen=seen)
    assert facts_of(again, run)["lifecycle"] == "deleted"


def test_the_window_holds_at_most_a_thousand_runs(team, seen, monkeypatch):
    monkeypatch.setattr("affidavit.collect.position.WINDOW_RUNS", 2)
    runs = [team.run(NOW_MS - HOUR + each) for each in range(4)]
    look = first(team, seen)
    again = look_at_runs(team.system(), team.connection, cursor=look.cursor, seen=seen)
    assert ids(again) == runs[2:]


def test_a_run_dated_into_the_future_hides_nothing_that_starts_before_it(team, seen):
    future = team.run(NOW_MS + 1_000 * DAY)
    absurd = team.run(9 * 10**18, finish=False)
    look = first(team, seen)
    assert set(ids(look)) == {future, absurd}
    new = team.run(NOW_MS - HOUR)
    again = look_at_runs(team.system(), team.connection, cursor=look.cursor, seen=seen)
    assert {new, future, absurd} == set(ids(again))
    third = look_at_runs(team.system(), team.connection, cursor=again.cursor, seen=seen)
    newer = team.run(NOW_MS - HOUR // 2)
    fourth = look_at_runs(team.system(), team.connection, cursor=third.cursor, seen=seen)
    assert newer in ids(fourth)


def test_two_experiments_each_have_a_position_of_their_own(team, seen):
    other_name = f"{team.name}-other"
    other = team.experiment(other_name)
    old = team.run(NOW_MS - 90 * DAY, experiment_id=other)
    team.run(NOW_MS - HOUR)
    look = first(team, seen, experiments=[team.name, other_name])
    assert set(positions(look.cursor)) == {team.experiment_id, other}
    new = team.run(NOW_MS - 89 * DAY, experiment_id=other)
    system = team.system(experiments=[team.name, other_name])
    again = look_at_runs(system, team.connection, cursor=look.cursor, seen=seen)
    assert {old, new} <= set(ids(again))
    assert facts_of(again, new)["experiment"] == {"id": other, "name": other_name}


def test_facts_are_those_of_the_run(team, seen, tree_digest):
    parent = team.run(NOW_MS - 2 * HOUR)
    tags = [
        {"key": "mlflow.parentRunId", "value": parent},
        {"key": "mlflow.source.git.commit", "value": "9c1e" * 10},
        {"key": "mlflow.source.git.dirty", "value": "True"},
        {"key": "team", "value": "credit"},
    ]
    run = team.run(NOW_MS - HOUR, finish=False, tags=tags)
    metrics = [("auc", 0.812), ("none", math.nan), ("most", math.inf), ("whole", 3.0)]
    for key, value in metrics:
        sent = value if math.isfinite(value) else {math.inf: "Infinity"}.get(value, "NaN")
        team.call("runs/log-metric", run_id=run, key=key, value=sent, timestamp=1)
    team.log(run, params=[{"key": "C", "value": "0.5"}, {"key": "other", "value": "x"}])
    team.use(run, "loans-train", "training")
    team.use(run, "unknown", None, profile="not JSON")
    files = {"plots/roc.svg": b"<svg/>", "notes – ü.txt": b"n" * 70_000}
    for path, content in files.items():
        team.artifact(run, path, content)
    model = team.logged_model(run, {"MLmodel": b"flavors: {}", "model.pkl": b"\x80\x04never loaded"})
    team.finish(run, NOW_MS - HOUR + 60_000)

    look = first(team, seen, allow={"params": ["C"], "tags": ["team"]})
    draft = next(each for each in look.drafts if each.subjects[0].name.endswith(run))
    model_digest = tree_digest({"MLmodel": b"flavors: {}", "model.pkl": b"\x80\x04never loaded"})
    assert draft.facts == {
        "status": "FINISHED",
        "lifecycle": "active",
        "experiment": {"id": team.experiment_id, "name": team.name},
        "parent": f"mlflow://tracking/runs/{parent}",
        "source": {"commit": "9c1e" * 10, "dirty": True},
        "metrics": {"auc": 0.812, "none": "float:nan", "most": 1.7976931348623157e308, "whole": 3.0},
        "params": {"C": "0.5"},
        "tags": {"team": "credit"},
        "inputs": [
            {"name": "loans-train", "context": "training", "source_digest": "abcd1234", "fingerprint": None, "rows": 3},
            {"name": "unknown", "context": None, "source_digest": "abcd1234", "fingerprint": None, "rows": None},
        ],
        "outputs": [{"name": f"mlflow://tracking/models/{model}", "digest": model_digest}],
        "artifacts": {"files": 2, "bytes": 70_006, "moved": 0, "sha256": tree_digest(files)},
        "withheld": {"metrics": 0, "params": 1, "tags": 4, "inputs": 0, "outputs": 0},
    }
    assert [subject.name for subject in draft.subjects[1:]] == [
        f"mlflow://tracking/runs/{run}/artifacts",
        f"mlflow://tracking/models/{model}",
    ]
    assert draft.effective.json() == {"from": "2026-03-14T11:00:00.000Z", "to": "2026-03-14T11:01:00.000Z"}
    assert (draft.scope, draft.origin, draft.stage) == ("system:loans", "recorded", "development")


NOTED = {"connection": "bank", "table": "train", "fingerprint": {"sha256": "e" * 64, "method": "rows/1 duckdb"}}


def fingerprints(team, seen, **dataset: str) -> list:
    run = team.run(finish=False)
    team.use(run, "warehouse://bank/train", "training", **dataset)
    return [each["fingerprint"] for each in facts_of(first(team, seen), run)["inputs"]]


def test_a_fingerprint_that_the_run_took_itself_is_read_whole(team, seen):
    found = fingerprints(team, seen, source_type="affidavit_table", source=json.dumps(NOTED))
    assert found == [{"sha256": "e" * 64, "method": "rows/1 duckdb"}]


@pytest.mark.parametrize(
    "source",
    [
        NOTED | {"table": "test"},
        NOTED | {"connection": "clinic"},
        NOTED | {"password": "hunter2"},
        NOTED | {"fingerprint": {"sha256": "e" * 64, "method": "free text; of Anna's"}},
        NOTED | {"fingerprint": {"sha256": "e" * 36, "method": "rows/1 duckdb"}},
        {"table": "train"},
        [],
        "not an object",
    ],
)
def test_a_source_that_is_not_ours_or_of_another_table_brings_no_fingerprint(team, seen, source):
    assert fingerprints(team, seen, source_type="affidavit_table", source=json.dumps(source)) == [None]


@pytest.mark.parametrize("source", ["", "not JSON", "{" * 500, '{"table": NaN}', '"\\ud800"', json.dumps(NOTED) * 2])
def test_a_source_that_is_no_document_brings_no_fingerprint(team, seen, source):
    assert fingerprints(team, seen, source_type="affidavit_table", source=source or " ") == [None]


def test_a_source_of_another_type_brings_no_fingerprint(team, seen):
    assert fingerprints(team, seen, source_type="local", source=json.dumps(NOTED)) == [None]


def test_nothing_but_allowed_values_leaves_the_collector(team, seen):
    secrets = [f"s3cret-{each}-{time.monotonic_ns()}" for each in range(40)]
    run = team.run(finish=False, run_name=secrets[0])
    team.log(
        run,
        params=[{"key": f"p{each}", "value": secrets[1 + each]} for each in range(10)],
        tags=[{"key": f"t{each}", "value": secrets[11 + each]} for each in range(10)],
    )
    team.use(run, "loans-train", "training", profile=f'{{"num_rows": 3, "example": "{secrets[21]}"}}')
    team.artifact(run, f"{secrets[22]}.txt", secrets[23].encode())
    team.call("runs/set-tag", run_id=run, key="mlflow.note.content", value=secrets[24])
    team.call("runs/set-tag", run_id=run, key="mlflow.parentRunId", value=f"{secrets[25]} !")
    team.call("runs/set-tag", run_id=run, key="mlflow.source.git.commit", value=secrets[26])
    team.finish(run)
    look = first(team, seen, allow={"params": ["p0"], "tags": ["absent"]})
    text = b"".join(draft.seal(None) for draft in look.drafts).decode() + repr(look)
    assert secrets[1] in text
    assert [each for each in secrets if each in text] == [secrets[1]]
    assert look.drafts[0].facts["withheld"] == {"metrics": 0, "params": 9, "tags": 14, "inputs": 0, "outputs": 0}
    assert look.withheld == 23


def test_values_that_would_burst_an_entry_are_withheld_and_counted(team, seen):
    run = team.run(finish=False, run_name="x" * 100_000)
    team.log(run, params=[{"key": f"p{each}", "value": "y" * 3_000} for each in range(8)])
    allow = {"params": [f"p{each}" for each in range(8)], "tags": ["mlflow.runName"]}
    look = first(team, seen, allow=allow)
    assert sorted(look.drafts[0].facts["params"]) == ["p0", "p1", "p2"]
    withheld = look.drafts[0].facts["withheld"]
    assert (withheld["params"], withheld["tags"]) == (5, 1)


def test_a_run_with_thousands_of_metrics_is_recorded_with_those_of_the_shortest_names(team, seen):
    run = team.run(finish=False, experiment_id=team.experiment_id)
    names = [f"layers/{each:04}/gradient norm of the weights" for each in range(2_000)] + ["auc", "loss"]
    for at in range(0, len(names), 1_000):
        metrics = [{"key": key, "value": 0.5, "timestamp": 1, "step": 0} for key in names[at : at + 1_000]]
        team.log(run, metrics=metrics)
    for n in range(0, 100, 25):
        datasets = [dataset(f"part {each:03} {'ü' * 400}") for each in range(n, n + 25)]
        team.call("runs/log-inputs", run_id=run, datasets=datasets)
    models = [{"model_id": f"m-{each:032}", "step": 0} for each in range(80)]
    team.call("runs/outputs", run_id=run, models=models)
    params = [f"p{each:04}" for each in range(1_000)]
    for at in range(0, 1_000, 100):
        team.log(run, params=[{"key": key, "value": "ä" * 250} for key in params[at : at + 100]])
    look = first(team, seen, allow={"params": params})
    facts = look.drafts[0].facts
    assert {"auc", "loss"} < set(facts["metrics"])
    assert sorted(facts["metrics"])[:100] == ["auc", *names[:99]]
    for name, whole in {"metrics": 2_002, "params": 1_000, "inputs": 100, "outputs": 80}.items():
        assert 0 < len(facts[name]) < whole
        assert len(facts[name]) + facts["withheld"][name] == whole
    digests = [{**each, "digest": "0" * 64} for each in facts["outputs"]]
    subjects = tuple(Subject(each["name"], each["digest"]) for each in digests)
    full = {**facts, "outputs": digests, "artifacts": {"files": 9, "bytes": 9, "moved": 0, "sha256": "0" * 64}}
    draft = look.drafts[0]
    sealed = replace(draft, facts=full, subjects=(*draft.subjects, *subjects)).seal(b"\0" * 32)
    assert len(sealed) < 55_000, "tags, and what the header may hold, have room beside it"


def test_a_run_that_is_its_own_grandparent_is_recorded_as_that(team, seen):
    runs = [team.run() for _ in range(3)]
    for run, parent in zip(runs, [*runs[1:], runs[0]], strict=True):
        team.call("runs/set-tag", run_id=run, key="mlflow.parentRunId", value=parent)
    look = first(team, seen)
    parents = [facts_of(look, run)["parent"].rsplit("/", 1)[1] for run in runs]
    assert parents == [*runs[1:], runs[0]]


def test_recorded_facts_spare_a_second_hashing_unless_something_changed(team, seen, ledger, mlflow):
    run = team.run()
    team.artifact(run, "a.txt", b"before")
    look = first(team, seen)
    # Taken away behind MLflow's back: whoever lists it again cannot but see that.
    stored = mlflow.artifacts / team.experiment_id / run / "artifacts" / "a.txt"
    stored.write_bytes(b"after")
    more = {"cursor": look.cursor, "seen": seen, "recorded": ledger(look)}
    assert facts_of(look_at_runs(team.system(), team.connection, **more), run) == facts_of(look, run)
    team.log(run, tags=[{"key": "reviewed", "value": "yes"}])
    changed = facts_of(look_at_runs(team.system(), team.connection, **more), run)
    assert changed["artifacts"]["sha256"] != facts_of(look, run)["artifacts"]["sha256"]


def test_many_new_runs_without_artifacts_cost_no_request_each(team, seen, monkeypatch):
    runs = [team.run(NOW_MS - HOUR + each) for each in range(15)]
    team.artifact(runs[3], "a.txt", b"a")
    asked, send = [], Api._send

    def counted(self, method, path, **more):
        asked.append(path)
        return send(self, method, path, **more)

    monkeypatch.setattr(Api, "_send", counted)
    look = first(team, seen)
    files = [facts_of(look, run)["artifacts"]["files"] for run in runs]
    assert files == [0, 0, 0, 1, *[0] * 11]
    assert len(asked) == 5, "the experiment, its runs, its artifacts, and of one run the listing and the file"


def test_a_run_still_running_has_no_artifacts_yet(team, seen):
    run = team.run(finish=False)
    team.artifact(run, "a.txt", b"a")
    assert facts_of(first(team, seen), run)["artifacts"] is None


def test_an_experiment_that_is_not_there_is_named_with_file_field_and_near_names(team, seen):
    wrong = f"{team.name[:-1]}_"
    with pytest.raises(SourceRefused) as caught:
        first(team, seen, experiments=[wrong])
    text = caught.value.text
    assert "MLflow tracking, include/systems/loans.yaml: mlflow.experiments" in text
    assert wrong in text
    assert repr(team.name) in text
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"experiment": {"name": "loans"}}, SourceGarbled),
        ({"experiment": {"experiment_id": "1' OR '1'='1", "name": "loans"}}, SourceGarbled),
        ({"runs": []}, SourceGarbled),
    ],
)
def test_an_answer_without_what_the_protocol_promises_is_garbled(serve, reply, a_system, seen, answer, error):
    with pytest.raises(error, match="MLflow tracking"):
        look_at_runs(a_system, serve(reply(200, answer)), cursor=None, seen=seen)


def test_a_server_that_is_down_is_said_to_be(serve, reply, a_system, seen):
    with pytest.raises(SourceUnavailable, match="MLflow tracking: answered 500"):
        look_at_runs(a_system, serve(reply(500)), cursor=None, seen=seen)


def test_the_cursor_is_never_too_large_for_an_entry(team, monkeypatch):
    monkeypatch.setattr("affidavit.collect.position.OPEN_RUNS", 2)
    runs = [team.run(NOW_MS - HOUR + each, finish=False) for each in range(4)]
    look = first(team, Circumstances(NOW))
    assert look.cursor[team.experiment_id]["open"] == runs[2:]


def later(days: float) -> Circumstances:
    return Circumstances(NOW + timedelta(days=days))


def test_a_sweep_finds_what_was_changed_deleted_or_dated_back_after_collection(team, ledger):
    old = [team.run(NOW_MS - 40 * DAY + each) for each in range(4)]
    gone = team.run(NOW_MS - 39 * DAY)
    recent = team.run(NOW_MS - HOUR)
    look = first(team, later(0))
    team.call("runs/delete", run_id=old[0])
    team.log(old[1], metrics=[{"key": "auc", "value": 0.99, "timestamp": 1, "step": 0}])
    team.call("runs/set-tag", run_id=old[2], key="team", value="another")
    back_dated = team.run(NOW_MS - 50 * DAY)
    team.destroy(gone)

    def again(days, looks):
        system = team.system(allow={"tags": ["team"]})
        seen = later(days)
        return look_at_runs(system, team.connection, cursor=looks[-1].cursor, seen=seen, recorded=ledger(*looks))

    daily = again(0.25, [look])
    assert ids(daily) == [recent], "the next tick of the sweep is tomorrow"
    swept = again(1, [look, daily])
    assert sorted(ids(swept)) == sorted([*old, gone, recent, back_dated])
    assert facts_of(swept, old[0])["lifecycle"] == "deleted"
    assert facts_of(swept, old[1])["metrics"] == {"auc": 0.99}
    assert facts_of(swept, old[2])["tags"] == {"team": "another"}
    assert facts_of(swept, old[3]) == facts_of(look, old[3])
    assert facts_of(swept, gone) == {**facts_of(look, gone), "lifecycle": "gone"}
    assert swept.window.start is None

    team.call("runs/restore", run_id=old[0])
    after = again(3, [look, daily, swept])
    assert ids(after) == [recent], "one sweep a week"
    restored = again(8, [look, daily, swept, after])
    assert facts_of(restored, old[0])["lifecycle"] == "active"
    assert gone not in ids(restored), "it was said once"


def test_a_run_that_is_gone_keeps_its_period_and_its_digests(team, ledger):
    run = team.run()
    team.artifact(run, "a.txt", b"a")
    look = first(team, later(0))
    team.destroy(run)
    found = look_at_runs(team.system(), team.connection, cursor=look.cursor, seen=later(2), recorded=ledger(look))
    (before,), (gone,) = look.drafts, found.drafts
    assert gone.effective == before.effective
    assert gone.subjects[1:] == before.subjects[1:]


def test_an_unfinished_run_that_is_gone_is_noticed_at_the_next_look(team, ledger):
    run = team.run(finish=False)
    look = first(team, later(0))
    team.destroy(run)
    found = look_at_runs(team.system(), team.connection, cursor=look.cursor, seen=later(0.1), recorded=ledger(look))
    assert facts_of(found, run)["lifecycle"] == "gone"
    assert found.cursor[team.experiment_id]["open"] == []


@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_a_run_that_an_alias_leads_to_is_read_at_every_look(team, ledger, alias):
    run, other = team.run(NOW_MS - 40 * DAY), team.run(NOW_MS - 40 * DAY)
    team.run()
    for each in (run, other):
        version = team.register("s3://bucket/model", each)
    team.alias(alias, str(int(version) - 1))
    system = team.system(registered_models=[team.name])
    look = look_at_runs(system, team.connection, cursor=None, seen=later(0))
    more = {"cursor": look.cursor, "seen": later(0.1), "recorded": ledger(look)}
    for each in (run, other):
        team.call("runs/delete", run_id=each)
    found = look_at_runs(system, team.connection, **more)
    assert facts_of(found, run)["lifecycle"] == "deleted"
    assert other not in ids(found), "only the sweep finds it"
    team.destroy(run)
    assert facts_of(look_at_runs(system, team.connection, **more), run)["lifecycle"] == "gone"


def test_renaming_an_experiment_hides_no_deletion(team, ledger):
    runs = [team.run(NOW_MS - 40 * DAY + each) for each in range(2)]
    look = first(team, later(0))
    team.call("experiments/update", experiment_id=team.experiment_id, new_name=f"{team.name}-old")
    replacement = team.experiment(team.name)
    new = team.run(experiment_id=replacement)
    team.call("runs/delete", run_id=runs[0])
    team.destroy(runs[1])
    found = look_at_runs(team.system(), team.connection, cursor=look.cursor, seen=later(2), recorded=ledger(look))
    assert sorted(ids(found)) == sorted([*runs, new])
    assert facts_of(found, runs[0])["lifecycle"] == "deleted"
    assert facts_of(found, runs[0])["experiment"] == {"id": team.experiment_id, "name": f"{team.name}-old"}
    assert facts_of(found, runs[1])["lifecycle"] == "gone"
    # Had it counted as read, its earlier runs would be passed over once it is declared.
    assert positions(found.cursor)[team.experiment_id].since is None


def test_runs_of_another_server_are_never_called_gone(team, ledger):
    team.run()
    look = first(team, later(0))
    elsewhere = {name.replace("//tracking/", "//other/"): entry for name, entry in ledger(look).items()}
    found = look_at_runs(team.system(), team.connection, cursor=None, seen=later(2), recorded=elsewhere)
    assert {draft.facts["lifecycle"] for draft in found.drafts} == {"active"}


def test_a_sweep_reads_artifacts_again_in_turn(team, ledger, mlflow, monkeypatch):
    monkeypatch.setattr("affidavit.collect.rotation.REREAD_BYTES", 0)
    runs = sorted(team.run(NOW_MS - 40 * DAY) for _ in range(2))
    for run in runs:
        team.artifact(run, "a.txt", b"before")
    look = first(team, later(0))
    for run in runs:
        (mlflow.artifacts / team.experiment_id / run / "artifacts" / "a.txt").write_bytes(b"after!")

    def overwritten(days, cursor):
        found = look_at_runs(team.system(), team.connection, cursor=cursor, seen=later(days), recorded=ledger(look))
        return found, [run for run in runs if run in ids(found) and facts_of(found, run) != facts_of(look, run)]

    daily, noticed = overwritten(0.1, look.cursor)
    assert noticed == []
    swept, noticed = overwritten(7, daily.cursor)
    assert noticed == [runs[0]]
    assert swept.notice_delay_seconds == (3 * 7 + 1) * 86_400
    _, noticed = overwritten(14, swept.cursor)
    assert noticed == [runs[1]]


def test_artifacts_that_moved_are_recorded_so_and_read_again_at_the_next_look(team, ledger, monkeypatch):
    run = team.run()
    team.artifact(run, "a.txt", b"a")
    stream = Api.stream
    monkeypatch.setattr(Api, "stream", lambda *_: iter([b"longer"]))
    look = first(team, later(0))
    assert facts_of(look, run)["artifacts"] == {"files": 1, "bytes": 0, "moved": 1, "sha256": None}
    assert len(look.drafts[0].subjects) == 1
    monkeypatch.setattr(Api, "stream", stream)
    again = look_at_runs(team.system(), team.connection, cursor=look.cursor, seen=later(0.1), recorded=ledger(look))
    assert facts_of(again, run)["artifacts"]["moved"] == 0

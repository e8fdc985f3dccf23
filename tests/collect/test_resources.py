"""What runs took, from a real server: samples of system metrics, times, and nothing that names a machine."""

import json
import math
from urllib.parse import parse_qs, urlsplit

import pytest

from affidavit.collect import resources
from affidavit.collect.mlflow_client import MlflowServer
from affidavit.collect.resources import look_at_resources, resources_of
from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.measure.resources import RunResources

START = 1_770_000_000_000


def sampled(key, *values):
    return [{"key": key, "value": value, "timestamp": START + n, "step": n} for n, value in enumerate(values)]


def test_samples_of_all_machines_and_processors_come_together_and_their_names_stay_behind(team, monkeypatch):
    monkeypatch.setattr(resources, "_PAGE", 2)
    run, quiet = team.run(START), team.run(START)
    metrics = [
        *sampled("system/cpu_utilization_percentage", 10.0, 20.0, 30.0),
        *sampled("system/anna-laptop/cpu_utilization_percentage", 40.0),
        *sampled("system/anna-laptop/gpu_0_utilization_percentage", 50.0),
        *sampled("system/anna-laptop/gpu_1_utilization_percentage", 60.0, math.inf),
        *sampled("system/anna-laptop/shoe_size", 41.0),
        *sampled("accuracy", 0.9),
    ]
    team.log(run, metrics=[{**each, "value": str(each["value"])} for each in metrics])
    with MlflowServer(team.connection) as server:
        took, nothing = (resources_of(server, server.run(each)) for each in (run, quiet))
    assert sorted(took.samples["cpu_utilization_percentage"]) == [10.0, 20.0, 30.0, 40.0]
    assert sorted(took.samples["gpu_utilization_percentage"]) == [50.0, 60.0]
    assert set(took.samples) == {"cpu_utilization_percentage", "gpu_utilization_percentage"}
    assert (took.seconds, took.machines, took.gpus, took.unusable) == (1.0, 2, 2, 1)
    assert "anna" not in repr(took)
    assert nothing == RunResources(1.0)


class Server:
    """Speaks MLflow's part of the protocol about one run."""

    def __init__(self, history, **info):
        self.history = history
        self.info = {"run_id": "r1", "experiment_id": "1", "status": "FINISHED", "lifecycle_stage": "active", **info}

    def __call__(self, handler):
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if urlsplit(handler.path).path.endswith("get-history"):
            status, answer = self.history(parse_qs(urlsplit(handler.path).query))
        else:
            metrics = [{"key": "system/cpu_utilization_percentage", "value": 1.0}]
            status, answer = 200, {"run": {"info": self.info, "data": {"metrics": metrics}}}
        data = json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


def took(serve, history, **info):
    with MlflowServer(serve(Server(history, **info))) as server:
        return resources_of(server, server.run("r1"))


def test_samples_that_are_no_numbers_are_counted_and_left_out(serve):
    values = [{"value": each} for each in (1.5, math.nan, math.inf, 1.797e308, "7", None, True, [1])]
    found = took(serve, lambda _: (200, {"metrics": [*values, {}]}))
    assert found.samples == {"cpu_utilization_percentage": (1.5,)}
    assert found.unusable == 8


@pytest.mark.parametrize("times", [{}, {"start_time": 5}, {"start_time": 9, "end_time": 5}, {"end_time": 5}])
def test_times_that_cannot_be_are_no_duration(serve, times):
    assert took(serve, lambda _: (200, {}), **times).seconds is None


def test_a_history_that_never_ends_is_refused(serve, monkeypatch):
    monkeypatch.setattr(resources, "MOST_SAMPLES", 10)
    with pytest.raises(SourceRefused, match="sample less often"):
        took(serve, lambda _: (200, {"metrics": [{"value": 1}] * 4, "next_page_token": "again"}))


def test_a_history_of_empty_pages_ends_too(serve):
    with pytest.raises(SourceGarbled, match="empty page"):
        took(serve, lambda _: (200, {"next_page_token": "again"}))


def test_a_server_that_fails_is_tried_again_later(serve):
    with pytest.raises(SourceUnavailable):
        took(serve, lambda _: (500, {}))


def told(team, seen):
    system = team.system(registered_models=[team.name])
    drafts, reports = look_at_resources(system, team.connection, collector="mlflow-models", seen=seen)
    assert len(drafts) == len(reports)
    return drafts


def values(draft):
    return {each["measure"]: each for each in draft.facts["results"]}


def test_what_the_run_of_the_version_in_use_took_is_one_statement_about_that_version(team, seen):
    used, other = team.run(START), team.run(START)
    team.log(used, metrics=[{**each, "value": "7.5"} for each in sampled("system/cpu_utilization_percentage", 1, 2)])
    for run in (used, other):
        version = team.register(f"runs:/{run}/model", run)
        if run == used:
            team.alias("champion", version)
    [draft] = told(team, seen)
    home = f"mlflow://tracking/models/{team.name}"
    assert draft.subjects[0].name == f"affidavit://measurements/{home}/resources/1"
    facts = draft.facts
    assert (facts["family"], facts["source"], facts["model"], facts["version"]) == ("resources", home, team.name, "1")
    assert (facts["rows"], facts["settings"]) == (1, {"run": f"mlflow://tracking/runs/{used}"})
    found = values(draft)
    assert (found["training_time_total"]["value"], found["cpu_utilization_percentage_max"]["value"]) == (1.0, 7.5)
    assert "mlflow.enable_system_metrics_logging()" in found["disk_usage_percentage_max"]["why"]
    [again] = told(team, seen)
    assert again.subjects == draft.subjects, "the same run again is the same fact"


def test_a_run_that_is_gone_or_still_runs_took_nothing_that_could_be_told(team, seen):
    running, gone = team.run(START, finish=False), team.run(START)
    team.alias("champion", team.register(f"runs:/{running}/model", running))
    for _ in range(2):
        [draft] = told(team, seen)
        assert (draft.facts["rows"], values(draft)["training_time_total"]["why"]) == (0, "no finished run")
        team.alias("champion", team.register(f"runs:/{gone}/model", gone))
        team.destroy(gone)


def test_without_a_version_in_use_there_is_no_statement(team, seen):
    run = team.run(START)
    team.register(f"runs:/{run}/model", run)
    team.alias("candidate", "1")
    assert told(team, seen) == ()

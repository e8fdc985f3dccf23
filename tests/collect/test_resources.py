"""What runs took, from a real server: samples of system metrics, times, and nothing that names a machine."""

import json
import math
from urllib.parse import parse_qs, urlsplit

import pytest

from affidavit.collect import resources
from affidavit.collect.resources import look_at_resources
from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.measure.resources import RunResources

START = 1_770_000_000_000


def sampled(key, *values):
    return [{"key": key, "value": value, "timestamp": START + n, "step": n} for n, value in enumerate(values)]


def test_samples_of_all_machines_and_processors_come_together_and_their_names_stay_behind(team, monkeypatch):
    monkeypatch.setattr(resources, "_PAGE", 2)
    run, quiet, running = team.run(START), team.run(START), team.run(START, finish=False)
    metrics = [
        *sampled("system/cpu_utilization_percentage", 10.0, 20.0, 30.0),
        *sampled("system/anna-laptop/cpu_utilization_percentage", 40.0),
        *sampled("system/anna-laptop/gpu_0_utilization_percentage", 50.0),
        *sampled("system/anna-laptop/gpu_1_utilization_percentage", 60.0, math.inf),
        *sampled("system/anna-laptop/shoe_size", 41.0),
        *sampled("accuracy", 0.9),
    ]
    team.log(run, metrics=[{**each, "value": str(each["value"])} for each in metrics])
    found = look_at_resources(
        team.connection, experiment_id=team.experiment_id, run_ids=[run, quiet, running, "0" * 32]
    )
    assert set(found) == {run, quiet}
    took = found[run]
    assert sorted(took.samples["cpu_utilization_percentage"]) == [10.0, 20.0, 30.0, 40.0]
    assert sorted(took.samples["gpu_utilization_percentage"]) == [50.0, 60.0]
    assert set(took.samples) == {"cpu_utilization_percentage", "gpu_utilization_percentage"}
    assert (took.seconds, took.machines, took.gpus, took.unusable) == (1.0, 2, 2, 1)
    assert "anna" not in repr(found)
    assert found[quiet] == RunResources(1.0)


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
            status, answer = 200, {"runs": [{"info": self.info, "data": {"metrics": metrics}}]}
        data = json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


def took(serve, history, **info):
    return look_at_resources(serve(Server(history, **info)), experiment_id="1", run_ids=["r1"])["r1"]


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

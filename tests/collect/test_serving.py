import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request

import pytest

from affidavit.collect.serving import look_at_endpoint
from affidavit.errors import ConfigurationError
from affidavit.evidence import Origin, Stage, kinds
from affidavit.inventory import Connection, Endpoint

LIVE = Endpoint(id="live", model="loans", connection="live", path="/v1/model", version="model.versions.0")


def ask(a_system, seen, connection, **changes):
    found = look_at_endpoint(a_system, LIVE.model_copy(update=changes), connection=connection, seen=seen)
    [draft] = found.drafts
    assert draft.seal(None)
    return found, draft


@pytest.mark.parametrize("version", ["3", 3, "models:/loans@champion", "m-6a3b"])
def test_an_endpoint_says_which_version_it_serves(a_system, seen, serve, reply, version):
    found, draft = ask(a_system, seen, serve(reply(200, {"model": {"versions": [version, "2"], "name": "x"}})))
    assert (found.collector, found.enumerated, found.read) == ("serving:live", 1, 1)
    assert (draft.kind, draft.stage, draft.origin) == (kinds.SERVING_VERSION, Stage.DEPLOYMENT, Origin.OBSERVED)
    assert draft.subjects[0].name == "affidavit://serving/live"
    assert draft.facts == {
        "endpoint": "live",
        "model": "loans",
        "source": "endpoint://live/v1/model",
        "version": str(version),
        "unknown": None,
    }


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"model": None},
        {"model": {"versions": []}},
        {"model": {"versions": "3"}},
        {"model": {"versions": [None]}},
        {"model": {"versions": [True]}},
        {"model": {"versions": [3.5]}},
        {"model": {"versions": [{"version": "3"}]}},
        {"model": {"versions": ["<b>hunter2</b>"]}},
        {"model": {"versions": ["x" * 201]}},
        {"model": {"versions": [""]}},
    ],
    ids=json.dumps,
)
def test_an_answer_that_names_no_version_is_unknown_and_none_of_it_is_kept(a_system, seen, serve, reply, document):
    found, draft = ask(a_system, seen, serve(reply(200, document)))
    assert (draft.facts["version"], found.read) == (None, 0)
    assert draft.facts["unknown"] == "its answer names no version at model.versions.0"
    assert b"hunter2" not in draft.seal(None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, "hunter2"), "answered 500"),
        ((404, "hunter2"), "answered 404"),
        ((302, "hunter2"), "sends us elsewhere"),
        ((200, "hunter2"), "not the JSON"),
        ((200, "3"), "not the JSON"),
        ((200, '["hunter2"]'), "not the JSON"),
        ((200, "<html>hunter2"), "an HTML page"),
    ],
)
def test_an_endpoint_that_answers_otherwise_is_unknown_and_says_why(a_system, seen, serve, reply, answer, words):
    status, text = answer
    _, draft = ask(a_system, seen, serve(reply(status, text=text)))
    assert draft.facts["version"] is None
    assert words in draft.facts["unknown"]
    assert b"hunter2" not in draft.seal(None)


def test_an_endpoint_that_hangs_is_left_and_unknown(a_system, seen, serve):
    released = threading.Event()
    try:
        _, draft = ask(a_system, seen, serve(lambda _: released.wait(30), timeout=0.5))
    finally:
        released.set()
    assert (draft.facts["version"], draft.facts["unknown"]) == (None, "no answer within 0.5 s")


def test_an_endpoint_that_is_down_is_unknown(a_system, seen):
    _, draft = ask(a_system, seen, Connection("live", "http", "127.0.0.1", 1))
    assert "cannot be reached" in draft.facts["unknown"]


def test_a_connection_that_is_no_address_is_an_error(a_system, seen):
    with pytest.raises(ConfigurationError, match="scoring endpoint live"):
        ask(a_system, seen, Connection("live", "ftp", "ftp://x"))


SERVER = """
import sys
import mlflow.pyfunc, uvicorn
from mlflow.pyfunc import scoring_server

class Model(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[str]) -> list[str]:
        return model_input

mlflow.pyfunc.save_model(sys.argv[1], python_model=Model(), pip_requirements=[])
uvicorn.run(scoring_server.init(mlflow.pyfunc.load_model(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]))
"""


@pytest.fixture
def scoring_server(tmp_path):
    """MLflow's own scoring server with a model of ours: its port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    log = tmp_path / "server.log"
    command = [sys.executable, "-c", SERVER, str(tmp_path / "model"), str(port)]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=env, cwd=tmp_path) as server:
        try:
            for _ in range(600):
                assert server.poll() is None, log.read_text()
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                        break
                except OSError:
                    threading.Event().wait(0.1)
            yield port
        finally:
            server.kill()


def test_the_version_that_mlflows_own_server_answers_is_not_taken_for_that_of_the_model(a_system, seen, scoring_server):
    connection = Connection("live", "http", "127.0.0.1", scoring_server)
    for path in ("/version", "/ping", "/v1/model"):
        _, draft = ask(a_system, seen, connection, path=path, version="version")
        assert draft.facts["version"] is None, "it says which MLflow it is, and not which model it serves"
        assert draft.facts["unknown"]

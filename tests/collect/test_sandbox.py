"""Models that attack whoever serves them: what each could reach, confined, and in a control run beside us.

The control run is MLflow's own scoring server with the same model, started as most are: as our user, with our
environment. Each attempt must succeed there, or its failure in the sandbox would say nothing.
"""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from affidavit.collect.rest import Api
from affidavit.collect.sandbox import Sandbox, _environment
from affidavit.collect.scoring import Scorer
from affidavit.errors import AffidavitError, ConfigurationError, SourceGarbled, SourceUnavailable, UsageError
from affidavit.inventory import Connection
from affidavit.ledger import LocalSigner

CONN = "AIRFLOW_CONN_BANK"

MODEL = """
import json, os, socket, sqlite3, time
from pathlib import Path

def environments():
    found = []
    for each in Path("/proc").glob("[0-9]*/environ"):
        try:
            if b"AIRFLOW_CONN_BANK" in each.read_bytes():
                found.append(each.parent.name)
        except OSError:
            pass
    return found or 1 / 0

def unix(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)

def tcp(port):
    with socket.create_connection(("127.0.0.1", int(port)), 10):
        pass

def connections(path):
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("SELECT conn_id FROM connection").fetchall()

ACTS = {
    "key": lambda path: Path(path).read_bytes(),
    "own environment": lambda name: os.environ[name],
    "other environments": lambda _: environments(),
    "signer": unix,
    "airflow.db": connections,
    "network": tcp,
    "write": lambda path: Path(path).write_text("x"),
    "signal": lambda pid: os.kill(int(pid), 0),
}

class Hostile:
    def predict(self, model_input, params=None):
        act, argument = model_input.iloc[0]
        if act in ACTS:
            try:
                ACTS[act](argument)
                return ["reached"]
            except Exception as error:
                return ["refused"]
        if act == "answer":
            return json.loads(argument)
        if act == "fail":
            raise ValueError(argument)
        if act == "hang":
            time.sleep(60)
        os._exit(1)

def _load_pyfunc(path):
    return Hostile()
"""

FLAVOUR = """
flavors:
  python_function: {loader_module: hostile, code: code, python_version: 3.11.0}
model_uuid: 6a3b6a3b6a3b6a3b6a3b6a3b6a3b6a3b
utc_time_created: '2026-03-14 12:00:00'
"""

REACHES = ["key", "own environment", "other environments", "signer", "airflow.db", "network", "write", "signal"]


@pytest.fixture(scope="module")
def hostile():
    """A directory with the hostile model, in MLflow's own format."""
    with tempfile.TemporaryDirectory(prefix="affidavit-test-") as folder:
        Path(folder, "model/code").mkdir(parents=True)
        Path(folder, "model/code/hostile.py").write_text(MODEL)
        Path(folder, "model/MLmodel").write_text(FLAVOUR)
        yield Path(folder, "model")


@pytest.fixture(scope="module")
def ours():
    """What must not be reached, each in the state in which it is easiest to reach: where everybody may look."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="affidavit-test-")))
        home.chmod(0o755)
        LocalSigner.generate(home / "ledger.key")
        signer = stack.enter_context(socket.socket(socket.AF_UNIX))
        signer.bind(str(home / "signer"))
        (home / "signer").chmod(0o666)
        signer.listen(50)
        port = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=50))
        database = sqlite3.connect(home / "airflow.db")
        database.execute("CREATE TABLE connection (conn_id TEXT)")
        database.close()
        (home / "airflow.db").chmod(0o644)
        worker = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", "input()"],
                stdin=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={CONN: "postgres://bank:hunter2@host/db"},
            )
        )
        yield SimpleNamespace(
            secrets=[home / "ledger.key", home / "signer", home / "airflow.db"],
            arguments={
                "key": str(home / "ledger.key"),
                "own environment": CONN,
                "other environments": "",
                "signer": str(home / "signer"),
                "airflow.db": str(home / "airflow.db"),
                "network": str(port.getsockname()[1]),
                "write": str(home / "written"),
                "signal": str(worker.pid),
            },
        )
        worker.stdin.close()


def attempts(api, ours):
    """What came of each attempt to reach something of ours."""
    scorer = Scorer(api, classes=["reached", "refused"])
    return {act: scorer.decisions({"act": [act], "argument": [ours.arguments[act]]})[0] for act in REACHES}


@contextmanager
def confined(hostile, ours, *, seconds=60.0):
    with Sandbox(secrets=ours.secrets, seconds=seconds) as box:
        shutil.copytree(hostile, box.model, dirs_exist_ok=True)
        yield box.start()


def mishap(api, act, argument=""):
    """The error in which asking for an act ends."""
    with pytest.raises(AffidavitError) as caught:
        Scorer(api).scores({"act": [act], "argument": [argument]})
    return caught.value


@pytest.fixture(scope="module")
def story(hostile, ours):
    """All that the model does in one sandbox, in an order in which each act leaves the next one possible."""
    with confined(hostile, ours) as (api, isolation):
        found = SimpleNamespace(isolation=isolation, attempts=attempts(api, ours), mishaps={})
        for answer in ("[]", "[1, 2]", '["hunter2"]', "[NaN]", "[1e999]", "[null]", '"hunter2"', "{}"):
            found.mishaps[answer] = mishap(api, "answer", answer)
        found.mishaps["fail"] = mishap(api, "fail", "hunter2")
        api.seconds = 1.0
        found.mishaps["hang"] = mishap(api, "hang")
        api.seconds = 60.0
        found.mishaps["crash"] = mishap(api, "crash")
        found.mishaps["after the crash"] = mishap(api, "answer", "[1]")
    return found


@pytest.fixture(scope="module")
def control(hostile, ours):
    """The same attempts beside us."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=50))
        port, fd = listener.getsockname()[1], listener.fileno()
        app = "mlflow.pyfunc.scoring_server.app:app"
        env = {name: value.format(model=hostile, scratch=hostile.parent) for name, value in _environment(60).items()}
        server = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "--fd", str(fd), app],
                pass_fds=[fd],
                env={**os.environ, **env, CONN: "postgres://bank:hunter2@host/db"},
                stderr=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        )
        stack.callback(server.kill)
        connection = Connection("control", "http", "127.0.0.1", port, extra={"timeout": 300})
        return attempts(stack.enter_context(Api(connection, product="scoring endpoint")), ours)


@pytest.mark.parametrize("act", REACHES)
def test_what_a_model_reaches_beside_us_it_does_not_reach_in_the_sandbox(story, control, act):
    assert control[act] == "reached", "or the attempt proves nothing"
    assert story.attempts[act] == "refused"


def test_the_sandbox_says_what_was_in_force(story):
    assert story.isolation.text in {
        "isolated by user, by file system and from the network",
        "not isolated by user",
    }
    assert story.isolation.user is (os.getuid() == 0)
    assert story.isolation.secrets == 5, "three of ours, a file, and the socket through which it is asked"


@pytest.mark.parametrize("answer", ["[]", "[1, 2]", '["hunter2"]', "[NaN]", "[1e999]", "[null]", '"hunter2"', "{}"])
def test_garbage_is_an_error_that_does_not_show_it(story, answer):
    assert isinstance(story.mishaps[answer], SourceGarbled | SourceUnavailable)
    assert "hunter2" not in story.mishaps[answer].text


def test_a_model_that_fails_is_an_error_without_its_words(story):
    assert "400 BAD_REQUEST" in story.mishaps["fail"].text
    assert "hunter2" not in story.mishaps["fail"].text


def test_a_model_that_hangs_is_left_after_the_time_out(story):
    assert isinstance(story.mishaps["hang"], SourceUnavailable)
    assert "no answer within 1 s" in story.mishaps["hang"].text


def test_a_model_that_crashes_is_an_error_and_so_is_every_question_after_it(story):
    for each in ("crash", "after the crash"):
        assert isinstance(story.mishaps[each], SourceUnavailable)
        assert "cannot be reached" in story.mishaps[each].text


def test_a_model_that_cannot_be_loaded_names_the_exception_and_nothing_is_left(ours, monkeypatch):
    monkeypatch.setattr("affidavit.collect.sandbox._APP", "json:hunter2")
    with Sandbox(secrets=ours.secrets) as box, pytest.raises(SourceUnavailable, match="could not be loaded") as caught:
        box.start()
    assert "hunter2" not in caught.value.text
    assert not box.model.parent.exists()


def test_a_secret_that_could_be_reached_ends_it_before_anything_is_loaded(tmp_path):
    with tempfile.NamedTemporaryFile(dir=sys.prefix) as left, Sandbox(secrets=[Path(left.name)]) as box:
        Path(left.name).chmod(0o644)
        with pytest.raises(ConfigurationError, match="it could reach") as caught:
            box.start()
        assert left.name in caught.value.text
    with Sandbox(secrets=[tmp_path / "none"]) as box, pytest.raises(UsageError, match="there is no such file"):
        box.start()

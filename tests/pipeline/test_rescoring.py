"""A version that is asked again, through the whole house: answers are recorded, and a failure records nothing."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
import requests

from affidavit.collect.sandbox import Sandbox
from affidavit.errors import ConfigurationError, SourceError
from affidavit.evidence import Origin
from affidavit.pipeline import collection
from tests.collect import fitted
from tests.pipeline.conftest import Tracking, system

FAMILIES = {"agreement", "robustness", "explanation", "membership"}


@pytest.fixture
def endpoint():
    """A scoring endpoint that names its version and answers as its model does, or with what ``garbage`` holds."""
    garbage = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.say({"version": "1"})

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["dataframe_split"]
            rows = pd.DataFrame(asked["data"], columns=asked["columns"])
            if rows.isna().any(axis=None):
                self.send_error(400)
            else:
                self.say(garbage[0] if garbage else {"predictions": fitted.fitted()[0].predict_proba(rows).tolist()})

        def say(self, document):
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", garbage
        server.shutdown()


def declare(project, **asked):
    """``loans`` has a table of scored rows whose version is asked; ``other`` has nothing of the kind."""
    name = project.tracking.name
    measured = {
        "task": "binary",
        "model": name,
        "version": "version",
        "classes": ["no", "yes"],
        "positive": "yes",
        "cut": 0.5,
        "features": fitted.FEATURES,
        "key": "id",
        "part": 1,
        "sample": 40,
        **asked,
    }
    table = {"id": "scored", "connection": "bank", "table": "scored", "label": "malignant", "score": "score"}
    live = {"id": "live", "model": name, "connection": "scoring", "path": "/version", "version": "version"}
    predictions = [{**table, "measured": measured}]
    serving = [live] if "endpoint" in asked else []
    project.declare(**system("loans", name, predictions=predictions, serving=serving))
    project.declare(**system("other", name))
    fitted.fill(project.warehouse)


def asked(project):
    """The latest statement of each family that comes of asking."""
    entries = project.entries("measurement")
    return {e.statement.facts["family"]: e for e in entries if e.statement.facts["family"] in FAMILIES}


def test_answers_are_recorded_once_and_what_fails_records_nothing_and_keeps_nobody_else(project, endpoint):
    url, garbage = endpoint
    project.connections["scoring"] = url
    declare(project, endpoint="live")
    assert "model_scored" in [step.task for step in collection.steps(project.workplace, "loans")]
    project.collect()
    found = asked(project)
    assert set(found) == FAMILIES
    assert {entry.statement.origin for entry in found.values()} == {Origin.REPERFORMED}
    [agreement, *_] = found["agreement"].statement.facts["results"]
    assert (agreement["measure"], agreement["value"], agreement["n"]) == ("score_agreement", 1, 40)
    project.tomorrow()
    before = project.size()
    project.collect()
    kinds = {entry.statement.kind for entry in project.entries()[before:]}
    assert "collection" in kinds
    assert {entry.index for entry in asked(project).values()} == {entry.index for entry in found.values()}

    garbage.append({"predictions": ["none of it"] * 40})
    project.tomorrow()
    before = project.size()
    with pytest.raises(SourceError, match=r"warehouse://bank/scored, scored again by .* version 1"):
        project.collect()
    assert project.size() == before
    assert project.collect("other").entries > 0


def put(tracking: Tracking, files: dict[str, bytes]) -> str:
    """A run that holds a model, and the version that is made of it."""
    run = tracking.run()
    for path, content in files.items():
        where = f"{tracking.experiment_id}/{run}/artifacts/model/{path}"
        requests.put(f"{tracking.url}/api/2.0/mlflow-artifacts/artifacts/{where}", data=content, timeout=30)
    return tracking.version(run)


@pytest.mark.nightly
def test_the_version_in_use_is_served_walled_in_and_again_only_when_something_changed(project, monkeypatch):
    version = put(project.tracking, fitted.files())
    project.tracking.alias(version)
    declare(project, serve=True)
    fitted.fill(project.warehouse, version=version)
    started = []
    start = Sandbox.start
    monkeypatch.setattr(Sandbox, "start", lambda box: started.append(box) or start(box))

    project.collect()
    unknown = {each["why"] for e in asked(project).values() for each in e.statement.facts["results"]}
    assert unknown == {"not tested: which version is in use is unknown"}  # the ledger did not know it yet
    project.tomorrow()
    project.collect()
    found = asked(project)
    assert {entry.statement.facts["version"] for entry in found.values()} == {version}
    assert {entry.statement.origin for entry in found.values()} == {Origin.REPERFORMED}
    assert found["agreement"].statement.facts["results"][0]["value"] == 1
    assert "isolat" in found["agreement"].statement.facts["settings"]["isolation"]
    project.tomorrow()
    project.collect()
    assert {entry.index for entry in asked(project).values()} == {entry.index for entry in found.values()}
    assert len(started) == 1

    project.sql("UPDATE scored SET score = 0.123 WHERE id % 4 = 0")
    project.tomorrow()
    project.collect()
    assert len(started) == 2
    assert asked(project)["agreement"].statement.facts["results"][0]["high"] < 0.95
    again = "; ".join(v.sentence for v in project.assess().verdicts if v.scope == "system:loans")
    assert "confirmed by asking" not in again


CRASHES = b"""
import os

def _load_pyfunc(path):
    os._exit(1)
"""


@pytest.mark.nightly
@pytest.mark.parametrize("what", ["crashes", "another"])
def test_a_version_that_cannot_be_served_and_one_whose_files_were_changed_are_told(project, what):
    files = fitted.files() | ({"code/pickled.py": CRASHES} if what == "crashes" else {})
    version = put(project.tracking, files)
    project.tracking.alias(version)
    declare(project, serve=True)
    fitted.fill(project.warehouse, version=version)
    project.collect()
    project.tomorrow()
    if what == "crashes":
        project.collect()
        told = {each["why"] for family in FAMILIES for each in asked(project)[family].statement.facts["results"]}
        assert len(told) == 1
        assert told.pop().startswith("not tested: the version could not be asked: the model could not be loaded (")
        assert project.entries("collection", scope="system:loans")[-1].statement.facts["gap"] is None
        return
    [entry] = [e for e in project.entries("model-version") if e.statement.facts["version"] == version]
    path = entry.statement.facts["run"].rpartition("/")[2]
    where = f"{project.tracking.experiment_id}/{path}/artifacts/model/code/pickled.py"
    requests.put(f"{project.tracking.url}/api/2.0/mlflow-artifacts/artifacts/{where}", data=b"x = 1", timeout=30)
    project.collect()
    told = {each["why"] for each in asked(project)["agreement"].statement.facts["results"]}
    assert told == {"not tested: its artifacts are not those that were recorded"}


@pytest.mark.nightly
def test_where_a_secret_can_be_reached_nothing_is_served_and_the_others_collect_on(project, monkeypatch):
    version = put(project.tracking, fitted.files())
    project.tracking.alias(version)
    declare(project, serve=True)
    fitted.fill(project.warehouse, version=version)
    project.collect()
    project.tomorrow()
    before = project.size()
    # A secret that lies where the model's own interpreter is read from.
    monkeypatch.setattr(type(project.workplace.settings), "secrets", (Path(json.__file__),))
    with pytest.raises(ConfigurationError, match=r"version 2: the scoring process: it could reach"):
        project.collect()
    assert project.size() == before
    assert project.collect("other").entries > 0

"""A real MLflow server, an ML team that writes to it, and small servers that misbehave."""

import hashlib
import json
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
import requests

from affidavit.collect.look import Look
from affidavit.evidence import Circumstances, Entry
from affidavit.inventory import Connection, System
from tests.conftest import Mlflow

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
HOUR = 3_600_000


@dataclass
class Team:
    """What an ML team's client does, on an experiment and a registered model of its own."""

    server: Mlflow
    name: str = field(default_factory=lambda: f"loans-{uuid.uuid4().hex[:8]}")
    connection: Connection = field(init=False)
    experiment_id: str = field(init=False)

    def __post_init__(self) -> None:
        host, port = self.server.url.removeprefix("http://").split(":")
        self.connection = Connection("tracking", "http", host=host, port=int(port))
        self.experiment_id = self.experiment(self.name)

    def system(self, **mlflow: object) -> System:
        return declared({"experiments": [self.name], **mlflow})

    def call(self, path: str, *, method: str = "POST", **body: object) -> dict:
        answer = requests.request(method, f"{self.server.url}/api/2.0/mlflow/{path}", json=body, timeout=30)
        assert answer.ok, answer.text[:500]
        return answer.json()

    def experiment(self, name: str, **body: object) -> str:
        return self.call("experiments/create", name=name, **body)["experiment_id"]

    def run(self, start: int = NOW_MS - HOUR, *, finish: bool = True, **body: object) -> str:
        body = {"experiment_id": self.experiment_id, "start_time": start} | body
        run = self.call("runs/create", **body)["run"]["info"]["run_id"]
        if finish:
            self.finish(run, start + 1_000)
        return run

    def finish(self, run: str, end: int = NOW_MS) -> None:
        self.call("runs/update", run_id=run, status="FINISHED", end_time=end)

    def log(self, run: str, **values: list[dict]) -> None:
        self.call("runs/log-batch", run_id=run, **values)

    def destroy(self, run: str) -> None:
        """Take a run away for good, as MLflow's own garbage collection does."""
        with closing(sqlite3.connect(self.server.artifacts.parent / "mlflow.db", timeout=30)) as database:
            for table in ("latest_metrics", "metrics", "params", "tags", "runs"):
                database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (run,))
            database.commit()

    def use(self, run: str, name: str, context: str | None, **dataset: str) -> None:
        dataset = {
            "name": name,
            "digest": "abcd1234",
            "source_type": "local",
            "source": "{}",
            "profile": '{"num_rows": 3}',
        } | dataset
        tags = [{"key": "mlflow.data.context", "value": context}] if context else []
        self.call("runs/log-inputs", run_id=run, datasets=[{"tags": tags, "dataset": dataset}])

    def artifact(self, run: str, path: str, content: bytes) -> None:
        self.put(f"{self.experiment_id}/{run}/artifacts/{path}", content)

    def put(self, path: str, content: bytes) -> None:
        url = f"{self.server.url}/api/2.0/mlflow-artifacts/artifacts/{quote(path)}"
        assert requests.put(url, data=content, timeout=30).ok

    def logged_model(self, run: str | None, files: dict[str, bytes]) -> str:
        body = {"experiment_id": self.experiment_id, "name": "model"} | ({"source_run_id": run} if run else {})
        model = self.call("logged-models", **body)["model"]["info"]["model_id"]
        for path, content in files.items():
            self.put(f"{self.experiment_id}/models/{model}/artifacts/{path}", content)
        if run:
            self.call("runs/outputs", run_id=run, models=[{"model_id": model, "step": 0}])
        return model

    def register(self, source: str, run: str | None = None, **body: object) -> str:
        url = f"{self.server.url}/api/2.0/mlflow/registered-models/create"
        requests.post(url, json={"name": self.name}, timeout=30)
        body = {"name": self.name, "source": source} | ({"run_id": run} if run else {}) | body
        if source.startswith("models:/"):
            body["model_id"] = source.removeprefix("models:/")
        return self.call("model-versions/create", **body)["model_version"]["version"]

    def alias(self, alias: str, version: str | None) -> None:
        if version is None:
            self.call("registered-models/alias", method="DELETE", name=self.name, alias=alias)
        else:
            self.call("registered-models/alias", name=self.name, alias=alias, version=version)


@pytest.fixture
def team(mlflow: Mlflow) -> Team:
    return Team(mlflow)


@pytest.fixture
def ledger() -> Callable[..., dict[str, Entry]]:
    """What a ledger holds after looks, oldest first: the latest entry of each subject, of one kind where it is told."""

    def recorded(*looks: Look, kind: str | None = None) -> dict[str, Entry]:
        drafts = [draft for look in looks for draft in look.drafts if kind in {None, draft.kind.name}]
        return {draft.subjects[0].name: Entry(n, draft.seal(None)) for n, draft in enumerate(drafts)}

    return recorded


@pytest.fixture
def seen() -> Circumstances:
    return Circumstances(NOW)


def declared(mlflow: dict[str, object]) -> System:
    """An AI system that is tracked as told."""
    return System.model_validate(
        {
            "id": "loans",
            "title": "Loans",
            "purpose": "To be tested.",
            "organisation_role": "deployer",
            "risk_level": "high",
            "owner": "ml-lead",
            "schedule": "@daily",
            "mlflow": {"connection": "tracking", **mlflow},
            "datasets": [
                {"id": "loans-train", "connection": "bank", "table": "train", "use": "training", "suite": "loans"},
                {"id": "loans-test", "connection": "bank", "table": "test", "use": "test", "suite": "loans"},
            ],
        }
    )


@pytest.fixture
def a_system() -> System:
    """An AI system with one experiment, ``loans``, and one registered model of the same name."""
    return declared({"experiments": ["loans"], "registered_models": ["loans"]})


@pytest.fixture
def tree_digest() -> Callable[[dict[str, bytes]], str]:
    """The digest of a tree of artifacts, computed another way."""

    def digest(files: dict[str, bytes]) -> str:
        rows = [[path, len(content), hashlib.sha256(content).hexdigest()] for path, content in sorted(files.items())]
        return hashlib.sha256(json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()

    return digest


Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def serve() -> Iterator[Callable[..., Connection]]:
    """Starts a small server that treats each request as told, and gives the connection to it."""
    running = []

    def start(answer: Answer, *, timeout: float = 20) -> Connection:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def do_POST(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(server)
        port = server.server_port
        extra = {"timeout": timeout}
        return Connection("tracking", "http", "127.0.0.1", port, login="anna", password="hunter2", extra=extra)

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def reply() -> Callable[..., Answer]:
    """Makes an answer that is always the same."""

    def make(status: int = 200, body: object = None, *, text: str | None = None, **headers: str) -> Answer:
        data = (text if text is not None else json.dumps(body if body is not None else {})).encode()

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)

        return answer

    return make

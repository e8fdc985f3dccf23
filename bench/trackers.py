"""A real MLflow server for the measurements that need one, and runs in it."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from affidavit.inventory import Connection
from bench.measurement import NotComparable

METRICS, PARAMS, TAGS = 10, 10, 10
"""Attributes of each run: thirty in all."""

_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass(frozen=True)
class Tracker:
    """A server on loopback, and the folder that holds what it keeps."""

    port: int
    home: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def connection(self) -> Connection:
        """As a collector gets it."""
        return Connection("tracking", "http", host="127.0.0.1", port=self.port)

    def call(self, path: str, **body: Any) -> dict[str, Any]:
        """What the REST API answers."""
        answer = requests.post(f"{self.url}/api/2.0/mlflow/{path}", json=body, timeout=60)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def server() -> Iterator[Tracker]:
    """Alone in its process group, and gone at the end."""
    with tempfile.TemporaryDirectory(prefix="affidavit-bench-") as home:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            tracker = Tracker(probe.getsockname()[1], Path(home))
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(tracker.port)),
            *("--workers", "1", "--backend-store-uri", f"sqlite:///{home}/mlflow.db"),
            *("--artifacts-destination", f"{home}/artifacts"),
        ]
        with Path(home, "log").open("wb") as out:
            started = subprocess.Popen(
                command, cwd=home, env=os.environ | _QUIET, stdout=out, stderr=out, start_new_session=True
            )
        try:
            _wait_for(started, tracker)
            yield tracker
        finally:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def _wait_for(started: subprocess.Popen[bytes], tracker: Tracker) -> None:
    deadline = time.monotonic() + 90
    while started.poll() is None and time.monotonic() < deadline:
        try:
            if requests.get(f"{tracker.url}/health", timeout=5).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            pass  # it is not up yet
        time.sleep(0.1)
    raise NotComparable("no MLflow server came up")


def runs(tracker: Tracker, name: str, count: int, *, newest: int) -> str:
    """An experiment with ``count`` finished runs of thirty attributes each, a second apart up to ``newest``; its id.

    One is logged over REST, the others are copies of its rows: 17 a second would take minutes.
    """
    experiment: str = tracker.call("experiments/create", name=name)["experiment_id"]
    body = {"experiment_id": experiment, "start_time": newest}
    run = tracker.call("runs/create", **body)["run"]["info"]["run_id"]
    tracker.call(
        "runs/log-batch",
        run_id=run,
        metrics=[{"key": f"m{n}", "value": n / 7, "timestamp": newest, "step": 0} for n in range(METRICS)],
        params=[{"key": f"p{n}", "value": f"value {n}"} for n in range(PARAMS)],
        # MLflow adds the run's name.
        tags=[{"key": f"t{n}", "value": f"value {n}"} for n in range(TAGS - 1)],
    )
    tracker.call("runs/update", run_id=run, status="FINISHED", end_time=newest)
    with closing(sqlite3.connect(tracker.home / "mlflow.db", timeout=60)) as database, database:
        for table in ("runs", "metrics", "latest_metrics", "params", "tags"):
            _copy(database, table, run, count)
    return experiment


def _copy(database: sqlite3.Connection, table: str, run: str, count: int) -> None:
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    # 20 hexadecimal digits of the first run's id, and 12 of a number.
    copied = "substr(run_uuid, 1, 20) || printf('%012x', n)"
    changed = {
        "run_uuid": copied,
        "start_time": "start_time - 1000 * n",
        "end_time": "end_time - 1000 * n",
        "artifact_uri": f"replace(artifact_uri, run_uuid, {copied})",
    }
    database.execute(
        f"WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < {count - 1}) "
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT {', '.join(changed.get(each, each) for each in columns)} FROM {table}, copies WHERE run_uuid = ?",
        (run,),
    )

"""``mlflow-harvest``: collecting runs into a ledger, against a bare ``search_runs`` loop over the same runs.

Ours is a first look at 1,000 runs of thirty attributes each, and appending it: reading, redacting, artifacts (there are
none, which takes one listing), statements, tree and signature. The other side is MLflow's own client, page by page; the
same loop over REST alone, without its objects, stands beside it. A second look has to read no more runs than are new or
unfinished, and 1,000.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

from affidavit.collect.look import Look
from affidavit.collect.runs import look_at_runs
from affidavit.evidence import Circumstances, Json
from affidavit.inventory import Connection, System
from affidavit.ledger import Ledger
from bench import ledgers, trackers
from bench.measurement import ROUNDS, Measurement, NotComparable
from bench.trackers import Tracker

BOUND = 1.15
RUNS = 1_000
PAGE = 1_000
NEW, UNFINISHED = 20, 5
NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`ROUNDS` rounds; in each, all sides in turns."""
    count = 100 if quick else RUNS
    with trackers.server() as tracker:
        experiment = trackers.runs(tracker, "bench", count, newest=milliseconds(NOW))
        collected(tracker.connection, "bench", count)  # fills caches
        rounds = [
            (
                collected(tracker.connection, "bench", count),
                _client(tracker, experiment, count),
                _rest(tracker, experiment),
            )
            for _ in range(ROUNDS)
        ]
        again = _rows_of_a_second_look(tracker, experiment)
    ours, other, rest = (median(side) for side in zip(*rounds, strict=True))
    sizes = {
        "runs": count,
        "attributes": trackers.METRICS + trackers.PARAMS + trackers.TAGS,
        "rounds": ROUNDS,
        "runs_per_second": count / ours,
        "ratio_to_rest_alone": ours / rest,
        "rows_of_a_second_look": again,
    }
    return Measurement("mlflow-harvest", ours, other, "seconds", BOUND, sizes)


def milliseconds(moment: datetime) -> int:
    """As MLflow writes times."""
    return int(moment.timestamp() * 1_000)


def collected(connection: Connection, experiment: str, count: int) -> float:
    """Seconds for a first look at an experiment and for appending it to a new ledger."""
    with ledgers.folder() as folder, ledgers.create(f"sqlite:///{folder}/ledger.db", folder) as ledger:
        start = perf_counter()
        look = _look(connection, experiment)
        _append(ledger, look)
        taken = perf_counter() - start
        if ledger.head().size != 1 + count:
            raise NotComparable(f"{ledger.head().size - 1} of {count} runs were recorded")
    return taken


def _append(ledger: Ledger, look: Look) -> None:
    ledger.append(look.drafts, now=NOW)


def _look(connection: Connection, experiment: str, *, cursor: Json = None, minutes: int = 0) -> Look:
    tracked: dict[str, Any] = {
        "connection": connection.id,
        "experiments": [experiment],
        "allow": {
            "params": [f"p{n}" for n in range(trackers.PARAMS)],
            "tags": [f"t{n}" for n in range(trackers.TAGS)],
        },
    }
    system = System.model_validate(
        {
            "id": "bench",
            "title": "Bench",
            "purpose": "To be measured.",
            "organisation_role": "deployer",
            "risk_level": "minimal",
            "owner": "nobody",
            "schedule": "@daily",
            "mlflow": tracked,
            "datasets": [{"id": "t", "connection": "w", "table": "t", "use": "training", "suite": "s"}],
        }
    )
    seen = Circumstances(NOW + timedelta(minutes=minutes))
    return look_at_runs(system, connection, cursor=cursor, seen=seen)


def _client(tracker: Tracker, experiment: str, count: int) -> float:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient
    from mlflow.entities import ViewType

    client = MlflowClient(tracker.url)
    start, read, token = perf_counter(), 0, None
    while True:
        page = client.search_runs([experiment], run_view_type=ViewType.ALL, max_results=PAGE, page_token=token)
        read += len(page)
        if not (token := page.token):
            break
    taken = perf_counter() - start
    if read != count:
        raise NotComparable(f"the loop read {read} of {count} runs")
    return taken


def _rest(tracker: Tracker, experiment: str) -> float:
    start, token = perf_counter(), ""
    ask = {"experiment_ids": [experiment], "run_view_type": "ALL", "max_results": PAGE}
    while True:
        page = tracker.call("runs/search", **ask, page_token=token)
        if not (token := page.get("next_page_token", "")):
            return perf_counter() - start


def _rows_of_a_second_look(tracker: Tracker, experiment: str) -> int:
    cursor = _look(tracker.connection, "bench").cursor
    for number in range(NEW + UNFINISHED):
        body = {"experiment_id": experiment, "start_time": milliseconds(NOW) + number, "run_name": uuid.uuid4().hex}
        run = tracker.call("runs/create", **body)["run"]["info"]["run_id"]
        if number < NEW:
            tracker.call("runs/update", run_id=run, status="FINISHED", end_time=milliseconds(NOW) + number)
    rows = _look(tracker.connection, "bench", cursor=cursor, minutes=1).read
    if rows > NEW + UNFINISHED + 1_000:
        raise NotComparable(f"a second look read {rows} runs")
    return rows

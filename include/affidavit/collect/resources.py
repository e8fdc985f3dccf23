"""What MLflow recorded of the machines that runs trained on (``mlflow.enable_system_metrics_logging``).

Names of machines stay behind: MLflow puts them into the names of metrics, and here they are only counted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

from affidavit.collect.mlflow_client import MlflowServer, Run
from affidavit.collect.rest import Answer
from affidavit.inventory import Connection
from affidavit.measure.resources import RECORDED, RunResources

MOST_SAMPLES = 100_000
"""Most samples of one metric of one run: a sample each ten seconds for eleven days."""

_PAGE = 10_000
_NAME = re.compile(r"system/(?:(?P<machine>[^/]{1,200})/)?(?:gpu_(?P<gpu>\d{1,4})_)?(?P<rest>[a-z_]{1,100})")
_LARGEST = 1.7e308  # MLflow's SQL store writes infinities as 1.797e308


class _Sample(Answer):
    value: Any = None


class _History(Answer):
    metrics: tuple[_Sample, ...] = ()
    next_page_token: str = ""


def look_at_resources(connection: Connection, *, experiment_id: str, run_ids: Sequence[str]) -> dict[str, RunResources]:
    """What each of the runs took that still exist and are finished, by run id. Raises ``SourceError``."""
    with MlflowServer(connection) as server:
        return {run.id: _resources(server, run) for run in server.runs_by_id(experiment_id, run_ids) if not run.running}


def _resources(server: MlflowServer, run: Run) -> RunResources:
    samples: dict[str, list[float]] = {}
    machines, gpus, unusable = set[str](), set[tuple[str, str]](), 0
    for key in sorted(metric.key for metric in run.data.metrics):
        match = _NAME.fullmatch(key)
        name = f"gpu_{match['rest']}" if match and match["gpu"] else match["rest"] if match else ""
        if match is None or name not in RECORDED:
            continue
        machine = match["machine"] or ""
        for value in _history(server, run.id, key):
            if _usable(value):
                samples.setdefault(name, []).append(float(value))
                machines.add(machine)
                gpus |= {(machine, match["gpu"])} if match["gpu"] else set()
            else:
                unusable += 1
    start, end = run.info.start_time, run.info.end_time
    return RunResources(
        seconds=(end - start) / 1_000 if end is not None and 0 < start <= end else None,
        samples={name: tuple(values) for name, values in samples.items()},
        machines=len(machines),
        gpus=len(gpus),
        unusable=unusable,
    )


def _usable(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) < _LARGEST


def _history(server: MlflowServer, run_id: str, key: str) -> Iterator[Any]:
    token, many = "", 0
    while True:
        ask: dict[str, str | int] = {"run_id": run_id, "metric_key": key, "max_results": _PAGE}
        page = server.api.get(
            _History, "/api/2.0/mlflow/metrics/get-history", ask | ({"page_token": token} if token else {})
        )
        yield from (sample.value for sample in page.metrics)
        many += len(page.metrics)
        if many > MOST_SAMPLES:
            raise server.api.refused(
                f"more than {MOST_SAMPLES:,} samples of one system metric of run {run_id}",
                fix="sample less often: MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL",
            )
        token = page.next_page_token
        if not token:
            return
        if not page.metrics:
            raise server.api.garbled("gave an empty page and a token for the next one")

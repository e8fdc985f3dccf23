"""What MLflow recorded of the machines that runs trained on (``mlflow.enable_system_metrics_logging``).

Names of machines stay behind: MLflow puts them into the names of metrics, and here they are only counted. Each look
reads the run of each version in use anew, so that samples which came late, or were deleted, are noticed by the next.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, TypeGuard

from affidavit.collect.measurements import Taken, measurement
from affidavit.collect.mlflow_client import MlflowServer, Run
from affidavit.collect.rest import Answer
from affidavit.evidence import Circumstances, Draft, Origin
from affidavit.inventory import Connection, System
from affidavit.measure.resources import RECORDED, RunResources, resource_measures

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


def look_at_resources(
    system: System, connection: Connection, *, collector: str, seen: Circumstances
) -> tuple[tuple[Draft, ...], tuple[bytes, ...]]:
    """What the run of each version in use took: a statement for each registered model, and the reports they name.

    Of a model without a version in use there is none; of a version whose run is gone, or still runs, each measure says
    so. Raises ``SourceError``.
    """
    with MlflowServer(connection) as server:
        pairs = [
            measurement(system, taken, origin=Origin.RECORDED, collector=collector, seen=seen)
            for name in sorted(system.mlflow.registered_models)
            if (taken := _taken(server, name, system.mlflow.in_use_alias)) is not None
        ]
    return tuple(draft for draft, _ in pairs), tuple(report for _, report in pairs)


def _taken(server: MlflowServer, name: str, in_use_alias: str) -> Taken | None:
    model = server.registered_model(name)
    number = next((each.version for each in model.aliases if each.alias == in_use_alias), None) if model else None
    if number is None:
        return None
    version = server.version(name, number)
    run = server.run(version.run_id) if version and version.run_id else None
    took = [resources_of(server, run)] if run and not run.running else []
    unusable = sum(each.unusable for each in took)
    return Taken(
        family="resources",
        source=server.uri(f"models/{name}"),
        estimates=resource_measures(took),
        rows=len(took),
        settings={"run": server.uri(f"runs/{run.id}")} if run else {},
        consistency="MLflow shows no one state of a run: its metrics were read one after another",
        left_out={"samples that are no finite numbers": unusable} if unusable else {},
        model=name,
        version=number,
    )


def resources_of(server: MlflowServer, run: Run) -> RunResources:
    """What a finished run took."""
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

"""What training runs took: time, processors, memory, as far as MLflow recorded it. Pure.

Samples of one machine follow one another and are no independent draws, so percentiles have no interval here. What was
not recorded is said so, and is never a zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from affidavit.measure.estimate import Estimate, cannot

RECORDED = (
    "cpu_utilization_percentage",
    "system_memory_usage_percentage",
    "system_memory_usage_megabytes",
    "disk_usage_percentage",
    "gpu_utilization_percentage",
    "gpu_memory_usage_percentage",
    "gpu_power_usage_watts",
)
"""Names of MLflow's system metrics that are measured, without the machine and the number of the processor."""

NOT_RECORDED = "not recorded: call mlflow.enable_system_metrics_logging() before the run starts"
NO_GPU = "not recorded: no graphics processor, or its monitor (nvidia-ml-py) is not installed where runs train"


@dataclass(frozen=True, slots=True)
class RunResources:
    """What one finished run took.

    ``seconds`` is from its start to its end; ``samples`` are finite values by name of :data:`RECORDED`, those of all
    machines and processors together; ``machines`` and ``gpus`` are how many of each gave samples; ``unusable`` counts
    samples that are no finite numbers.
    """

    seconds: float | None
    samples: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    machines: int = 0
    gpus: int = 0
    unusable: int = 0


def resource_measures(runs: Sequence[RunResources]) -> tuple[Estimate, ...]:
    """Training time (seconds; ``n`` counts runs) and each system metric (``n`` counts samples), over ``runs``."""
    seconds = [run.seconds for run in runs if run.seconds is not None]
    why = "no run says when it began and ended" if runs else "no finished run"
    recorded = [run for run in runs if run.samples]
    hardware = {"machines": [run.machines for run in recorded], "gpus": [run.gpus for run in recorded]}
    return (
        _sum("training_time_total", seconds, why),
        *_summary("training_time", seconds, why),
        Estimate("runs_with_system_metrics", len(recorded), len(runs)),
        *(_most(f"{name}_max", counts) for name, counts in hardware.items()),
        *(each for name in RECORDED for each in _metric(name, recorded)),
    )


def _metric(name: str, runs: Sequence[RunResources]) -> Iterator[Estimate]:
    values = [value for run in runs for value in run.samples.get(name, ())]
    # Where other metrics were recorded and none of a graphics processor, switching them on is no advice.
    yield from _summary(name, values, NO_GPU if runs and name.startswith("gpu_") else NOT_RECORDED)


def _summary(name: str, values: Sequence[float], why: str) -> Iterator[Estimate]:
    for suffix, q in (("p50", 0.5), ("p95", 0.95), ("max", 1.0)):
        measure = f"{name}_{suffix}"
        yield Estimate(measure, float(np.quantile(values, q)), len(values)) if values else cannot(measure, why)


def _sum(measure: str, values: Sequence[float], why: str) -> Estimate:
    return Estimate(measure, float(np.sum(values)), len(values)) if values else cannot(measure, why)


def _most(measure: str, counts: Sequence[int]) -> Estimate:
    return Estimate(measure, max(counts), len(counts)) if counts else cannot(measure, NOT_RECORDED)

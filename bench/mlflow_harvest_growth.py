"""``mlflow-harvest-growth``: collecting ten times the runs, against ten times the time for the runs."""

from __future__ import annotations

from statistics import median

from bench import trackers
from bench.measurement import ROUNDS, Measurement
from bench.mlflow_harvest import NOW, RUNS, collected, milliseconds

BOUND = 1.0
TIMES = 10


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`ROUNDS` rounds, both sizes in turns; each is a first look, ledger included."""
    count = 100 if quick else RUNS
    with trackers.server() as tracker:
        for name, runs in (("few", count), ("many", TIMES * count)):
            trackers.runs(tracker, name, runs, newest=milliseconds(NOW))
        connection = tracker.connection
        collected(connection, "few", count)  # fills caches
        rounds = [
            (collected(connection, "many", TIMES * count), TIMES * collected(connection, "few", count))
            for _ in range(ROUNDS)
        ]
    many, few = (median(side) for side in zip(*rounds, strict=True))
    return Measurement(
        "mlflow-harvest-growth", many, few, "seconds", BOUND, {"runs": count, "times": TIMES, "rounds": ROUNDS}
    )

"""``drift``: two windows of 50,000 rows in 20 columns of numbers, against Evidently's drift preset.

Both sides start from the same arrays in memory, after imports and one run to warm up. Evidently compares each column by
its normalised Wasserstein distance, its choice at this size; ours comes to that distance, the Kolmogorov-Smirnov
statistic and its p-value, the population stability index and the missing share, and judges all columns together. The
distances of both sides have to agree. Evidently does not import beside pandas 3, which the project uses, so it runs in
an environment of its own, made with uv at the first use and kept in the user's cache; where it cannot be had, there is
no figure.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from affidavit.measure.alarms import judge_drift
from affidavit.measure.drift import compare_numbers
from bench.measurement import ROUNDS, Measurement, NotComparable

BOUND = 0.1
ROWS, QUICK_ROWS, COLUMNS = 50_000, 5_000, 20
PEER = ("evidently==0.7.23", "pandas==2.3.3")

PROBE = """
import json, sys, warnings
from time import perf_counter
warnings.simplefilter("ignore")
import numpy, pandas
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
with numpy.load(sys.argv[1]) as arrays:
    tables = [pandas.DataFrame(arrays[name], columns=[f"c{n}" for n in range(arrays[name].shape[1])])
              for name in ("reference", "current")]
asked = DataDefinition(numerical_columns=list(tables[0].columns))
reference, current = (Dataset.from_pandas(table, data_definition=asked) for table in tables)
def run():
    start = perf_counter()
    found = Report([DataDriftPreset(num_method="wasserstein")]).run(current, reference).dict()
    return perf_counter() - start, [float(each["value"]) for each in found["metrics"][1:]]
run()
print(json.dumps(run()))
"""


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`~bench.measurement.ROUNDS` rounds, in turns, each after a run to warm up."""
    rows = QUICK_ROWS if quick else ROWS
    random = np.random.default_rng(0)
    tables = {
        name: random.normal(np.linspace(0, shift, COLUMNS), np.linspace(1, 3, COLUMNS), (rows, COLUMNS))
        for name, shift in (("reference", 0.0), ("current", 0.5))
    }
    python = _environment()
    with tempfile.TemporaryDirectory(prefix="affidavit-bench-") as folder:
        path = Path(folder, "tables.npz")
        np.savez(path, **tables)
        _ours(tables)
        rounds = []
        for _ in range(ROUNDS):
            ours, distances = _ours(tables)
            theirs, others = _peer(python, path)
            if not np.allclose(distances, others, rtol=1e-9, atol=1e-9):
                raise NotComparable("the two sides came to other distances")
            rounds.append((ours, theirs))
    ours, peer = (median(side) for side in zip(*rounds, strict=True))
    sizes = {"rows": rows, "columns": COLUMNS, "rounds": ROUNDS}
    return Measurement("drift", ours, peer, "seconds", BOUND, sizes)


def _ours(tables: Mapping[str, Any]) -> tuple[float, list[float]]:
    start = perf_counter()
    both = zip(tables["reference"].T, tables["current"].T, strict=True)
    found = judge_drift({f"c{n}": compare_numbers(*each) for n, each in enumerate(both)})
    seconds = perf_counter() - start
    name = "normalised_wasserstein_distance"
    return seconds, [each.value or 0.0 for drift in found for each in drift.estimates if each.measure == name]


def _environment() -> Path:
    """The interpreter of the peer's environment."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise NotComparable(f"{PEER[0]} cannot be had: there is no uv")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "affidavit-bench")
    home = cache / f"{'-'.join(PEER)}-{sys.version_info.major}.{sys.version_info.minor}"
    python, ready = home / "bin" / "python", home / "ready"
    if ready.exists():
        return python
    for arguments in (
        ["venv", "--quiet", "--clear", "--python", sys.executable, str(home)],
        ["pip", "install", "--quiet", "--python", str(python), *PEER],
    ):
        done = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotComparable(f"{PEER[0]} cannot be had: {done.stderr[-500:]}")
    ready.touch()
    return python


def _peer(python: Path, path: Path) -> tuple[float, list[float]]:
    environment = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [str(python), "-c", PROBE, str(path)],
        env=environment | {"DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotComparable(f"the peer failed: {done.stderr[-2_000:]}")
    seconds, distances = json.loads(done.stdout.splitlines()[-1])
    return seconds, distances

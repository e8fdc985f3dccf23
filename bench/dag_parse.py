"""``dag-parse``: what 100 AI systems add to the parsing of a DAG file, against importing ``airflow.sdk`` alone.

Airflow parses each DAG file in a fresh process, again and again, and once more for each task. So each figure comes
from an interpreter of its own; what ``dags/ai_systems.py`` takes after ``airflow.sdk`` is there is what we add.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from affidavit.settings import PREFIX, TELEMETRY_OFF
from bench.measurement import ROUNDS, Measurement, NotComparable

BOUND = 0.5
SYSTEMS = 100
HEAVY = ("great_expectations", "mlflow", "pandas", "sklearn", "duckdb")

ROOT = Path(__file__).resolve().parents[1]
DAG_FILE = ROOT / "dags" / "ai_systems.py"
EXAMPLE = "mortgage-approval"

# Runs in the fresh interpreter: seconds and modules after the import, and after the DAG file.
PROBE = """
import json, sys
from time import perf_counter
start = perf_counter()
import airflow.sdk
imported = perf_counter()
before = set(sys.modules)
dags = 0
if len(sys.argv) > 1:
    import runpy
    found = runpy.run_path(sys.argv[1], run_name="parsed")
    dags = sum(isinstance(value, airflow.sdk.DAG) for value in found.values())
done = perf_counter()
print(json.dumps({"import": imported - start, "added": done - imported, "dags": dags,
                  "new": sorted({name.partition(".")[0] for name in set(sys.modules) - before})}))
"""


def measure() -> Measurement:
    """Medians of :data:`ROUNDS` rounds; in each, the import alone, then one AI system, then a hundred."""
    with tempfile.TemporaryDirectory(prefix="affidavit-bench-") as folder:
        home = Path(folder)
        one, many = write_project(home / "one", 1), write_project(home / "many", SYSTEMS)
        _probe(home, many)  # writes Airflow's configuration and fills caches
        rounds = [(_probe(home), _probe(home, one), _probe(home, many)) for _ in range(ROUNDS)]
    for _, with_one, with_many in rounds:
        for found, systems in ((with_one, 1), (with_many, SYSTEMS)):
            _compare(found, systems)
    alone = median(first["import"] for first, _, _ in rounds)
    sizes = {
        "systems": SYSTEMS,
        "rounds": ROUNDS,
        "seconds_added_by_1_system": median(second["added"] for _, second, _ in rounds),
    }
    ours = median(third["added"] for _, _, third in rounds)
    return Measurement("dag-parse", ours, alone, "seconds", BOUND, sizes)


def write_project(folder: Path, systems: int) -> Path:
    """A project of that many AI systems, each a copy of the demo's under another id."""
    (folder / "include" / "systems").mkdir(parents=True)
    (folder / "expectations").symlink_to(ROOT / "expectations")
    (folder / "include" / "organisation.yaml").symlink_to(ROOT / "include" / "organisation.yaml")
    text = (ROOT / "include" / "systems" / f"{EXAMPLE}.yaml").read_text(encoding="utf-8")
    for number in range(systems):
        name = f"system-{number:03}"
        copy = text.replace(f"id: {EXAMPLE}", f"id: {name}", 1)
        (folder / "include" / "systems" / f"{name}.yaml").write_text(copy, encoding="utf-8")
    return folder


def _probe(home: Path, project: Path | None = None) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", PREFIX))}
    environment |= TELEMETRY_OFF | {"AIRFLOW_HOME": str(home / "airflow"), "PYTHONWARNINGS": "ignore"}
    arguments = []
    if project is not None:
        environment["AFFIDAVIT_PROJECT"] = str(project)
        arguments = [str(DAG_FILE)]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotComparable(f"parsing failed:\n{done.stderr[-2_000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _compare(found: dict[str, Any], systems: int) -> None:
    if found["dags"] < systems:
        raise NotComparable(f"{systems} AI systems gave {found['dags']} DAGs")
    if heavy := sorted(set(HEAVY) & set(found["new"])):
        raise NotComparable(f"parsing loads {', '.join(heavy)}, which airflow.sdk does not")

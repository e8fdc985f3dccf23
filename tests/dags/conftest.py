import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of this project's inventory and suites, to be broken at will."""
    for part in ("include/systems", "include/organisation.yaml", "expectations"):
        target = tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        source = REPO / part
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    return tmp_path


def parse_in_a_fresh_interpreter(*names: str, project: Path, home: Path) -> list[dict]:
    """Parse each ``dags/<name>.py`` in an Airflow that keeps to a folder of its own and sends nothing anywhere."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "AFFIDAVIT"))}
    environment = {
        **kept,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AFFIDAVIT_PROJECT": str(project),
    }
    files = [str(REPO / "dags" / f"{name}.py") for name in names]
    command = [sys.executable, str(REPO / "tests/dags/describe.py"), *files]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


DAG_FILES = ("ai_systems", "posture", "ledger_audit", "anchor", "decisions")


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict]:
    """This project's own DAG files, each parsed once."""
    found = parse_in_a_fresh_interpreter(*DAG_FILES, project=REPO, home=tmp_path_factory.mktemp("airflow"))
    return dict(zip(DAG_FILES, found, strict=True)).__getitem__

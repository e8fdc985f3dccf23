import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = Path(__file__).resolve().parents[2] / "config"
SCRIPT = """
import sys
sys.argv = ["airflow", *sys.argv[1:]]
import airflow_local_settings
heavy = {"great_expectations", "mlflow", "pandas"} & set(sys.modules)
print(",".join(sorted(heavy)) or "nothing", airflow_local_settings.__all__)
"""


def loaded_by(*arguments):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ
        | {"PYTHONPATH": str(CONFIG), "GX_ANALYTICS_ENABLED": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
    )


def test_the_scheduler_preloads_everything_and_says_nothing():
    done = loaded_by("scheduler", "--skip-serve-logs")

    assert done.stdout == "great_expectations,mlflow,pandas []\n"
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [("dag-processor",), ("api-server",), ("dags", "trigger", "scheduler"), ()])
def test_no_other_process_loads_anything(arguments):
    assert loaded_by(*arguments).stdout == "nothing []\n"

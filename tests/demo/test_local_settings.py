import os
import subprocess
import sys
from pathlib import Path

import pytest

from affidavit.settings import TELEMETRY_OFF

CONFIG = Path(__file__).resolve().parents[2] / "config"
SCRIPT = """
import sys
sys.argv = ["airflow", *sys.argv[1:]]
import airflow_local_settings
heavy = {"great_expectations", "mlflow", "pandas"} & set(sys.modules)
print(",".join(sorted(heavy)) or "nothing", airflow_local_settings.__all__)
"""
ASK = """
import os, sys
sys.argv = ["airflow", *sys.argv[1:]]

class Ask:
    def find_spec(self, name, path=None, target=None):
        if name in ("mlflow", "great_expectations"):
            print(name, os.environ.get("MLFLOW_DISABLE_TELEMETRY"), os.environ.get("GX_ANALYTICS_ENABLED"))

sys.meta_path.insert(0, Ask())
import airflow_local_settings
"""


def loaded_by(*arguments, script=SCRIPT):
    kept = {key: value for key, value in os.environ.items() if key not in TELEMETRY_OFF}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=kept | {"PYTHONPATH": str(CONFIG)},
    )


def test_the_scheduler_preloads_everything_and_says_nothing():
    done = loaded_by("scheduler", "--skip-serve-logs")

    assert done.stdout == "great_expectations,mlflow,pandas []\n"
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [("dag-processor",), ("api-server",), ("dags", "trigger", "scheduler"), ()])
def test_no_other_process_loads_anything(arguments):
    assert loaded_by(*arguments).stdout == "nothing []\n"


def test_usage_data_is_off_before_anything_that_would_send_it_is_loaded():
    assert sorted(loaded_by("scheduler", script=ASK).stdout.splitlines()) == [
        "great_expectations true false",
        "mlflow true false",
    ]

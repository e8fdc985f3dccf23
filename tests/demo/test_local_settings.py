import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from affidavit.settings import TELEMETRY_OFF

CONFIG = Path(__file__).resolve().parents[2] / "config"
SCRIPT = """
import json, os, sys
sys.argv = ["airflow", *sys.argv[1:]]
asked = []

class Ask:
    def find_spec(self, name, path=None, target=None):
        if name in ("mlflow", "great_expectations"):
            asked.append([name, os.environ.get("MLFLOW_DISABLE_TELEMETRY"), os.environ.get("GX_ANALYTICS_ENABLED")])

sys.meta_path.insert(0, Ask())
import airflow_local_settings
heavy = {"great_expectations", "mlflow", "pandas"} & set(sys.modules)
print(json.dumps({"loaded": sorted(heavy), "exported": airflow_local_settings.__all__, "asked": sorted(asked)}))
"""


def loaded_by(*arguments):
    kept = {key: value for key, value in os.environ.items() if key not in TELEMETRY_OFF}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=kept | {"PYTHONPATH": str(CONFIG)},
    )


def test_the_scheduler_preloads_everything_and_says_nothing_and_usage_data_is_off_before_that():
    done = loaded_by("scheduler", "--skip-serve-logs")

    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout) == {
        "loaded": ["great_expectations", "mlflow", "pandas"],
        "exported": [],
        "asked": [["great_expectations", "true", "false"], ["mlflow", "true", "false"]],
    }
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [("dag-processor",), ("api-server",), ("dags", "trigger", "scheduler"), ()])
def test_no_other_process_loads_anything(arguments):
    assert json.loads(loaded_by(*arguments).stdout) == {"loaded": [], "exported": [], "asked": []}

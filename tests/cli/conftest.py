import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from affidavit.inventory.connection import variable
from tests.pipeline.conftest import Project, project  # noqa: F401  the same small project

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    """Run ``affidavit`` in the project's folder, as a user would."""
    made: Project = request.getfixturevalue("project")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "AFFIDAVIT"))}
    environ = kept | {variable(name): value for name, value in made.connections.items()} | {"COLUMNS": "200"}
    command = Path(sys.executable).with_name("affidavit")

    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = environ | variables
        return subprocess.run(
            [command, *arguments], cwd=made.root, env=environment, capture_output=True, text=True, check=False
        )

    return call

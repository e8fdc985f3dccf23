import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from affidavit.cli import terminal
from affidavit.cli.main import answer
from affidavit.inventory.connection import variable
from tests.pipeline.conftest import Project, project  # noqa: F401  the same small project

COMMAND = Path(sys.executable).with_name("affidavit")
Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(made: Project) -> dict[str, str]:
    """The user's own, less what belongs to another project."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "AFFIDAVIT"))}
    return kept | {variable(name): value for name, value in made.connections.items()} | {"COLUMNS": "200"}


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Run:
    """Run ``affidavit`` in the project's folder as a process, as a user would: seconds each, to load what it needs."""
    made: Project = request.getfixturevalue("project")

    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environ = environment(made) | variables
        return subprocess.run(
            [COMMAND, *arguments], cwd=made.root, env=environ, capture_output=True, text=True, check=False
        )

    return call


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    """Run ``affidavit`` in the project's folder and in this process; ``test_process.py`` shows that it is the same."""
    made: Project = request.getfixturevalue("project")

    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environ = environment(made) | variables
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(made.root),
            patch.dict(os.environ, environ, clear=True),
            # Made when their module is first loaded, which may have been under other COLUMNS.
            patch.object(terminal.out, "_width", int(environ["COLUMNS"])),
            patch.object(terminal.err, "_width", int(environ["COLUMNS"])),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = answer(arguments)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture
def run_on_terminal(request: pytest.FixtureRequest) -> Callable[..., str]:
    """Run ``affidavit`` on a terminal; returns all that it printed."""
    made: Project = request.getfixturevalue("project")

    def call(*arguments: str) -> str:
        ours, theirs = os.openpty()
        with subprocess.Popen([COMMAND, *arguments], cwd=made.root, env=environment(made), stdout=theirs) as process:
            os.close(theirs)
            said = b""
            # Reading a terminal whose other end is closed fails with EIO: that is its end of file.
            with contextlib.suppress(OSError):
                while part := os.read(ours, 4096):
                    said += part
        os.close(ours)
        assert process.returncode == 0
        return said.decode().replace("\r\n", "\n")

    return call

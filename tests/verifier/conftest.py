"""Honest ledgers and bundles, and the ways to ask for a verdict about them."""

import contextlib
import importlib.util
import io
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from affidavit.ledger import Ledger
from affidavit.publish.bundle import Selection, write_bundle
from affidavit.tlog.note import Note

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
VERIFIER = Path(__file__).resolve().parents[2] / "verifier/affidavit_verify.py"


@pytest.fixture(scope="session")
def module() -> ModuleType:
    """The stand-alone verifier, loaded into this process."""
    spec = importlib.util.spec_from_file_location("verifier_under_test", VERIFIER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def verifier(module: ModuleType) -> Callable[..., tuple[int, str]]:
    """Runs the stand-alone verifier in this process; returns its exit code and what it said."""

    def run(*words: object) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = module.main([str(word) for word in words])
        return code, said.getvalue()

    return run


@pytest.fixture(scope="session")
def oldest_python() -> str | None:
    """A Python 3.9 with ``cryptography``, named by PYTHON39 or found on the path; None where there is none.

    A test installs nothing: ``python3.9 -m venv DIR && DIR/bin/pip install cryptography`` makes one.
    """
    python = os.environ.get("PYTHON39") or shutil.which("python3.9")
    probe = "import sys, cryptography; assert sys.version_info[:2] == (3, 9)"
    if python and subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0:
        return python
    return None


@pytest.fixture
def filled(sqlite_place, alias, validation):
    """A ledger of 41 entries under 11 heads, with 3 blobs and 3 entries that are demonstrations."""
    with sqlite_place.create() as ledger:
        for number in range(10):
            simulated = "A story told by a test." if number == 9 else None
            drafts = [alias(str(number), model="again")]
            drafts += [alias(model=f"{number}-{each}", demonstration=simulated) for each in range(3)]
            blobs = [b"details %d" % number] if number < 3 else []
            drafts[3:] = [validation(blob) for blob in blobs] or drafts[3:]
            ledger.append(drafts, now=NOON + timedelta(seconds=number), blobs=blobs)
    return sqlite_place


@pytest.fixture
def policy(filled, tmp_path: Path) -> Path:
    """A policy that names the log's key."""
    path = tmp_path / "policy.txt"
    with filled.read() as ledger:
        path.write_text(f"log {ledger.key.text}\nquorum none\n")
    return path


@pytest.fixture
def bundled(filled, tmp_path: Path) -> Callable[..., Path]:
    """Writes a bundle of the filled ledger."""

    def make(
        name: str = "bundle.zip", *, scope: str | None = None, entries: str | None = None, since: Note | None = None
    ) -> Path:
        path = tmp_path / name
        with filled.read() as ledger:
            write(path, ledger, Selection.of(scope=scope, entries=entries), since=since)
        return path

    return make


def write(path: Path, ledger: Ledger, selection: Selection, *, since: Note | None = None):
    """Write a bundle with the verifier of this checkout."""
    verifier = VERIFIER.read_bytes()
    return write_bundle(path, reader=ledger, prover=ledger, selection=selection, verifier=verifier, since=since)

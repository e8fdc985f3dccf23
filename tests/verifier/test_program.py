"""The file itself: alone, old enough, numbered, and plain about what it is."""

import ast
import re
import shutil
import subprocess
import sys

import pytest

from affidavit.evidence import kinds
from tests.verifier.conftest import VERIFIER

SOURCE = VERIFIER.read_text(encoding="utf-8")


def run(python, *words, cwd=None):
    return subprocess.run([python, *words], cwd=cwd, capture_output=True, text=True, check=False)


def test_it_needs_the_standard_library_and_cryptography_alone():
    imported = set()
    for each in ast.walk(ast.parse(SOURCE, feature_version=(3, 9))):
        if isinstance(each, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in each.names}
        elif isinstance(each, ast.ImportFrom):
            assert each.level == 0
            imported.add(each.module.partition(".")[0])
    assert imported - sys.stdlib_module_names == {"cryptography"}
    assert "__import__" not in SOURCE
    assert "importlib" not in SOURCE


def test_the_code_repeats_the_numbers_of_the_steps():
    docstring = ast.get_docstring(ast.parse(SOURCE))
    steps = re.findall(r"^(\d)\. ", docstring, re.MULTILINE)
    assert steps == [str(number) for number in range(1, 8)]
    code = SOURCE.partition('"""\n\nimport')[2]
    assert set(re.findall(r"# (?:--- )?(\d)", code)) == set(steps)


def test_the_oldest_python_verifies_a_ledger_and_a_bundle(oldest_python, filled, bundled, policy):
    if oldest_python is None:
        pytest.skip("no Python 3.9 with cryptography can be had on this machine")
    ledger = run(oldest_python, "-I", VERIFIER, filled.home / "ledger.db", "--policy", policy, "--blobs", filled.blobs)
    assert (ledger.returncode, ledger.stderr) == (0, "")
    bundle = run(oldest_python, "-I", VERIFIER, bundled(), "--policy", policy)
    assert (bundle.returncode, bundle.stderr) == (0, "")


def test_without_cryptography_no_signature_is_checked_and_it_says_so(bundled, policy):
    alone = [sys.executable, "-I", "-S", VERIFIER, bundled()]
    done = run(*alone)
    assert (done.returncode, "NOT ESTABLISHED: no signature was checked" in done.stdout) == (1, True)
    done = run(*alone, "--policy", policy)
    assert (done.returncode, "install the package 'cryptography'" in done.stderr) == (2, True)


def test_a_copy_says_that_it_is_one(bundled, tmp_path):
    path = bundled()
    shutil.unpack_archive(path, tmp_path / "unpacked")
    copy = tmp_path / "unpacked/copy_of_affidavit_verify.py"
    assert copy.read_bytes() == VERIFIER.read_bytes()
    done = run(sys.executable, "-I", copy, path)
    assert done.returncode == 1
    assert done.stdout.startswith("This is a COPY that came with a bundle")
    assert not run(sys.executable, "-I", VERIFIER, path).stdout.startswith("This is a COPY")


def test_what_cannot_be_read_is_not_called_broken(tmp_path):
    assert run(sys.executable, "-I", VERIFIER, tmp_path / "absent.zip").returncode == 2
    assert run(sys.executable, "-I", VERIFIER).returncode == 2
    (tmp_path / "a.zip").write_bytes(b"hello")
    assert run(sys.executable, "-I", VERIFIER, tmp_path / "a.zip").returncode == 2
    (tmp_path / "a.zip").write_bytes(b"PK\3\4hello")
    broken = run(sys.executable, "-I", VERIFIER, tmp_path / "a.zip")
    assert (broken.returncode, broken.stderr.startswith("BROKEN: the archive")) == (3, True)


def test_the_published_digest_is_that_of_the_file():
    done = run("sha256sum", "--check", "--strict", "affidavit_verify.py.sha256", cwd=VERIFIER.parent)
    assert done.returncode == 0, "run: cd verifier && sha256sum affidavit_verify.py > affidavit_verify.py.sha256"


def test_it_knows_every_kind_whose_blobs_can_be_erased(module):
    assert set(module.WITH_BLOBS) == set(kinds.WITH_BLOBS)

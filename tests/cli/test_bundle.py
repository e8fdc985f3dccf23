"""Handing evidence over: bundle, checkpoint, verify --bundle and --since, export-dsse; from outside."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

VERIFIER = Path(__file__).resolve().parents[2] / "verifier/affidavit_verify.py"


@pytest.fixture
def policy(run, project):
    key = json.loads(run("show", "0", "--json").stdout)["predicate"]["key"]
    path = project.root / "policy.txt"
    path.write_text(f"log {key}\nquorum none\n")
    return path


def test_an_audit_and_the_next_one(run, project, policy):
    home = project.root
    noted = run("checkpoint")
    assert noted.returncode == 0, noted.stderr
    assert len(noted.stdout) < 300
    (home / "noted.txt").write_text(noted.stdout)
    assert run("collect", "loans").returncode == 0

    verified = run("verify", "--policy", "policy.txt", "--since", "noted.txt")
    assert verified.returncode == 0, verified.stderr
    assert "since: the 1 entries noted are unchanged;" in verified.stdout
    assert "dataset-snapshot: " in verified.stdout
    document = json.loads(run("verify", "--since", "noted.txt", "--json").stdout)
    added = document["since"]["added"]
    assert sum(kind["count"] for kind in added.values()) == document["entries"] - 1

    bundled = run("bundle", "--out", "loans.zip", "--scope", "loans", "--since", "noted.txt")
    assert bundled.returncode == 0, bundled.stderr
    again = run("bundle", "--out", "again.zip", "--scope", "loans", "--since", "noted.txt")
    assert again.stdout.splitlines()[1] == bundled.stdout.splitlines()[1]
    assert (home / "loans.zip").read_bytes() == (home / "again.zip").read_bytes()

    ours = run("verify", "--bundle", "loans.zip", "--policy", "policy.txt", "--since", "noted.txt")
    assert ours.returncode == 0, ours.stderr
    command = [sys.executable, "-I", VERIFIER, "loans.zip", "--policy", "policy.txt", "--since", "noted.txt"]
    theirs = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert theirs.returncode == 0, theirs.stderr
    assert theirs.stdout.splitlines()[0] == ours.stdout.splitlines()[0]
    assert run("verify", "--bundle", "loans.zip").returncode == 1
    assert json.loads(run("verify", "--bundle", "loans.zip", "--json").stdout)["author"].startswith("unproven")


def test_what_cannot_be_meant_and_what_is_broken_have_their_own_exit_codes(run, project, policy):
    home = project.root
    (home / "noted.txt").write_text(run("checkpoint").stdout)
    (home / "cut.txt").write_text((home / "noted.txt").read_text()[:-20])
    cut = run("verify", "--since", "cut.txt")
    assert (cut.returncode, "cut.txt: not a checkpoint" in cut.stderr) == (2, True)
    assert run("verify", "--since", "absent.txt").returncode == 2
    assert run("verify", "--bundle", "absent.zip").returncode == 2
    assert run("verify", "--bundle", "a.zip", "--ledger", "sqlite:////a.db").returncode == 2
    assert run("bundle", "--out", "a.zip", "--entries", "7").returncode == 2
    for nowhere in (".", "noted.txt/a.zip", "absent/a.zip"):
        unwritten = run("bundle", "--out", nowhere)
        assert (unwritten.returncode, "the bundle cannot be written" in unwritten.stderr) == (2, True)
    (home / "noted.txt").write_text((home / "noted.txt").read_text().replace("\n1\n", "\n2\n"))
    doctored = run("verify", "--since", "noted.txt")
    assert (doctored.returncode, "does not hold" in doctored.stderr) == (3, True)
    assert run("bundle", "--out", "a.zip").returncode == 0
    whole = (home / "a.zip").read_bytes()
    (home / "a.zip").write_bytes(whole.replace(b'affidavit:genesis:v1"', b'affidavit:Genesis:v1"'))
    broken = run("verify", "--bundle", "a.zip", "--policy", "policy.txt")
    assert (broken.returncode, "entries/0.json" in broken.stderr) == (3, True)


def test_an_entry_is_exported_with_a_key_that_is_not_the_log_s(run, project):
    command = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", "export.pem"]
    subprocess.run(command, cwd=project.root, capture_output=True, check=True)
    exported = run("export-dsse", "0", "--key", "export.pem")
    assert exported.returncode == 0, exported.stderr
    assert json.loads(exported.stdout)["payloadType"] == "application/vnd.in-toto+json"
    assert "proves the export only" in exported.stderr
    refused = run("export-dsse", "0", "--key", ".affidavit/signer.key")
    assert (refused.returncode, refused.stdout) == (2, "")

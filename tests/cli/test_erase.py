"""Erasing from outside: erase, and what verify, show and bundle then say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

VERIFIER = Path(__file__).resolve().parents[2] / "verifier/affidavit_verify.py"
DECIDED = ("--reason", "no-longer-needed", "--decided-by", "p-020")


@pytest.fixture
def named(run, project):
    """The index of a validation, and the digest of its blob."""
    assert run("collect", "loans").returncode == 0
    [entry] = project.entries(kind="validation")
    return entry.index, entry.statement.facts["details"]["digest"]["sha256"]


def test_an_erasure_is_told_of_wherever_the_blob_was(run, project, named):
    index, digest = named
    done = run("erase", digest, *DECIDED)
    assert done.returncode == 0, done.stderr
    words = "because it is no longer needed for what it was kept for (entry "
    assert words in done.stdout
    assert "Backups, and bundles that were handed out, may still hold them." in done.stdout
    verified = run("verify")
    assert (verified.returncode, words in verified.stdout) == (1, True)
    assert "erased: 1 blobs, 0 of them still to be removed" in verified.stdout
    [erased] = json.loads(run("verify", "--json").stdout)["erased"]
    assert (erased["blob"], erased["decided_by"], erased["bytes_still_there"]) == (digest, "p-020", False)
    assert f"its blob was erased on {erased['at'][:10]} {words}" in run("show", str(index)).stdout

    assert run("bundle", "--out", "one.zip", "--entries", str(index)).returncode == 0
    ours = run("verify", "--bundle", "one.zip")
    assert (ours.returncode, words in ours.stdout) == (1, True), ours.stderr
    document = json.loads(run("verify", "--bundle", "one.zip", "--json").stdout)
    assert document["entries"] == [0, index, erased["decided_in"], erased["entry"]]
    command = [sys.executable, "-I", VERIFIER, "one.zip"]
    theirs = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert (theirs.returncode, "because no-longer-needed (entry" in theirs.stdout) == (1, True), theirs.stderr

    again = run("erase", digest, *DECIDED)
    assert (again.returncode, "nothing is left to be erased" in again.stderr) == (2, True)


def test_what_cannot_be_meant_is_said_and_nothing_is_erased(run, project, named):
    _, digest = named
    before = project.size()
    for words, said in (
        ((), "give the digest of one blob, or --expired"),
        ((digest, "--expired"), "give the digest of one blob, or --expired"),
        (("--expired", *DECIDED), "retention needs no reason"),
        ((digest, "--decided-by", "p-020"), "not a ground"),
        ((digest, "--reason", "no-longer-needed"), "not a pseudonym"),
        (("0" * 64, *DECIDED), "no entry names the blob"),
    ):
        done = run("erase", *words)
        assert (done.returncode, said in done.stderr.replace("\n", " ")) == (2, True), done.stderr
    assert run("erase", "--expired").stdout == "0 erased, 0 completed, 0 kept by a legal hold\n"
    assert project.size() == before
    assert run("verify").returncode == 1


def test_a_blob_removed_by_hand_is_broken(run, project, named):
    index, digest = named
    (project.root / ".affidavit/blobs" / digest[:2] / digest).unlink()
    done = run("verify")
    assert (done.returncode, f"absent; entry {index} names it" in done.stderr) == (3, True)
    assert run("bundle", "--out", "one.zip", "--entries", str(index)).returncode == 3

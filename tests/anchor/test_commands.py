"""The commands, as processes of their own, from the first key to a verdict with a quorum."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from affidavit.cli.main import app
from affidavit.errors import AffidavitError

COMMAND = [sys.executable, "-c", "from affidavit.cli.main import run; run()"]


@pytest.fixture
def affidavit(project, monkeypatch):
    """Runs a command in the project; gives what it printed, after its exit code was as expected."""
    monkeypatch.chdir(project.root)

    def run(*words, code=0):
        done = CliRunner().invoke(app, [str(word) for word in words])
        ours = isinstance(done.exception, AffidavitError)
        assert (done.exception.exit_code if ours else done.exit_code) == code, done.output
        return done.output + (done.exception.text if ours else "")

    return run


def start(*words):
    """A server, once it has said where it listens."""
    server = subprocess.Popen([*COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = server.stdout.readline().split()
    assert said, server.stderr.read()
    return server, said[-1]


def stop(server):
    server.send_signal(signal.SIGTERM)
    out, err = server.communicate(timeout=30)
    assert server.returncode == 0, out + err


def test_from_a_witness_key_to_a_verdict_with_a_quorum(project, affidavit, tmp_path):
    key, state, policy = (tmp_path / name for name in ("w.key", "w.state", "policy.txt"))
    vkey = affidavit("witness", "--key", key, "--state", state, "--new", "witness.example/1").strip()
    affidavit("witness", "--key", key, "--state", state, "--new", "witness.example/1", code=2)
    assert "--policy" in affidavit("witness", "--key", key, "--state", state, "--listen", "/x", code=2)
    assert "no anchors" in affidavit("anchor")
    policy.write_text(f"log {project.log_key.text}\nwitness w {vkey}\nquorum w\n")
    project.append(3)
    assert "the quorum 'w' of the policy cosigned no head" in affidavit("verify", "--policy", policy, code=1)
    place = ("--key", key, "--state", state, "--policy", policy, "--listen", f"unix://{tmp_path}/socket")
    server, url = start("witness", *place)
    try:
        project.declare({"id": "w", "means": "witness", "url": url, "key": vkey})
        assert "witness  w: witness.example/1" in affidavit("anchor")
        assert "current  w" in affidavit("anchor")
    finally:
        stop(server)
    assert not Path(tmp_path, "socket").exists()
    said = affidavit("verify", "--policy", policy)
    assert "anchoring: 4 entries known to w since " in said
    assert "anchoring: 1 entries not known to any outsider, 1 of them only record anchors" in said
    found = json.loads(affidavit("verify", "--policy", policy, "--json"))
    assert (found["anchoring"]["size"], found["anchoring"]["by"], found["unanchored_entries"]) == (4, ["w"], 1)
    project.append()
    assert "cannot be reached" in affidavit("anchor", code=1)
    unknown = json.loads(affidavit("verify", "--json", code=1))
    assert (unknown["anchoring"]["size"], unknown["unanchored_entries"]) == (0, 6)


def test_time_stamps_count_by_the_roots_that_the_auditor_gives(project, affidavit, authority, tmp_path):
    (project.root / "include/tsa.pem").write_bytes(authority.pem)
    with authority.serving() as url:
        project.declare({"id": "tsa", "means": "timestamp", "url": url, "authority": "tsa.pem"})
        affidavit("anchor")
    found = json.loads(affidavit("verify", "--authorities", "include/tsa.pem", "--json", code=1))
    assert (found["anchoring"]["size"], found["anchoring"]["by"]) == (1, [url])
    (tmp_path / "none.pem").write_text("nothing")
    affidavit("verify", "--authorities", tmp_path / "none.pem", code=2)


def test_a_signer_is_made_started_asked_and_stopped(affidavit, tmp_path):
    from affidavit.tlog import cosignature
    from affidavit.tlog.checkpoint import Checkpoint
    from affidavit.tlog.hashing import EMPTY_ROOT
    from affidavit.tlog.note import Note, VerifierKey
    from affidavit.witness.client import WitnessClient

    place = ("--key", tmp_path / "s.key", "--state", tmp_path / "s.state")
    vkey = VerifierKey.parse(affidavit("signer", *place, "--new").strip())
    assert "--listen" in affidavit("signer", *place, code=2)
    assert "loopback" in affidavit("signer", *place, "--listen", "http://0.0.0.0:8123", code=2)
    server, url = start("signer", *place, "--listen", "http://127.0.0.1:0")
    try:
        body = Checkpoint(vkey.name, 0, EMPTY_ROOT).text
        line = WitnessClient(url).sign(body, old_size=0, proof=[])
        assert cosignature.verify(Note.parse(f"{body}\n{line}"), vkey) > 0
    finally:
        stop(server)

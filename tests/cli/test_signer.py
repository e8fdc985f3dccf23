"""A signer of its own, named by a setting: a real process that every command asks for its signature."""

import json
import signal
import sqlite3
import subprocess
from contextlib import contextmanager

import pytest

from affidavit.errors import SignerUnavailable
from affidavit.pipeline import collection
from affidavit.pipeline.workplace import Workplace
from affidavit.settings import Settings
from tests.cli.conftest import COMMAND


class Apart:
    """A second ledger in the project, whose signer is a process of its own."""

    def __init__(self, project, run):
        self.project, self._run, self.home = project, run, project.root / "apart"
        self.variables = {
            "AFFIDAVIT_LEDGER_URL": f"sqlite:///{self.home}/ledger.db",
            "AFFIDAVIT_BLOBS_URL": f"file://{self.home}/blobs",
            "AFFIDAVIT_STAGING_URL": f"file://{self.home}/staging",
            "AFFIDAVIT_KEY_FILE": f"{self.home}/no.key",
            "AFFIDAVIT_SIGNER_URL": f"unix://{self.home}/socket",
        }
        self.home.mkdir()
        self.place = ("--key", str(self.home / "s.key"), "--state", str(self.home / "s.state"))
        assert run("signer", *self.place, "--new").returncode == 0

    def run(self, *words):
        return self._run(*words, **self.variables)

    def workplace(self):
        return Workplace(Settings.read(self.variables, self.project.root), self.project.workplace.resolve)

    def size(self):
        with self.workplace().reader() as ledger:
            return ledger.head().size

    @contextmanager
    def signing(self):
        listen = ("--listen", self.variables["AFFIDAVIT_SIGNER_URL"])
        with subprocess.Popen([COMMAND, "signer", *self.place, *listen], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert "listens at" in process.stdout.readline()
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


@pytest.fixture
def apart(project, run):
    return Apart(project, run)


def test_init_collect_and_verify_with_a_signer_of_its_own(apart):
    with apart.signing():
        made = apart.run("init")
        assert made.returncode == 0, made.stderr
        assert "signing takes place in a process of its own" in made.stdout
        assert "pools.json is written anew" in apart.run("init").stdout
        done = apart.run("collect", "organisation")
        assert done.returncode == 0, done.stderr
        assert f"✔ signer {apart.variables['AFFIDAVIT_SIGNER_URL']}" in apart.run("doctor").stdout
    assert not (apart.home / "no.key").exists()
    found = json.loads(apart.run("verify", "--json").stdout)
    assert found["entries"] == apart.size() > 1
    assert found["signing"] == "in a process of its own (declared in entry 0)"
    assert found["uncovered_entries"] == 0


def test_with_the_signer_down_nothing_is_acknowledged_and_the_next_good_run_catches_up(apart, monkeypatch):
    with apart.signing():
        assert apart.run("init").returncode == 0
    before = apart.size()
    done = apart.run("collect", "organisation")
    assert done.returncode == 1
    assert "the signer does not answer" in done.stderr
    assert "start 'affidavit signer'" in done.stderr
    assert "✖ signer" in apart.run("doctor").stdout
    # It goes down after the ledger was opened: entries are stored, and nobody is told of them.
    work, opened = apart.workplace(), Workplace.signer
    with apart.signing():
        signer = opened(work)
        remembered = signer.remembered()
    monkeypatch.setattr(Workplace, "signer", lambda _: signer)
    monkeypatch.setattr(signer, "remembered", iter_first(remembered, signer.remembered))
    with pytest.raises(SignerUnavailable, match="nothing was acknowledged"):
        collection.collect(work, "organisation", now=lambda: apart.project.now)
    monkeypatch.undo()
    assert apart.size() == before
    said = apart.run("verify")
    assert said.returncode == 1
    assert "entries beyond that head, for which nobody vouches yet" in said.stdout
    assert json.loads(apart.run("verify", "--json").stdout)["uncovered_entries"] > 0
    with apart.signing():
        assert apart.run("collect", "organisation").returncode == 0
    assert json.loads(apart.run("verify", "--json").stdout)["uncovered_entries"] == 0
    assert apart.size() > before


def iter_first(first, then):
    """A call that answers ``first`` once, and from then on what ``then`` does."""
    answers = iter([first])
    return lambda: next(answers) if answers.__length_hint__() else then()


def test_a_database_behind_its_signer_is_refused_by_every_writing_command(apart):
    with apart.signing():
        assert apart.run("init").returncode == 0
        with sqlite3.connect(apart.home / "ledger.db") as database, sqlite3.connect(apart.home / "old.db") as old:
            database.backup(old)
        assert apart.run("collect", "organisation").returncode == 0
        with sqlite3.connect(apart.home / "old.db") as old, sqlite3.connect(apart.home / "ledger.db") as database:
            old.backup(database)
        for words in (("collect", "organisation"), ("rebuild",), ("assess",)):
            done = apart.run(*words)
            assert done.returncode == 3, words
            assert "already signed" in done.stderr


def test_a_quorum_of_witnesses_is_pinned_where_a_file_names_one(run, project, tmp_path):
    from affidavit.tlog.note import COSIGNATURE, SigningKey

    (project.root / ".affidavit").rename(tmp_path / "first")
    witness = SigningKey("w.example/1", COSIGNATURE, bytes(range(32))).public.text
    lines = project.root / "quorum.txt"
    for text in (f"log {witness}\nquorum none\n", "quorum none\n", f"witness w {witness}\nquorum none\n", "#" * 9000):
        lines.write_text(text)
        assert run("init", "--recovery-quorum", "quorum.txt").returncode == 2
        assert not (project.root / ".affidavit").exists()
    lines.write_text(f"witness w {witness}\nquorum w\n")
    done = run("init", "--recovery-quorum", "quorum.txt")
    assert done.returncode == 0, done.stderr
    assert "recovery by the quorum" in done.stdout
    assert project.entries()[0].statement.facts["recovery_quorum"] == lines.read_text()
    again = run("init", "--recovery-quorum", "quorum.txt")
    assert (again.returncode, "--recovery-quorum" in again.stderr) == (2, True)

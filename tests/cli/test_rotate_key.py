"""``affidavit rotate-key``: the stories of a key that is replaced, lost or stolen, as commands."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from affidavit.cli.main import app
from affidavit.errors import AffidavitError
from affidavit.inventory import from_environment
from affidavit.pipeline import checkup
from affidavit.pipeline.workplace import Workplace
from affidavit.settings import Settings
from affidavit.tlog.note import COSIGNATURE, ED25519, SigningKey, VerifierKey

COMMAND = [sys.executable, "-c", "from affidavit.cli.main import run; run()"]


class Desk:
    """A folder in which commands are run; ``home`` holds the ledger."""

    def __init__(self, home):
        self.home, self.key = home, home / ".affidavit/signer.key"

    def run(self, *words, code=0, **variables):
        """What a command printed on standard output, after it ended as expected; or the error's text."""
        done = CliRunner().invoke(app, [str(word) for word in words], env=variables)
        ours = isinstance(done.exception, AffidavitError)
        assert (done.exception.exit_code if ours else done.exit_code) == code, done.output
        return done.exception.text if ours else done.stdout

    def work(self, **variables):
        return Workplace(Settings.read(variables, self.home), from_environment({}))

    def create(self, *, recovery=None, quorum=None, **variables):
        self.work(**variables).create_ledger(now=datetime.now(UTC), recovery=recovery, quorum=quorum).close()

    def append(self, draft, **variables):
        with self.work(**variables).writer() as ledger:
            return ledger.append([draft], now=datetime.now(UTC))

    def author(self, key):
        (self.home / "policy.txt").write_text(f"log {key}\nquorum none\n")
        return json.loads(self.run("verify", "--policy", "policy.txt", "--json"))["author"]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path)


@contextmanager
def serving(*words):
    """A signer or a witness, as a process of its own; where it listens."""
    process = subprocess.Popen([*COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = process.stdout.readline().split()
        assert said, process.stderr.read()
        yield said[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_a_key_is_replaced_by_the_offline_recovery_key(desk, alias):
    recovery = VerifierKey.parse(desk.run("rotate-key", "--new-recovery-key", "r.key").strip())
    assert (recovery.algorithm, (desk.home / "r.key").stat().st_mode & 0o777) == (ED25519, 0o600)
    assert "another" in desk.run("rotate-key", "--new-recovery-key", "r.key", code=2)
    desk.create(recovery=recovery)
    desk.append(alias("1"))
    old = SigningKey.parse(desk.key.read_text().strip()).public.text
    said = desk.run("rotate-key", "--request", "request.txt")
    new = said.split()[2]
    assert "witness" not in said
    assert desk.append(alias("2")).head.size == 3  # work goes on until the key is replaced
    (desk.home / "authorised.txt").write_text(
        desk.run("rotate-key", "--authorise", "request.txt", "--recovery-key", "r.key")
    )
    assert f"from entry 3 on heads are signed with {new}" in desk.run("rotate-key", "--apply", "authorised.txt")
    assert not desk.key.with_name("signer.key.next").exists()
    assert SigningKey.parse(desk.key.read_text().strip()).public.text == new
    assert desk.append(alias("3")).head.size == 5
    assert "from entry 3 on" in desk.run("rotate-key", "--apply", "authorised.txt")  # once more changes nothing
    assert "replaced at entry 3 under the recovery key that entry 0 pins" in desk.author(old)
    assert "replaced" not in desk.author(new)
    assert json.loads(desk.run("verify", "--json", code=1))["entries"] == 5
    assert "key-rotation" in desk.run("show", "3")


def test_a_crash_after_the_commit_is_completed(desk, alias, monkeypatch):
    from affidavit.ledger import LocalSigner

    desk.create(recovery=VerifierKey.parse(desk.run("rotate-key", "--new-recovery-key", "r.key").strip()))
    desk.run("rotate-key", "--request", "request.txt")
    authorised = desk.run("rotate-key", "--authorise", "request.txt", "--recovery-key", "r.key")
    (desk.home / "authorised.txt").write_text(authorised)
    with monkeypatch.context() as crash:
        crash.setattr(LocalSigner, "take_the_place_of", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        desk.run("rotate-key", "--apply", "authorised.txt", code=130)
    said = desk.run("rebuild", code=2)
    assert "replaced at entry 1" in said
    assert str(desk.key) in said
    assert "rotate-key --apply" in said
    desk.run("rotate-key", "--apply", "authorised.txt")
    assert desk.append(alias("1")).head.size == 3
    desk.run("verify", code=1)


def test_a_key_is_replaced_by_a_quorum_of_witnesses(desk, alias):
    lines, places = "", []
    for name in ("a", "b"):
        place = ("--key", f"{name}.key", "--state", f"{name}.state")
        lines += f"witness {name} {desk.run('witness', *place, '--new', f'{name}.example/1').strip()}\n"
        places.append((*place, "--policy", f"{name}.txt", "--listen", f"unix://{desk.home}/{name}"))
    desk.create(quorum=f"{lines}group both all a b\nquorum both\n")
    desk.append(alias("1"))
    desk.key.unlink()  # it is lost
    said = desk.run("rotate-key", "--request", "request.txt")
    assert "--recovery-key" not in said
    [consent] = [line for line in said.splitlines() if line.startswith("log ")]
    other = SigningKey("else.example/1", COSIGNATURE, os.urandom(32)).public.text
    (desk.home / "a.txt").write_text(f"{consent}\nquorum none\n")
    (desk.home / "b.txt").write_text(f"log {other}\nquorum none\n")
    asked = ("rotate-key", "--authorise", "request.txt")
    with serving("witness", *places[0]) as a:
        with serving("witness", *places[1]) as b:  # its operator does not consent
            refused = desk.run(*asked, "--witness", a, "--witness", b, code=1)
            assert "quorum 'both'" in refused
            assert "answered 404" in refused
        (desk.home / "b.txt").write_text(f"{consent}\nquorum none\n")
        with serving("witness", *places[1]) as b:
            (desk.home / "authorised.txt").write_text(desk.run(*asked, "--witness", a, "--witness", b))
    desk.run("rotate-key", "--apply", "authorised.txt")
    assert desk.append(alias("2")).head.size == 4
    facts = json.loads(desk.run("show", "2", "--json"))["predicate"]
    assert facts["authority"] == "witness quorum"
    assert "replaced at entry 2 under the witness quorum" in desk.author(facts["old"])


def test_one_signer_of_its_own_takes_the_place_of_another(desk, alias):
    recovery = VerifierKey.parse(desk.run("rotate-key", "--new-recovery-key", "r.key").strip())
    old, new = (("--key", f"{n}.key", "--state", f"{n}.state", "--listen", f"unix://{desk.home}/{n}") for n in "on")
    vkey = VerifierKey.parse(desk.run("signer", *old, "--new").strip())
    assert desk.run("signer", *new, "--new", "--origin", vkey.name).startswith(f"{vkey.name}+")
    with serving("signer", *old) as url:
        desk.create(recovery=recovery, AFFIDAVIT_SIGNER_URL=url)
        desk.append(alias("1"), AFFIDAVIT_SIGNER_URL=url)
        assert "is the one that it replaces" in desk.run(
            "rotate-key", "--request", "none.txt", code=2, AFFIDAVIT_SIGNER_URL=url
        )
    with serving("signer", *new) as url:
        there = {"AFFIDAVIT_SIGNER_URL": url}
        desk.run("rotate-key", "--request", "request.txt", **there)
        authorised = desk.run("rotate-key", "--authorise", "request.txt", "--recovery-key", "r.key")
        (desk.home / "authorised.txt").write_text(authorised)
        assert "from entry 2 on" in desk.run("rotate-key", "--apply", "authorised.txt", **there)
        assert desk.append(alias("2"), **there).head.size == 4
    with serving("signer", *old) as url:
        assert "replaced at entry 2" in desk.run("rebuild", code=2, AFFIDAVIT_SIGNER_URL=url)
        [found] = [each for each in checkup.examine(desk.work(AFFIDAVIT_SIGNER_URL=url)) if each.what.startswith("sig")]
        assert "replaced at entry 2" in found.problem
    found = json.loads(desk.run("verify", "--json", code=1))
    assert (found["signing"], found["entries"]) == ("in a process of its own (declared in entry 2)", 4)


def test_with_the_new_signer_gone_after_the_entry_readers_see_the_old_head_and_the_same_call_goes_on(
    desk, alias, monkeypatch
):
    from affidavit.ledger import covering

    recovery = VerifierKey.parse(desk.run("rotate-key", "--new-recovery-key", "r.key").strip())
    desk.create(recovery=recovery)
    desk.append(alias("1"))
    new = ("--key", "n.key", "--state", "n.state", "--listen", f"unix://{desk.home}/n")
    desk.run("signer", *new, "--new", "--origin", SigningKey.parse(desk.key.read_text().strip()).name)
    with serving("signer", *new) as url:
        there = {"AFFIDAVIT_SIGNER_URL": url}
        desk.run("rotate-key", "--request", "request.txt", **there)
        authorised = desk.run("rotate-key", "--authorise", "request.txt", "--recovery-key", "r.key")
        (desk.home / "authorised.txt").write_text(authorised)
        with monkeypatch.context() as crash, desk.work().writer() as early:
            crash.setattr(covering, "cover", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            desk.run("rotate-key", "--apply", "authorised.txt", code=130, **there)
            with pytest.raises(AffidavitError, match="replaced at entry 2"):  # though it was open before
                early.append([alias("2")], now=datetime.now(UTC))
        found = json.loads(desk.run("verify", "--json", code=1))
        assert (found["entries"], found["uncovered_entries"]) == (2, 1)
        assert found["signing"] == "inside the writing process (declared in entry 0)"
        with pytest.raises(AffidavitError, match="replaced at entry 2"):  # the old key covers nothing of it
            desk.append(alias("2"))
        desk.run("rotate-key", "--apply", "authorised.txt", **there)
        found = json.loads(desk.run("verify", "--json", code=1))
        assert (found["entries"], found["uncovered_entries"]) == (3, 0)
        assert found["signing"] == "in a process of its own (declared in entry 2)"


def test_what_cannot_be_meant_is_refused_and_changes_nothing(desk):
    desk.create()
    assert "can never be replaced" in desk.run("rotate-key", "--request", "request.txt", code=2)
    assert not (desk.home / "request.txt").exists()
    assert not desk.key.with_name("signer.key.next").exists()
    other = Desk(desk.home / "other")
    other.home.mkdir()
    place = {"AFFIDAVIT_PROJECT": str(other.home)}
    other.create(recovery=SigningKey("r.example/1", ED25519, b"r" * 32).public)
    for file, said in (("absent/request.txt", "cannot be written"), ("there", "there is a file already")):
        (desk.home / "there").touch()
        assert said in desk.run("rotate-key", "--request", file, code=2, **place)
        assert not other.key.with_name("signer.key.next").exists()
    down = place | {"AFFIDAVIT_SIGNER_URL": f"unix://{desk.home}/s"}
    desk.run("rotate-key", "--request", "r.txt", code=1, **down)
    assert not (desk.home / "r.txt").exists()
    for words in ((), ("--request", "a", "--apply", "b"), ("--authorise", "a"), ("--apply", "a", "--witness", "x")):
        desk.run("rotate-key", *words, code=2)
    (desk.home / "nonsense").write_text("nonsense")
    assert "must begin with" in desk.run("rotate-key", "--authorise", "nonsense", "--recovery-key", "k", code=2)
    assert "cannot be replaced" in desk.run("rotate-key", "--apply", "nonsense", code=2)
    assert json.loads(desk.run("verify", "--json", code=1))["entries"] == 1

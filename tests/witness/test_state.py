"""The memory: what a cut at any point leaves, and what is refused when it was touched."""

import os
import signal
import subprocess
import sys

import pytest

from affidavit.errors import ConfigurationError, LedgerUnavailable, UsageError
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import COSIGNATURE, Note, SigningKey
from affidavit.witness import keys
from affidavit.witness.protocol import Asked, Refusal
from affidavit.witness.state import Memory
from tests.witness.conftest import NOON

# What a head passes through on its way to the disk, in this order; each is cut before and after.
STEPS = ("open", "fsync", "close", "replace", "open", "fsync", "close")

CHILD = """
import os, signal, sys
from pathlib import Path
from affidavit.tlog.note import Note, SigningKey
from affidavit.witness.protocol import Asked
from affidavit.witness.state import Memory

folder, secret, at, after, request, note = sys.argv[1:7]
memory = Memory.open(Path(folder), SigningKey.parse(secret))
passed = 0

def cut(name):
    real = getattr(os, name)
    def step(*arguments, **named):
        global passed
        path = str(arguments[0])
        if name == "open" and path.endswith("lock"):
            return real(*arguments, **named)
        if name != "open" and passed == 0:
            return real(*arguments, **named)
        passed += 1
        if passed == int(at) and after == "no":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **named)
        if passed == int(at) and after == "yes":
            os.kill(os.getpid(), signal.SIGKILL)
        if passed <= 7:
            print(name, file=sys.stderr)
        return result
    setattr(os, name, step)

for name in ("open", "fsync", "close", "replace"):
    cut(name)
asked = Asked.parse(request.encode())
signed = memory.extend(asked, Note(note, ()), now=lambda: 1_773_489_700)
print(signed.signatures[-1].line, flush=True)
"""


def extend(memory, log, old, new, now=NOON):
    asked = Asked(old, tuple(log.proof(old, new)), log.body(new))
    return memory.extend(asked, Note(log.body(new), ()), now=lambda: now)


def child(home, log, old, new, *, at, after):
    asked = Asked(old, tuple(log.proof(old, new)), log.body(new)).data.decode()
    command = [sys.executable, "-c", CHILD, str(home.folder), home.key.text, str(at), after, asked, log.body(new)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def size(memory, log):
    return Checkpoint.parse(memory.head(log.key.name).text).size


def test_the_steps_that_are_cut_are_all_there_are(home, log):
    extend(home.memory(), log, 0, 9)
    done = child(home, log, 9, 20, at=0, after="no")
    assert done.returncode == 0, done.stderr
    assert tuple(done.stderr.split()) == STEPS
    assert done.stdout


@pytest.mark.parametrize("after", ["no", "yes"])
@pytest.mark.parametrize("at", range(1, len(STEPS) + 1))
def test_killed_at_any_step_it_holds_the_old_head_or_the_new_and_nothing_was_released(home, log, at, after):
    extend(home.memory(), log, 0, 9)
    done = child(home, log, 9, 20, at=at, after=after)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == ""
    memory = home.memory()
    renamed = at > 4 or (at == 4 and after == "yes")
    assert size(memory, log) == (20 if renamed else 9)
    fork = log.fork(12, 40)
    if renamed:
        assert isinstance(extend(memory, fork, 9, 20), Refusal)
        assert not isinstance(extend(memory, log, 20, 20), Refusal)
    else:
        assert not isinstance(extend(memory, log, 9, 20), Refusal)
    assert isinstance(extend(memory, fork, 20, 20), Refusal)


def test_two_processes_on_one_folder_agree(home, log):
    first, second = home.memory(), home.memory()
    extend(first, log, 0, 9)
    assert extend(second, log, 0, 12).size == 9
    assert not isinstance(extend(second, log, 9, 12), Refusal)
    assert extend(first, log, 9, 20).size == 12


def test_time_is_the_later_of_now_and_what_is_remembered(home, log):
    from affidavit.tlog import cosignature

    memory = home.memory()
    extend(memory, log, 0, 9, now=NOON)
    for now, expected in ((NOON - 1, NOON), (NOON + 1, NOON + 1), (NOON - 99, NOON + 1)):
        assert cosignature.verify(extend(memory, log, 9, 9, now=now), home.key.public) == expected


@pytest.mark.parametrize("spoil", [b"", b"garbage", None])
def test_a_damaged_memory_is_not_opened(home, log, spoil):
    extend(home.memory(), log, 0, 9)
    [path] = home.folder.glob("*.head")
    text = path.read_bytes()
    path.write_bytes(text.replace(b"\n9\n", b"\n8\n") if spoil is None else spoil)
    with pytest.raises(ConfigurationError, match="damaged"):
        home.memory()


def test_a_memory_that_another_key_signed_is_not_opened(home, log):
    extend(home.memory(), log, 0, 9)
    home.key = SigningKey(home.key.name, COSIGNATURE, b"o" * 32)
    with pytest.raises(ConfigurationError, match="damaged"):
        home.memory()


def test_a_head_under_another_logs_name_is_not_opened(home, log):
    extend(home.memory(), log, 0, 9)
    [path] = home.folder.glob("*.head")
    path.rename(path.with_name("0" * 64 + ".head"))
    with pytest.raises(ConfigurationError, match="another log"):
        home.memory()


def test_an_absent_memory_is_not_made_by_opening_it(home, tmp_path):
    with pytest.raises(ConfigurationError, match="no memory"):
        Memory.open(tmp_path / "gone", home.key)
    assert not (tmp_path / "gone").exists()


def test_a_memory_is_made_once(home):
    home.memory()
    with pytest.raises(UsageError, match="already"):
        Memory.create(home.folder, home.key)


def test_a_head_that_cannot_be_written_is_not_signed(home, log):
    memory = home.memory()
    extend(memory, log, 0, 9)
    (blocked := next(home.folder.glob("*.head")).with_suffix(".new")).mkdir()
    with pytest.raises(LedgerUnavailable, match="remembered"):
        extend(memory, log, 9, 20)
    blocked.rmdir()
    assert size(home.memory(), log) == 9


def test_a_key_is_made_once_read_back_and_kept_from_others(tmp_path):
    path = tmp_path / "key"
    made = keys.generate(path, "witness.example/1")
    assert keys.load(path) == made
    with pytest.raises(UsageError, match="already"):
        keys.generate(path, "witness.example/1")
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="others may read") as error:
        keys.load(path)
    assert made.text not in error.value.text
    path.chmod(0o600)
    path.write_text(made.text[:-8])
    with pytest.raises(ConfigurationError, match="not a signing key"):
        keys.load(path)
    with pytest.raises(ConfigurationError, match="no key"):
        keys.load(tmp_path / "other")
    with pytest.raises(UsageError, match="cannot be a key's name"):
        keys.generate(tmp_path / "other", "a b")
    assert not os.path.lexists(tmp_path / "other")

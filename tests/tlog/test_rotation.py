"""The text that replaces a key, and the two ways to authorise it."""

import os
import random

import pytest

from affidavit.errors import NoteError
from affidavit.tlog import cosignature, rotation
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import COSIGNATURE, ED25519, Note, SigningKey
from affidavit.tlog.policy import parse_policy
from affidavit.tlog.rotation import Rotation, by_quorum, by_recovery
from tests.rotations import QUORUM, RECOVERY, WITNESSES, cosigned, forged

OLD, NEW = (SigningKey("log.example/1", COSIGNATURE, seed * 32) for seed in (b"o", b"n"))
POLICY = parse_policy(QUORUM)


def signed(key, *, origin="log.example/1", size=7, time=5):
    text = Checkpoint(origin, size, bytes(range(32))).text
    return Note(text, (cosignature.cosign(text, key, time=time),))


MEANT = Rotation(OLD.public, NEW.public, signed(OLD))


def test_the_text_reads_back_and_names_what_it_comes_after():
    assert Rotation.parse(MEANT.text) == MEANT
    assert MEANT.text.startswith(f"{rotation.HEADER}\n{OLD.public.text}\n{NEW.public.text}\n\nlog.example/1\n7\n")
    assert (MEANT.after.size, MEANT.checkpoint.size) == (7, 1)


def test_it_is_authorised_by_the_recovery_key_or_by_the_quorum():
    assert by_recovery(rotation.sign(MEANT, RECOVERY), RECOVERY.public) == MEANT
    for keys in (WITNESSES[:2], WITNESSES[1:], WITNESSES):
        assert by_quorum(cosigned(MEANT, keys), POLICY) == MEANT


def test_by_nobody_else():
    stranger = SigningKey("x.example/1", ED25519, b"x" * 32)
    for key in (stranger, SigningKey(RECOVERY.name, ED25519, b"x" * 32)):
        with pytest.raises(NoteError):
            by_recovery(rotation.sign(MEANT, key), RECOVERY.public)
    with pytest.raises(NoteError):
        by_recovery(rotation.sign(MEANT, RECOVERY), SigningKey(RECOVERY.name, COSIGNATURE, RECOVERY.seed).public)
    impostors = [SigningKey(key.name, COSIGNATURE, b"x" * 32) for key in WITNESSES]
    for keys in ([], WITNESSES[:1], [WITNESSES[0], WITNESSES[0]], impostors, [WITNESSES[0], *impostors[1:]]):
        with pytest.raises(NoteError):
            by_quorum(cosigned(MEANT, keys), POLICY)


def test_witnesses_that_cosigned_another_text_consented_to_that():
    other = Rotation(OLD.public, SigningKey(OLD.name, COSIGNATURE, b"m" * 32).public, MEANT.head)
    proof = cosigned(other)
    assert by_quorum(proof, POLICY) == other
    swapped = rotation.proof_of(MEANT, Note.parse(proof.partition("\n\n")[2]))
    with pytest.raises(NoteError, match="something else"):
        by_quorum(swapped, POLICY)
    for body in (Checkpoint(MEANT.log, 2, MEANT.checkpoint.root), Checkpoint(OLD.name, 1, MEANT.checkpoint.root)):
        with pytest.raises(NoteError, match="something else"):
            by_quorum(cosigned(MEANT, text=body.text), POLICY)
    with pytest.raises(NoteError, match="something else"):
        by_quorum(cosigned(MEANT, text=MEANT.checkpoint.text + "more\n"), POLICY)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"new": SigningKey("log.example/2", COSIGNATURE, b"n" * 32).public}, "not of one log"),
        ({"new": SigningKey(OLD.name, ED25519, b"n" * 32).public}, "cannot sign heads"),
        ({"new": OLD.public}, "the one that it replaces"),
        ({"new": SigningKey(OLD.name, ED25519, OLD.seed).public}, "the one that it replaces"),
        ({"head": signed(NEW)}, "no cosignature by"),
        ({"head": signed(OLD, origin="log.example/2")}, "not of one log"),
        ({"head": Note(MEANT.head.text, signed(OLD, size=8).signatures)}, "does not hold"),
        ({"head": Note(MEANT.head.text, (*MEANT.head.signatures, *signed(NEW).signatures))}, "one signature"),
        ({"head": Note("no checkpoint\n", MEANT.head.signatures)}, "at least three lines"),
    ],
)
def test_a_rotation_that_makes_no_sense_is_none_whoever_authorised_it(fields, problem):
    made = forged(MEANT, **fields)
    with pytest.raises(NoteError, match=problem):
        by_recovery(rotation.sign(made, RECOVERY), RECOVERY.public)
    with pytest.raises(NoteError, match=problem):
        Rotation(made.old, made.new, made.head)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_changed_in_an_authorisation_it_never_says_something_else(seed):
    """A change of the line by the log that was made for the consent is ignored; every other is refused."""
    chance = random.Random(seed)
    for data, read in (
        (rotation.sign(MEANT, RECOVERY), lambda text: by_recovery(text, RECOVERY.public)),
        (cosigned(MEANT), lambda text: by_quorum(text, POLICY)),
    ):
        whole = data.encode()
        own = whole.find(f"— {MEANT.log} ".encode())
        end = whole.find(b"\n", own) if own >= 0 else -1
        for _ in range(300):
            place = chance.randrange(len(whole))
            changed = whole[:place] + bytes([whole[place] ^ 1 << chance.randrange(8)]) + whole[place + 1 :]
            try:
                found = read(changed.decode("utf-8", "replace"))
            except NoteError:
                continue
            assert found == MEANT
            assert own <= place < end


def test_a_text_in_another_spelling_is_refused():
    for text in (MEANT.text.replace("\n\n", "\n\n\n", 1), f"{MEANT.text}\n", MEANT.text.replace("v1", "v2"), "", "\n"):
        with pytest.raises(NoteError):
            Rotation.parse(text)


def test_a_request_of_its_own_has_a_log_of_its_own():
    other = Rotation(OLD.public, SigningKey(OLD.name, COSIGNATURE, os.urandom(32)).public, MEANT.head)
    assert other.log != MEANT.log
    assert MEANT.log.startswith("log.example/1/rotation/")

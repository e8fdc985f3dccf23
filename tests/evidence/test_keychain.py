"""The chain of a log's keys, from statements alone."""

from types import SimpleNamespace

import pytest

from affidavit.errors import NoteError
from affidavit.evidence import kinds
from affidavit.evidence.keychain import Keychain
from affidavit.tlog import cosignature, rotation
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import COSIGNATURE, Note, SigningKey
from affidavit.tlog.policy import parse_policy
from affidavit.tlog.rotation import Rotation
from tests.rotations import QUORUM, RECOVERY

KEYS = [SigningKey("log.example/1", COSIGNATURE, bytes([number]) * 32) for number in range(4)]
FACTS = {"key": KEYS[0].public.text, "signing": "here", "recovery": RECOVERY.public.text, "recovery_quorum": QUORUM}


def genesis(**facts):
    return SimpleNamespace(kind=kinds.GENESIS.name, facts={**FACTS, **facts})


def head(key, size):
    text = Checkpoint(key.name, size, bytes(32)).text
    return Note(text, (cosignature.cosign(text, key, time=size),))


def entry(old, new, /, *, after, **facts):
    meant = Rotation(old.public, new.public, head(old, after))
    said = {"old": old.public.text, "new": new.public.text, "signing": "there", "authority": rotation.RECOVERY}
    said["authorisation"] = rotation.sign(meant, RECOVERY)
    return SimpleNamespace(kind=kinds.KEY_ROTATION.name, facts={**said, **facts})


@pytest.fixture
def chain():
    """Entries 5 and 9 replace the key."""
    begun = Keychain.start(genesis())
    return begun.follow(5, entry(KEYS[0], KEYS[1], after=3)).follow(9, entry(KEYS[1], KEYS[2], after=9))


def test_a_head_is_signed_by_the_newest_key_whose_entry_it_covers(chain):
    signers = [KEYS.index(next(key for key in KEYS if key.public == chain.at(size))) for size in range(12)]
    assert signers == [0] * 6 + [1] * 4 + [2] * 2
    assert (chain.newest, chain.origin) == (KEYS[2].public, "log.example/1")
    assert [len(chain.under(size).links) for size in (0, 1, 5, 6, 9, 10)] == [1, 1, 1, 2, 2, 3]
    assert Keychain.told(chain.pairs).pairs == chain.pairs


@pytest.mark.parametrize(
    ("index", "statement", "problem"),
    [
        (12, entry(KEYS[1], KEYS[3], after=8), "another key than the log's present one"),
        (12, entry(KEYS[2], KEYS[0], after=10), "a key of this log before"),
        (12, entry(KEYS[2], KEYS[3], after=9), "a head of 9 entries"),
        (12, entry(KEYS[2], KEYS[3], after=13), "a head of 13 entries"),
        (12, entry(KEYS[2], KEYS[3], after=12, new=KEYS[1].public.text), "other keys than were authorised"),
        (12, entry(KEYS[2], KEYS[3], after=12, authority=rotation.QUORUM), "not a proof"),
        (12, entry(KEYS[2], KEYS[3], after=12, authority="the operator"), "pins none"),
        (12, entry(KEYS[2], KEYS[3], after=12, authority=None), "not a rotation"),
        (12, entry(KEYS[2], KEYS[3], after=12, authorisation=7), "not a rotation"),
    ],
)
def test_what_cannot_be_the_next_link_is_refused(chain, index, statement, problem):
    with pytest.raises(NoteError, match=problem) as caught:
        chain.follow(index, statement)
    assert caught.value.index == index
    assert chain.follow(index, entry(KEYS[2], KEYS[3], after=12)).newest == KEYS[3].public


def test_without_recovery_key_and_quorum_no_key_can_follow():
    alone = Keychain.start(genesis(recovery=None, recovery_quorum=None))
    for authority in (rotation.RECOVERY, rotation.QUORUM):
        with pytest.raises(NoteError, match="can never be replaced"):
            alone.follow(5, entry(KEYS[0], KEYS[1], after=3, authority=authority))


@pytest.mark.parametrize(
    "facts", [{"key": "x"}, {"key": None}, {"key": RECOVERY.public.text}, {"recovery": "x"}, {"recovery_quorum": "x"}]
)
def test_an_entry_0_that_names_no_key_as_it_must_begins_nothing(facts):
    with pytest.raises(NoteError):
        Keychain.start(genesis(**facts))


def test_an_entry_0_of_another_kind_begins_nothing():
    with pytest.raises(NoteError, match="not a genesis entry"):
        Keychain.start(SimpleNamespace(kind="collection", facts=FACTS))


def test_a_policy_that_names_an_earlier_key_of_another_log_is_no_policy_for_this_one(chain):
    newest = head(KEYS[2], 11)
    other = SigningKey("log.example/2", COSIGNATURE, KEYS[0].seed).public.text
    for lines in (f"log {other}\nquorum none\n", "quorum none\n", f"log {KEYS[3].public.text}\nquorum none\n"):
        with pytest.raises(NoteError, match="no log of the policy"):
            chain.author(parse_policy(lines), newest)
    named = parse_policy(f"log {other}\nlog {KEYS[1].public.text}\nquorum none\n")
    assert "was replaced at entry 9 under the recovery key that entry 0 pins" in chain.author(named, newest)
    with pytest.raises(NoteError, match="no log of the policy"):  # the newest head is by the newest key, or by none
        chain.author(named, head(KEYS[1], 11))

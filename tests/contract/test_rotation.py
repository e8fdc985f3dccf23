"""Replacing the log's key: the same on SQLite and on Postgres."""

from datetime import timedelta

import pytest

from affidavit.errors import IntegrityError, UsageError
from affidavit.evidence import kinds
from affidavit.ledger import Ledger, LocalSigner, verify
from affidavit.pipeline.verifying import examine
from affidavit.tlog import cosignature, rotation
from affidavit.tlog.note import COSIGNATURE, ED25519, Note, SigningKey
from affidavit.tlog.policy import parse_policy
from tests import rotations
from tests.conftest import NOON
from tests.rotations import RECOVERY, WITNESSES, apply, asked, cosigned, new_key


@pytest.fixture
def filled(place, alias):
    with rotations.create(place) as ledger:
        ledger.append([alias("1"), alias(model="n")], now=NOON)
    return place


@pytest.mark.parametrize("authorise", [lambda meant: rotation.sign(meant, RECOVERY), cosigned])
def test_a_key_is_replaced_and_everything_goes_on(filled, alias, authorise):
    with filled.read() as ledger:
        old = ledger.key
    index = apply(filled, authorise(asked(filled)))
    assert index == 3
    with filled.write() as ledger:
        assert (ledger.key != old, ledger.key.name) == (True, old.name)
        assert ledger.head().size == 4
        appended = ledger.append([alias("2")], now=NOON)
        assert [receipt.index for receipt in appended.receipts] == [4]
        found = verify(ledger)
        assert (found.entries, found.heads) == (5, 4)
        assert found.signing == "inside the writing process (declared in entry 3)"
        # Heads up to the entry are by the old key, and from the one that covers it on by the new.
        assert [ledger.keys.at(size) == old for size in range(6)] == [True] * 4 + [False] * 2
        assert ledger.head_at(NOON) == appended.head
        entry = ledger.entry(3).statement
        assert entry.kind == kinds.KEY_ROTATION.name
        assert (entry.facts["old"], entry.facts["new"]) == (old.text, ledger.key.text)


def test_a_ledger_that_was_just_made_knows_who_may_replace_its_key(place):
    with rotations.create(place) as made:
        meant = made.rotation(new_key(place).vkey)
    with place.read() as opened:
        assert meant == opened.rotation(meant.new)


def test_a_key_that_is_lost_with_its_memory_is_replaced(filled, alias):
    filled.key.unlink()
    filled.key.with_name("ledger.key.head").unlink()
    rotations.rotate(filled)
    with filled.write() as ledger:
        ledger.append([alias("2")], now=NOON)
        assert verify(ledger).entries == 5


def test_the_old_key_signs_no_more_and_says_where_it_was_replaced(filled, alias):
    with filled.write() as ledger:
        old = filled.key.read_bytes()
        rotations.rotate(filled)
        with pytest.raises(UsageError, match="replaced at entry 3"):  # opened before, it writes no more
            ledger.append([alias("2")], now=NOON)
        assert ledger.head().size == 4
    filled.key.write_bytes(old)
    with pytest.raises(UsageError, match=r"ledger\.key: the key was replaced at entry 3.*rotate-key"):
        filled.write()


def test_a_crash_between_commit_and_rename_is_completed_by_the_same_call(filled):
    authorised = rotation.sign(asked(filled), RECOVERY)
    signer = LocalSigner.following(filled.key)
    Ledger.rotate(filled.url, blobs=filled.blobs, signer=signer, authorisation=authorised, now=NOON)
    with pytest.raises(UsageError, match="replaced at entry 3"):
        filled.write()
    assert apply(filled, authorised) == 3
    with filled.write() as ledger:
        assert verify(ledger).entries == 4


def test_keys_are_replaced_again_and_again_and_the_policy_may_name_any(filled, alias):
    named = []
    for number in range(3):
        with filled.write() as ledger:
            named.append(ledger.key.text)
            ledger.append([alias(str(number), model="each")], now=NOON)
        rotations.rotate(filled)
    with filled.read() as ledger:
        named.append(ledger.key.text)
        said = [examine(ledger, policy=parse_policy(f"log {key}\nquorum none\n")).author for key in named]
        replaced = [f"at entry {index} under the recovery key" for index in (4, 6, 8)]
        assert "replaced" not in said[3]
        for number in range(3):
            whole = f"whose key the policy names was replaced {', then '.join(replaced[number:])} that entry 0 pins"
            assert whole in said[number]
        other = SigningKey(ledger.key.name, COSIGNATURE, b"x" * 32).public
        with pytest.raises(IntegrityError, match="no log of the policy signed"):
            examine(ledger, policy=parse_policy(f"log {other.text}\nquorum none\n"))


def test_a_quorum_asked_for_is_not_met_by_a_replaced_key(filled):
    with filled.read() as ledger:
        old = ledger.key
    rotations.rotate(filled)
    lines = f"log {old.text}\nwitness w {WITNESSES[0].public.text}\nquorum w\n"
    with filled.read() as ledger:
        found = examine(ledger, policy=parse_policy(lines))
    assert (len(found.anchoring.doubts), found.established) == (1, False)


def test_without_recovery_key_and_quorum_a_key_can_never_be_replaced(place):
    with rotations.create(place, recovery=None, quorum=None):
        pass
    with pytest.raises(UsageError, match="can never be replaced"):
        asked(place)


def bad(place, alias):
    """Authorisations that must not do, each with a part of the error."""
    meant, mine = asked(place), rotations.secret(place)
    stranger = SigningKey("thief.example/1", ED25519, b"t" * 32)
    yield rotation.sign(meant, stranger), "no signature by 'recovery.example/1'"
    yield rotation.sign(meant, SigningKey(RECOVERY.name, ED25519, b"t" * 32)), "no signature by"
    yield cosigned(meant, WITNESSES[:1]), "quorum 'two'"
    yield cosigned(meant, []), "quorum 'two'"
    yield cosigned(meant, text=meant.checkpoint.text.replace("\n1\n", "\n2\n")), "something else"
    other = LocalSigner.generate(place.home / "other.key").vkey
    yield rotation.sign(rotations.forged(meant, new=other), RECOVERY), "not of one log"
    yield rotation.sign(rotations.forged(meant, old=meant.new), RECOVERY), "is the one that it replaces|no cosignature"
    again = SigningKey(meant.old.name, COSIGNATURE, b"n" * 32).public
    yield rotation.sign(rotations.forged(meant, old=again), RECOVERY), "no cosignature by"
    yield rotation.sign(rotations.forged(meant, new=again), RECOVERY), "another new key"
    fork = meant.head.text.replace(f"\n{meant.after.size}\n", f"\n{meant.after.size - 1}\n")
    line = cosignature.cosign(fork, mine, time=1)  # the thief of the old key signs what it likes
    yield rotation.sign(rotations.forged(meant, head=Note(fork, (line,))), RECOVERY), "no head of this log"
    beyond = meant.head.text.replace(f"\n{meant.after.size}\n", "\n9\n")
    line = cosignature.cosign(beyond, mine, time=1)
    yield rotation.sign(rotations.forged(meant, head=Note(beyond, (line,))), RECOVERY), "a head of 9 entries"
    yield rotation.sign(meant, RECOVERY).replace(rotation.HEADER, "affidavit/key-rotation/v2"), "does not hold"
    yield "nonsense", "without text"
    yield f"c2sp.org/tlog-proof@v1\nindex 0\n\n{meant.head.whole}", "not the text of a rotation"


def test_only_what_was_authorised_replaces_a_key(filled, alias):
    new = new_key(filled)
    for authorisation, problem in bad(filled, alias):
        with pytest.raises(UsageError, match=problem):
            apply(filled, authorisation, new)
    with filled.write() as ledger:
        assert ledger.append([alias("9")], now=NOON).receipts[0].index == 3
        assert verify(ledger).entries == 4


def test_an_authorisation_is_good_once_and_a_key_is_used_once(filled, alias):
    first = filled.key.read_bytes()
    authorised = rotation.sign(asked(filled), RECOVERY)
    apply(filled, authorised)
    filled.key.with_name("ledger.key.next").write_bytes(first)
    with pytest.raises(UsageError, match="a key of this log before"):
        asked(filled, LocalSigner.following(filled.key))
    filled.key.with_name("ledger.key.next").unlink()
    rotations.rotate(filled)
    third = LocalSigner.succeed(filled.key, origin=LocalSigner.load(filled.key).vkey.name)
    with pytest.raises(UsageError, match="another new key"):
        apply(filled, authorised, third)


def test_a_key_that_was_replaced_once_is_not_taken_for_another_replacement(filled):
    first = rotation.sign(asked(filled), RECOVERY)
    apply(filled, first)
    present = LocalSigner.load(filled.key)
    second = rotation.sign(asked(filled), RECOVERY)
    for authorisation in (second, "nonsense\n"):  # the file of the new key is lost: the present one is at hand
        with pytest.raises(UsageError, match="the key cannot be replaced"):
            Ledger.rotate(filled.url, blobs=filled.blobs, signer=present, authorisation=authorisation, now=NOON)
    assert Ledger.rotate(filled.url, blobs=filled.blobs, signer=present, authorisation=first, now=NOON) == 3


def test_an_authorisation_may_be_older_than_what_was_appended_since(filled, alias):
    authorised = rotation.sign(asked(filled), RECOVERY)
    with filled.write() as ledger:
        ledger.append([alias("2")], now=NOON + timedelta(days=3))
    assert apply(filled, authorised) == 4  # and the new key's time is not before the old one's
    with filled.read() as ledger:
        assert verify(ledger).head.time == NOON + timedelta(days=3)


def test_what_is_derived_of_a_rotation_is_named_and_mended(filled):
    rotations.rotate(filled)
    filled.spoil("UPDATE entries SET kind = 'x' WHERE \"index\" = 3")
    with filled.read() as ledger, pytest.raises(IntegrityError, match="row 3, column kind"):
        verify(ledger)
    with filled.write() as ledger:
        assert ledger.rebuild() == 1
        verify(ledger)

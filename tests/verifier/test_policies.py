"""Policies: both verifiers read them alike, and come to the same verdict about a head with witnesses."""

import random
import re

import pytest

from affidavit.errors import AffidavitError
from affidavit.publish.bundle_verification import verify_bundle
from affidavit.tlog.cosignature import cosign
from affidavit.tlog.note import COSIGNATURE, ED25519, Note, SigningKey
from affidavit.tlog.policy import parse_policy
from tests.verifier.mutants import flipped, head_everywhere, packed, unpacked

W1, W2, W3 = (SigningKey(f"w{n}.example", COSIGNATURE, bytes([n]) * 32) for n in (1, 2, 3))
PLAIN = SigningKey("w4.example", ED25519, b"\x04" * 32)
WITNESSES = "".join(f"witness W{n} {key.public.text}\n" for n, key in ((1, W1), (2, W2), (3, W3)))
COUNT = 300
WORDS = [b"W1", b"W2", b"W3", b"W9", b"a", b"b", b"any", b"all", b"1", b"3", b"none", b" ", b"#", b"\n"]

ACCEPTED = [
    "quorum none\n",
    f"{WITNESSES}quorum W1\n",
    f"{WITNESSES}group two 2 W1 W2 W3\nquorum two\n",
    f"{WITNESSES}group a any W3 W2\ngroup b all a W1\nquorum b\n",
    f"# comment\n\n\t{WITNESSES}  group  a\tany W1\nquorum a",
]
SHORT = [
    f"{WITNESSES}quorum W3\n",
    f"{WITNESSES}group three all W1 W2 W3\nquorum three\n",
    f"witness W1 {SigningKey(W1.name, COSIGNATURE, bytes(32)).public.text}\nquorum W1\n",
]
UNREADABLE = [
    "",
    "quorum\n",
    "quorum none none\n",
    "quorum none\nquorum none\n",
    "quorum W1\nwitness W1 {W1}\n",
    f"witness W4 {PLAIN.public.text}\nquorum none\n",
    f"{WITNESSES}witness W1 {W1.public.text}\nquorum none\n",
    f"{WITNESSES}witness W9 {W1.public.text}\nquorum none\n",
    f"{WITNESSES}group none any W1\nquorum none\n",
    f"{WITNESSES}group g 4 W1 W2\nquorum none\n",
    f"{WITNESSES}group g 0 W1 W2\nquorum none\n",
    f"{WITNESSES}group g any W1\ngroup h any W1\nquorum none\n",
    f"{WITNESSES}group g any W1 W1\nquorum none\n",
    f"{WITNESSES}group g any g\nquorum none\n",
    f"{WITNESSES}group g some W1\nquorum none\n",
    "witness W1 x+00000000+AAAA\nquorum none\n",
    "quorum none\r\n",
    "quorum none\x7f\n",
    "trust everybody\nquorum none\n",
]


@pytest.fixture
def witnessed(bundled, filled):
    """A bundle whose head W1 and W2 cosigned, and the vkey of its log."""
    path = bundled(entries="40")
    files = unpacked(path.read_bytes())
    note = Note.parse(files["checkpoint.txt"])
    whole = Note(note.text, (*note.signatures, cosign(note.text, W1, time=7), cosign(note.text, W2, time=8))).whole
    path.write_bytes(packed(head_everywhere(files, note.whole.encode(), whole.encode())))
    with filled.read() as ledger:
        return path, ledger.key.text


@pytest.fixture
def codes(witnessed, verifier, tmp_path):
    """The exit codes of both verifiers under a policy."""
    path, _ = witnessed
    file = tmp_path / "tried.txt"

    def ask(policy):
        data = policy if isinstance(policy, bytes) else policy.encode()
        file.write_bytes(data)
        try:
            ours = 0 if verify_bundle(path, policy=parse_policy(data)).established else 1
        except AffidavitError as error:
            ours = error.exit_code
        return ours, verifier(path, "--policy", file)[0]

    return ask


def test_what_a_policy_asks_for_is_what_counts(codes, witnessed):
    log = f"log {witnessed[1]}\n"
    for text in ACCEPTED:
        assert codes(log + text) == (0, 0), text
    for text in SHORT:
        assert codes(log + text) == (1, 1), text
    for text in ACCEPTED:
        assert codes(text) == (3, 3), text


def test_what_is_no_policy_is_said_to_be_none(codes, witnessed):
    log = f"log {witnessed[1]}\n"
    for text in UNREADABLE:
        assert codes(log + text) == (2, 2), repr(text)
    assert codes(log + log + "quorum none\n") == (2, 2)


def test_doctored_policies_never_divide_the_verifiers(codes, witnessed):
    chance = random.Random(2026)
    whole = (f"log {witnessed[1]}\n{WITNESSES}group a 2 W1 W2 W3\ngroup b any a\nquorum b\n").encode()
    rules = whole.index(b"group")
    seen = set()
    for number in range(COUNT):
        if number % 2:
            doctored = flipped(chance, whole)
        else:  # what the rules say, in their own words
            words = re.split(rb"([ \n])", whole[rules:])
            words[chance.randrange(len(words))] = chance.choice(WORDS)
            doctored = whole[:rules] + b"".join(words)
        ours, theirs = codes(doctored)
        assert ours == theirs, doctored
        seen.add(ours)
    assert seen == {0, 1, 2}

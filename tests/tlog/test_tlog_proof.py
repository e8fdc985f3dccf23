"""Proofs in files: one spelling, nothing unknown but signatures, and nothing believed that does not hold."""

import base64
import random

import pytest

from affidavit.errors import IntegrityError, NoteError, ProofError
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.cosignature import cosign
from affidavit.tlog.note import COSIGNATURE, Note, Signature, SigningKey
from affidavit.tlog.policy import parse_policy
from affidavit.tlog.proofs import prove_inclusion
from affidavit.tlog.tlog_proof import HEADER, TlogProof

LOG = SigningKey("example.com/log", COSIGNATURE, b"\x01" * 32)
WITNESS = SigningKey("w.example", COSIGNATURE, b"\x02" * 32)
POLICY = parse_policy(f"log {LOG.public.text}\nwitness W {WITNESS.public.text}\nquorum W\n")
SIZE = 70


@pytest.fixture
def note(leaves, root_of):
    text = Checkpoint(LOG.name, SIZE, root_of(leaves)).text
    stranger = Signature("somebody.example", b"abcd", b"not for us")
    return Note(text, (cosign(text, LOG, time=100), stranger, cosign(text, WITNESS, time=101)))


@pytest.fixture
def proof_of(leaves, reader_of, note):
    def make(index, extra=None):
        return TlogProof(index, tuple(prove_inclusion(reader_of(leaves), index=index, size=SIZE)), note, extra)

    return make


def test_a_file_is_as_the_specification_lays_it_out(proof_of, note):
    proof = proof_of(69, b"\x00extra")
    hashes = [base64.b64encode(digest).decode() for digest in proof.path]
    assert hashes
    assert proof.text == "\n".join([HEADER, "extra AGV4dHJh", "index 69", *hashes, "", note.whole])
    assert TlogProof.parse(proof.text) == TlogProof.parse(proof.text.encode()) == proof


@pytest.mark.parametrize("extra", [None, b"", b"x" * 1000])
def test_every_entry_is_proven_and_survives_its_file(leaves, proof_of, extra):
    for index in range(SIZE):
        proof = TlogProof.parse(proof_of(index, extra).text)
        assert proof.extra == extra
        endorsement = proof.verify(leaves[index], POLICY)
        assert (endorsement.checkpoint.size, endorsement.log) == (SIZE, LOG.public)
        assert endorsement.witnesses == (("W", 101),)
        assert proof.included(leaves[index]) == endorsement.checkpoint
        with pytest.raises(ProofError):
            proof.included(leaves[index - 1])


def test_the_only_leaf_of_a_log_needs_no_hashes(leaves, reader_of):
    text = Checkpoint(LOG.name, 1, leaves[0]).text
    whole = f"{HEADER}\nindex 0\n\n{text}\n{cosign(text, LOG, time=1).line}\n"
    proof = TlogProof.parse(whole)
    assert proof.path == ()
    assert proof.included(leaves[0]).size == 1
    assert proof.text == whole


def test_a_proof_is_not_verified_under_a_checkpoint_that_the_policy_refuses(leaves, proof_of, note):
    proof = proof_of(3)
    alone = TlogProof(3, proof.path, Note(note.text, note.signatures[:1]))
    alone.included(leaves[3])
    with pytest.raises(NoteError, match="quorum"):
        alone.verify(leaves[3], POLICY)


CHANGES = {
    "another header": lambda t: t.replace("@v1", "@v2"),
    "a line before the header": lambda t: "\n" + t,
    "no index": lambda t: t.replace("index 5\n", ""),
    "a leading zero": lambda t: t.replace("index 5", "index 05"),
    "a negative index": lambda t: t.replace("index 5", "index -5"),
    "an index in other digits": lambda t: t.replace("index 5", "index ٥"),
    "an index that no log reaches": lambda t: t.replace("index 5", f"index {2**63}"),
    "a line that is not known": lambda t: t.replace("index 5", "index 5\nnote hello"),
    "a line that is not known before the index": lambda t: t.replace("index 5", "note hello\nindex 5"),
    "extra twice": lambda t: t.replace("index 5", "extra AA==\nextra AA==\nindex 5"),
    "extra after the index": lambda t: t.replace("index 5", "index 5\nextra AA=="),
    "extra that is not base64": lambda t: t.replace("index 5", "extra AA\nindex 5"),
    "carriage returns": lambda t: t.replace("\n", "\r\n"),
    "a short hash": lambda t: t.replace("index 5\n", "index 5\nAAAA\n"),
    "spare bits of base64": lambda t: t.replace("index 5\n", "index 5\n" + "A" * 42 + "B=\n"),
    "64 hashes": lambda t: t.replace("index 5\n", "index 5\n" + ("A" * 43 + "=\n") * 64),
    "no checkpoint": lambda t: t.partition("\n\n")[0] + "\n\n",
    "no empty line": lambda t: t.replace("\n\n", "\n", 1),
    "an empty line too many": lambda t: t.replace("\n\n", "\n\n\n", 1),
    "cut short": lambda t: t[:-1],
    "a checkpoint that is none": lambda t: t.replace(f"\n{SIZE}\n", "\nmany\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_not_one_spelling_of_a_proof_is_refused(proof_of, change):
    whole = proof_of(5).text
    changed = change(whole)
    assert changed != whole
    with pytest.raises(IntegrityError):
        TlogProof.parse(changed)


def test_bytes_that_are_no_text_and_files_without_end_are_refused(proof_of):
    with pytest.raises(ProofError, match="UTF-8"):
        TlogProof.parse(proof_of(5).text.encode() + b"\xff")
    with pytest.raises(ProofError, match="bytes"):
        TlogProof.parse(HEADER + "\n" + "A" * 2_000_000)


def test_no_byte_of_a_proof_can_change_unnoticed(leaves, proof_of):
    """Whatever is read and verified after one byte was changed says the same as before."""
    chance = random.Random(2026)
    found = 0
    for _ in range(1000):
        index = chance.randrange(SIZE)
        whole = proof_of(index).text.encode()
        place = chance.randrange(len(whole))
        changed = whole[:place] + bytes([whole[place] ^ 1 << chance.randrange(8)]) + whole[place + 1 :]
        try:
            proof = TlogProof.parse(changed)
            endorsement = proof.verify(leaves[index], POLICY)
        except IntegrityError:
            found += 1
            continue
        # What is left is the line of a signature by nobody we know, which is to be ignored.
        start = whole.index("— somebody".encode())
        assert start <= place < whole.index(b"\n", start)
        assert (proof.index, proof.path, endorsement.checkpoint.size) == (index, proof_of(index).path, SIZE)
    assert found > 900

"""A noted checkpoint: extended, or a named error."""

import pytest

from affidavit.errors import ConfigurationError, LedgerRolledBack, NoteError, ProofError
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.cosignature import cosign
from affidavit.tlog.extension import check_extension, extension_text, parse_extension, parse_noted
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.note import COSIGNATURE, Note, SigningKey
from affidavit.tlog.proofs import prove_consistency

LOG = SigningKey("example.com/log", COSIGNATURE, b"\x01" * 32)
OTHER = SigningKey("example.com/log", COSIGNATURE, b"\x02" * 32)


@pytest.fixture
def checkpoint_of(root_of):
    return lambda leaves, origin=LOG.name: Checkpoint(origin, len(leaves), root_of(leaves))


def note_of(checkpoint, key=LOG):
    return Note(checkpoint.text, (cosign(checkpoint.text, key, time=7),))


def test_every_size_that_was_noted_is_seen_to_be_extended(leaves, reader_of, checkpoint_of):
    head = checkpoint_of(leaves)
    for size in range(1, 71):
        noted = note_of(checkpoint_of(leaves[:size]))
        path = prove_consistency(reader_of(leaves), size1=size, size2=70)
        assert check_extension(noted, head, path=path, key=LOG.public).size == size
    empty = note_of(checkpoint_of([]))
    assert check_extension(empty, head, path=(), key=LOG.public).size == 0


def test_a_history_that_was_changed_is_found_whatever_proof_comes_with_it(leaves, reader_of, checkpoint_of):
    changed = [*leaves[:10], leaf_hash(b"another"), *leaves[11:]]
    path = prove_consistency(reader_of(changed), size1=33, size2=70)
    with pytest.raises(ProofError, match=r"first 33 entries.*by the same key"):
        check_extension(note_of(checkpoint_of(leaves[:33])), checkpoint_of(changed), path=path, key=LOG.public)
    noted = note_of(checkpoint_of(leaves[:33]), OTHER)
    with pytest.raises(ProofError, match="by nobody known"):
        check_extension(noted, checkpoint_of(changed), path=path, key=LOG.public)


def test_a_log_that_lost_entries_is_behind_what_was_noted(leaves, checkpoint_of):
    with pytest.raises(LedgerRolledBack, match=r"70 entries.*only 69"):
        check_extension(note_of(checkpoint_of(leaves)), checkpoint_of(leaves[:69]), path=(), key=LOG.public)


def test_the_checkpoint_of_another_log_is_named(leaves, checkpoint_of):
    noted = note_of(checkpoint_of(leaves, "example.org/else"))
    with pytest.raises(NoteError, match=r"example.org/else.*not 'example.com/log'"):
        check_extension(noted, checkpoint_of(leaves), path=(), key=LOG.public)


def test_a_noted_checkpoint_whose_signature_does_not_hold_is_refused(leaves, checkpoint_of):
    whole = note_of(checkpoint_of(leaves[:5]))
    forged = Note(checkpoint_of(leaves[:6]).text, whole.signatures)
    with pytest.raises(NoteError, match="does not hold"):
        check_extension(forged, checkpoint_of(leaves), path=(), key=LOG.public)


def test_a_file_that_was_cut_short_is_no_checkpoint(leaves, checkpoint_of):
    whole = note_of(checkpoint_of(leaves)).whole.encode()
    assert parse_noted(whole, where="noted.txt").whole.encode() == whole
    for length in range(len(whole)):
        with pytest.raises(ConfigurationError, match=r"^noted\.txt: not a checkpoint"):
            parse_noted(whole[:length], where="noted.txt")


def test_an_extension_survives_its_file(leaves, reader_of, checkpoint_of):
    whole = note_of(checkpoint_of(leaves)).whole
    path = tuple(prove_consistency(reader_of(leaves), size1=33, size2=70))
    assert parse_extension(extension_text(33, path, whole)) == (33, path, whole)
    assert parse_extension(extension_text(70, (), whole)) == (70, (), whole)


@pytest.mark.parametrize("text", ["", "old 3\n", "old 03\n\nx", "new 3\n\nx", "old 3\n!\n\nx", "old 3\nAB==\n\nx"])
def test_what_is_no_extension_is_refused(text):
    with pytest.raises(ProofError):
        parse_extension(text)

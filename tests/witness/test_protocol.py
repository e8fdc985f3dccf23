"""Steps 1 to 6, one by one."""

import base64

import pytest

from affidavit.errors import NoteError
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import ED25519, Note, SigningKey, sign
from affidavit.witness.protocol import Asked, Refusal, Remembered, admit, judge
from tests.witness.conftest import NOON


def asked(log, old, new, **changes):
    return Asked(old, tuple(log.proof(old, new)), changes.get("text") or log.note(new))


def remembered(log, size, time=NOON):
    return Remembered(Checkpoint.parse(log.body(size)), time)


def test_a_request_reads_back_as_it_was_written(log):
    request = asked(log, 7, 30)
    assert Asked.parse(request.data) == request
    assert request.data.startswith(b"old 7\n")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.replace(b"old 7", b"old 07"),
        lambda data: data.replace(b"old 7", b"old +7"),
        lambda data: data.replace(b"old 7\n", b"old 7\r\n"),
        lambda data: data.replace(b"old 7", b"old 99999999999999999999"),
        lambda data: data.replace(b"old ", b"new "),
        lambda data: data.replace(b"\n\n", b"\n"),
        lambda data: data[: data.index(b"\n\n")],
        lambda data: data.replace(b"old 7\n", b"old 7\n!!!!\n"),
        lambda data: data.replace(b"old 7\n", b"old 7\n" + base64.b64encode(b"x" * 31) + b"\n"),
        lambda data: data.replace(b"old 7\n", b"old 7\n" + (base64.b64encode(b"x" * 32) + b"\n") * 64),
        lambda data: data.replace(b"=\n", b"=\xff\n", 1),
        lambda _: b"",
    ],
)
def test_anything_but_the_one_spelling_is_refused(log, spoil):
    data = spoil(asked(log, 7, 30).data)
    with pytest.raises(NoteError):
        Asked.parse(data)
    assert admit(data, logs=[log.key.public], own=None).status == 400


def test_a_proof_line_with_spare_bits_set_is_refused(log):
    request = Asked(1, (bytes(32),), log.note(2)).data
    assert request.count(b"AAA=\n") == 1
    with pytest.raises(NoteError, match="canonical"):
        Asked.parse(request.replace(b"AAA=\n", b"AAB=\n"))


def test_a_request_that_goes_backwards_is_malformed(log):
    assert admit(Asked(9, (), log.note(8)).data, logs=[log.key.public], own=None).status == 400


def test_an_unknown_origin_is_404_and_an_unknown_key_403(log, log_of):
    other = log_of(5, origin="other.example")
    stranger = log_of(5, seed=b"s" * 32)
    assert admit(asked(other, 0, 5).data, logs=[log.key.public], own=None).status == 404
    assert admit(asked(stranger, 0, 5).data, logs=[log.key.public], own=None).status == 403


def test_a_signature_that_does_not_hold_is_403(log):
    note = log.note(5)
    forged = note.replace(log.body(5), log.body(6))
    assert admit(Asked(0, (), forged).data, logs=[log.key.public], own=None).status == 403


def test_a_plain_note_signature_of_a_known_log_is_taken(log):
    key = SigningKey(log.key.name, ED25519, b"p" * 32)
    note = Note(log.body(5), (sign(log.body(5), key),)).whole
    request, kept = admit(Asked(0, (), note).data, logs=[log.key.public, key.public], own=None)
    assert request.old_size == 0
    assert len(kept.signatures) == 1


def test_signatures_by_unknown_keys_are_ignored_and_not_kept(log, log_of):
    stranger = Note.parse(log_of(5, origin="stranger").note(5)).signatures[0]
    note = Note.parse(log.note(5))
    both = Note(note.text, (stranger, *note.signatures)).whole
    _, kept = admit(Asked(0, (), both).data, logs=[log.key.public], own=None)
    assert kept.signatures == note.signatures


def test_a_bare_body_is_for_a_signer_of_that_log_alone(log, log_of):
    bare = Asked(0, (), log.body(5)).data
    assert admit(bare, logs=[log.key.public], own=None).status == 400
    assert admit(bare, logs=[], own=log.key.public)[1].text == log.body(5)
    assert admit(bare, logs=[], own=log_of(origin="other").key.public).status == 404


@pytest.mark.parametrize(("known", "old", "new"), [(None, 0, 0), (None, 0, 40), (1, 1, 2), (7, 7, 7), (31, 31, 40)])
def test_what_extends_the_remembered_head_is_cosigned(log, known, old, new):
    last = None if known is None else remembered(log, known)
    assert judge(asked(log, old, new), Checkpoint.parse(log.body(new)), last, now=NOON + 5) == NOON + 5


@pytest.mark.parametrize(("known", "old"), [(None, 7), (7, 0), (7, 6), (7, 8)])
def test_another_old_size_is_409_with_the_remembered_one(log, known, old):
    last = None if known is None else remembered(log, known)
    answer = judge(asked(log, old, 30), Checkpoint.parse(log.body(30)), last, now=NOON)
    assert (answer.status, answer.text, answer.media_type) == (409, f"{known or 0}\n", "text/x.tlog.size")


def test_another_root_of_the_same_size_is_409(log):
    other = log.fork(5, 7)
    answer = judge(asked(other, 7, 7), Checkpoint.parse(other.body(7)), remembered(log, 7), now=NOON)
    assert (answer.status, answer.text) == (409, "7\n")


@pytest.mark.parametrize("spoil", ["cut", "added", "changed", "fork"])
def test_a_proof_that_does_not_hold_is_422(log, spoil):
    proof, checkpoint = log.proof(7, 30), Checkpoint.parse(log.body(30))
    if spoil == "fork":
        checkpoint = Checkpoint.parse(log.fork(6, 30).body(30))
    proof = {"cut": proof[:-1], "added": [*proof, bytes(32)], "changed": [bytes(32), *proof[1:]]}.get(spoil, proof)
    answer = judge(Asked(7, tuple(proof), ""), checkpoint, remembered(log, 7), now=NOON)
    assert isinstance(answer, Refusal)
    assert answer.status == 422


def test_a_first_head_needs_no_proof_and_may_not_have_one(log):
    assert judge(Asked(0, (bytes(32),), ""), Checkpoint.parse(log.body(3)), None, now=NOON).status == 422


def test_no_entries_have_one_root(log):
    assert judge(Asked(0, (), ""), Checkpoint(log.key.name, 0, bytes(32)), None, now=NOON).status == 422


def test_time_never_goes_back(log):
    last = remembered(log, 7, NOON)
    assert judge(asked(log, 7, 30), Checkpoint.parse(log.body(30)), last, now=NOON - 3_600) == NOON

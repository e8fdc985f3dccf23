import pytest

from affidavit.errors import NoteError
from affidavit.tlog.note import COSIGNATURE, ED25519, Note, Signature, SigningKey, VerifierKey, sign, verify

# The example of Go's golang.org/x/mod/sumdb/note documentation.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SIGNED = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


@pytest.fixture
def key():
    return SigningKey("example.org/log", ED25519, b"\x07" * 32)


def test_a_note_signed_elsewhere_verifies_here():
    note, peter = Note.parse(SIGNED), VerifierKey.parse(VKEY)
    verify(note, peter)
    assert peter.text == VKEY
    assert note.whole == SIGNED


def test_sign_and_verify(key):
    note = Note("text\n", (sign("text\n", key),))
    verify(Note.parse(note.whole), key.public)
    verify(Note.parse(note.whole.encode()), VerifierKey.parse(key.public.text))
    with pytest.raises(NoteError, match="does not hold"):
        verify(Note("texT\n", note.signatures), key.public)


def test_the_text_may_hold_blank_lines(key):
    text = "a\n\nb\n"
    assert Note.parse(Note(text, (sign(text, key),)).whole).text == text


def test_unknown_signatures_are_ignored_even_with_a_known_name_or_id(key):
    good = sign("text\n", key)
    others = (
        Signature("somebody.else", b"abcd", b"x" * 99),
        Signature(key.name, b"abcd", b"x" * 64),
        Signature("somebody.else", good.id, b"x" * 64),
    )
    verify(Note("text\n", (*others, good)), key.public)
    with pytest.raises(NoteError, match="no signature by"):
        verify(Note("text\n", others), key.public)


def test_one_bad_signature_by_a_known_key_spoils_the_note(key):
    good = sign("text\n", key)
    with pytest.raises(NoteError, match="does not hold"):
        verify(Note("text\n", (good, Signature(good.name, good.id, b"x" * 64))), key.public)


def test_every_changed_byte_of_a_signature_is_found(key):
    good = sign("text\n", key)
    for place in range(64):
        value = bytes(byte ^ (place == at) for at, byte in enumerate(good.value))
        with pytest.raises(NoteError):
            verify(Note("text\n", (Signature(good.name, good.id, value),)), key.public)


@pytest.mark.parametrize(
    "whole",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\n— name",
        "text\n\n- name AAAAAAA=\n",
        "text\n\n— name\n",
        "text\n\n—  AAAAAAA=\n",
        "text\n\n— a+b AAAAAAA=\n",
        "text\n\n— name AAAA\n",
        "text\n\n— name AAAAAAB=\n",
        "text\n\n— name AAAAAAA\n",
        "text\n\n— name AAAA AAA=\n",
        "text\n\n— name AAAAAAA=\nx\n",
        "text\r\n\n— name AAAAAAA=\n",
        "te\x00xt\n\n— name AAAAAAA=\n",
        "text\ttab\n\n— name AAAAAAA=\n",
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAA=\n",
        "te\udc80xt\n\n— name AAAAAAA=\n",
        "x" * 1_000_001,
    ],
)
def test_a_malformed_note_is_refused(whole):
    with pytest.raises(NoteError):
        Note.parse(whole)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        VKEY.replace("c74f20a3", "c74f20a4"),
        VKEY.replace("c74f20a3", "C74F20A3"),
        VKEY.replace("PeterNeumann", "Peter Neumann"),
        VKEY.replace("PeterNeumann", ""),
        VKEY[:-4],
        VKEY.replace("+ARpc", "+BRpc"),
        VKEY[:-1] + "X",
    ],
)
def test_a_malformed_vkey_is_refused(vkey):
    with pytest.raises(NoteError):
        VerifierKey.parse(vkey)


def test_a_private_key_reads_back_and_never_shows(key):
    assert SigningKey.parse(key.text) == key
    assert key.seed.hex() not in repr(key)
    for text in ("", key.public.text, key.text[:-8], key.text.replace("log+", "lag+")):
        with pytest.raises(NoteError) as caught:
            SigningKey.parse(text)
        assert key.text[-20:] not in str(caught.value)


def test_a_key_serves_its_own_kind_of_signature_only(key):
    timed = SigningKey(key.name, COSIGNATURE, key.seed)
    assert timed.public.id != key.public.id
    with pytest.raises(NoteError):
        sign("text\n", timed)
    with pytest.raises(NoteError):
        verify(Note("text\n", (sign("text\n", key),)), timed.public)

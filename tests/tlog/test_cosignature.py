import pytest

from affidavit.errors import NoteError
from affidavit.tlog.cosignature import MAX_TIME, claimed_time, cosign, verify
from affidavit.tlog.note import COSIGNATURE, ED25519, Note, Signature, SigningKey

TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
KEY = SigningKey("witness.example.com/w1", COSIGNATURE, b"\x05" * 32)


def signed(text=TEXT, *, time=1679315147):
    return Note(text, (cosign(text, KEY, time=time),))


def test_the_message_is_the_one_of_the_specification():
    signature = signed().signatures[0]
    assert signature.value[:8] == (1679315147).to_bytes(8, "big")
    KEY.public.check(b"cosignature/v1\ntime 1679315147\n" + TEXT.encode(), signature.value[8:])


def test_the_time_of_the_specifications_example_is_read():
    line = (
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWX"
        "EhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
    )
    assert claimed_time(Note.parse(f"{TEXT}\n{line}\n").signatures[0]) == 1679315147


def test_the_time_is_under_the_signature():
    assert verify(signed(), KEY.public) == 1679315147
    good = signed().signatures[0]
    for place in range(72):
        value = bytes(byte ^ (place == at) for at, byte in enumerate(good.value))
        with pytest.raises(NoteError):
            verify(Note(TEXT, (Signature(good.name, good.id, value),)), KEY.public)


def test_the_text_is_under_the_signature():
    with pytest.raises(NoteError):
        verify(Note(TEXT.replace("20852163", "20852164"), signed().signatures), KEY.public)


def test_of_two_times_the_earlier_counts():
    note = Note(TEXT, (cosign(TEXT, KEY, time=9), cosign(TEXT, KEY, time=7)))
    assert verify(note, KEY.public) == 7


def test_no_signature_is_not_a_signature():
    with pytest.raises(NoteError, match="no cosignature"):
        verify(Note(TEXT, ()), KEY.public)


@pytest.mark.parametrize("length", [0, 8, 71, 73, 64])
def test_a_value_of_another_length_is_refused(length):
    with pytest.raises(NoteError):
        verify(Note(TEXT, (Signature(KEY.name, KEY.public.id, b"\x00" * length),)), KEY.public)


def test_a_time_beyond_63_bits_is_refused():
    with pytest.raises(NoteError):
        cosign(TEXT, KEY, time=MAX_TIME + 1)
    with pytest.raises(NoteError, match="impossible time"):
        claimed_time(Signature(KEY.name, KEY.public.id, b"\xff" * 72))


def test_a_plain_key_does_not_cosign():
    plain = SigningKey(KEY.name, ED25519, KEY.seed)
    with pytest.raises(NoteError):
        cosign(TEXT, plain, time=1)
    with pytest.raises(NoteError):
        verify(signed(), plain.public)

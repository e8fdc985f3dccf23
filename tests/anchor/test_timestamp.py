"""Time stamps of a local authority: each thing that could be wrong with one is."""

import pytest

from affidavit.anchor import timestamp
from affidavit.errors import ConfigurationError, NoteError, SourceGarbled, SourceRefused, SourceUnavailable

TEXT = "log.example\n3\nroot\n"


def trusted(authority):
    return timestamp.roots(authority.pem, where="tsa.pem")


@pytest.fixture(scope="module")
def stamped(authorities):
    with authorities[0].serving() as url:
        return timestamp.stamp(url, TEXT, trusted=trusted(authorities[0]))


def test_a_stamp_is_believed_after_its_signature_and_imprint_were_checked(authorities, stamped):
    token, time = stamped
    assert timestamp.check(token, TEXT, trusted=trusted(authorities[0])) == time
    assert time.utcoffset().total_seconds() == 0


def test_a_stamp_of_another_text_is_refused(authorities, stamped):
    with pytest.raises(NoteError, match="messages"):
        timestamp.check(stamped[0], TEXT.replace("3", "4"), trusted=trusted(authorities[0]))


def test_a_stamp_by_an_authority_that_is_not_trusted_is_refused(authorities, stamped):
    with pytest.raises(NoteError):
        timestamp.check(stamped[0], TEXT, trusted=trusted(authorities[1]))


def test_a_stamp_with_another_nonce_is_refused(authorities, stamped):
    with pytest.raises(NoteError, match=r"[Nn]once"):
        timestamp.check(stamped[0], TEXT, trusted=trusted(authorities[0]), nonce=1)


def test_no_changed_byte_gives_another_time(authorities, stamped):
    """Every sixteenth byte, flipped: refused, or outside of what is signed and the time is the same."""
    token, time = stamped
    refused = 0
    for position in range(0, len(token), 16):
        changed = bytearray(token)
        changed[position] ^= 1
        try:
            assert timestamp.check(bytes(changed), TEXT, trusted=trusted(authorities[0])) == time
        except NoteError:
            refused += 1
    assert refused > len(token) / 16 / 2


def test_the_stamped_time_itself_cannot_be_moved(authorities, stamped):
    token, time = stamped
    written = time.strftime("%Y%m%d%H%M%SZ").encode()
    assert written in token
    moved = token.replace(written, b"2001" + written[4:])
    with pytest.raises(NoteError):
        timestamp.check(moved, TEXT, trusted=trusted(authorities[0]))


@pytest.mark.parametrize("spoil", [lambda _: b"", lambda _: b"garbage", lambda reply: reply[:-9], lambda r: r + b"x"])
def test_what_is_no_time_stamp_is_garbled(authority, spoil):
    authority.spoil = spoil
    with authority.serving() as url, pytest.raises(SourceGarbled):
        timestamp.stamp(url, TEXT, trusted=trusted(authority))


def test_an_old_answer_replayed_is_garbled(authority, stamped):
    authority.spoil = lambda _: stamped[0]
    with authority.serving() as url, pytest.raises(SourceGarbled, match=r"[Nn]once"):
        timestamp.stamp(url, TEXT, trusted=trusted(authority))


def test_an_authority_that_is_down_or_none_has_its_error(authority, tmp_path, mlflow):
    with pytest.raises(SourceUnavailable):
        timestamp.stamp(f"unix://{tmp_path}/nobody", TEXT, trusted=trusted(authority))
    with pytest.raises((SourceRefused, SourceGarbled)):
        timestamp.stamp(f"{mlflow.url}/nothing", TEXT, trusted=trusted(authority))


def test_a_file_without_certificates_is_refused():
    with pytest.raises(ConfigurationError, match=r"tsa\.pem"):
        timestamp.roots(b"nothing", where="tsa.pem")

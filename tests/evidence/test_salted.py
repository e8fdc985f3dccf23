"""Blobs open with a salt, so that a digest says nothing about what was erased."""

import hashlib

import pytest

from affidavit.errors import IntegrityError
from affidavit.evidence.salted import SALT_BYTES, payload, salted, same_payload


def test_a_payload_comes_back_from_behind_its_salt():
    for data in (b"", b"x", b"x" * 100_000):
        blob = salted(data)
        assert payload(blob) == data
        assert len(blob) == SALT_BYTES + len(data)


def test_the_same_payload_is_another_blob_each_time():
    assert len({salted(b"PASSED") for _ in range(100)}) == 100


def test_a_guessed_payload_is_not_confirmed_by_a_digest():
    blob = salted(b"PASSED")
    digest = hashlib.sha256(blob).hexdigest()
    guesses = [b"PASSED", bytes(SALT_BYTES) + b"PASSED", b"PASSED" + bytes(SALT_BYTES), salted(b"PASSED")]
    assert digest not in {hashlib.sha256(guess).hexdigest() for guess in guesses}


def test_two_blobs_are_compared_behind_their_salts():
    one = salted(b"PASSED")
    assert same_payload(one, salted(b"PASSED"))
    for other in (b"FAILED", b"", b"PASSED "):
        assert not same_payload(one, salted(other))
    assert not same_payload(b"one", b"two")  # bytes without a salt are the same only where they are
    assert same_payload(b"one", b"one")


def test_bytes_without_a_salt_are_named():
    with pytest.raises(IntegrityError, match="too short to begin with its salt"):
        payload(bytes(SALT_BYTES - 1))

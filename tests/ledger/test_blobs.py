import hashlib
import os

import pytest
from fsspec.registry import known_implementations

from affidavit.errors import ConfigurationError, IntegrityError, LedgerFull, LedgerUnavailable, UsageError
from affidavit.ledger.blobs import Blobs

DIGEST = hashlib.sha256(b"payload").hexdigest()


@pytest.fixture(params=["local", "memory"])
def blobs(request, tmp_path):
    return Blobs(str(tmp_path / "blobs") if request.param == "local" else f"memory://{tmp_path.name}")


def test_a_blob_stands_under_its_digest(blobs):
    assert not blobs.has(DIGEST)
    assert blobs.put(b"payload") == DIGEST == blobs.put(b"payload")
    assert blobs.has(DIGEST)
    assert blobs.get(DIGEST) == b"payload"


def test_an_absent_blob_is_named(blobs):
    with pytest.raises(IntegrityError, match=f"blob {DIGEST}: absent"):
        blobs.get(DIGEST)


def test_changed_bytes_are_named(tmp_path):
    blobs = Blobs(f"file://{tmp_path}")
    blobs.put(b"payload")
    (tmp_path / DIGEST[:2] / DIGEST).write_bytes(b"Payload")
    with pytest.raises(IntegrityError, match=f"blob {DIGEST}: its bytes were changed"):
        blobs.get(DIGEST)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", DIGEST.upper(), DIGEST + "0", "x" * 64])
def test_only_a_digest_names_a_blob(blobs, digest):
    with pytest.raises(UsageError):
        blobs.get(digest)


def test_a_store_that_nobody_knows():
    with pytest.raises(ConfigurationError):
        Blobs("nonsense://x")


def test_a_store_whose_package_is_absent_names_it(monkeypatch):
    """As sftp:// where paramiko is not installed."""
    known = {"class": "no_such_package.Store", "err": "Install no_such_package to reach it"}
    monkeypatch.setitem(known_implementations, "remote", known)
    with pytest.raises(ConfigurationError) as caught:
        Blobs("remote://host/blobs")
    assert caught.value.fix == known["err"]


def test_a_full_disk_leaves_nothing_behind(tmp_path, no_file_beyond):
    blobs = Blobs(str(tmp_path))
    with no_file_beyond(1000), pytest.raises(LedgerFull):
        blobs.put(b"x" * 100_000)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_store_that_cannot_be_reached_is_not_taken_for_an_empty_one(tmp_path):
    (tmp_path / "blobs").write_text("not a folder")
    blobs = Blobs(str(tmp_path / "blobs"))
    for ask in (lambda: blobs.put(b"payload"), lambda: blobs.get(DIGEST)):
        with pytest.raises(LedgerUnavailable, match=DIGEST) as caught:
            ask()
        assert caught.value.retryable


def test_a_folder_that_somebody_left_unflushed_is_flushed_with_the_first_blob_in_it(tmp_path, monkeypatch):
    """Who made it may have been killed before flushing its name; a power cut would then take the blob with it."""
    flushed = set()
    real = os.fsync

    def fsync(descriptor):
        flushed.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    inner = tmp_path / "blobs" / DIGEST[:2]
    inner.mkdir(parents=True)
    Blobs(str(tmp_path / "blobs")).put(b"payload")
    assert {folder.stat().st_ino for folder in (tmp_path, inner.parent, inner)} <= flushed


def test_a_password_in_the_stores_address_is_never_shown():
    with pytest.raises(ConfigurationError) as caught:
        Blobs("nonsense://bob:hunter2@host/x")
    assert caught.value.where == "nonsense://bob@host/x"

"""Looks that wait: what comes back is what was put, and what cannot be had says what to do."""

import errno
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from affidavit.collect.look import Look
from affidavit.errors import IntegrityError, LedgerError, LedgerFull, LedgerUnavailable
from affidavit.evidence import Period
from affidavit.pipeline.staging import Staging

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


class OverQuota(MemoryFileSystem):
    """A store whose owner has used up what the store's keeper gave them."""

    protocol = "overquota"

    def _open(self, path, mode="rb", **_):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")


@pytest.fixture
def staging(tmp_path) -> Staging:
    return Staging(f"file://{tmp_path}/staging")


@pytest.fixture
def look(validation) -> Look:
    details = b'{"rows": 3}'
    return Look(
        "table:a",
        (validation(details),),
        enumerated=2,
        read=1,
        withheld=4,
        window=Period(NOON - timedelta(days=1), NOON),
        notice_delay_seconds=60,
        cursor={"page": "x"},
        blobs=(details, b"\x00\xff"),
        unread="gone",
    )


def lies(staging: Staging, key: str) -> Path:
    return Path(staging.url.removeprefix("file://"), key)


def test_what_comes_back_is_what_was_put(staging, look):
    back = staging.get(staging.put(look))
    assert [draft.statement.document for draft in back.drafts] == [draft.statement.document for draft in look.drafts]
    assert back.drafts[0].seal(None) == look.drafts[0].seal(None)
    counts = ("enumerated", "read", "withheld", "window", "notice_delay_seconds")
    for name in ("collector", *counts, "cursor", "blobs", "unread"):
        assert getattr(back, name) == getattr(look, name)


def test_a_look_without_window_or_cursor_comes_back_too(staging):
    empty = Look("table:a", (), enumerated=0, read=0)
    assert staging.get(staging.put(empty)) == empty


def test_the_key_is_the_digest_of_what_lies_there_and_the_same_look_is_the_same_key(staging, look):
    key = staging.put(look)
    assert staging.put(look) == key
    assert list(lies(staging, "").iterdir()) == [lies(staging, key)]
    assert hashlib.sha256(lies(staging, key).read_bytes()).hexdigest() == key
    assert staging.put(Look("table:a", (), enumerated=0, read=0)) != key


def test_changed_bytes_are_never_recorded(staging, look):
    key = staging.put(look)
    lies(staging, key).write_bytes(lies(staging, key).read_bytes().replace(b'"read":1', b'"read":2'))
    with pytest.raises(IntegrityError, match="was changed") as caught:
        staging.get(key)
    assert "clear the collecting tasks" in caught.value.fix


def test_a_look_that_is_gone_fails_at_once_and_says_which_tasks_to_clear(staging, look):
    key = staging.put(look)
    lies(staging, key).unlink()
    with pytest.raises(LedgerError, match="is gone") as caught:
        staging.get(key)
    assert not caught.value.retryable
    assert "clear the collecting tasks" in caught.value.fix


def test_a_full_disk_is_said_to_be_full(staging, look, tmp_path):
    key = Staging(f"file://{tmp_path}/elsewhere").put(look)
    lies(staging, "").mkdir()
    lies(staging, f".{key}").symlink_to("/dev/full")
    with pytest.raises(LedgerFull, match="free some space"):
        staging.put(look)
    assert not lies(staging, key).exists()


def test_a_quota_that_is_used_up_is_a_full_disk(look):
    fsspec.register_implementation("overquota", OverQuota, clobber=True)
    with pytest.raises(LedgerFull, match="free some space"):
        Staging("overquota://staging").put(look)


def test_a_place_that_cannot_be_written_may_be_tried_again(look, tmp_path):
    (tmp_path / "staging").write_text("a file")
    with pytest.raises(LedgerUnavailable, match="could not be staged") as caught:
        Staging(f"file://{tmp_path}/staging").put(look)
    assert caught.value.retryable


def test_only_what_is_old_is_swept(staging, look):
    assert staging.sweep(before=NOON) == 0
    old, young = staging.put(look), staging.put(Look("table:a", (), enumerated=0, read=0))
    os.utime(lies(staging, old), times=(NOON.timestamp() - 1,) * 2)
    os.utime(lies(staging, young), times=(NOON.timestamp() + 1,) * 2)
    assert staging.sweep(before=NOON) == 1
    assert list(lies(staging, "").iterdir()) == [lies(staging, young)]

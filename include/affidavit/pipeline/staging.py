"""Where looks wait between the task that looked and the task that records.

A slot's looks are appended in one transaction, so that a source that fails leaves the ledger as it was. Between tasks
a look lies under the SHA-256 of its bytes: the key that travels through XCom says exactly what will be recorded.
"""

from __future__ import annotations

import base64
import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import fsspec

from affidavit.collect.look import Look
from affidavit.errors import AffidavitError, IntegrityError, LedgerError, LedgerFull, LedgerUnavailable
from affidavit.evidence import Draft, Period, Statement, dumps, loads

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True)
class Staging:
    """A folder (any fsspec URL) of staged looks."""

    url: str

    def put(self, look: Look) -> str:
        """Stage a look; returns its key. Staging the same look again is the same key."""
        data = _encode(look)
        key = hashlib.sha256(data).hexdigest()
        fs, root = fsspec.core.url_to_fs(self.url)
        with self._translated("a look could not be staged"):
            fs.makedirs(root, exist_ok=True)
            temporary = f"{root}/.{key}"
            with fs.open(temporary, "wb") as file:
                file.write(data)
            fs.mv(temporary, f"{root}/{key}")
        return key

    def get(self, key: str) -> Look:
        """The look under ``key``.

        Raises ``IntegrityError`` unless its bytes still have that digest, ``LedgerError`` where it is gone: looking
        again makes it anew, asking for it again does not.
        """
        fs, root = fsspec.core.url_to_fs(self.url)
        with self._translated("a staged look could not be read"):
            try:
                data = fs.cat_file(f"{root}/{key}")
            except FileNotFoundError as error:
                raise LedgerError(
                    f"the staged look {key[:12]}… is gone",
                    where=f"staging area {self.url}",
                    fix="clear the collecting tasks of this run as well, so that they look again",
                ) from error
        if hashlib.sha256(data).hexdigest() != key:
            raise IntegrityError(
                f"the staged look {key[:12]}… was changed",
                where=f"staging area {self.url}",
                fix="find out who may write there; clear the collecting tasks so that they look again",
            )
        return _decode(data)

    def sweep(self, *, before: datetime) -> int:
        """Forget looks staged before that time; returns how many. Whatever was recorded is in the ledger."""
        fs, root = fsspec.core.url_to_fs(self.url)
        with self._translated("staged looks could not be cleared away"):
            old = [path for path in fs.find(root) if fs.modified(path) < before]
            for path in old:
                fs.rm_file(path)
        return len(old)

    def forget(self, digest: str) -> int:
        """Remove the staged looks that hold the blob with this SHA-256; returns how many did."""
        fs, root = fsspec.core.url_to_fs(self.url)
        found = 0
        with self._translated("staged looks could not be cleared away"):
            for path in fs.find(root):
                with suppress(FileNotFoundError):  # recorded and swept meanwhile
                    if _holds(fs.cat_file(path), digest):
                        fs.rm_file(path)
                        found += 1
        return found

    @contextmanager
    def _translated(self, problem: str) -> Iterator[None]:
        """Turn a store's errors into ours."""
        try:
            yield
        except OSError as error:
            full = error.errno in _NO_SPACE
            kind = LedgerFull if full else LedgerUnavailable
            fix = "free some space" if full else "see that the folder exists and may be read and written"
            raise kind(problem, where=f"staging area {self.url}", fix=fix) from error


def _holds(data: bytes, digest: str) -> bool:
    try:
        blobs = _decode(data).blobs
    except (AffidavitError, ValueError, KeyError, TypeError):  # one that broke off while it was written
        return digest.encode() in data
    return any(hashlib.sha256(blob).hexdigest() == digest for blob in blobs)


def _encode(look: Look) -> bytes:
    return dumps(
        {
            "collector": look.collector,
            "drafts": [draft.statement.document for draft in look.drafts],
            "enumerated": look.enumerated,
            "read": look.read,
            "withheld": look.withheld,
            "window": look.window.json() if look.window else None,
            "notice_delay_seconds": look.notice_delay_seconds,
            "cursor": look.cursor,
            "blobs": [base64.b64encode(blob).decode("ascii") for blob in look.blobs],
            "unread": look.unread,
        }
    )


def _decode(data: bytes) -> Look:
    value = loads(data)
    return Look(
        collector=value["collector"],
        drafts=tuple(Draft.of(Statement(document)) for document in value["drafts"]),
        enumerated=value["enumerated"],
        read=value["read"],
        withheld=value["withheld"],
        window=Period.of(value["window"]),
        notice_delay_seconds=value["notice_delay_seconds"],
        cursor=value["cursor"],
        blobs=tuple(base64.b64decode(blob) for blob in value["blobs"]),
        unread=value["unread"],
    )

"""Payloads too large or too personal for a leaf, each under its SHA-256, in any store that fsspec knows."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import uuid
from contextlib import suppress
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from affidavit.errors import BlobAbsent, ConfigurationError, IntegrityError, LedgerFull, LedgerUnavailable, UsageError
from affidavit.ledger.places import shown

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Blobs:
    """A content-addressed store at an fsspec URL, or a path.

    A blob that was put is durable when :meth:`put` returns: on a local disk it is written aside, flushed, renamed and
    its directory flushed; on an object store a put is whole or absent.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._made: set[Path] = set()
        try:
            self._fs, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            # fsspec says which package a store needs.
            fix = str(error) if isinstance(error, ImportError) else "give a path or an fsspec URL"
            raise ConfigurationError("no store for blobs", where=shown(url), fix=fix) from error
        except OSError as error:  # some stores are logged in to at once
            raise LedgerUnavailable(
                f"the store for blobs cannot be reached ({type(error).__name__})",
                where=url.partition("://")[0],
                fix="see that it runs and lets us in, then make the same call again",
            ) from error

    def put(self, data: bytes) -> str:
        """Store ``data``; returns its SHA-256. Raises ``LedgerFull`` or ``LedgerUnavailable``."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        try:
            if isinstance(self._fs, LocalFileSystem):
                for directory in (Path(self._root), Path(path).parent):
                    if directory not in self._made:
                        make_directory(directory)
                        self._made.add(directory)
                _write_durably(Path(path), data)
            else:
                self._fs.pipe_file(path, data)
        except OSError as error:
            raise self._failed(error, f"blob {digest}") from error
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes under ``digest``. Raises ``BlobAbsent``, or ``IntegrityError`` where they are others."""
        path = self._path(digest)
        try:
            data: bytes = self._fs.cat_file(path)
        except FileNotFoundError as error:
            raise BlobAbsent(f"blob {digest}: absent", where=shown(self.url), fix="restore it from a copy") from error
        except OSError as error:
            raise self._failed(error, f"blob {digest}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise IntegrityError(
                f"blob {digest}: its bytes were changed", where=shown(self.url), fix="restore it from a copy"
            )
        return data

    def has(self, digest: str) -> bool:
        """Whether there are bytes under ``digest``; they are not read."""
        try:
            return bool(self._fs.exists(self._path(digest)))
        except OSError as error:
            raise self._failed(error, f"blob {digest}") from error

    def remove(self, digest: str) -> None:
        """Remove the bytes under ``digest``, durably; nothing to do where there are none."""
        path = self._path(digest)
        try:
            if isinstance(self._fs, LocalFileSystem):
                Path(path).unlink()
                sync_directory(Path(path).parent)
            else:
                self._fs.rm_file(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failed(error, f"blob {digest}") from error

    def _path(self, digest: str) -> str:
        if not _DIGEST.fullmatch(digest):
            raise UsageError(
                f"{digest[:80]!r} is not the SHA-256 of a blob", fix="copy its 64 hexadecimal digits from the entry"
            )
        return f"{self._root}/{digest[:2]}/{digest}"

    def _failed(self, error: OSError, what: str) -> LedgerFull | LedgerUnavailable:
        if error.errno in _FULL:
            return LedgerFull(f"{what}: no space left", where=shown(self.url), fix="free space; nothing was recorded")
        return LedgerUnavailable(f"{what}: {type(error).__name__}", where=shown(self.url), fix="try again")


def _write_durably(path: Path, data: bytes) -> None:
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def make_directory(directory: Path) -> None:
    """Make a directory, with those above it that are absent, and flush their names to disk.

    Its own name is flushed also where it is there already: whoever made it may have died before.
    """
    if not directory.parent.is_dir():
        make_directory(directory.parent)
    directory.mkdir(exist_ok=True)
    with suppress(PermissionError):  # above it others rule, and made it
        sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """Flush the names in a directory to disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What a signer or witness remembers: per log the newest note that it cosigned, each in a file of its own.

Comparing with what is remembered and putting the new head in its place is one step under an exclusive lock, also
against another process on the same folder. The new note is written aside, flushed, renamed, and its folder flushed,
before :meth:`Memory.extend` returns it: whatever cut the power, the file holds the old head or the new one, and never
less than what was released.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from affidavit.errors import ConfigurationError, LedgerFull, LedgerUnavailable, NoteError, UsageError
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import Note, SigningKey
from affidavit.witness.protocol import Asked, Refusal, Remembered, judge

_LOCK = "lock"
_RESTORE = "restore the folder from a backup; what it forgot, it could be made to sign against"


class Memory:
    """The heads that ``key`` cosigned, in ``folder``. Safe for several processes of one host."""

    def __init__(self, folder: Path, key: SigningKey) -> None:
        self.vkey = key.public
        self._folder = folder
        self._key = key

    @classmethod
    def create(cls, folder: Path, key: SigningKey) -> Memory:
        """Make an empty memory, durably. Raises ``UsageError`` where there is one."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(folder / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError as error:
            raise UsageError("there is a memory already", where=str(folder), fix="name another folder") from error
        except OSError as error:
            raise ConfigurationError(
                f"cannot be made ({error.strerror})", where=str(folder), fix="name a folder that this user may make"
            ) from error
        _flush(folder)
        _flush(folder.parent)
        return cls(folder, key)

    @classmethod
    def open(cls, folder: Path, key: SigningKey) -> Memory:
        """Open a memory, and read all of it. Raises ``ConfigurationError`` where it is absent or damaged.

        An absent one is not made anew: forgetting must be somebody's decision.
        """
        memory = cls(folder, key)
        with memory._locked():
            for path in folder.glob("*.head"):
                memory._read(path)
        return memory

    def head(self, origin: str) -> Note | None:
        """The newest note of the log named ``origin``, cosigned; None where none is remembered."""
        return self._read(self._path(origin))

    def extend(self, asked: Asked, signed: Note, *, now: Callable[[], int]) -> Note | Refusal:
        """Cosign ``signed`` if it goes on from what is remembered, and remember it; only then is it returned.

        The cosignature is the last one of the note.

        Raises ``LedgerFull`` or ``LedgerUnavailable`` with nothing released where it cannot be written.
        """
        checkpoint = Checkpoint.parse(signed.text)
        path = self._path(checkpoint.origin)
        with self._locked():
            last = self._read(path)
            remembered = self._remembered(last) if last else None
            time = judge(asked, checkpoint, remembered, now=now())
            if isinstance(time, Refusal):
                return time
            own = cosignature.cosign(signed.text, self._key, time=time)
            note = Note(signed.text, (*(each for each in signed.signatures if not each.by(self.vkey)), own))
            self._write(path, note)
        return note

    def _path(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.head"

    def _remembered(self, note: Note) -> Remembered:
        return Remembered(Checkpoint.parse(note.text), cosignature.verify(note, self.vkey))

    def _read(self, path: Path) -> Note | None:
        try:
            note = Note.parse(path.read_bytes())
            # Our own signature shows that these bytes are what was written, for this log.
            remembered = self._remembered(note)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError("a remembered head cannot be read", where=str(path), fix=_RESTORE) from error
        except NoteError as error:
            raise ConfigurationError("a remembered head is damaged", where=str(path), fix=_RESTORE) from error
        if self._path(remembered.checkpoint.origin) != path:
            raise ConfigurationError("a remembered head of another log", where=str(path), fix=_RESTORE)
        return note

    def _write(self, path: Path, note: Note) -> None:
        aside = path.with_suffix(".new")  # the lock is held: nobody else writes it
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                with os.fdopen(descriptor, "wb", closefd=False) as file:
                    file.write(note.whole.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(aside, path)  # noqa: PTH105 - beside its fsyncs
            _flush(self._folder)
        except OSError as error:
            kind = LedgerFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else LedgerUnavailable
            raise kind(f"a head could not be remembered ({error.strerror})", where=str(path)) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            descriptor = os.open(self._folder / _LOCK, os.O_RDWR)
        except OSError as error:
            raise ConfigurationError(
                "no memory of what was cosigned", where=str(self._folder), fix=f"{_RESTORE}; a new one: --new"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

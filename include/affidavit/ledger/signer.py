"""Who signs the log's heads.

The signer of the embedded default works inside the writing process: whoever controls that process can sign what they
like, and every verdict says so. A signer of its own (a process with its own user and memory) can stand behind the same
:class:`Signer`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from affidavit.errors import ConfigurationError, LedgerFull, LedgerRolledBack, LedgerUnavailable, NoteError, UsageError
from affidavit.ledger.blobs import make_directory, sync_directory
from affidavit.projections.reader import Head
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import COSIGNATURE, Note, SigningKey, VerifierKey
from affidavit.tlog.proofs import check_consistency

IN_PROCESS = "inside the writing process"
"""What a verdict says about heads signed by :class:`LocalSigner`."""

_SLOT = 512
_RECORD = struct.Struct(">QQQ32s")


class Signer(Protocol):
    """Signs the heads of one log.

    It signs only what is proven to extend ``previous``, never behind a head that it remembers, and with a time that
    never decreases. ``where`` says in words where the key works; ``source`` names the key's file;
    ``predecessor`` is the key whose last head its first one extends.
    """

    vkey: VerifierKey
    predecessor: VerifierKey | None
    where: str
    source: str

    def sign(self, checkpoint: Checkpoint, *, previous: Head | None, proof: Sequence[bytes], time: datetime) -> Head:
        """Sign ``checkpoint``, which ``proof`` leads to from ``previous`` (None only for the first head).

        Raises ``LedgerRolledBack`` where ``previous`` is behind the remembered head, ``ProofError`` where it is not
        extended. The note must not leave the writer before it is committed and :meth:`remember` has returned.
        """

    def remember(self, head: Head) -> None:
        """Remember a committed head; an older one than remembered changes nothing."""

    def remembered(self) -> Remembered | None:
        """The newest head that was released; None before the first."""

    def confront(self, present: Head | None, *, last: Remembered | None) -> None:
        """Raise ``LedgerRolledBack`` where the database's ``present`` head is behind, or beside, ``last``.

        ``last`` must have been :meth:`remembered` before ``present`` was read: a head is committed before it is
        remembered, so what others append in between cannot look like a rollback.
        """


@dataclass(frozen=True)
class Remembered:
    """The newest head that was released: its size, its time in POSIX seconds, and its root."""

    size: int
    time: int
    root: bytes


class LocalSigner:
    """An Ed25519 key in a file (mode 0600), and beside it in ``<file>.head`` the newest head that was released.

    One key signs one log, whose origin is the key's name. The memory has two slots that are written in turn, so that a
    write cut short leaves the other; a lock on it serves all processes of this host.

    It is there to notice a database that was put back, and shares the fate of the process that it sits in. So it is
    written once a head is committed, and not flushed by itself, which would double the cost of an append: a process
    that dies loses nothing, and a power cut can lose the last seconds of it, never the ledger's. A memory that outlasts
    that is what a signer of its own is for.
    """

    where = IN_PROCESS

    def __init__(self, key: SigningKey, path: Path, memory: Path) -> None:
        self.vkey = key.public
        self.source = str(path)
        self.predecessor: VerifierKey | None = None
        self._key = key
        self._memory = memory

    @classmethod
    def generate(cls, path: Path) -> LocalSigner:
        """Make a new key, with a random origin, and its empty memory. Raises ``UsageError`` if either file exists."""
        key = _new_key(f"affidavit.invalid/{secrets.token_hex(16)}")
        make_directory(path.parent)
        _create(_memory_of(path), b"")
        try:
            _create(path, key.text.encode() + b"\n")
        except UsageError:
            _memory_of(path).unlink()
            raise
        sync_directory(path.parent)
        return cls(key, path, _memory_of(path))

    @classmethod
    def succeed(cls, path: Path, *, origin: str) -> LocalSigner:
        """The key in ``<path>.next`` that is to replace the one in ``path``; made where there is none yet.

        It remembers heads where the other does, since they are of one log. Where that memory is lost with the key, an
        empty one is made: asking for a new key is the decision to forget.
        """
        following = _following(path)
        make_directory(following.parent)
        if not following.exists():
            _create(following, _new_key(origin).text.encode() + b"\n")
        if not _memory_of(path).exists():
            _create(_memory_of(path), b"")
        sync_directory(path.parent)
        return cls.following(path)

    @classmethod
    def following(cls, path: Path) -> LocalSigner:
        """The key in ``<path>.next``; raises as :meth:`load`."""
        return cls._read(_following(path), _memory_of(path))

    def take_the_place_of(self, path: Path) -> None:
        """Put the key of ``<path>.next`` in the place of that in ``path``, which is gone then; durable on return."""
        try:
            _following(path).replace(path)
            sync_directory(path.parent)
        except OSError as error:
            raise ConfigurationError(
                f"the new key cannot be put there ({error.strerror})",
                where=str(path),
                fix="mend its rights, and repeat",
            ) from error
        self.source = str(path)

    @classmethod
    def load(cls, path: Path) -> LocalSigner:
        """Read a key and check that its memory is there. Raises ``ConfigurationError`` naming the file."""
        return cls._read(path, _memory_of(path))

    @classmethod
    def _read(cls, path: Path, memory: Path) -> LocalSigner:
        try:
            key = SigningKey.parse(path.read_text(encoding="ascii").strip())
        except FileNotFoundError as error:
            raise ConfigurationError("no signing key", where=str(path), fix="run 'affidavit init'") from error
        except OSError as error:
            raise ConfigurationError(
                "the signing key cannot be read", where=str(path), fix="mend its rights"
            ) from error
        except (NoteError, UnicodeError) as error:
            raise ConfigurationError("not a signing key", where=str(path), fix="restore it from a backup") from error
        signer = cls(key, path, memory)
        signer.remembered()
        return signer

    def remembered(self) -> Remembered | None:
        """The newest head that was released; None before the first."""
        descriptor = self._locked(fcntl.LOCK_SH)
        try:
            return self._newest(descriptor)[1]
        finally:
            os.close(descriptor)

    def confront(self, present: Head | None, *, last: Remembered | None) -> None:
        """See :meth:`Signer.confront`."""
        if last is None:
            return
        if present is None or present.size < last.size:
            size = present.size if present else 0
            raise LedgerRolledBack(
                f"the database holds {size} entries, and a head of {last.size} was already signed",
                where=str(self._memory),
                fix="restore the newer database; if it is lost, start a new ledger with a new key",
            )
        if present.size == last.size and present.root != last.root:
            raise LedgerRolledBack(
                f"the database's head of {last.size} entries is not the one that was signed",
                where=str(self._memory),
                fix="restore the database that was signed; if it is lost, start a new ledger with a new key",
            )

    def sign(self, checkpoint: Checkpoint, *, previous: Head | None, proof: Sequence[bytes], time: datetime) -> Head:
        """See :meth:`Signer.sign`."""
        # ``previous`` was read under the write lock: nothing was committed since.
        last = self.remembered()
        self.confront(previous, last=last)
        seconds = int(time.timestamp())
        if previous is not None:
            check_consistency(
                size1=previous.size, size2=checkpoint.size, proof=proof, root1=previous.root, root2=checkpoint.root
            )
            seconds = max(seconds, self._signed_at(previous, last))
        text = checkpoint.text
        note = Note(text, (cosignature.cosign(text, self._key, time=seconds),))
        moment = datetime.fromtimestamp(seconds, UTC)
        return Head(checkpoint.origin, checkpoint.size, checkpoint.root, moment, note.whole)

    def _signed_at(self, head: Head, last: Remembered | None) -> int:
        if last is not None and last.size == head.size:
            return last.time
        note = Note.parse(head.note)
        # The one before our first head is by the key that ours replaces.
        if self.predecessor is not None and not any(note.signed_by(self.vkey)):
            return cosignature.verify(note, self.predecessor)
        # Beyond the remembered head there may be one of a process that died between COMMIT and remembering: the
        # signature shows that it is ours.
        return cosignature.verify(note, self.vkey)

    def remember(self, head: Head) -> None:
        """See :meth:`Signer.remember`."""
        descriptor = self._locked(fcntl.LOCK_EX)
        try:
            sequence, last = self._newest(descriptor)
            if last is not None and last.size >= head.size:
                return
            record = _RECORD.pack(sequence + 1, head.size, int(head.time.timestamp()), head.root)
            self._write(descriptor, record + hashlib.sha256(record).digest(), (sequence + 1) % 2 * _SLOT)
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, data: bytes, at: int) -> None:
        try:
            os.pwrite(descriptor, data, at)
        except OSError as error:
            kind = LedgerFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else LedgerUnavailable
            raise kind(
                f"the signer could not remember a head ({error.strerror})",
                where=str(self._memory),
                fix="see to that disk, and make the same call again: what it stored is found",
            ) from error

    def _locked(self, mode: int) -> int:
        """The memory, open and locked until it is closed."""
        try:
            descriptor = os.open(self._memory, os.O_RDWR)
        except OSError as error:
            raise ConfigurationError(
                "the signer's memory of the last signed head cannot be opened",
                where=str(self._memory),
                fix="restore it from a backup; an empty file in its place makes the signer forget, on purpose",
            ) from error
        try:
            fcntl.flock(descriptor, mode)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _newest(self, descriptor: int) -> tuple[int, Remembered | None]:
        """The highest sequence number in the two slots, 0 for none, and what it holds."""
        data = os.pread(descriptor, 2 * _SLOT, 0)
        # A record begins with its number, most significant byte first: the higher one sorts behind.
        for slot in sorted((data[:_SLOT], data[_SLOT:]), reverse=True):
            record, digest = slot[: _RECORD.size], slot[_RECORD.size : _RECORD.size + 32]
            if len(digest) == 32 and hashlib.sha256(record).digest() == digest:
                sequence, size, time, root = _RECORD.unpack(record)
                return sequence, Remembered(size, time, root)
        if data.strip(b"\0"):
            raise ConfigurationError(
                "the signer's memory of the last signed head is damaged",
                where=str(self._memory),
                fix="restore it from a backup; an empty file in its place makes the signer forget, on purpose",
            )
        return 0, None


def _new_key(origin: str) -> SigningKey:
    return SigningKey(origin, COSIGNATURE, secrets.token_bytes(32))


def _following(path: Path) -> Path:
    return path.with_name(path.name + ".next")


def _memory_of(path: Path) -> Path:
    return path.with_name(path.name + ".head")


def _create(path: Path, data: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(
            "a signing key is there already", where=str(path), fix="use it, or name another file for a new ledger"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"cannot be written ({error.strerror})", where=str(path), fix="mend its rights"
        ) from error
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

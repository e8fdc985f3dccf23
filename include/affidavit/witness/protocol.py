"""What is asked of a witness, and what it answers (C2SP tlog-witness). Pure: no file, no clock, no socket.

A request goes through these steps, whose numbers the code repeats; the first that fails is the answer:

1. It has the form that C2SP gives it, with at most 63 hashes, and starts at no larger size than it ends (else 400).
2. Its origin is that of a log known here (else 404).
3. One of that log's keys signed it (else 403). A signer takes the body of its own log unsigned.
4. It starts from the head that is remembered, or from 0 where none is (else 409, with the remembered size).
5. Of the same size it has the same root (else 409), and a larger one is proven to extend it (else 422).
6. Time does not go back: what is signed is the later of now and the remembered time.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from affidavit.errors import NoteError, ProofError
from affidavit.tlog import cosignature, note
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.hashing import EMPTY_ROOT
from affidavit.tlog.note import COSIGNATURE, Note, VerifierKey
from affidavit.tlog.proofs import check_consistency

MAX_PROOF = 63
"""Most hashes of a consistency proof."""

MAX_REQUEST = 64 * 1024
"""Most bytes of a request's body."""

SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Asked:
    """A request: the size it starts from, the proof from there, and a checkpoint (a note, or the bare body)."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: str

    @classmethod
    def parse(cls, data: bytes) -> Asked:
        """Read a request's body. Raises ``NoteError`` for anything but its one spelling."""
        # 1
        try:
            head, gap, checkpoint = data.decode("utf-8").partition("\n\n")
        except UnicodeDecodeError as error:
            raise NoteError("a request that is not UTF-8") from error
        old, *lines = head.split("\n")
        found = _OLD.fullmatch(old)
        if not gap or found is None:
            raise NoteError("a request is an old size line, proof lines, an empty line, and a checkpoint")
        if len(lines) > MAX_PROOF:
            raise NoteError(f"a proof of more than {MAX_PROOF} hashes")
        asked = cls(int(found[1]), tuple(_hash(line) for line in lines), checkpoint)
        if asked.data != data:  # base64 has spare bits
            raise NoteError("a proof line that is not canonical base64")
        return asked

    @property
    def data(self) -> bytes:
        """The request's body."""
        lines = [f"old {self.old_size}", *(base64.b64encode(digest).decode("ascii") for digest in self.proof), ""]
        return ("".join(line + "\n" for line in lines) + self.checkpoint).encode("utf-8")


@dataclass(frozen=True)
class Refusal:
    """An answer that is no cosignature: the HTTP status, and in words why."""

    status: int
    why: str
    size: int | None = None

    @property
    def media_type(self) -> str:
        """``text/x.tlog.size`` where the remembered size is the answer."""
        return TEXT_TYPE if self.size is None else SIZE_TYPE

    @property
    def text(self) -> str:
        """The body of the answer."""
        return f"{self.why if self.size is None else self.size}\n"


@dataclass(frozen=True)
class Remembered:
    """The newest checkpoint of one log that was cosigned here, and when (POSIX seconds)."""

    checkpoint: Checkpoint
    time: int


def admit(data: bytes, *, logs: Sequence[VerifierKey], own: VerifierKey | None) -> tuple[Asked, Note] | Refusal:
    """Steps 1 to 3: the request, and its checkpoint as a note with the log's own signatures (none where it came bare).

    ``own`` is the key of a signer that takes bare checkpoints of its own log, and None where they must be signed.
    """
    try:  # 1
        asked = Asked.parse(data)
        signed = Note(asked.checkpoint, ()) if own else Note.parse(asked.checkpoint)
        checkpoint = Checkpoint.parse(signed.text)
    except NoteError as error:
        return Refusal(400, error.problem)
    if asked.old_size > checkpoint.size:
        return Refusal(400, "the old size is larger than the checkpoint's")
    if own is not None:
        return (asked, signed) if checkpoint.origin == own.name else Refusal(404, "not the log of this signer")
    keys = [key for key in logs if key.name == checkpoint.origin]
    if not keys:  # 2
        return Refusal(404, "a log that is not known here")
    signers = [key for key in keys if _signed(signed, key)]
    if not signers:  # 3
        return Refusal(403, "no key that is known for this log signed it")
    # Anybody can add lines to a note: only those that were verified are kept.
    kept = tuple(each for each in signed.signatures if any(each.by(key) for key in signers))
    return asked, Note(signed.text, kept)


def judge(asked: Asked, checkpoint: Checkpoint, remembered: Remembered | None, *, now: int) -> int | Refusal:
    """Steps 4 to 6: the POSIX time to cosign ``checkpoint`` with, or why not."""
    old = remembered.checkpoint if remembered else None
    known = old.size if old else 0
    if asked.old_size != known:  # 4
        return Refusal(409, "another size is remembered", size=known)
    if old is not None and checkpoint.size == old.size and checkpoint.root != old.root:  # 5
        return Refusal(409, "another root of that size is remembered", size=known)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        return Refusal(422, "the root of no entries is another")
    if known == 0:
        # Nothing stands before it: the first head of a log is taken as it is, without a proof.
        if asked.proof:
            return Refusal(422, "a proof from nothing")
    else:
        assert old is not None
        try:
            check_consistency(
                size1=known, size2=checkpoint.size, proof=asked.proof, root1=old.root, root2=checkpoint.root
            )
        except ProofError as error:
            return Refusal(422, error.problem)
    return max(now, remembered.time) if remembered else now  # 6


def _signed(signed: Note, key: VerifierKey) -> bool:
    try:
        if key.algorithm == COSIGNATURE:
            cosignature.verify(signed, key)
        else:
            note.verify(signed, key)
    except NoteError:
        return False
    return True


def _hash(line: str) -> bytes:
    try:
        digest = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("a proof line that is not base64") from error
    if len(digest) != 32:
        raise NoteError("a proof line that is not a hash")
    return digest

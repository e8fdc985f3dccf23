"""Cosignatures: Ed25519 over a checkpoint and the time of signing (C2SP tlog-cosignature, type 0x04).

A log signs its own head in this form too, with a key whose name is the origin. A plain note signature says nothing
about *when*; in this form the time is under the signature, so that a later edit of it is found, time can be seen
never to decrease, and signer and witness speak one language.
"""

from __future__ import annotations

from affidavit.errors import NoteError
from affidavit.tlog.note import COSIGNATURE, Note, Signature, SigningKey, VerifierKey

MAX_TIME = 2**63 - 1
"""Largest POSIX time that a cosignature may carry."""


def cosign(text: str, key: SigningKey, *, time: int) -> Signature:
    """Sign the checkpoint ``text`` as seen at ``time`` (POSIX seconds)."""
    if key.algorithm != COSIGNATURE:
        raise NoteError(f"the key of {key.name!r} is not for cosignatures")
    if not 0 <= time <= MAX_TIME:
        raise NoteError(f"{time} is not a time that can be signed")
    return Signature(key.name, key.public.id, time.to_bytes(8, "big") + key.sign(_message(text, time)))


def claimed_time(signature: Signature) -> int:
    """The POSIX time that a cosignature claims, unverified. Raises ``NoteError`` if it is no cosignature."""
    if len(signature.value) != 72:
        raise NoteError(f"the cosignature of {signature.name!r} does not have 72 bytes")
    time = int.from_bytes(signature.value[:8], "big")
    if time > MAX_TIME:
        raise NoteError(f"the cosignature of {signature.name!r} has an impossible time")
    return time


def verify(note: Note, key: VerifierKey) -> int:
    """The POSIX time at which ``key`` signed the note.

    Raises ``NoteError`` unless there is a signature by ``key`` and each such one holds; of several times the earliest.
    """
    claimed = list(note.signed_by(key)) if key.algorithm == COSIGNATURE else []
    if not claimed:
        raise NoteError(f"no cosignature by {key.name!r}")
    times = []
    for signature in claimed:
        time = claimed_time(signature)
        key.check(_message(note.text, time), signature.value[8:])
        times.append(time)
    return min(times)


def _message(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()

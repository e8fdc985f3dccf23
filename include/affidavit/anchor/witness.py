"""Asking a witness to cosign the head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from affidavit.anchor.evidence import body
from affidavit.errors import HeadConflict, NoteError, SourceGarbled
from affidavit.projections.reader import Head
from affidavit.tlog import cosignature
from affidavit.tlog.note import Note, VerifierKey
from affidavit.witness.client import WitnessClient

Prove = Callable[[int, int], Sequence[bytes]]
"""The consistency proof from one size (above 0) to another."""


def cosign(client: WitnessClient, key: VerifierKey, head: Head, *, known: int, prove: Prove) -> tuple[str, datetime]:
    """The lines of ``key`` under ``head``, checked, and the time that they say.

    ``known`` is the size that the witness cosigned last as far as we know; where it remembers another, it is asked
    once more from there. Raises as :meth:`WitnessClient.add_checkpoint`, and ``SourceGarbled`` where what came back is
    not the witness's signature.
    """
    try:
        lines = client.add_checkpoint(head.note, old_size=known, proof=_proof(prove, known, head.size))
    except HeadConflict as conflict:
        proof = _proof(prove, conflict.size, head.size)
        lines = client.add_checkpoint(head.note, old_size=conflict.size, proof=proof)
    try:
        signed = Note.parse(f"{body(head)}\n{lines}")
        time = cosignature.verify(signed, key)
    except NoteError as error:
        fix = "see that its key in include/organisation.yaml is the one that its operator gave you"
        raise SourceGarbled(f"it did not cosign: {error.problem}", where=client.where, fix=fix) from error
    return "".join(each.line + "\n" for each in signed.signed_by(key)), datetime.fromtimestamp(time, UTC)


def _proof(prove: Prove, old: int, new: int) -> Sequence[bytes]:
    return prove(old, new) if 0 < old < new else []

"""A signer of its own, behind a socket: how its answers become heads.

It has its own user, key and memory, and it has durably remembered a head before its signature is here. A signature
asked for inside the writing transaction would therefore turn each abort into a false rollback; see
:mod:`affidavit.ledger.covering` for what is done instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from affidavit.errors import LedgerError, NoteError, SignerUnavailable, SourceRefused, SourceUnavailable
from affidavit.errors import SourceGarbled as Garbled
from affidavit.projections.reader import Head
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import Note, VerifierKey

OWN_PROCESS = "in a process of its own"
"""What a verdict says about heads signed behind :class:`RemoteSigner`."""


class Cosigner(Protocol):
    """What is asked of the signer's client (:class:`affidavit.witness.client.WitnessClient` is one).

    Raises ``SourceError``, ``HeadConflict`` with the size to prove from, ``ProofError``, ``LedgerRolledBack``.
    """

    @property
    def where(self) -> str:
        """The place that is asked, as it may be shown."""

    def sign(self, body: str, *, old_size: int, proof: Sequence[bytes]) -> str:
        """The signature line under a checkpoint's ``body``, to which ``proof`` leads from ``old_size``."""

    def head(self) -> str | None:
        """The note of the head that was signed last."""

    def vkey(self) -> VerifierKey:
        """The key that it says it signs with."""


class RemoteSigner:
    """The signer that ``client`` speaks to. Each answer is verified with ``vkey``: a socket proves nothing."""

    where = OWN_PROCESS

    def __init__(self, client: Cosigner, vkey: VerifierKey) -> None:
        self.vkey = vkey
        self.source = client.where
        self._client = client

    @classmethod
    def ask(cls, client: Cosigner) -> RemoteSigner:
        """Ask for the key too: for opening a ledger, which pins one, and for making one.

        Raises ``SignerUnavailable``.
        """
        with _translated(client):
            return cls(client, client.vkey())

    def remembered(self) -> Head | None:
        """The newest head it signed; None before the first."""
        with _translated(self._client):
            note = self._client.head()
            return self._head(note) if note is not None else None

    def sign(self, checkpoint: Checkpoint, *, old_size: int, proof: Sequence[bytes]) -> Head:
        """The head for ``checkpoint``, to which ``proof`` leads from ``old_size``, the size it remembers.

        Raises ``SignerUnavailable``, and as :class:`Cosigner` does.
        """
        with _translated(self._client):
            lines = self._client.sign(checkpoint.text, old_size=old_size, proof=proof)
            return self._head(f"{checkpoint.text}\n{lines}")

    def _head(self, text: str) -> Head:
        try:
            note = Note.parse(text)
            time = cosignature.verify(note, self.vkey)
            checkpoint = Checkpoint.parse(note.text)
            moment = datetime.fromtimestamp(time, UTC)
        except (NoteError, OverflowError, ValueError, OSError) as error:
            raise LedgerError(
                "the signer answered a head that its key did not sign",
                where=self._client.where,
                fix="see that it is the signer of this ledger",
            ) from error
        own = tuple(note.signed_by(self.vkey))
        return Head(checkpoint.origin, checkpoint.size, checkpoint.root, moment, Note(note.text, own).whole)


@contextmanager
def _translated(client: Cosigner) -> Iterator[None]:
    try:
        yield
    except (SourceUnavailable, Garbled) as error:
        raise SignerUnavailable(
            f"the signer does not answer ({error.problem})",
            where=client.where,
            fix="start 'affidavit signer' and make the same call again; nothing was acknowledged",
        ) from error
    except SourceRefused as error:
        raise LedgerError(f"the signer refused ({error.problem})", where=client.where, fix=error.fix) from error

"""Asking a witness, or our own signer, for its cosignature (C2SP tlog-witness)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from affidavit.errors import (
    HeadConflict,
    LedgerRolledBack,
    NoteError,
    ProofError,
    SourceError,
    SourceGarbled,
    SourceRefused,
    SourceUnavailable,
)
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import Note, VerifierKey
from affidavit.witness.exchange import Answer, Place, exchange
from affidavit.witness.protocol import SIZE_TYPE, Asked

_FIXES = {
    400: "see that it is a witness, of a version that we know",
    403: "ask its operator to trust this log's key",
    404: "ask its operator to add this log; see that the URL's path is the witness's",
    413: "see that it is a witness, of a version that we know",
}


class WitnessClient:
    """One witness, or one signer, at ``url``: ``unix:///path``, ``http://…`` or ``https://…``.

    ``timeout`` is for a whole call, in seconds. What it returns is unverified: check a signature with the key that you
    got elsewhere (:mod:`affidavit.tlog.cosignature`), and ignore lines by other keys.
    """

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self._place = Place.parse(url)
        self._timeout = timeout

    @property
    def where(self) -> str:
        """The place that is asked, as it may be shown."""
        return self._place.shown

    def add_checkpoint(self, note: str, *, old_size: int, proof: Sequence[bytes]) -> str:
        """The signature lines of the witness under the signed ``note``; ``proof`` leads to it from ``old_size``.

        Raises ``HeadConflict`` with the size to prove from, ``LedgerRolledBack`` where the witness knows a longer or
        another log, ``ProofError``, ``SourceRefused`` for an unknown log or key, ``SourceUnavailable``.
        """
        size = Checkpoint.parse(Note.parse(note).text).size
        return self._cosigned("/add-checkpoint", Asked(old_size, tuple(proof), note), size)

    def sign(self, body: str, *, old_size: int, proof: Sequence[bytes]) -> str:
        """The signature line of a signer under the unsigned checkpoint ``body`` of its own log.

        The signer has durably remembered the head by the time this returns, and may have where it raises
        ``SourceUnavailable``: the same call again is answered again. Raises as :meth:`add_checkpoint`.
        """
        return self._cosigned("/sign", Asked(old_size, tuple(proof), body), Checkpoint.parse(body).size)

    def head(self, origin: str | None = None) -> str | None:
        """The note it cosigned last, of the log named ``origin`` (None: the only one it knows); None before the first.

        Not part of C2SP tlog-witness, so other programs answer ``SourceRefused``.
        """
        query = f"?origin={quote(origin, safe='')}" if origin is not None else ""
        answer = exchange(self._place, "GET", f"/head{query}", headers={}, timeout=self._timeout)
        if answer.status == 204:
            return None
        if answer.status != 200:
            raise self._failure(answer)
        text = self._text(answer)
        try:
            return Note.parse(text).whole
        except NoteError as error:
            raise SourceGarbled(f"its head is no note: {error.problem}", where=self.where) from error

    def vkey(self) -> VerifierKey:
        """The key that it says it signs with; for setting up a log, not for believing a signature."""
        answer = exchange(self._place, "GET", "/vkey", headers={}, timeout=self._timeout)
        if answer.status != 200:
            raise self._failure(answer)
        try:
            return VerifierKey.parse(self._text(answer).strip())
        except NoteError as error:
            raise SourceGarbled(f"its key is none: {error.problem}", where=self.where) from error

    def _cosigned(self, path: str, asked: Asked, size: int) -> str:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        answer = exchange(self._place, "POST", path, body=asked.data, headers=headers, timeout=self._timeout)
        if answer.status == 409:
            raise self._conflict(answer, asked.old_size, size)
        if answer.status == 422:
            raise ProofError(
                f"the proof from size {asked.old_size} to {size} did not convince it",
                where=self.where,
                fix="run 'affidavit verify'; if that finds nothing, it cosigned another history of this log",
            )
        if answer.status != 200:
            raise self._failure(answer)
        return self._text(answer)

    def _conflict(self, answer: Answer, old_size: int, size: int) -> SourceError | LedgerRolledBack:
        text = answer.body.decode("ascii", "replace").strip()
        if old_size == size and (answer.media_type != SIZE_TYPE or text == str(size)):
            return LedgerRolledBack(
                f"it cosigned another head of {size} entries",
                where=self.where,
                fix="restore the database that it saw; if that is lost, start a new ledger with a new key",
            )
        if not (answer.media_type == SIZE_TYPE and text.isascii() and text.isdecimal() and len(text) < 20):
            return SourceGarbled("answered 409 without the size that it remembers", where=self.where)
        remembered = int(text)
        if remembered > size:
            return LedgerRolledBack(
                f"the log has {size} entries, and it cosigned a head of {remembered}",
                where=self.where,
                fix="restore the newer database; if it is lost, start a new ledger with a new key",
            )
        return HeadConflict(
            f"it remembers a head of {remembered} entries, and was asked to go on from {old_size}",
            where=self.where,
            fix=f"prove from size {remembered}",
            size=remembered,
        )

    def _failure(self, answer: Answer) -> SourceError:
        said = f"answered {answer.status}"
        if answer.status >= 500 or answer.status in (408, 429):
            return SourceUnavailable(said, where=self.where, fix="see its own messages, and try again")
        if answer.status in _FIXES:
            return SourceRefused(said, where=self.where, fix=_FIXES[answer.status])
        return SourceGarbled(said, where=self.where, fix="see whether something else answers at that address")

    def _text(self, answer: Answer) -> str:
        try:
            return answer.body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SourceGarbled("its answer is not UTF-8", where=self.where) from error

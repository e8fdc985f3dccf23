"""Proofs of one entry that stand alone in a file (C2SP tlog-proof): its index, its audit path, a signed checkpoint.

The format leaves no room for lines that a reader does not know, so such lines are refused. Signature lines of unknown
keys under the checkpoint are ignored, as C2SP signed-note demands.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from affidavit.errors import ProofError
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import MAX_NOTE, Note
from affidavit.tlog.policy import Endorsement, Policy
from affidavit.tlog.proofs import check_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
"""First line of every proof."""

MAX_PROOF = 63
"""Hashes of the longest audit path: a log has fewer than 2**63 entries."""

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_LARGEST = MAX_NOTE + 100_000


@dataclass(frozen=True)
class TlogProof:
    """Entry ``index`` leads through ``path`` (32 bytes each, from the leaf's sibling up) to the checkpoint ``note``.

    ``extra`` is for applications, None where there is none; nothing authenticates it.
    """

    index: int
    path: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None

    @classmethod
    def parse(cls, data: str | bytes) -> TlogProof:
        """Read a ``.tlog-proof`` file; nothing is verified by having read it.

        Raises ``ProofError`` for anything but the one spelling of a proof, ``NoteError`` for its checkpoint.
        """
        if len(data) > _LARGEST:
            raise ProofError(f"a proof of more than {_LARGEST:,} bytes")
        try:
            whole = data.decode("utf-8") if isinstance(data, bytes) else data
        except UnicodeError as error:
            raise ProofError("a proof that is not UTF-8") from error
        head, blank, checkpoint = whole.partition("\n\n")
        first, *lines = head.split("\n")
        if first != HEADER or not blank:
            raise ProofError(f"not a proof: it must begin with the line {HEADER!r}, and an empty line must follow")
        extra = decode(lines.pop(0)[len("extra ") :]) if lines and lines[0].startswith("extra ") else None
        index = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if index is None or int(index[1]) >= 2**63:
            raise ProofError("a proof without a line that gives the entry's index")
        if len(lines) > MAX_PROOF:
            raise ProofError(f"a proof of more than {MAX_PROOF} hashes")
        path = tuple(decode(line) for line in lines)
        if any(len(digest) != 32 for digest in path):
            raise ProofError("a proof with a hash that does not have 32 bytes")
        note = Note.parse(checkpoint)
        Checkpoint.parse(note.text)
        return cls(int(index[1]), path, note, extra)

    @property
    def text(self) -> str:
        """The file's content."""
        extra = [] if self.extra is None else [f"extra {encode(self.extra)}"]
        lines = (HEADER, *extra, f"index {self.index}", *map(encode, self.path))
        return "".join(line + "\n" for line in lines) + "\n" + self.note.whole

    def included(self, leaf: bytes) -> Checkpoint:
        """The checkpoint that the leaf hash ``leaf`` is under; who signed that is not looked at.

        Raises ``ProofError`` where the path does not lead there.
        """
        checkpoint = Checkpoint.parse(self.note.text)
        check_inclusion(index=self.index, size=checkpoint.size, leaf=leaf, proof=self.path, root=checkpoint.root)
        return checkpoint

    def verify(self, leaf: bytes, policy: Policy) -> Endorsement:
        """Who vouches that the leaf hash ``leaf`` is in the log. Raises ``NoteError`` or ``ProofError``."""
        endorsement = policy.endorse(self.note)
        self.included(leaf)
        return endorsement


def encode(data: bytes) -> str:
    """A line of a proof."""
    return base64.b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """The bytes in a line of a proof. Raises ``ProofError`` for any but their one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError("a proof with a line that is not base64") from error
    if encode(data) != text:  # one value must have one spelling
        raise ProofError("a proof with a line that is not canonical base64")
    return data

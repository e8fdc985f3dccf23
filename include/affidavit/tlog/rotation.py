"""Replacing a log's key: the text that is authorised, and who can authorise it. Pure.

The text names the log's present key, the new one of the same name, and a head of the log that the present key signed:

    affidavit/key-rotation/v1
    <vkey of the key that is replaced>
    <vkey of the new key>
    <an empty line>
    <the head: a checkpoint, an empty line, one signature line by the key that is replaced>

So it is good for one log, one history of it, and one step in its chain of keys. The signature under the head shows that
whoever held the replaced key stood by the entries under it, entry 0 with its recovery key and quorum among them: nobody
can hang a chain of their own onto a key that they never held. It may be years old, so a lost key does not matter.

It is authorised in one of two ways, both pinned by entry 0:

- *recovery key*: a signed note (C2SP signed-note) of the text, by the offline key;
- *witness quorum*: a C2SP tlog-proof with the text as its ``extra``, that this is the only entry of a log of its own,
  under that log's head, which the quorum cosigned. The log's name ends in the SHA-256 of the text. A witness cosigns
  only logs whose key its operator added: adding that key is the consent to this very text, and witnesses need nothing
  new. Whose key that is does not matter, and its signature is not looked at.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from affidavit.errors import NoteError, ProofError
from affidavit.tlog import cosignature, note
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.note import COSIGNATURE, Note, SigningKey, VerifierKey
from affidavit.tlog.policy import Policy
from affidavit.tlog.tlog_proof import TlogProof

HEADER = "affidavit/key-rotation/v1"
"""First line of the text."""

RECOVERY = "recovery key"
QUORUM = "witness quorum"


@dataclass(frozen=True)
class Rotation:
    """That ``new`` replaces ``old`` after ``head``, a note that ``old`` alone signed."""

    old: VerifierKey
    new: VerifierKey
    head: Note

    def __post_init__(self) -> None:
        if not self.old.name == self.new.name == self.after.origin:
            raise NoteError("keys and head are not of one log")
        if self.old.public == self.new.public:
            raise NoteError("the new key is the one that it replaces")
        if self.new.algorithm != COSIGNATURE:
            raise NoteError("the new key cannot sign heads")
        if len(self.head.signatures) != 1:
            raise NoteError("the head must carry one signature")
        try:
            cosignature.verify(self.head, self.old)
        except NoteError as error:
            raise NoteError(f"the head that it comes after: {error.problem}") from error

    @classmethod
    def parse(cls, text: str) -> Rotation:
        """Read the text. Raises ``NoteError`` for anything but one spelling of a rotation that makes sense."""
        top, _, head = text.partition("\n\n")
        lines = top.split("\n")
        if len(lines) != 3 or lines[0] != HEADER:
            raise NoteError(f"not the text of a rotation: it must begin with the line {HEADER!r} and two keys")
        rotation = cls(VerifierKey.parse(lines[1]), VerifierKey.parse(lines[2]), Note.parse(head))
        if rotation.text != text:
            raise NoteError("the text of a rotation in another spelling")
        return rotation

    @property
    def after(self) -> Checkpoint:
        """The head that it comes after."""
        return Checkpoint.parse(self.head.text)

    @property
    def text(self) -> str:
        """What is authorised."""
        return f"{HEADER}\n{self.old.text}\n{self.new.text}\n\n{self.head.whole}"

    @property
    def log(self) -> str:
        """The name of the log whose only entry the text is, for witnesses to cosign."""
        return f"{self.old.name}/rotation/{hashlib.sha256(self.text.encode()).hexdigest()}"

    @property
    def checkpoint(self) -> Checkpoint:
        """The head of that log."""
        return Checkpoint(self.log, 1, leaf_hash(self.text.encode()))


def sign(rotation: Rotation, key: SigningKey) -> str:
    """The authorisation by the recovery key ``key``."""
    return Note(rotation.text, (note.sign(rotation.text, key),)).whole


def proof_of(rotation: Rotation, cosigned: Note) -> str:
    """The authorisation by the witnesses that cosigned :attr:`Rotation.checkpoint`."""
    return TlogProof(0, (), cosigned, rotation.text.encode()).text


def by_recovery(authorisation: str, key: VerifierKey) -> Rotation:
    """What ``key`` authorised. Raises ``NoteError``."""
    signed = Note.parse(authorisation)
    note.verify(signed, key)
    return Rotation.parse(signed.text)


def by_quorum(authorisation: str, policy: Policy) -> Rotation:
    """What the quorum of ``policy`` authorised. Raises ``NoteError``."""
    try:
        proof = TlogProof.parse(authorisation)
        text = (proof.extra or b"").decode()
    except (ProofError, UnicodeDecodeError) as error:
        raise NoteError("not a proof with the text of a rotation") from error
    rotation = Rotation.parse(text)
    if Checkpoint.parse(proof.note.text) != rotation.checkpoint or (proof.index, proof.path) != (0, ()):
        raise NoteError("the witnesses cosigned something else than this text")
    policy.cosigned(proof.note)
    return rotation

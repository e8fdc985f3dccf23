"""Signed notes and their keys (C2SP signed-note).

A note is text, a blank line, and signature lines. What a signature covers depends on its type: Ed25519 notes (0x01)
sign the text itself and stand here; cosignatures (0x04) add a time and stand in :mod:`affidavit.tlog.cosignature`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from affidavit.errors import NoteError

ED25519 = 0x01
"""Signature type of an Ed25519 signature over the note's text."""

COSIGNATURE = 0x04
"""Signature type of a cosignature with its time (C2SP tlog-cosignature)."""

MAX_NOTE = 1_000_000
"""Bytes of the largest note that is read."""

_LINE = "— "
_SECRET = "PRIVATE+KEY+"  # noqa: S105 - a prefix, as Go's note package writes it
_HEX_ID = re.compile(r"[0-9a-f]{8}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """The four bytes that tell keys of one name apart (C2SP signed-note, "Signatures")."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name and signature type; written as a vkey: ``name+id+base64(type || key)``."""

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a vkey. Raises ``NoteError`` for a malformed one, another id, or a type we cannot verify."""
        name, algorithm, public = _parse_key(text, "a vkey")
        key = cls(name, algorithm, public)
        if text.split("+", 2)[1] != key.id.hex():
            raise NoteError(f"the vkey of {name!r} has an id that is not its key's")
        return key

    @cached_property
    def id(self) -> bytes:
        """Four bytes; see :func:`key_id`."""
        return key_id(self.name, self.algorithm, self.public)

    @property
    def text(self) -> str:
        """The vkey."""
        return f"{self.name}+{self.id.hex()}+{_encode(bytes([self.algorithm]) + self.public)}"

    def check(self, message: bytes, signature: bytes) -> None:
        """Raise ``NoteError`` unless ``signature`` (64 bytes, Ed25519) over ``message`` is by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise NoteError(f"the signature of {self.name!r} does not hold") from error


@dataclass(frozen=True)
class SigningKey:
    """A private key with its name and signature type; ``seed`` is 32 bytes and never shows in ``repr``."""

    name: str
    algorithm: int
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        object.__setattr__(self, "_key", Ed25519PrivateKey.from_private_bytes(self.seed))

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Read ``PRIVATE+KEY+name+id+base64(type || seed)``. Raises ``NoteError``, never repeating the text."""
        if not text.startswith(_SECRET):
            raise NoteError("not a private key of a signed note")
        rest = text[len(_SECRET) :]
        key = cls(*_parse_key(rest, "a private key"))
        if rest.split("+", 2)[1] != key.public.id.hex():
            raise NoteError(f"the private key of {key.name!r} has an id that is not its own")
        return key

    @property
    def text(self) -> str:
        """The private key, written out."""
        return f"{_SECRET}{self.name}+{self.public.id.hex()}+{_encode(bytes([self.algorithm]) + self.seed)}"

    @cached_property
    def public(self) -> VerifierKey:
        """The key that verifies what this one signs."""
        public = self._private.public_key().public_bytes_raw()
        return VerifierKey(self.name, self.algorithm, public)

    def sign(self, message: bytes) -> bytes:
        """64 bytes: the Ed25519 signature over ``message`` itself."""
        return self._private.sign(message)

    @property
    def _private(self) -> Ed25519PrivateKey:
        key: Ed25519PrivateKey = self.__dict__["_key"]
        return key


@dataclass(frozen=True)
class Signature:
    """One signature line: the key's name, the four bytes of its id, and what it signed."""

    name: str
    id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """The line, without its newline."""
        return f"{_LINE}{self.name} {_encode(self.id + self.value)}"

    def by(self, key: VerifierKey) -> bool:
        """Whether it claims to be by ``key``."""
        return self.name == key.name and self.id == key.id


@dataclass(frozen=True)
class Note:
    """A text, which ends in a newline, and the signatures under it. Nothing is verified by having one."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: str | bytes) -> Note:
        """Read a note. Raises ``NoteError`` for anything that C2SP signed-note does not allow."""
        if len(data) > MAX_NOTE:
            raise NoteError(f"a note of more than {MAX_NOTE:,} bytes")
        try:
            whole = data.decode("utf-8") if isinstance(data, bytes) else data
            whole.encode("utf-8")
        except UnicodeError as error:
            raise NoteError("a note that is not UTF-8") from error
        if control := _CONTROL.search(whole):
            line = whole.count("\n", 0, control.start()) + 1
            raise NoteError(f"a note with a control character in line {line}")
        cut = whole.rfind("\n\n")
        if cut < 0 or not whole.endswith("\n"):
            raise NoteError("a note without text, a blank line and signature lines, each ending in a newline")
        lines = whole[cut + 2 : -1].split("\n") if whole[cut + 2 :] else []
        if not lines:
            raise NoteError("a note without a signature line")
        return cls(whole[: cut + 1], tuple(_signature(line) for line in lines))

    @property
    def whole(self) -> str:
        """The note as it is written."""
        return self.text + "\n" + "".join(signature.line + "\n" for signature in self.signatures)

    def signed_by(self, key: VerifierKey) -> Iterator[Signature]:
        """The signatures that claim to be by ``key``; all others are to be ignored (C2SP signed-note)."""
        return (signature for signature in self.signatures if signature.by(key))


def sign(text: str, key: SigningKey) -> Signature:
    """Sign ``text`` itself; ``key`` must be of type ``ED25519``."""
    if key.algorithm != ED25519:
        raise NoteError(f"the key of {key.name!r} is not for plain notes")
    return Signature(key.name, key.public.id, key.sign(text.encode()))


def verify(note: Note, key: VerifierKey) -> None:
    """Raise ``NoteError`` unless the note has a signature by ``key`` (type ``ED25519``), and each such one holds."""
    claimed = list(note.signed_by(key)) if key.algorithm == ED25519 else []
    if not claimed:
        raise NoteError(f"no signature by {key.name!r}")
    for signature in claimed:
        key.check(note.text.encode(), signature.value)


def _signature(line: str) -> Signature:
    name, separator, value = line.removeprefix(_LINE).partition(" ")
    if not line.startswith(_LINE) or not separator:
        raise NoteError(f"not a signature line: {line[:80]!r}")
    _check_name(name)
    data = _decode(value, f"the signature of {name[:80]!r}")
    if len(data) < 5:
        raise NoteError(f"the signature of {name[:80]!r} is too short")
    return Signature(name, data[:4], data[4:])


def _check_name(name: str) -> None:
    if "+" in name or name.split() != [name]:  # split() cuts at every space and drops those at the ends
        raise NoteError(f"{name[:80]!r} cannot be a key's name")
    try:
        name.encode()
    except UnicodeEncodeError as error:  # a policy's octets are decoded whatever they are
        raise NoteError(f"{name[:80]!r} cannot be a key's name: not UTF-8") from error


def _parse_key(text: str, what: str) -> tuple[str, int, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3 or not _HEX_ID.fullmatch(parts[1]):
        raise NoteError(f"{what} that is not name+id+key")
    data = _decode(parts[2], what)
    if len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
        raise NoteError(f"{what} of {parts[0][:80]!r} that is not an Ed25519 key of a type known here")
    return parts[0], data[0], data[1:]


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"{what} is not base64") from error
    if _encode(data) != text:  # one value must have one spelling
        raise NoteError(f"{what} is not canonical base64")
    return data

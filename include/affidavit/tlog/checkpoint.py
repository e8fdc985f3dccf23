"""Checkpoints: the text that names a log's head (C2SP tlog-checkpoint)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from affidavit.errors import NoteError

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """``size`` entries under ``root`` (32 bytes) of the log named ``origin``; extension lines are opaque."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if not all(lines) or any("\n" in line for line in lines):
            raise NoteError("a checkpoint with an empty or broken line")
        if not 0 <= self.size < 2**63 or len(self.root) != 32:
            raise NoteError("a checkpoint with an impossible size or root")

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text. Raises ``NoteError`` for anything but one spelling of a checkpoint."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] != "":
            raise NoteError("a checkpoint has at least three lines, each ending in a newline")
        origin, size, root, *extensions = lines[:-1]
        if not _SIZE.fullmatch(size):
            raise NoteError(f"{size[:40]!r} is not a checkpoint's size")
        try:
            digest = base64.b64decode(root, validate=True)
        except (binascii.Error, ValueError) as error:
            raise NoteError("a checkpoint's root that is not base64") from error
        checkpoint = cls(origin, int(size), digest, tuple(extensions))
        if checkpoint.text != text:  # base64 has spare bits: one root must have one spelling
            raise NoteError("a checkpoint's root that is not canonical base64")
        return checkpoint

    @property
    def text(self) -> str:
        """The text that is signed, with its final newline."""
        root = base64.b64encode(self.root).decode("ascii")
        return "\n".join((self.origin, str(self.size), root, *self.extensions, ""))

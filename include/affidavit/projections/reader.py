"""The narrow view of a ledger that everything outside it is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from affidavit.evidence import Entry


@dataclass(frozen=True)
class Head:
    """A head of the log: ``size`` entries under ``root`` (32 bytes), signed at ``time`` in the signed ``note``."""

    origin: str
    size: int
    root: bytes
    time: datetime
    note: str


class Reader(Protocol):
    """Reads a ledger; never writes.

    Entries come in order of index and are exactly the durable ones. ``scope`` and ``kind`` filter by derived columns.
    """

    def head(self) -> Head:
        """The newest head."""

    def head_at(self, time: datetime) -> Head | None:
        """The newest head signed at or before ``time``; None before the first."""

    def entry(self, index: int) -> Entry:
        """One entry. Raises ``UsageError`` where there is none."""

    def entries(
        self, start: int = 0, stop: int | None = None, *, scope: str | None = None, kind: str | None = None
    ) -> Iterator[Entry]:
        """Entries ``start`` to before ``stop``, in constant memory."""

    def blob(self, sha256: str) -> bytes:
        """The bytes under a digest. Raises ``BlobAbsent``, or ``IntegrityError`` where they are others."""

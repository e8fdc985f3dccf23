"""An entry of a ledger, as every reader sees it."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.evidence.once import once
from affidavit.evidence.statement import Statement
from affidavit.tlog.hashing import leaf_hash


@dataclass(frozen=True)
class Entry:
    """A leaf at its place. Only ``leaf`` is data; statement and hash are derived from it."""

    index: int
    leaf: bytes

    @once
    def statement(self) -> Statement:
        """The leaf, parsed; raises ``CanonicalError`` where it cannot be."""
        return Statement.parse(self.leaf)

    @once
    def leaf_hash(self) -> bytes:
        """RFC 6962 leaf hash."""
        return leaf_hash(self.leaf)

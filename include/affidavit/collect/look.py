"""What a collector brings back from one look at its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from affidavit.evidence import Draft, Entry, Json, Period

Recorded = Mapping[str, Entry]
"""The latest entry in the ledger about each subject of one kind, by its name."""

NOTHING: Recorded = MappingProxyType({})

GONE = "gone"
"""The lifecycle of what a source no longer has."""


@dataclass(frozen=True)
class Look:
    """One look of one collector.

    Counts are of things, not requests: ``enumerated`` that the source listed, ``read`` read whole, ``withheld``
    values that redaction kept back. ``notice_delay_seconds`` is how late a change in the source may be noticed (None:
    a change that this collector cannot notice at all is possible); ``cursor`` is where the next look goes on.
    ``blobs`` are what drafts name by SHA-256, each a payload behind its salt (:mod:`affidavit.evidence.salted`).
    ``unread`` says why the source could not be looked at, where that keeps nothing else from being recorded: then it is
    no look, and the collection does not count it as one.
    """

    collector: str
    drafts: tuple[Draft, ...]
    enumerated: int
    read: int
    withheld: int = 0
    window: Period | None = None
    notice_delay_seconds: int | None = None
    cursor: Json = None
    blobs: tuple[bytes, ...] = ()
    unread: str | None = None

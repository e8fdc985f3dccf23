"""One handing over of a head, as a statement."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from affidavit import __version__
from affidavit.evidence import (
    ORGANISATION_SCOPE,
    Circumstances,
    Collector,
    Draft,
    Origin,
    Stage,
    Subject,
    timestamp,
)
from affidavit.evidence.kinds import ANCHOR
from affidavit.projections.reader import Head
from affidavit.tlog.checkpoint import Checkpoint

TOKEN_TYPE = "application/timestamp-reply"  # noqa: S105 - a media type
COLLECTOR = Collector("anchor", __version__)
_SUBJECT = "affidavit://anchors/"


@dataclass(frozen=True)
class Anchored:
    """``anchor`` (its id) was handed ``head``; ``time`` is what the outsider says, for a copy when it was made.

    ``cosignature`` are a witness's lines; ``token`` is a time stamp authority's response (DER)
    behind its salt (:mod:`affidavit.evidence.salted`).
    """

    anchor: str
    means: str
    where: str
    head: Head
    time: datetime
    cosignature: str | None = None
    token: bytes | None = None

    def draft(self, seen: Circumstances) -> Draft:
        """The statement; the ``token`` is to be stored as a blob beside it."""
        digest = hashlib.sha256(self.token).hexdigest() if self.token is not None else None
        return Draft(
            kind=ANCHOR,
            scope=ORGANISATION_SCOPE,
            stage=Stage.CROSS,
            origin=Origin.OBSERVED,
            subjects=(Subject(_SUBJECT + self.anchor, hashlib.sha256(body(self.head).encode()).hexdigest()),),
            facts={
                "means": self.means,
                "where": self.where,
                "checkpoint": {"origin": self.head.origin, "size": self.head.size, "root": self.head.root.hex()},
                "time": timestamp(self.time),
                "cosignature": self.cosignature,
                "details": {"digest": {"sha256": digest}, "media_type": TOKEN_TYPE} if digest else None,
            },
            collector=COLLECTOR,
            seen=seen,
        )


def body(head: Head) -> str:
    """The checkpoint's text: what a witness cosigns and a time stamp covers."""
    return Checkpoint(head.origin, head.size, head.root).text


def anchor_of(subject: str) -> str:
    """The id of the anchor that a statement's subject names."""
    return subject.removeprefix(_SUBJECT)

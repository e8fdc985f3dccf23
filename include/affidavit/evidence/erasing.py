"""The statements of an erasure: who decided it and on which ground, and that it was done."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from affidavit import __version__
from affidavit.evidence.kinds import ERASURE, ERASURE_DECISION, Kind
from affidavit.evidence.statement import Circumstances, Collector, Draft, Origin, Stage, Subject
from affidavit.tlog.hashing import leaf_hash

GROUNDS: Mapping[str, str] = {
    "data-subject-request": "a person asked that data about them be erased",
    "legal-obligation": "a law or a court demands that it be erased",
    "no-longer-needed": "it is no longer needed for what it was kept for",
    "recorded-by-mistake": "it should not have been recorded",
}
"""The grounds on which a person may decide, in words."""

RETENTION = "retention-ended"
"""The ground of an erasure that a declared retention rule makes due."""

COLLECTOR = Collector("erasure", __version__)
_SUBJECT = "affidavit://blobs/"


def blob_subject(digest: str) -> Subject:
    """A blob as what a statement is about."""
    return Subject(_SUBJECT + digest, digest)


def decision(digest: str, *, scope: str, reason: str, by: str, seen: Circumstances) -> Draft:
    """The decision of the person ``by`` (a pseudonym) that a blob be erased, in a stream of its own."""
    facts = {"blobs": [digest], "reason": reason}
    subject = Subject.of_facts(f"affidavit://erasure-decisions/{uuid.uuid4().hex}", facts)
    return _draft(ERASURE_DECISION, facts, subject, (scope, Origin.DECLARED, by, seen))


def erasure(digest: str, *, scope: str, reason: str, decided: bytes, seen: Circumstances) -> Draft:
    """That a blob is erased; ``decided`` is the leaf hash of what says that it may be."""
    facts = {"blob": digest, "decision": decided.hex(), "reason": reason}
    return _draft(ERASURE, facts, blob_subject(digest), (scope, Origin.OBSERVED, None, seen))


def hash_of_first(draft: Draft) -> bytes:
    """The leaf hash of a draft whose stream holds nothing yet."""
    return leaf_hash(draft.seal(None))


def in_words(reason: str) -> str:
    """A ground in words; one that this version does not know as it stands."""
    return {**GROUNDS, RETENTION: "the time for which it is kept has ended"}.get(reason, reason)


def _draft(
    kind: Kind, facts: Mapping[str, object], subject: Subject, rest: tuple[str, Origin, str | None, Circumstances]
) -> Draft:
    scope, origin, by, seen = rest
    return Draft(
        kind=kind,
        scope=scope,
        stage=Stage.CROSS,
        origin=origin,
        subjects=(subject,),
        facts=facts,
        collector=COLLECTOR,
        seen=seen,
        by=by,
    )

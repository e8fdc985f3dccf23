"""Which blobs a statement names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from affidavit.errors import CanonicalError
from affidavit.evidence.statement import Statement

_DIGEST = re.compile(r"[0-9a-f]{64}")


def named_blobs(statement: Statement) -> tuple[str, ...]:
    """SHA-256 digests of the blobs that the facts name: ``details.digest.sha256``, whatever the kind.

    Raises ``CanonicalError`` where ``details`` is there and names none.
    """
    details = statement.facts.get("details")
    if not isinstance(details, Mapping):
        return ()
    digest = details.get("digest")
    sha256 = digest.get("sha256") if isinstance(digest, Mapping) else None
    if not isinstance(sha256, str) or not _DIGEST.fullmatch(sha256):
        raise CanonicalError("its details name no blob by SHA-256")
    return (sha256,)


def naming(facts: Mapping[str, Any], sha256: str) -> Mapping[str, Any]:
    """``facts`` that name a blob, naming another one instead."""
    return {**facts, "details": {**facts["details"], "digest": {"sha256": sha256}}}

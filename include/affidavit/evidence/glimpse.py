"""What verification needs to know of a leaf, at half the cost of a :class:`~affidavit.evidence.statement.Statement`.

A million leaves are mostly alike: of a known kind, canonical, naming no blob. Of such a one :func:`glimpse` says what a
Statement would; of any other it says nothing, and a Statement must be asked.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from affidavit.errors import CanonicalError
from affidavit.evidence.canonical import dumps_plain, glance
from affidavit.evidence.kinds import BY_PREDICATE_TYPE
from affidavit.evidence.statement import FACTS, HEADER, STATEMENT_TYPE, STREAM, compared, identity, leaf_named

Glimpse = tuple[bytes, bytes | None, bytes, bytes, str, str, str, str, str | None]
"""Stream, supersedes, facts digest, identity, kind, scope, name of the first subject, time of observation and
demonstration, each as the property of ``Statement``."""


def glimpse(leaf: bytes) -> Glimpse | None:
    """What is derived from ``leaf``, if that is simple; None where a Statement must be asked, also for what is none."""
    document = glance(leaf)
    try:
        return _glimpse(leaf, document) if document is not None else None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, CanonicalError):
        return None


def _glimpse(leaf: bytes, document: dict[str, Any]) -> Glimpse | None:
    predicate, subjects, kind = document["predicate"], document["subject"], BY_PREDICATE_TYPE[document["predicateType"]]
    own = predicate if "header" in predicate else predicate["affidavit"]
    header = own["header"]
    before, _, rest = leaf.partition(HEADER)
    if document["_type"] != STATEMENT_TYPE or HEADER in rest or "details" in own or "details" in predicate:
        return None
    for subject in subjects:
        _ = subject["name"], subject["digest"]["sha256"]
    name, scope, observed_at = subjects[0]["name"], header["scope"], header["observed_at"]
    demonstration, supersedes = header.get("demonstration"), header["supersedes"]
    if not type(name) is type(scope) is type(observed_at) is type(demonstration or "") is str:
        return None
    superseded = leaf_named(supersedes)
    after = rest[len(dumps_plain(header)) :]
    stream = sha256(STREAM + dumps_plain([kind.name, scope, name, header.get("interval")])).digest()
    facts = sha256(b"".join((FACTS, before, HEADER, dumps_plain(compared(header)), after))).digest()
    same = identity(stream, superseded, facts)
    return stream, superseded, facts, same, kind.name, scope, name, observed_at, demonstration

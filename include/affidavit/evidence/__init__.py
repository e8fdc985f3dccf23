"""Evidence: statements, their kinds, their canonical bytes, and what may not enter them.

A collector makes a :class:`Draft` of a kind from :mod:`affidavit.evidence.kinds`; the ledger seals it into a leaf, the
canonical bytes of an in-toto Statement v1, and every reader gets it back as an :class:`Entry` with a
:class:`Statement`. Pure: no clock, no network, no database.
"""

from affidavit.evidence.canonical import Json, dumps, loads, number
from affidavit.evidence.entry import Entry
from affidavit.evidence.kinds import Kind
from affidavit.evidence.statement import (
    CANARY,
    CANARY_SCOPES,
    MAX_LEAF,
    ORGANISATION_SCOPE,
    AirflowRun,
    Circumstances,
    Collector,
    Draft,
    Origin,
    Period,
    Stage,
    Statement,
    Subject,
    canary_scope,
    identity,
    moment,
    system_scope,
    timestamp,
)

__all__ = [
    "CANARY",
    "CANARY_SCOPES",
    "MAX_LEAF",
    "ORGANISATION_SCOPE",
    "AirflowRun",
    "Circumstances",
    "Collector",
    "Draft",
    "Entry",
    "Json",
    "Kind",
    "Origin",
    "Period",
    "Stage",
    "Statement",
    "Subject",
    "canary_scope",
    "dumps",
    "identity",
    "loads",
    "moment",
    "number",
    "system_scope",
    "timestamp",
]

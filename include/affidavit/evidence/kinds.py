"""The kinds of statement, each with the facts it may hold.

A kind lives for ever. A new meaning is a new version of the kind, with an upcast that reads the old one; an unknown
predicate type is shown and never counts for anything.
"""

from __future__ import annotations

from collections.abc import Mapping

from affidavit.evidence.kind import BASE_URI, Kind
from affidavit.evidence.shapes import BOOL, COUNT, DIGEST, NUMBER, OPEN, TEXT, TIME, WORD, Shape, maybe
from affidavit.evidence.source_kinds import (
    DATASET_SNAPSHOT,
    DOCUMENT,
    FAILING_ROWS,
    LATE_DATA,
    LINEAGE_EDGE,
    MEASUREMENT,
    MODEL_ALIAS,
    MODEL_RUN,
    MODEL_VERSION,
    MOVED,
    RECORD,
    REGISTER,
    SCHEMA_CHANGE,
    SERVING_VERSION,
    UNRECONCILED,
    VALIDATION,
)

__all__ = [
    "ALL",
    "ANCHOR",
    "ASSESSMENT",
    "BASE_URI",
    "BY_PREDICATE_TYPE",
    "CHALLENGE",
    "COLLECTION",
    "DATASET_SNAPSHOT",
    "DECISION",
    "DOCUMENT",
    "ERASURE",
    "ERASURE_DECISION",
    "FAILING_ROWS",
    "FROM_OUTSIDE",
    "GENESIS",
    "KEY_ROTATION",
    "LATE_DATA",
    "LINEAGE_EDGE",
    "MEASUREMENT",
    "MODEL_ALIAS",
    "MODEL_RUN",
    "MODEL_VERSION",
    "MOVED",
    "ORGANISATION",
    "RECORD",
    "REGISTER",
    "SCHEMA_CHANGE",
    "SERVING_VERSION",
    "SUITE",
    "SYSTEM",
    "UNRECONCILED",
    "VALIDATION",
    "WITH_BLOBS",
    "Kind",
]

_PERIOD: Shape = {"from": maybe(TIME), "to": maybe(TIME)}

GENESIS = Kind(
    "genesis",
    1,
    {"origin": TEXT, "key": TEXT, "signing": TEXT, "recovery": maybe(TEXT), "recovery_quorum": maybe(TEXT)},
)
"""Entry 0: the log's name, its first verification key, and who may replace it: an offline key or a quorum of witnesses.

Keys are C2SP vkeys, the quorum lines of a C2SP policy. ``signing`` declares where the key works. Without recovery key
and quorum the log's key can never be replaced.
"""

KEY_ROTATION = Kind(
    "key-rotation",
    1,
    {"old": TEXT, "new": TEXT, "signing": TEXT, "authority": TEXT, "authorisation": TEXT},
)
"""A new key of the log (C2SP vkeys), which signs every head that covers this entry.

``authorisation`` is a signed text: by the ``recovery key`` or the ``witness quorum`` that entry 0 pins.
"""

ORGANISATION = Kind("organisation-declaration", 1, {"file": TEXT, "organisation": OPEN, "systems": [TEXT]})
"""The organisation's file, and the ids of the AI systems that had one at this look, readable or not."""

SYSTEM = Kind("system-declaration", 1, {"file": TEXT, "system": OPEN})
SUITE = Kind("suite-declaration", 1, {"file": TEXT, "suite": OPEN})

COLLECTION = Kind(
    "collection",
    1,
    {
        "slot": _PERIOD,
        "gap": maybe(TEXT),
        "collectors": {
            "*": {
                "window": maybe(_PERIOD),
                "enumerated": COUNT,
                "read": COUNT,
                "new": COUNT,
                "unchanged": COUNT,
                "withheld": COUNT,
                "notice_delay_seconds": maybe(COUNT),
                "cursor": OPEN,
            }
        },
    },
)
"""The end of a slot: what was looked at, how much of it was new, and where to go on."""

CHALLENGE = Kind(
    "challenge",
    1,
    {
        "what": WORD,
        "source": TEXT,
        "dataset": TEXT,
        "check": TEXT,
        "against": DIGEST,
        "defect": {"kind": WORD, "column": maybe(TEXT)},
        "rows": COUNT,
        "clean": [TEXT],
        "failed": [TEXT],
        "status": TEXT,
        "caught": BOOL,
        "injected_at": TIME,
        "judged_at": TIME,
        "canary": BOOL,
    },
)
"""A control was challenged, unannounced: was a planted defect caught, and when? Never evidence about the system.

``what`` is ``bad-table``: a copy of rows of ``source`` with a ``defect`` in one of four rows was looked at and judged
by ``check``, against the suite of the SHA-256 ``against``. ``failed`` are the tests that failed on it, ``clean`` those
that failed on a copy without a defect; ``caught`` says that the check failed, by a test that ``clean`` does not name.
``injected_at`` is when the copy stood, ``judged_at`` when the verdict did. Both looks stand in the scope ``canary:`` of
the AI system, marked, and no verdict rests on them. ``canary`` is always true.
"""

ASSESSMENT = Kind(
    "assessment",
    1,
    {
        "controls": {"*": {"status": TEXT, "origin": maybe(TEXT)}},
        "rules": DIGEST,
        "catalogue": DIGEST,
    },
)
"""The posture of one scope, recorded when it changed."""

ANCHOR = Kind(
    "anchor",
    1,
    {
        "means": TEXT,
        "where": TEXT,
        "checkpoint": {"origin": TEXT, "size": COUNT, "root": DIGEST},
        "time": TIME,
        "cosignature": maybe(TEXT),
        "details": maybe({"digest": {"sha256": DIGEST}, "media_type": TEXT}),
    },
)
"""An outsider that was handed a head. ``means`` is ``witness`` (its ``cosignature`` lines), ``timestamp`` (``details``
is the RFC 3161 response) or ``copy``, which proves nothing by itself; ``time`` is what the outsider says."""

_BOUNDS: Shape = {"*": {"at_least": maybe(NUMBER), "at_most": maybe(NUMBER)}}

DECISION = Kind(
    "decision",
    1,
    {
        "type": WORD,
        "title": TEXT,
        "question": TEXT,
        "options": [TEXT],
        "option": maybe(TEXT),
        "subjects": [{"name": TEXT, "digest": DIGEST}],
        "roles": [TEXT],
        "held": [TEXT],
        "authors": [TEXT],
        "requested_by": maybe(TEXT),
        "ballot": maybe(TEXT),
        "round": COUNT,
        "until": maybe(TIME),
        "envelope": maybe({"measures": _BOUNDS, "data": _BOUNDS, "carries_to": TEXT}),
        "state": TEXT,
        "responder": WORD,
        "authentication": maybe({"manager": TEXT, "all_admins": BOOL}),
        "asked_at": TIME,
        "answered_at": maybe(TIME),
        "try": COUNT,
        "dag_run": TEXT,
        "details": maybe({"digest": {"sha256": DIGEST}, "media_type": TEXT}),
    },
)
"""What a person was asked to decide, as Airflow's own record says that it went; also where nobody answered.

The first subject is ``affidavit://decisions/<id>``, the others are what was decided on. ``by`` in the header is the
pseudonym of who answered, ``basis`` the ledger's head at the request. ``roles`` were asked, ``held`` those of them that
the person held; ``ballot`` is the committee member whose vote it is. ``state`` is ``answered``, ``timed out``,
``failed``, ``skipped`` or ``marked by hand``; ``responder`` is ``person``, ``service``, ``unknown``, ``nobody`` or
``timeout-default``. ``details`` is the comment, a blob that can be erased; null where none was given. Whether a
decision counts is no fact: :mod:`affidavit.projections.decisions` derives it.
"""

NOTICE = Kind(
    "notice",
    1,
    {
        "channel": TEXT,
        "recipient": TEXT,
        "matters": [
            {"scope": TEXT, "about": TEXT, "status": TEXT, "since": maybe(COUNT), "escalated": BOOL},
        ],
    },
)
"""What a role was told by one message, once a notifier had taken it.

``matters`` are controls and clauses, with the entry ``since`` which an assessment says so, and decisions that wait, by
id and with ``since`` null. One is ``escalated`` where its owner was told before, and nothing came of it.
"""

ERASURE_DECISION = Kind("erasure-decision", 1, {"blobs": [DIGEST], "reason": WORD})
"""What a person, the header's ``by``, decided: that these blobs be erased, on a ground that is one word.

No free text: it could name whom the erasure is about, in a log that cannot unsay it."""

ERASURE = Kind("erasure", 1, {"blob": DIGEST, "decision": DIGEST, "reason": WORD})
"""A blob was erased. ``decision`` is the leaf hash of the erasure decision, or of the organisation's declaration whose
retention had ended."""

ALL = (
    GENESIS,
    KEY_ROTATION,
    ORGANISATION,
    SYSTEM,
    SUITE,
    MODEL_RUN,
    MODEL_VERSION,
    MODEL_ALIAS,
    DATASET_SNAPSHOT,
    SCHEMA_CHANGE,
    LATE_DATA,
    VALIDATION,
    FAILING_ROWS,
    LINEAGE_EDGE,
    REGISTER,
    RECORD,
    DOCUMENT,
    SERVING_VERSION,
    MEASUREMENT,
    UNRECONCILED,
    COLLECTION,
    CHALLENGE,
    ASSESSMENT,
    ANCHOR,
    DECISION,
    NOTICE,
    ERASURE_DECISION,
    ERASURE,
)

FROM_OUTSIDE = (MODEL_RUN, DATASET_SNAPSHOT, LINEAGE_EDGE)
"""The kinds that a task of somebody else's DAG may claim, as ``recorded``: what it trained, made, or made from what.

No other may come from outside. Genesis, key rotation, anchor and erasure are the ledger's own and follow from its keys,
outsiders and decisions; a decision, to erase or of any other type, is a person's. Declarations are read from reviewed
files, or anybody could declare less. A collection says how far collectors came, unreconciled what they found that
nobody claims, an assessment what rules judged, a notice whom we told of it, a challenge what our own planting came to,
a schema change and late data what two snapshots show: each is derived here. Model versions and aliases are read from
the registry that serves them, registers, records, documents and endpoints from where they are, and validations, the
rows that fail them and measurements are taken by us, never told.
"""

WITH_BLOBS = tuple(sorted(kind.name for kind in ALL if "details" in kind.facts))
"""The kinds whose entries may name a blob."""

BY_PREDICATE_TYPE: Mapping[str, Kind] = {kind.predicate_type: kind for kind in ALL}

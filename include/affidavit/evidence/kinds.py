"""The kinds of statement, each with the facts it may hold.

A kind lives for ever. A new meaning is a new version of the kind, with an upcast that reads the old one; an unknown
predicate type is shown and never counts for anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from affidavit.evidence.shapes import (
    BOOL,
    COUNT,
    DIGEST,
    NUMBER,
    OPEN,
    TEXT,
    TIME,
    WORD,
    Shape,
    maybe,
)

BASE_URI = "urn:affidavit:"
"""The one base of our own predicate types: ``urn:affidavit:<kind>:v<version>``."""

_DIGESTED: Shape = {"name": TEXT, "digest": maybe(DIGEST)}
_PERIOD: Shape = {"from": maybe(TIME), "to": maybe(TIME)}
_TREE: Shape = {"files": COUNT, "bytes": COUNT, "moved": COUNT, "sha256": maybe(DIGEST)}
"""Artifacts; where files ``moved`` while they were read, ``sha256`` is null: no such tree ever stood there."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of statement.

    ``facts`` lists every allowed field. ``foreign`` names the fields that a public predicate type puts at the top of
    the predicate; header and the other fields then stand under ``predicate.affidavit``.
    """

    name: str
    version: int
    facts: Mapping[str, Shape]
    predicate_type: str = ""
    foreign: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if not self.predicate_type:
            object.__setattr__(self, "predicate_type", f"{BASE_URI}{self.name}:v{self.version}")


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

MODEL_RUN = Kind(
    "model-run",
    1,
    {
        "status": TEXT,
        "lifecycle": TEXT,
        "experiment": {"id": TEXT, "name": TEXT},
        "parent": maybe(TEXT),
        "source": {"commit": maybe(TEXT), "dirty": maybe(BOOL)},
        "metrics": {"*": NUMBER},
        "params": {"*": TEXT},
        "tags": {"*": TEXT},
        "inputs": [
            {
                "name": TEXT,
                "context": maybe(TEXT),
                "source_digest": TEXT,
                "fingerprint": maybe({"sha256": DIGEST, "method": TEXT}),
                "rows": maybe(COUNT),
            }
        ],
        "outputs": [_DIGESTED],
        "artifacts": maybe(_TREE),
        "withheld": {"metrics": COUNT, "params": COUNT, "tags": COUNT, "inputs": COUNT, "outputs": COUNT},
    },
)
"""An MLflow run. ``lifecycle`` is ``active``, ``deleted`` (it can be restored), or ``gone``: MLflow no longer has it,
and every other fact is as it was last recorded. ``inputs`` carry MLflow's own dataset digest, an identifier, and the
fingerprint that the run itself took of the table, where it took one (:mod:`affidavit.training`)."""

MODEL_VERSION = Kind(
    "model-version",
    1,
    {
        "model": TEXT,
        "version": TEXT,
        "lifecycle": TEXT,
        "status": TEXT,
        "created_at": TIME,
        "run": maybe(TEXT),
        "logged_model": maybe(TEXT),
        "described": BOOL,
        "signature": BOOL,
        "environment": BOOL,
        "artifacts": maybe(_TREE),
        "tags": {"*": TEXT},
        "withheld": {"tags": COUNT},
    },
)
"""A version of a registered model. ``lifecycle`` is ``active``, or ``gone``: MLflow no longer has it, and every other
fact is as it was last recorded."""

MODEL_ALIAS = Kind("model-alias", 1, {"model": TEXT, "alias": TEXT, "version": maybe(TEXT)})
"""Where an alias points at this look; between two looks the version in use is unknown."""

DATASET_SNAPSHOT = Kind(
    "dataset-snapshot",
    1,
    {
        "dataset": TEXT,
        "table": TEXT,
        "use": TEXT,
        "columns": [{"name": TEXT, "type": TEXT, "nulls": COUNT}],
        "columns_omitted": COUNT,
        "rows": COUNT,
        "time": maybe({"column": TEXT, "from": maybe(TEXT), "to": maybe(TEXT)}),
        "fingerprint": {"sha256": DIGEST, "method": TEXT, "coverage": TEXT},
        "consistency": TEXT,
        "relation": maybe({"kind": TEXT, "sha256": maybe(DIGEST)}),
        "details": maybe({"digest": {"sha256": DIGEST}, "media_type": TEXT}),
    },
)
"""One look at a table. ``consistency`` says how rows, fingerprint and validation came from the same state of it, or
:data:`MOVED`. ``coverage`` says which rows the fingerprint rests on that were read earlier, where there are such.

``relation`` says what stands behind the name: a table, or a view with the SHA-256 of its definition; null where nobody
asked. ``details`` is the profile of every column, with histograms; ``columns`` leaves out those that a leaf has no room
for.
"""

SCHEMA_CHANGE = Kind(
    "schema-change",
    1,
    {
        "dataset": TEXT,
        "table": TEXT,
        "columns": [{"name": TEXT, "was": maybe(TEXT), "is": maybe(TEXT)}],
        "reordered": BOOL,
        "columns_omitted": COUNT,
    },
)
"""Columns of a table that are not as its last snapshot had them: their type then and now, null where there was none."""

MOVED = "moved while read"
"""The consistency of a snapshot whose fingerprint was another before the look than after it, which is the one it names.

What else was read is of neither state for certain, so nothing is validated and no verdict is supported by it."""

LATE_DATA = Kind(
    "late-data",
    1,
    {"dataset": TEXT, "table": TEXT, "column": TEXT, "until": TEXT, "then": COUNT, "now": COUNT},
)
"""A table has ``now`` rows dated up to the end of its last snapshot, which had ``then``."""

VALIDATION = Kind(
    "validation",
    1,
    {
        "result": TEXT,
        "configuration": [{"name": TEXT, "digest": {"sha256": DIGEST}}],
        "passedTests": [TEXT],
        "warnedTests": [TEXT],
        "failedTests": [TEXT],
        "dataset": TEXT,
        "suite": TEXT,
        "rows": COUNT,
        "carried": COUNT,
        "failed": [
            {
                "test": TEXT,
                "column": maybe(TEXT),
                "unexpected": maybe(COUNT),
                "missing": maybe(COUNT),
                "reason": maybe(TEXT),
            }
        ],
        "details": {"digest": {"sha256": DIGEST}, "media_type": TEXT},
    },
    predicate_type="https://in-toto.io/attestation/test-result/v0.1",
    foreign=frozenset({"result", "configuration", "passedTests", "warnedTests", "failedTests"}),
)
"""A Great Expectations validation: an in-toto test result.

``carried`` counts the partitions that the digest of its subject rests on and that were not read at this look. The suite
reads every row all the same, so where any was carried the rows that it judged need not be those of the digest.
"""

FAILING_ROWS = Kind(
    "failing-rows",
    1,
    {
        "dataset": TEXT,
        "table": TEXT,
        "suite": TEXT,
        "tests": [{"test": TEXT, "rows": COUNT}],
        "details": {"digest": {"sha256": DIGEST}, "media_type": TEXT},
    },
)
"""That of ``rows`` rows for each test that failed examples lie in the blob that ``details`` names: whole rows, which
stand nowhere else. A declaration of the table allows them, and no verdict rests on them.
"""

LINEAGE_EDGE = Kind("lineage-edge", 1, {"relation": TEXT, "from": _DIGESTED, "to": _DIGESTED, "basis": TEXT})

REGISTER = Kind(
    "register",
    1,
    {
        "register": TEXT,
        "kind": WORD,
        "source": TEXT,
        "upload": BOOL,
        "hidden": {"*": COUNT},
        "rows": COUNT,
        "columns": {"*": {"column": TEXT, "blank": maybe(COUNT)}},
        "categories": {"*": maybe({"values": {"*": COUNT}, "other": COUNT, "blank": COUNT})},
        "undated": maybe(COUNT),
        "days": [{"day": TEXT, "rows": COUNT, "categories": {"*": {"*": COUNT}}}],
        "days_omitted": COUNT,
        "rows_omitted": COUNT,
        "fingerprint": {"sha256": DIGEST, "method": TEXT, "coverage": TEXT},
        "consistency": TEXT,
        "reconciled": maybe(
            {
                "with": TEXT,
                "consistency": TEXT,
                "matched": COUNT,
                "only_here": COUNT,
                "only_there": COUNT,
                "repeated_here": COUNT,
                "repeated_there": COUNT,
                "blank_here": COUNT,
                "blank_there": COUNT,
            }
        ),
    },
)
"""One look at a register: how many rows, by day and by the values that the inventory lists; never what a row says.

``columns`` are the required ones by role, ``blank`` null where the source has no such column, as is a category there.
``hidden`` counts rows, columns and sheets that a workbook does not show; hidden rows are counted like all others.
``undated`` are rows without a readable day, null where nothing dates a row. ``days`` are those that a leaf has room
for: the latest, or of rows that run out the earliest. ``reconciled`` counts distinct keys of both sources, and the rows
of each that have none.
"""

SERVING_VERSION = Kind(
    "serving-version",
    1,
    {"endpoint": TEXT, "model": TEXT, "source": TEXT, "version": maybe(TEXT), "unknown": maybe(TEXT)},
)
"""Which version a scoring endpoint says that it serves. Where it did not say, ``version`` is null, ``unknown`` why."""

MEASUREMENT = Kind(
    "measurement",
    1,
    {
        "family": WORD,
        "source": TEXT,
        "model": maybe(TEXT),
        "version": maybe(TEXT),
        "rows": COUNT,
        "left_out": {"*": COUNT},
        "fingerprint": maybe({"sha256": DIGEST, "method": TEXT, "coverage": TEXT}),
        "consistency": TEXT,
        "settings": {"*": TEXT},
        "thresholds": maybe(DIGEST),
        "results": [
            {
                "measure": TEXT,
                "about": maybe(TEXT),
                "group": {"*": TEXT},
                "value": maybe(NUMBER),
                "low": maybe(NUMBER),
                "high": maybe(NUMBER),
                "n": COUNT,
                "why": maybe(TEXT),
            }
        ],
        "results_omitted": COUNT,
        "canary": BOOL,
        "details": maybe({"digest": {"sha256": DIGEST}, "media_type": TEXT}),
    },
)
"""What was measured of an AI system: one family of measures of one source.

``family`` is one of performance, fairness, drift, data-threats, agreement, robustness, explanation, membership,
comparison, custom, agents, resources and not-tested. ``results`` are the measures with their intervals, by group; a
``value`` of null says in ``why`` why it cannot be judged. Those that a leaf has no room for are ``results_omitted``,
and stand in the report (``details``, HTML) like all others. ``rows`` were measured, ``left_out`` were not, by the
reason. ``version`` is the model version whose answers these are, null where nobody knows it; ``thresholds`` the SHA-256
of the thresholds that stood when it was measured. A ``canary`` is a challenge of the control and never evidence about
the system.
"""

DOCUMENT = Kind(
    "document",
    1,
    {
        "document": TEXT,
        "kind": WORD,
        "source": TEXT,
        "problem": maybe(TEXT),
        "media_type": maybe(TEXT),
        "bytes": maybe(COUNT),
        "sha256": maybe(DIGEST),
        "version": maybe(TEXT),
        "covers": [TEXT],
        "template": DIGEST,
        "sections": [{"title": maybe(TEXT), "sha256": DIGEST, "state": WORD}],
        "sections_omitted": COUNT,
        "absent": [TEXT],
        "details": maybe({"digest": {"sha256": DIGEST}, "media_type": TEXT}),
    },
)
"""One look at a controlled document: its bytes by SHA-256, and which of its sections say something; never its text.

``problem`` says why it could not be read as a document; then nothing else is known of it. Of ``sections`` only titles
of the template stand here, null for others; ``state`` is ``filled``, ``empty``, or ``template`` where it says nothing
but what the template says; ``absent`` are those that the template has and the document lacks. ``covers`` are the model
versions that it says it is about, as ``<model> <version>``. ``details`` is its text, where it is kept."""

UNRECONCILED = Kind(
    "unreconciled", 1, {"experiments": [TEXT], "registered_models": [TEXT], "dags": [TEXT], "not_looked_at": [TEXT]}
)
"""What a tracking server or Airflow holds and no AI system claims."""

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
    DOCUMENT,
    SERVING_VERSION,
    MEASUREMENT,
    UNRECONCILED,
    COLLECTION,
    CHALLENGE,
    ASSESSMENT,
    ANCHOR,
    DECISION,
    ERASURE_DECISION,
    ERASURE,
)

FROM_OUTSIDE = (MODEL_RUN, DATASET_SNAPSHOT, LINEAGE_EDGE)
"""The kinds that a task of somebody else's DAG may claim, as ``recorded``: what it trained, made, or made from what.

No other may come from outside. Genesis, key rotation, anchor and erasure are the ledger's own and follow from its
keys, outsiders and decisions; a decision, to erase or of any other type, is a person's. Declarations are read from
reviewed files, or anybody could declare less. A collection says how far collectors came, unreconciled what they found
that nobody claims, an assessment what rules judged, a challenge what our own planting came to, a schema change and late
data what two snapshots show: each is derived here. Model versions and aliases are read from the registry that serves
them, registers, documents and endpoints from where they are, and validations, the rows that fail them and measurements
are taken by us, never told.
"""

WITH_BLOBS = tuple(sorted(kind.name for kind in ALL if "details" in kind.facts))
"""The kinds whose entries may name a blob."""

BY_PREDICATE_TYPE: Mapping[str, Kind] = {kind.predicate_type: kind for kind in ALL}

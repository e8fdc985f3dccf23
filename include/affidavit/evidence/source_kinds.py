"""The kinds of statement about what a source showed: models, tables, lineage, registers, books, endpoints, documents.

:mod:`affidavit.evidence.kinds` holds them with all others, and is where they are read from.
"""

from __future__ import annotations

from affidavit.evidence.kind import Kind
from affidavit.evidence.shapes import BOOL, COUNT, DAY, DIGEST, NUMBER, TEXT, TIME, WORD, Shape, maybe

_DIGESTED: Shape = {"name": TEXT, "digest": maybe(DIGEST)}
_TREE: Shape = {"files": COUNT, "bytes": COUNT, "moved": COUNT, "sha256": maybe(DIGEST)}
"""Artifacts; where files ``moved`` while they were read, ``sha256`` is null: no such tree ever stood there."""

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

RECORD = Kind(
    "record",
    1,
    {
        "book": TEXT,
        "kind": WORD,
        "record": TEXT,
        "source": TEXT,
        "withdrawn": BOOL,
        "days": {"*": DAY},
        "words": {"*": WORD},
        "numbers": {"*": NUMBER},
        "roles": {"*": TEXT},
        "people": {"*": TEXT},
        "links": {"*": [TEXT]},
        "details": maybe({"digest": {"sha256": DIGEST}, "media_type": TEXT}),
    },
)
"""One row of a book that an organisation keeps of its management: a risk, an action, a plan, an audit, an improvement.

Which fields there are follows from the book's ``kind`` (:mod:`affidavit.inventory.record_fields`), and what a row says
nothing of is left out. ``people`` are pseudonyms, ``links`` the ids of other records, AI systems, controls and clauses,
or names in this ledger. ``withdrawn`` says that the row is gone: all else is as it was last recorded, but for
``details``, the texts of the row, a blob that can be erased."""

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

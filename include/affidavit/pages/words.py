"""Kinds, origins, stages and statuses in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from affidavit.evidence import CANARY_SCOPES, ORGANISATION_SCOPE, Origin, Stage, Statement, moment
from affidavit.evidence.erasing import in_words
from affidavit.evidence.kinds import MOVED
from affidavit.pages.text import counted, name
from affidavit.rules.verdict import WORST_FIRST, Status

STATUS_MEANS: Mapping[Status, str] = {
    Status.SUPPORTED: "Evidence of the required kind, strength and freshness supports the control.",
    Status.FAILING: "Evidence shows that the control did not operate.",
    Status.ACCEPTED: "Failing, with an approved exception that ends on a date; never counted as supported.",
    Status.STALE: "It was supported; the evidence has aged, or what it was about has changed.",
    Status.MISSING: "Evidence is due, and absent.",
    Status.NOT_YET_DUE: "Evidence is expected later.",
    Status.UNDETERMINED: "It cannot be judged: a source is down, too little is there, or sources contradict.",
    Status.AWAITING: "The machine's part is there; a competent person has not yet answered the question.",
    Status.NOT_APPLICABLE: "Excluded, with a signed justification.",
}

ENDING = frozenset({Status.SUPPORTED, Status.ACCEPTED, Status.NOT_YET_DUE})
"""Statuses that hold only until the verdict's ``valid_until``; the others are no better before it than after."""

ORIGIN_MEANS: Mapping[Origin, str] = {
    Origin.DECLARED: "declared by a person",
    Origin.RECORDED: "recorded by the party under test",
    Origin.OBSERVED: "observed by the collector",
    Origin.REPERFORMED: "re-performed by the collector",
}

STAGE_MEANS: Mapping[str, str] = {
    Stage.INCEPTION: "inception and design",
    Stage.DATA: "data acquisition",
    Stage.DEVELOPMENT: "development",
    Stage.VERIFICATION: "verification and validation",
    Stage.DEPLOYMENT: "deployment",
    Stage.OPERATION: "operation and monitoring",
    Stage.RETIREMENT: "retirement",
    Stage.CROSS: "across the lifecycle",
}

FRAMEWORKS: Mapping[str, str] = {
    "eu-ai-act": "EU AI Act",
    "iso-23894": "ISO/IEC 23894",
    "iso-27001": "ISO/IEC 27001",
    "iso-9001": "ISO 9001",
    "nist-ai-rmf": "NIST AI RMF",
}

_COUNTED: Mapping[Status, tuple[str, str]] = {
    Status.FAILING: ("is failing", "are failing"),
    Status.MISSING: ("lacks evidence", "lack evidence"),
    Status.STALE: ("is stale", "are stale"),
    Status.UNDETERMINED: ("cannot be judged", "cannot be judged"),
    Status.AWAITING: ("waits for a person", "wait for a person"),
    Status.ACCEPTED: ("is failing with an accepted exception", "are failing with an accepted exception"),
    Status.NOT_YET_DUE: ("is not yet due", "are not yet due"),
    Status.SUPPORTED: ("is supported", "are supported"),
    Status.NOT_APPLICABLE: ("does not apply", "do not apply"),
}


def scope_title(scope: str, titles: Mapping[str, str]) -> str:
    """A scope for a heading: its declared title, else its id."""
    if scope in titles:
        return titles[scope]
    if scope.startswith(CANARY_SCOPES):
        return f"{scope.removeprefix(CANARY_SCOPES)}: challenges, no evidence"
    return "Organisation" if scope == ORGANISATION_SCOPE else scope.removeprefix("system:")


def slug(status: Status) -> str:
    """The status as a class name and shape id: ``not-yet-due``."""
    return status.value.replace(" ", "-")


def answer(counts: Mapping[Status, int], *, of: str = "verdict") -> str:
    """One sentence over all verdicts, worst first: a reader who stops here is not misled."""
    total = sum(counts.values())
    if not total:
        return "Nothing has been judged yet, so nothing is supported."
    parts = [f"{counts[s]:,} {_COUNTED[s][counts[s] != 1]}" for s in WORST_FIRST if counts.get(s)]
    if not counts.get(Status.SUPPORTED):
        parts.append("none is supported")
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"Of {counted(total, of)}, {listed}."


@dataclass(frozen=True)
class KindWords:
    """A kind in words: a noun, what such an entry does not show, and what this one says."""

    noun: str
    not_shown: str
    says: Callable[[Mapping[str, Any]], str]


def _run(f: Mapping[str, Any]) -> str:
    return (
        f"A run in the experiment {_q(f['experiment']['name'])} ended as {_q(f['status'])}, with "
        f"{counted(len(f['metrics']), 'metric')} and {counted(len(f['inputs']), 'dataset input')}."
    )


def _alias(f: Mapping[str, Any]) -> str:
    points = f"points at version {_q(f['version'])}" if f["version"] is not None else "points at nothing"
    return f"The alias {_q(f['alias'])} of the model {_q(f['model'])} {points}."


def _decision(f: Mapping[str, Any]) -> str:
    what = f"{f['type'].replace('-', ' ')} {_q(f['title'])}"
    if f["state"] != "answered":
        return f"Nobody decided about the {what}: the request was {_q(f['state'])}."
    return f"About the {what} a {_q(f['responder'])} answered {_q(f['option'] or 'nothing')}."


def _validation(f: Mapping[str, Any]) -> str:
    outcome = tests_in_words(f)
    return (
        f"The table {_q(f['dataset'])} was checked with the suite {_q(f['suite'])}: {outcome} over {f['rows']:,} rows."
    )


def tests_in_words(facts: Mapping[str, Any]) -> str:
    """What the tests of a validation came to; one that had nothing to judge is none that passed."""
    failed, warned = len(facts["failedTests"]), len(facts["warnedTests"])
    every = counted(failed + warned + len(facts["passedTests"]), "test")
    told = [f"{failed:,} of {every} failed"] if failed else []
    told += [f"{warned:,} of {every} had nothing to judge"] if warned else []
    return ", ".join(told) or f"all {every} passed"


def _measurement(f: Mapping[str, Any]) -> str:
    judged = sum(result["value"] is not None for result in f["results"])
    of = f", of version {_q(f['version'])} of {_q(f['model'])}" if f["version"] else ""
    canary = "A challenge of the control, and no evidence: " if f["canary"] else ""
    text = (
        f"{f['family'].replace('-', ' ')} of {_q(f['source'])}{of}: {counted(judged, 'number')} over "
        f"{counted(f['rows'], 'row')}; {len(f['results']) - judged:,} cannot be judged."
    )
    return canary + text if canary else text[:1].upper() + text[1:]


def _collection(f: Mapping[str, Any]) -> str:
    looks = f["collectors"].values()
    new, unchanged = sum(c["new"] for c in looks), sum(c["unchanged"] for c in looks)
    if f["gap"] is not None:
        return f"A gap: nothing was observed in this slot ({_q(f['gap'])})."
    return (
        f"The slot was closed: {counted(len(f['collectors']), 'collector')} brought {counted(new, 'new fact')} "
        f"and found {unchanged:,} unchanged."
    )


def _document(f: Mapping[str, Any]) -> str:
    said = f"The document {_q(f['document'])} ({_q(in_words(f['kind']))})"
    if f["problem"]:
        return f"{said} could not be read: {_q(f['problem'])}."
    said += (
        f" had {counted(f['bytes'], 'byte')}, in version {_q(f['version'])}." if f["version"] else " has no version."
    )
    filled = sum(section["state"] == "filled" for section in f["sections"])
    return f"{said} {filled} of {counted(len(f['sections']) + len(f['absent']), 'section')} say something."


def _record(f: Mapping[str, Any]) -> str:
    said = f"The record {_q(f['record'])} of the book {_q(f['book'])} ({_q(f['kind'])})"
    if f["withdrawn"]:
        return f"{said} was withdrawn: its row is gone."
    given = sorted({**f["words"], **f["numbers"], **f["days"]}.items())
    return f"{said} says: {', '.join(f'{_q(field)} {_q(str(value))}' for field, value in given)}."


def _challenge(f: Mapping[str, Any]) -> str:
    defect = {"missing": "missing values", "sign": "numbers below zero", "repeated": "rows that stand twice"}
    planted = defect.get(f["defect"]["kind"], _q(f["defect"]["kind"]))
    where = f" in the column {_q(f['defect']['column'])}" if f["defect"]["column"] is not None else ""
    seconds = (moment(f["judged_at"]) - moment(f["injected_at"])).total_seconds()
    came = f"caught after {seconds:.1f} seconds" if f["caught"] else "not caught"
    return (
        f"A challenge of the control, and no evidence: a copy of {_q(f['dataset'])} with {planted}{where} was {came} "
        f"by {_q(f['check'])}."
    )


def _register(f: Mapping[str, Any]) -> str:
    how = "was put there by hand and holds" if f["upload"] else "holds"
    said = f"The register {_q(f['register'])} ({_q(in_words(f['kind']))}) {how} {counted(f['rows'], 'row')}."
    if (compared := f["reconciled"]) is None:
        return said
    return (
        f"{said} Compared with {_q(compared['with'])}: {compared['matched']:,} keys in both, "
        f"{compared['only_here']:,} only here, {compared['only_there']:,} only there; "
        f"{counted(compared['blank_there'], 'row')} there without a key."
    )


def _serving(f: Mapping[str, Any]) -> str:
    if f["version"] is None:
        return f"The endpoint {_q(f['endpoint'])} did not say what it serves: {_q(f['unknown'])}."
    return f"The endpoint {_q(f['endpoint'])} says that it serves version {_q(f['version'])} of {_q(f['model'])}."


def _unreconciled(f: Mapping[str, Any]) -> str:
    found = [
        counted(len(f[field]), noun)
        for field, noun in (("experiments", "experiment"), ("registered_models", "registered model"), ("dags", "DAG"))
    ]
    unseen = f"; not looked at: {', '.join(_q(x) for x in f['not_looked_at'])}" if f["not_looked_at"] else ""
    return f"No AI system claims {found[0]}, {found[1]} and {found[2]}{unseen}."


def _anchor(f: Mapping[str, Any]) -> str:
    did = {"witness": "was cosigned by", "timestamp": "was time-stamped by", "copy": "was copied to"}
    return f"The head of {f['checkpoint']['size']:,} entries {did.get(f['means'], 'was handed to')} {_q(f['where'])}."


def _assessment(f: Mapping[str, Any]) -> str:
    statuses = [c["status"] for c in f["controls"].values()]
    return answer({s: statuses.count(s.value) for s in Status if s.value in statuses}, of="control")


def _q(text: object) -> str:
    # First-strong isolate … pop: a name written right to left cannot reorder the sentence around it.
    return f"“\u2068{name(str(text), longest=80).plain}\u2069”"


KINDS: Mapping[str, KindWords] = {
    "genesis": KindWords(
        "start of the ledger",
        "Who holds the key: take the log's key from somewhere other than this ledger.",
        lambda f: f"The ledger {_q(f['origin'])} begins here, with its first key.",
    ),
    "key-rotation": KindWords(
        "new key of the ledger",
        "Who holds the new key, and why the old one was replaced.",
        lambda f: f"From here on another key signs the ledger; this was authorised by the {f['authority']} in entry 0.",
    ),
    "organisation-declaration": KindWords(
        "declaration of the organisation",
        "Whether what is declared is true.",
        lambda f: f"The organisation declared its roles and owners in {_q(f['file'])}.",
    ),
    "system-declaration": KindWords(
        "declaration of an AI system",
        "Whether what is declared is true.",
        lambda f: f"An AI system was declared in {_q(f['file'])}.",
    ),
    "suite-declaration": KindWords(
        "declaration of an expectation suite",
        "Whether the suite asks enough of the table.",
        lambda f: f"An expectation suite was declared in {_q(f['file'])}.",
    ),
    "model-run": KindWords(
        "model run", "Whether the run did what its metrics say: MLflow records what the training code reports.", _run
    ),
    "model-version": KindWords(
        "model version",
        "Whether this version serves anywhere, and who approved it.",
        lambda f: f"Version {_q(f['version'])} of the model {_q(f['model'])} is registered ({_q(f['status'])}).",
    ),
    "model-alias": KindWords("model alias", "Where the alias pointed between two looks, and who moved it.", _alias),
    "dataset-snapshot": KindWords(
        "table snapshot",
        "Whether the rows are true; only that these were the rows.",
        lambda f: (
            f"The table {_q(f['table'])} held {f['rows']:,} rows in "
            f"{counted(len(f['columns']) + f['columns_omitted'], 'column')}"
            f"{'; it moved while it was read' if f['consistency'] == MOVED else ''}."
        ),
    ),
    "schema-change": KindWords(
        "schema change",
        "Who changed the table, and whether a model copes with it.",
        lambda f: (
            f"The table {_q(f['table'])} has other columns than at the look before: "
            f"{counted(len(f['columns']) + f['columns_omitted'], 'column')} changed"
            f"{', and their order' if f['reordered'] else ''}."
        ),
    ),
    "late-data": KindWords(
        "late data",
        "Which rows came or went, and how many of each: only the difference shows.",
        lambda f: (
            f"The table {_q(f['table'])} has {counted(abs(f['now'] - f['then']), 'row')} "
            f"{'more' if f['now'] > f['then'] else 'fewer'} up to {_q(f['until'])}, the end of the look before."
        ),
    ),
    "validation": KindWords("data validation", "Whether the suite asks enough of the table.", _validation),
    "failing-rows": KindWords(
        "examples of failing rows",
        "How many rows fail: the validation says that. No page shows the rows; they lie in the blob that is named.",
        lambda f: (
            f"Of {counted(len(f['tests']), 'test')} that failed on the table {_q(f['table'])}, "
            f"{counted(sum(each['rows'] for each in f['tests']), 'row')} are kept as examples, in an erasable blob."
        ),
    ),
    "lineage-edge": KindWords(
        "lineage edge",
        "What the basis does not say: an edge is as strong as what matched both ends.",
        lambda f: f"{_q(f['from']['name'])} → {_q(f['to']['name'])}: {name(f['relation']).plain}.",
    ),
    "record": KindWords(
        "management record", "Whether what the row says is true, and whether all that belongs there is there.", _record
    ),
    "document": KindWords(
        "document", "Whether what it says is true, fits the organisation and is followed.", _document
    ),
    "register": KindWords("register", "Whether its rows are true, and whether any was left out.", _register),
    "serving-version": KindWords(
        "version served", "What the endpoint served between two looks, and whether what it says is true.", _serving
    ),
    "measurement": KindWords(
        "measurement",
        "What nobody measured, and, where no sample of the rows was scored again, that the version made them.",
        _measurement,
    ),
    "unreconciled": KindWords("reconciliation", "Anything outside the servers that were looked at.", _unreconciled),
    "collection": KindWords(
        "end of a collection",
        "Changes that were made and undone between two looks.",
        _collection,
    ),
    "challenge": KindWords(
        "challenge of a control",
        "Whether another defect would be caught, or this one on another day.",
        _challenge,
    ),
    "assessment": KindWords(
        "assessment",
        "More than the entries it was computed from; an assessment is never evidence for a control.",
        _assessment,
    ),
    "anchor": KindWords(
        "anchor",
        "Who runs what was handed the head: take its key from somewhere other than this ledger.",
        _anchor,
    ),
    "decision": KindWords(
        "decision",
        "Who the pseudonym is, and whether the decision counts: that follows from who held which role.",
        _decision,
    ),
    "notice": KindWords(
        "notice",
        "Whether anybody read the message, or got it: a notifier took it.",
        lambda f: f"{_q(f['recipient'])} was told of {counted(len(f['matters']), 'matter')} by {_q(f['channel'])}.",
    ),
    "erasure-decision": KindWords(
        "decision to erase",
        "Who the pseudonym is, and whether that person had the right to decide.",
        lambda f: f"A person decided to erase {counted(len(f['blobs']), 'blob')}: {_q(in_words(f['reason']))}.",
    ),
    "erasure": KindWords(
        "erasure",
        "Copies elsewhere: backups, bundles handed out, pages that somebody saved.",
        lambda f: f"A blob was erased: {_q(in_words(f['reason']))}. Its digest stays.",
    ),
}


def kind_words(statement: Statement) -> KindWords:
    """The words for a statement's kind; an unknown kind says that it counts for nothing."""
    if statement.known and statement.kind in KINDS:
        return KINDS[statement.kind]
    return KindWords(
        "statement of an unknown kind",
        "Anything: this version does not know the kind, so the entry counts for nothing.",
        lambda _: f"This version does not know the kind {_q(statement.kind)}.",
    )

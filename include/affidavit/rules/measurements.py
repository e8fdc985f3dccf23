"""Checks of what was measured: of the rows that the version in use answered, against what was asked beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from affidavit.evidence import Entry, kinds
from affidavit.evidence.measured import measured_name
from affidavit.inventory import Measured, PredictionTable, Threshold
from affidavit.inventory.measures import MEASURES
from affidavit.measure import Estimate
from affidavit.projections import InUse, Snapshot
from affidavit.projections.scope import threshold_key
from affidavit.rules.collected import freshness, moved_outcome
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.thresholds import Met, judge_threshold
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

_COLLECT = "Run the collection, and read the log of the table's task"


def estimates_of(entry: Entry) -> tuple[Estimate, ...]:
    """The results that a measurement's entry holds."""
    return tuple(
        Estimate(
            measure=result["measure"],
            value=_number(result["value"]),
            n=result["n"],
            low=_number(result["low"]),
            high=_number(result["high"]),
            about=result["about"],
            group=tuple(sorted(result["group"].items())),
            why=result["why"],
        )
        for result in entry.statement.facts["results"]
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _each_table(
    view: ScopeView, judge: Callable[[PredictionTable, Measured], Iterable[Outcome]], supported: str
) -> Outcome:
    tables = [table for table in view.system.predictions if table.measured] if view.system else []
    if not tables:
        sentence = "No table of scored rows is declared to be measured."
        action = "Declare what is measured (predictions, measured) in the file of the AI system"
        return Outcome(Status.MISSING, sentence, (), action)
    outcomes = [outcome for table in tables if table.measured for outcome in judge(table, table.measured)]
    return together(outcomes, supported)


@check(
    "measured/1",
    params=("families",),
    limits="That the rows are those which the version answered, where nobody scored a sample of them again.",
)
def _measured(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(table: PredictionTable, measured: Measured) -> Iterable[Outcome]:
        yield freshness(view, f"table:{table.id}", at, facts=True)
        for family in params["families"]:
            yield _current(view, table, measured, family)

    return _each_table(view, judge, f"{some(params['families'])} measured on the latest rows of the version in use.")


def _current(view: ScopeView, table: PredictionTable, measured: Measured, family: str) -> Outcome:
    """Whether the latest measurement is of the table as it is, and of the version in use."""
    entries = view.mine.measurements.get(measured_name(table.id, family))
    snapshots = view.mine.snapshots.get(table.uri)
    if not entries or not snapshots:
        sentence = f"{family.capitalize()} of {table.id} was never measured."
        return Outcome(Status.MISSING, sentence, (), _lacking(family))
    return moved_outcome(table.id, snapshots[-1]) or _of_version_in_use(
        view, table, measured, entries[-1], snapshots[-1]
    )


def _of_version_in_use(
    view: ScopeView, table: PredictionTable, measured: Measured, latest: Entry, snapshot: Snapshot
) -> Outcome:
    facts, named, used = latest.statement.facts, (snapshot.entry, latest), _used(view, measured)
    family = facts["family"]
    if used is None or used.version_name is None:
        sentence = f"Which version of {measured.model} is in use is unknown, and so whose answers {table.id} holds."
        return Outcome(Status.UNDETERMINED, sentence, named, f"Set the alias in use on a version of {measured.model}")
    if facts["fingerprint"] is None or facts["fingerprint"]["sha256"] != snapshot.fingerprint:
        sentence = f"The table {table.id} has changed since its {family} was measured."
        return Outcome(Status.STALE, sentence, named, _COLLECT)
    if (facts["model"], facts["version"]) != (measured.model, used.version_name):
        of = f"version {facts['version']}" if facts["version"] else "a version that nobody knows"
        sentence = f"{family.capitalize()} of {table.id} was measured of {of}; in use is {used.label}."
        return Outcome(Status.STALE, sentence, (*named, *used.entries), "Score rows by the version in use, and collect")
    if all(result["value"] is None for result in facts["results"]):
        reasons = dict.fromkeys(str(result["why"]) for result in facts["results"])
        sentence = f"{family.capitalize()} of {table.id} cannot be judged: {some(reasons) or 'nothing was measured'}."
        return Outcome(Status.UNDETERMINED, sentence, named, "Mend what keeps it from being measured")
    return Outcome(Status.SUPPORTED, "", (*named, *used.entries))


def _lacking(family: str) -> str:
    asked = {
        "drift": "Name the reference and the features under measured, and collect",
        "fairness": "Name the groups to be compared under measured, and collect",
        "agreement": "Name a key and a scoring endpoint under measured, and collect",
    }
    return asked.get(family, _COLLECT)


def _used(view: ScopeView, measured: Measured) -> InUse | None:
    found = [each for each in view.in_use if each.model == measured.model]
    # Two servers may have a model of that name: then nobody said which of them answered.
    return found[0] if len(found) == 1 else None


@check(
    "thresholds_met/1",
    params=("families",),
    limits="That the thresholds ask for enough, and that runs which nobody logged were not tried before.",
)
def _thresholds_met(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    families, tried = tuple(params["families"]), []

    def judge(table: PredictionTable, measured: Measured) -> Iterable[Outcome]:
        asked = [threshold for threshold in measured.thresholds if MEASURES[threshold.measure] in families]
        if not asked:
            sentence = f"No threshold is set for {' or '.join(families)} of {table.id}."
            action = f"Set thresholds for {table.id} (measured, thresholds) before the next version is trained"
            yield Outcome(Status.MISSING, sentence, _declared(view), action)
            return
        yield freshness(view, f"table:{table.id}", at, facts=True)
        for family in dict.fromkeys(MEASURES[threshold.measure] for threshold in asked):
            current = _current(view, table, measured, family)
            if current.status is not Status.SUPPORTED:
                yield current
                continue
            for threshold in asked:
                if MEASURES[threshold.measure] == family:
                    yield _met(view, table, threshold, current)
        if used := _used(view, measured):
            tried.append(f"{used.label} was preceded by {_attempts(view, used)}.")

    outcome = _each_table(view, judge, "Every threshold is met, and was set beforehand.")
    said = outcome.sentence if not tried else f"{outcome.sentence} {' '.join(tried)}"
    return Outcome(outcome.status, said, outcome.entries, outcome.next_action, outcome.valid_until)


def _met(view: ScopeView, table: PredictionTable, threshold: Threshold, current: Outcome) -> Outcome:
    latest = view.mine.measurements[measured_name(table.id, MEASURES[threshold.measure])][-1]
    facts = latest.statement.facts
    judged = judge_threshold(threshold, estimates_of(latest))
    entries = (*_declared(view), *current.entries)
    if judged.met is Met.NOT_MET:
        action = "Take the version out of use, or train a better one, or decide on an exception"
        return Outcome(Status.FAILING, judged.sentence, entries, action)
    if facts["results_omitted"]:  # one of those may miss it
        sentence = f"{judged.sentence} {count(facts['results_omitted'], 'result')} of it stand in the report alone."
        return Outcome(Status.UNDETERMINED, sentence, entries, "Name fewer groups or features, so that all fit")
    if judged.met is Met.CANNOT:
        return Outcome(Status.UNDETERMINED, judged.sentence, entries, "Collect enough rows to judge it")
    measured = table.measured
    assert measured is not None
    if not _precedes(view, table, threshold, _used(view, measured)):
        sentence = f"{judged.sentence} The threshold is not shown to precede the training of what it judges."
        action = "Let the threshold stand for a whole collection before the next version is trained"
        return Outcome(Status.UNDETERMINED, sentence, entries, action)
    return Outcome(Status.SUPPORTED, "", entries)


def _precedes(view: ScopeView, table: PredictionTable, threshold: Threshold, used: InUse | None) -> bool:
    """Whether the threshold stood at the end of a collection that looked for runs and did not find this one.

    MLflow takes the times of a run from its client, so only what we saw ourselves shows an order.
    """
    since = view.mine.thresholds.get(threshold_key(table, threshold))
    if since is None or used is None or used.run is None:
        return False
    first_seen = view.mine.history[used.run.statement.stream][0]
    before = [
        each.entry.index
        for each in view.mine.collections
        if not each.gap and each.entry.index < first_seen and any(_runs(name) for name in each.collectors)
    ]
    return bool(before) and since < before[-1]


def _runs(collector: str) -> bool:
    return collector.partition(":")[0] == "mlflow-runs"


def _attempts(view: ScopeView, used: InUse) -> str:
    """How many runs of its experiment came before the one in use, and which versions were measured against what."""
    if used.run is None:
        return "nobody knows how many runs"
    experiment = used.run.statement.facts["experiment"]["id"]
    started = _began(used.run)
    runs = [
        entry
        for entry in view.mine.latest(kinds.MODEL_RUN).values()
        if entry.statement.facts["experiment"]["id"] == experiment and entry is not used.run and _began(entry) < started
    ]
    versions = {
        (entry.statement.facts["version"], entry.statement.facts["thresholds"])
        for entries in view.mine.measurements.values()
        for entry in entries
        if entry.statement.facts["model"] == used.model and entry.statement.facts["version"] != used.version_name
    }
    measured = {version for version, _ in versions}
    against = len({thresholds for _, thresholds in versions})
    told = f"{count(len(runs), 'other run')} of its experiment"
    if not measured:
        return told
    return f"{told} and {count(len(measured), 'measured version')}, against {count(against, 'set')} of thresholds"


def _began(entry: Entry) -> str:
    effective = entry.statement.header["effective"]
    return str((effective or {}).get("from") or "")


def _declared(view: ScopeView) -> tuple[Entry, ...]:
    return (view.mine.system.entry,) if view.mine.system else ()

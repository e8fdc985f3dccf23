"""Checks of what was measured: of the rows that the version in use answered, and of agents, against what was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from affidavit.evidence import Entry, kinds
from affidavit.evidence.measured import NOT_TESTED, OF_ANSWERS, measured_name
from affidavit.inventory import Agent, Measured, PredictionTable, Threshold
from affidavit.inventory.measures import CUSTOM, OF_ROWS, family_of
from affidavit.measure import Estimate
from affidavit.projections import InUse, Snapshot
from affidavit.projections.scope import threshold_key
from affidavit.rules.collected import freshness, moved_outcome
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.thresholds import Met, judge_threshold
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

AGENTS = "agents"
OF_QUESTIONS = frozenset({"agreement", "robustness", "explanation", "membership"})
"""Families that come of asking a version."""

OF_RECORDED = frozenset({"performance", "fairness"})
"""Families of answers that somebody recorded."""

AGREEING = 0.95
"""Where no threshold for the agreement is set: what the lower end of its interval has to reach."""

_COLLECT = "Run the collection, and read the log of the task"
_RUNS, _MONITORED = "mlflow-runs", ("drift", AGENTS)


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


@dataclass(frozen=True)
class _Source:
    """What is measured: a table of scored rows, or an agent; ``families`` are those that are asked for."""

    declared: PredictionTable | Agent
    measured: Measured | None
    families: tuple[str, ...]
    thresholds: tuple[tuple[str, Threshold], ...]

    @property
    def step(self) -> str:
        return f"{'table' if self.measured else 'agent'}:{self.declared.id}"


def _sources(view: ScopeView, families: Sequence[str]) -> list[_Source]:
    if view.system is None:
        return []
    of_rows = tuple(family for family in families if family != AGENTS)
    found = [
        _Source(table, table.measured, asked, tuple((family_of(each), each) for each in table.measured.thresholds))
        for table in view.system.predictions
        if table.measured and (asked := tuple(each for each in of_rows if each != CUSTOM or table.measured.custom))
    ]
    if AGENTS in families:
        found += [
            _Source(agent, None, (AGENTS,), tuple((AGENTS, each) for each in agent.thresholds))
            for agent in view.system.agents
        ]
    return found


def _each_source(
    view: ScopeView, families: Sequence[str], judge: Callable[[_Source], Iterable[Outcome]], supported: str
) -> Outcome:
    sources = _sources(view, families)
    if not sources:
        sentence = "Nothing is declared to be measured: no table of scored rows, and no agent."
        action = "Declare what is measured (predictions, measured; agents) in the file of the AI system"
        return Outcome(Status.MISSING, sentence, (), action)
    return together([outcome for source in sources for outcome in judge(source)], supported)


@check(
    "measured/1",
    params=("families",),
    limits="That the rows are those which the version answered, where nobody scored a sample of them again; "
    "that MLflow was told of every trace.",
)
def _measured(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    told: list[str] = []

    def judge(source: _Source) -> Iterable[Outcome]:
        yield from _fresh(view, source, source.families, at)
        for family in source.families:
            yield _current(view, source, family)
        if source.measured and not OF_RECORDED.isdisjoint(source.families):
            again = _asked_again(view, source)
            told.append(again.sentence)
            yield again

    supported = "Measured on the latest rows of the version in use."
    outcome = _each_source(view, params["families"], judge, supported)
    if outcome.status is Status.SUPPORTED:
        return replace(outcome, sentence=" ".join([outcome.sentence, *told]))
    return outcome


def _fresh(view: ScopeView, source: _Source, families: Iterable[str], at: datetime) -> Iterable[Outcome]:
    """Whether each collector that these families come from looked recently enough."""
    asked = source.measured is not None and source.measured.asked
    steps = dict.fromkeys(
        f"model:{source.declared.id}" if asked and family in OF_QUESTIONS else source.step for family in families
    )
    return [freshness(view, step, at, facts=True) for step in steps]


def _asked_again(view: ScopeView, source: _Source) -> Outcome:
    """Whether the version gives the recorded answers when it is asked again, where somebody asked.

    It raises no origin: labels and features stay those that were recorded. Answers that it does not give keep the
    measurements of the recorded ones from being supported.
    """
    declared, family = source.declared.id, "agreement"
    recorded = Outcome(Status.SUPPORTED, f"Nobody asked the version about rows of {declared} again: recorded.")
    if source.measured is None or not source.measured.asked:
        return recorded
    current, latest = _current(view, source, family), _latest(view, source, family)
    if latest is None or current.status is not Status.SUPPORTED:
        return recorded  # of other rows, or of another version, it says nothing
    asked = [threshold for of, threshold in source.thresholds if of == family]
    estimates = [each for each in estimates_of(latest) if each.value is not None]
    held = all(each.low is not None and each.low >= AGREEING for each in estimates)
    if asked:
        held = all(judge_threshold(each, estimates_of(latest)).met is Met.MET for each in asked)
    rows = min(each.n for each in estimates)
    if held:
        sentence = f"Its answers in {declared} are confirmed by asking about {count(rows, 'row')} again."
        return Outcome(Status.SUPPORTED, sentence, (latest,))
    least = min(estimates, key=lambda each: each.value or 0.0)
    sentence = f"Asked about {count(rows, 'row')} of {declared} again, the version gives the recorded answer to "
    sentence += f"{least.value:.1%} of them: the rows are not shown to be its answers."
    return Outcome(Status.UNDETERMINED, sentence, (latest,), f"Find out who wrote the answers in {declared}")


def _current(view: ScopeView, source: _Source, family: str) -> Outcome:
    """Whether the latest measurement is of what is declared, and, of rows, of the table as it is and who answered."""
    declared = source.declared
    latest = _latest(view, source, family)
    if (untried := _untried(view, source, family)) and (latest is None or latest.index < untried.index):
        return _judged(untried, declared.id, (untried,), family)
    if latest is None:
        sentence = f"{_words(family)} of {declared.id} was never measured."
        return Outcome(Status.MISSING, sentence, (), _lacking(family))
    if isinstance(declared, Agent) or source.measured is None:
        return _judged(latest, declared.id, (latest,))
    snapshots = view.mine.snapshots.get(declared.uri)
    if not snapshots:
        return Outcome(Status.MISSING, f"The table {declared.id} was never looked at.", (latest,), _COLLECT)
    return moved_outcome(declared.id, snapshots[-1]) or _of_version_in_use(
        view, declared, source.measured, latest, snapshots[-1]
    )


def _untried(view: ScopeView, source: _Source, family: str) -> Entry | None:
    """The latest statement of what was not tested, where it names measures of the family."""
    entry = view.mine.measurements.get(measured_name(source.declared.id, NOT_TESTED), [None])[-1]
    named = entry is not None and any(
        OF_ROWS.get(result["measure"]) == family for result in entry.statement.facts["results"]
    )
    return entry if named else None


def _latest(view: ScopeView, source: _Source, family: str) -> Entry | None:
    """The latest measurement: of answers that of the version in use, or else of any version."""
    used = _used(view, source.measured) if family in OF_ANSWERS else None
    version = used.version_name if used and source.measured and source.measured.version else None
    found = view.mine.measurements.get(measured_name(source.declared.id, family, version=version), [])
    if not found:
        found = [
            entry
            for name, entries in view.mine.measurements.items()
            for entry in entries
            if name.startswith(f"{measured_name(source.declared.id, family)}/")
        ]
    return max(found, key=lambda entry: entry.index, default=None)


def _of_version_in_use(
    view: ScopeView, table: PredictionTable, measured: Measured, latest: Entry, snapshot: Snapshot
) -> Outcome:
    facts, named, used = latest.statement.facts, (snapshot.entry, latest), _used(view, measured)
    if facts["fingerprint"] is None or facts["fingerprint"]["sha256"] != snapshot.fingerprint:
        sentence = f"The table {table.id} has changed since its {_words(facts['family']).lower()} was measured."
        return Outcome(Status.STALE, sentence, named, _COLLECT)
    if facts["family"] not in OF_ANSWERS:
        return _judged(latest, table.id, named)
    if used is None or used.version_name is None:
        sentence = f"Which version of {measured.model} is in use is unknown, and so whose answers {table.id} holds."
        return Outcome(Status.UNDETERMINED, sentence, named, f"Set the alias in use on a version of {measured.model}")
    if (facts["model"], facts["version"]) != (measured.model, used.version_name):
        of = f"version {facts['version']}" if facts["version"] else "a version that nobody knows"
        sentence = f"{_words(facts['family'])} of {table.id} was measured of {of}; in use is {used.label}."
        return Outcome(Status.STALE, sentence, (*named, *used.entries), "Score rows by the version in use, and collect")
    return _judged(latest, table.id, (*named, *used.entries))


def _judged(latest: Entry, source: str, entries: tuple[Entry, ...], family: str | None = None) -> Outcome:
    facts = latest.statement.facts
    results = [each for each in facts["results"] if family is None or OF_ROWS.get(each["measure"]) == family]
    if any(result["value"] is not None for result in results):
        return Outcome(Status.SUPPORTED, "", entries)
    reasons = dict.fromkeys(str(result["why"]) for result in results)
    sentence = (
        f"{_words(family or facts['family'])} of {source} cannot be judged: {some(reasons) or 'nothing was measured'}."
    )
    return Outcome(Status.UNDETERMINED, sentence, entries, "Mend what keeps it from being measured")


def _words(family: str) -> str:
    return "Behaviour" if family == AGENTS else family.replace("-", " ").capitalize()


def _lacking(family: str) -> str:
    asked = {
        "drift": "Name the reference and the features under measured, and collect",
        "fairness": "Name the groups to be compared under measured, and collect",
        **dict.fromkeys(OF_QUESTIONS, "Name a key, and serve or a scoring endpoint, under measured, and collect"),
        "comparison": "Name a key and the version's column under measured, and collect",
    }
    return asked.get(family, _COLLECT)


def _used(view: ScopeView, measured: Measured | None) -> InUse | None:
    found = [each for each in view.in_use if measured and each.model == measured.model]
    # Two servers may have a model of that name: then nobody said which of them answered.
    return found[0] if len(found) == 1 else None


@check(
    "thresholds_met/1",
    params=("families",),
    limits="That the thresholds ask for enough, and that runs which nobody logged were not tried before.",
)
def _thresholds_met(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    tried: list[str] = []

    def judge(source: _Source) -> Iterable[Outcome]:
        asked = [(family, threshold) for family, threshold in source.thresholds if family in source.families]
        if not asked:
            sentence = f"No threshold is set for {' or '.join(source.families)} of {source.declared.id}."
            action = f"Set thresholds for {source.declared.id} before the next version is trained"
            yield Outcome(Status.MISSING, sentence, _declared(view), action)
            return
        yield from _fresh(view, source, [family for family, _ in asked], at)
        for family in dict.fromkeys(family for family, _ in asked):
            current = _current(view, source, family)
            if current.status is not Status.SUPPORTED:
                yield current
                continue
            for threshold in (each for of, each in asked if of == family):
                yield _met(view, source, (family, threshold), current)
        if used := _used(view, source.measured):
            tried.append(f"{used.label} was preceded by {_attempts(view, used)}.")

    outcome = _each_source(view, params["families"], judge, "Every threshold is met, and was set beforehand.")
    said = " ".join(dict.fromkeys([outcome.sentence, *tried]))
    return Outcome(outcome.status, said, outcome.entries, outcome.next_action, outcome.valid_until)


def _met(view: ScopeView, source: _Source, asked: tuple[str, Threshold], current: Outcome) -> Outcome:
    family, threshold = asked
    latest = _latest(view, source, family)
    assert latest is not None
    omitted = latest.statement.facts["results_omitted"]
    judged = judge_threshold(threshold, estimates_of(latest))
    entries = (*_declared(view), *current.entries)
    if judged.met is Met.NOT_MET:
        action = "Take the version out of use, or train a better one, or decide on an exception"
        if family in _MONITORED:
            action = "Find out what changed; train again, take it out of use, or decide on an exception"
        return Outcome(Status.FAILING, judged.sentence, entries, action)
    if omitted:  # one of those may miss it
        sentence = f"{judged.sentence} {count(omitted, 'result')} of it stand in the report alone."
        return Outcome(Status.UNDETERMINED, sentence, entries, "Name fewer groups or features, so that all fit")
    if judged.met is Met.CANNOT:
        return Outcome(Status.UNDETERMINED, judged.sentence, entries, "Collect enough rows to judge it")
    if not _precedes(view, source, asked, latest):
        sentence = f"{judged.sentence} The threshold is not shown to precede what it judges."
        action = "Let the threshold stand for a whole collection before the next version is trained"
        return Outcome(Status.UNDETERMINED, sentence, entries, action)
    return Outcome(Status.SUPPORTED, "", entries)


def _precedes(view: ScopeView, source: _Source, asked: tuple[str, Threshold], latest: Entry) -> bool:
    """Whether the threshold stood at the end of a collection that looked, and did not find yet, what it judges.

    Of a model that is its training run: MLflow takes the times of a run from its client, so only what we saw ourselves
    shows an order. Of what is watched in operation it is the measurement.
    """
    family, threshold = asked
    since = view.mine.thresholds.get(threshold_key(source.declared, threshold))
    if family in _MONITORED:
        first_seen, step = latest.index, source.step
    else:
        used = _used(view, source.measured)
        if used is None or used.run is None:
            return False
        first_seen, step = view.mine.history[used.run.statement.stream][0], _RUNS
    before = (
        each.entry.index
        for each in reversed(view.mine.collections)
        if not each.gap and each.entry.index < first_seen and any(_is(step, name) for name in each.collectors)
    )
    return since is not None and since < next(before, -1)


def _is(step: str, collector: str) -> bool:
    # A further tracking server has a collector of its own, named behind the first's name.
    return collector == step or (step == _RUNS and collector.startswith(f"{_RUNS}:"))


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

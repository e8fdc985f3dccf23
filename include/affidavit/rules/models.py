"""Checks of the model version in use: where it comes from, and what its run holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from affidavit.evidence import Entry, Period, moment
from affidavit.projections import Edge, InUse, Snapshot
from affidavit.projections.lineage import EVALUATED_ON, READ_BY, WROTE, doubts, gaps, missing_ahead, recorded_edge
from affidavit.rules.collected import freshness, moved_outcome, registries_fresh
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.tables import nothing_judged
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

_REGISTER = "Register the model from its training run, and set the alias that means in use"
_LOG_INPUTS = "Log each dataset input with the run (mlflow.log_input), under the name of a declared table"


def each_version(view: ScopeView, at: datetime, judge: Callable[[InUse], Outcome], supported: str) -> Outcome:
    """What ``judge`` says of each version in use, as the latest look at its registry saw it."""
    if view.system is None:
        return Outcome(Status.MISSING, "The AI system is not declared.", (), "Declare it in include/systems")
    if not view.in_use:
        action = "Name the registered models in the file of the AI system"
        return Outcome(Status.MISSING, "The inventory names no registered model.", (), action)
    outcomes = [judge(used) for used in view.in_use]
    named = some(used.label for used in view.in_use)
    return together([*outcomes, *registries_fresh(view, at)], f"{named}: {supported}")


def trail(used: InUse) -> Outcome | None:
    """Why there is no finished run to speak of; None where there is one."""
    if used.pointer is None or used.version_name is None:
        sentence = f"No version of {used.model} is in use: the alias {used.alias!r} points nowhere."
        return Outcome(Status.MISSING, sentence, used.entries, _REGISTER)
    if used.version is None:
        return Outcome(Status.MISSING, f"{used.label} is in use and not recorded.", used.entries, "Collect again")
    if used.run is None:
        return Outcome(Status.MISSING, f"{used.label} leads to no recorded run.", used.entries, _REGISTER)
    return None


@check(
    "version_in_use_resolved/1",
    limits="That what the alias points at is what really serves, and where it pointed between two looks.",
)
def _version_in_use_resolved(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(used: InUse) -> Outcome:
        if absent := trail(used):
            return absent
        assert used.version is not None
        assert used.run is not None
        version, run = used.version.statement.facts, used.run.statement.facts
        wrong = []
        if version["lifecycle"] != "active":
            wrong.append(f"the version is {version['lifecycle'].lower()}")
        if version["status"] != "READY":
            wrong.append(f"the version is {version['status'].lower()}")
        if run["status"] != "FINISHED":
            wrong.append(f"its run is {run['status'].lower()}")
        if run["lifecycle"] != "active":
            wrong.append(f"its run is {run['lifecycle'].lower()}")
        if wrong:
            sentence = f"{used.label} is in use although {' and '.join(wrong)}."
            return Outcome(Status.FAILING, sentence, used.entries, "Take it out of use, or restore its run")
        return Outcome(Status.SUPPORTED, "", used.entries)

    return each_version(view, at, judge, "leads to a finished run.")


@check(
    "run_recorded/1", params=("needs",), limits="That what was logged is what happened: MLflow records what it is told."
)
def _run_recorded(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    needs = tuple(params["needs"])

    def judge(used: InUse) -> Outcome:
        if absent := trail(used):
            return absent
        held = _held(used)
        if lacking := [need for need in needs if not held[need]]:
            sentence = f"The run of {used.label} records no {' and no '.join(lacking)}."
            return Outcome(Status.MISSING, sentence, used.entries, f"Log {some(lacking)} with the training run")
        assert used.run is not None
        if "commit" in needs and used.run.statement.facts["source"]["dirty"]:
            sentence = f"{used.label} was trained from code that its commit does not hold."
            return Outcome(Status.FAILING, sentence, used.entries, "Commit before training, and train again")
        return Outcome(Status.SUPPORTED, "", used.entries)

    return each_version(view, at, judge, f"its run records {', '.join(needs)}.")


def _held(used: InUse) -> dict[str, bool]:
    assert used.version is not None
    assert used.run is not None
    version, run = used.version.statement.facts, used.run.statement.facts
    return {
        "commit": bool(run["source"]["commit"]),
        "params": bool(run["params"]) or run["withheld"]["params"] > 0,
        # A number that is none ("float:nan") measures nothing.
        "metrics": any(not isinstance(value, str) or value.startswith("int:") for value in run["metrics"].values()),
        "inputs": bool(run["inputs"]),
        "signature": version["signature"],
        "environment": version["environment"],
        "description": version["described"],
    }


@check(
    "lineage_complete/1",
    limits="That the run read exactly these rows: MLflow's dataset digest is an identifier, not a fingerprint.",
)
def _lineage_complete(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(used: InUse) -> Outcome:
        entries = (*used.entries, *(edge.entry for edge in used.inputs))
        if found := gaps(view.mine, used):
            sentence = f"The lineage has {count(len(found), 'gap')}: {some(found)}."
            return Outcome(Status.MISSING, sentence, entries, _LOG_INPUTS)
        if found := doubts(view.mine, used):
            sentence = f"The lineage contradicts itself: {some(found)}."
            return Outcome(Status.UNDETERMINED, sentence, entries, _LOG_INPUTS)
        return Outcome(Status.SUPPORTED, "", entries)

    return each_version(view, at, judge, "leads back to fingerprints of declared tables.")


@check(
    "lineage_ahead/1",
    limits="That the version in use made the scored rows: which table holds them is declared, not observed.",
)
def _lineage_ahead(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(used: InUse) -> Outcome:
        if absent := trail(used):
            return absent
        tables = {table.id: view.mine.snapshots.get(table.uri, []) for table in view.tables(("prediction",))}
        scored = [states[-1].entry for states in tables.values() if states]
        declared = [view.mine.system.entry] if view.mine.system and view.tables(("prediction",)) else []
        entries = (*used.entries, *declared, *scored)
        if found := [missing.words for missing in missing_ahead(view.mine, used)]:
            sentence = f"The lineage lacks {count(len(found), 'edge')}: {some(found)}."
            action = (
                "Log the model from its run, collect the scored tables, and give each model an AI system of its own"
            )
            return Outcome(Status.MISSING, sentence, entries, action)
        moved = [moved_outcome(name, states[-1]) for name, states in tables.items() if states]
        return together([Outcome(Status.SUPPORTED, "", entries), *(each for each in moved if each)], "")

    return each_version(
        view, at, judge, "its run leads to its artifacts, and its alias to fingerprints of what it scored."
    )


@check(
    "preparation_told/1",
    limits="That the jobs read and wrote what they told, which of their runs made the rows that the model read, "
    "and that jobs and training told the time by the same clock.",
)
def _preparation_told(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def of_version(used: InUse) -> Outcome:
        start = _started(used) if used.run else None
        told = list(_told(view, start)) if start else []

        def judge(edge: Edge) -> Outcome:
            if start is None:
                sentence = (
                    f"When {used.label} was trained is not shown, and so not what had filled {_name(edge)} by then."
                )
                return Outcome(Status.UNDETERMINED, sentence, (*used.entries, edge.entry), _LOG_INPUTS)
            filled = [one for one in told if one.relation == WROTE and one.target.name == edge.source.name]
            # A job need not tell a fingerprint; one that it tells must be that of the rows which the model read.
            wrote = [one for one in filled if one.target.sha256 in {None, edge.source.sha256}]
            jobs = {one.source for one in wrote}
            read = [one for one in told if one.relation == READ_BY and one.target in jobs]
            entries = (*used.entries, edge.entry, *(one.entry for one in (*wrote, *read)))
            action = "Send OpenLineage events from the jobs that fill the training table, and name their folder"
            if filled and not wrote:
                sentence = f"What jobs told that they wrote to {_name(edge)} is not what {used.label} was trained on."
                entries = (*entries, *(one.entry for one in filled))
                return Outcome(Status.UNDETERMINED, sentence, entries, "Fill the table by a job, and train again")
            if not wrote:
                sentence = f"No job told that it filled {_name(edge)} before {used.label} was trained on it."
                return Outcome(Status.MISSING, sentence, entries, action)
            if silent := jobs - {one.target for one in read}:
                sentence = (
                    f"What filled {_name(edge)} names nothing that it read: {some(sorted(job.name for job in silent))}."
                )
                return Outcome(Status.MISSING, sentence, entries, action)
            return together([Outcome(Status.SUPPORTED, "", entries), freshness(view, "openlineage", at)], "")

        return _each_training_edge(used, judge)

    return each_version(view, at, of_version, "jobs told what they read and that they filled its training tables.")


def _told(view: ScopeView, start: datetime) -> Iterator[Edge]:
    """What jobs themselves told, by OpenLineage, of their last runs that had ended by ``start``."""
    for entries in view.mine.edges.values():
        if ended := [entry for entry in entries if (end := _job_ended(entry)) and end <= start]:
            yield recorded_edge(ended[-1])


def _job_ended(entry: Entry) -> datetime | None:
    """When the run ended that told of an edge; None of an edge that somebody else tells of."""
    header = entry.statement.header
    period = Period.of(header["effective"]) if header["collector"]["name"] == "openlineage" else None
    return period.end if period else None


def _each_training_edge(used: InUse, judge: Callable[[Edge], Outcome]) -> Outcome:
    if absent := trail(used):
        return absent
    if not used.training:
        sentence = f"Nothing records what {used.label} was trained on."
        return Outcome(Status.MISSING, sentence, used.entries, _LOG_INPUTS)
    return together([judge(edge) for edge in used.training], "")


def _name(edge: Edge) -> str:
    return edge.source.name.removeprefix("warehouse://")


@check(
    "training_data_validated/1",
    limits="That the table stayed as it was between validation and training, "
    "and that training began when the client of MLflow says.",
)
def _training_data_validated(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def of_version(used: InUse) -> Outcome:
        def judge(edge: Edge) -> Outcome:
            seen = [v for v in view.mine.validations.get(edge.source.name, ()) if v.fingerprint == edge.source.sha256]
            entries = (*used.entries, edge.entry, *(v.entry for v in seen))
            action = "Collect before training, so that data is validated first"
            if not seen:
                sentence = f"{used.label} was trained on a state of {_name(edge)} that was never validated."
                return Outcome(Status.MISSING, sentence, entries, action)
            if seen[-1].failed:
                sentence = f"{used.label} was trained on {_name(edge)}, which failed its validation."
                return Outcome(Status.FAILING, sentence, entries, "Mend the data and train again")
            if seen[-1].warned:
                return nothing_judged(_name(edge), seen[-1], entries)
            start = _started(used)
            if start is None or not any(v.passed and v.at <= start for v in seen):
                sentence = (
                    f"{_name(edge)} passed its validation, but nobody had looked before {used.label} was trained: "
                    "that it was the same then is not shown."
                )
                return Outcome(Status.UNDETERMINED, sentence, entries, action)
            return Outcome(Status.SUPPORTED, "", entries)

        return _each_training_edge(used, judge)

    return each_version(view, at, of_version, "its training data had passed validation before training.")


def _started(used: InUse) -> datetime | None:
    assert used.run is not None
    period = Period.of(used.run.statement.header["effective"])
    # MLflow takes a run's start from its client. One that lies after we saw the run shows no order of anything.
    if period is None or period.start is None or period.start > moment(used.run.statement.observed_at):
        return None
    return period.start


@check("training_fingerprint_stands/1", limits="Where the data came from before it stood in the table.")
def _training_fingerprint_stands(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def of_version(used: InUse) -> Outcome:
        def judge(edge: Edge) -> Outcome:
            snapshots = view.mine.snapshots.get(edge.source.name, [])
            entries = (*used.entries, edge.entry, *(s.entry for s in snapshots[-1:]))
            if moved := moved_outcome(_name(edge), snapshots[-1] if snapshots else None):
                return moved
            if edge.source.sha256 not in {snapshot.fingerprint for snapshot in snapshots}:
                sentence = f"No snapshot of {_name(edge)} has the fingerprint that {used.label} was trained on."
                return Outcome(Status.UNDETERMINED, sentence, entries, _LOG_INPUTS)
            if snapshots[-1].fingerprint != edge.source.sha256:
                sentence = f"{_name(edge)} has changed since {used.label} was trained: it cannot be recomputed."
                return Outcome(Status.STALE, sentence, entries, "Keep the training data, or train again")
            return Outcome(Status.SUPPORTED, "", entries)

        return _each_training_edge(used, judge)

    return each_version(view, at, of_version, "the training table still has the fingerprint it was trained on.")


@check("holdout_distinct/1", limits="That no row stands in both: two fingerprints differ as soon as one row does.")
def _holdout_distinct(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(used: InUse) -> Outcome:
        if absent := trail(used):
            return absent
        training, holdout = _states(view, ("training",)), _states(view, ("test", "validation"))
        training |= {edge.source.sha256 or "": edge.source.name for edge in used.training}
        holdout |= {e.source.sha256 or "": e.source.name for e in used.inputs if e.relation == EVALUATED_ON}
        entries = (*used.entries, *(edge.entry for edge in used.inputs), *_snapshots_of(view, {*training, *holdout}))
        if not training or not holdout:
            what = "training" if not training else "hold-out"
            sentence = f"No {what} data of {used.label} has a fingerprint."
            return Outcome(Status.MISSING, sentence, entries, "Declare training and test tables, and collect")
        if shared := sorted({training[digest] for digest in set(training) & set(holdout)}):
            sentence = f"{used.label} was tried on the data that it was trained on: {some(shared)}."
            return Outcome(Status.FAILING, sentence, entries, "Try it on data that it has not seen")
        if shared := sorted(set(training.values()) & set(holdout.values())):
            sentence = f"{some(shared)} served for training and for trying {used.label}, in two states."
            return Outcome(Status.UNDETERMINED, sentence, entries, "Keep hold-out data in a table of its own")
        moved = [
            moved_outcome(name, _steadiest(view, name, sha256)) for sha256, name in {**training, **holdout}.items()
        ]
        return together([Outcome(Status.SUPPORTED, "", entries), *(each for each in moved if each)], "")

    return each_version(view, at, judge, "no hold-out fingerprint is a training fingerprint.")


def _states(view: ScopeView, uses: tuple[str, ...]) -> dict[str, str]:
    """Fingerprint to table URI, for the latest state of each declared table of these uses."""
    tables = (view.mine.snapshots.get(table.uri) for table in view.tables(uses))
    return {looks[-1].fingerprint: looks[-1].entry.statement.subject.name for looks in tables if looks}


def _steadiest(view: ScopeView, uri: str, sha256: str) -> Snapshot | None:
    """A look that saw the table in this state: if there is one, one during which it did not move."""
    looks = [look for look in view.mine.snapshots.get(uri, ()) if look.fingerprint == sha256]
    return min(looks, key=lambda look: look.moved, default=None)


def _snapshots_of(view: ScopeView, digests: set[str]) -> tuple[Entry, ...]:
    return tuple(s.entry for looks in view.mine.snapshots.values() for s in looks if s.fingerprint in digests)

"""Checks of the tables: looked at, validated, and kept out where they failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from affidavit.evidence import Entry
from affidavit.inventory import Dataset, PredictionTable
from affidavit.projections import InUse, Snapshot, Validated
from affidavit.projections.lineage import doubts, gaps
from affidavit.rules.collected import freshness, moved_outcome, registries_fresh
from affidavit.rules.distribution import shows_distribution
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

Table = Dataset | PredictionTable

_LIVE = ("prediction", "production")
_COLLECT = "Run the collection, and read the log of the table's task"


def _each_table(
    view: ScopeView, params: Mapping[str, Any], judge: Callable[[Table], Outcome], supported: str
) -> Outcome:
    uses = tuple(params.get("uses", ()))
    tables = view.tables(uses)
    if not tables:
        what = f"No table is declared for {' or '.join(uses)}." if uses else "No table is declared."
        return Outcome(Status.MISSING, what, (), "Declare the table in the file of the AI system")
    return together([judge(table) for table in tables], f"{count(len(tables), 'table')}: {supported}")


def _looked(view: ScopeView, table: Table, at: datetime) -> Outcome:
    return freshness(view, f"table:{table.id}", at, facts=True)


def _latest(view: ScopeView, table: Table) -> tuple[Snapshot | None, Validated | None]:
    snapshots, validations = view.mine.snapshots.get(table.uri), view.mine.validations.get(table.uri)
    return (snapshots[-1] if snapshots else None), (validations[-1] if validations else None)


@check("tables_observed/1", params=("uses",), limits="What changed between two looks.")
def _tables_observed(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(table: Table) -> Outcome:
        snapshot, _ = _latest(view, table)
        if snapshot is None:
            return Outcome(Status.MISSING, f"The table {table.id} was never looked at.", (), _COLLECT)
        if moved := moved_outcome(table.id, snapshot):
            return moved
        if not snapshot.rows:
            sentence = f"The table {table.id} had no rows at the latest look."
            return Outcome(
                Status.UNDETERMINED, sentence, (snapshot.entry,), "Fill the table, or correct the declaration"
            )
        return together([Outcome(Status.SUPPORTED, "", (snapshot.entry,)), _looked(view, table, at)], "")

    return _each_table(view, params, judge, "rows, columns and fingerprint are recorded.")


@check(
    "relations_unchanged/1",
    params=("uses",),
    limits="That the tables which a view reads are still the same ones.",
)
def _relations_unchanged(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(table: Table) -> Outcome:
        looks = view.mine.snapshots.get(table.uri, [])
        known = [snapshot for snapshot in looks if snapshot.relation and not snapshot.moved]
        if not known:
            return Outcome(Status.MISSING, f"What stands behind the name {table.id} was never recorded.", (), _COLLECT)
        first, latest = known[0], known[-1]
        if first.relation == latest.relation:
            same = Outcome(Status.SUPPORTED, "", (latest.entry,))
            return moved_outcome(table.id, looks[-1]) or together([same, _looked(view, table, at)], "")
        swapped = next(snapshot for snapshot in reversed(known) if snapshot.relation == first.relation)
        since = known[known.index(swapped) + 1]
        sentence = f"Under the name {table.table} stands {_behind(latest)}; at first it was {_behind(first)}."
        action = f"Put back what {table.table} was, or declare what it is now under a name of its own"
        return Outcome(Status.FAILING, sentence, (swapped.entry, since.entry, latest.entry), action)

    return _each_table(view, params, judge, "each name still stands for what it stood for at first.")


def _behind(snapshot: Snapshot) -> str:
    assert snapshot.relation is not None
    kind, sha256 = snapshot.relation
    return f"a {kind} of the definition {sha256[:12]}…" if sha256 else f"a {kind}"


@check("suites_in_force/1", params=("uses",), limits="That the suite expects what matters.")
def _suites_in_force(view: ScopeView, params: Mapping[str, Any], _at: datetime) -> Outcome:
    def judge(table: Table) -> Outcome:
        if table.suite is None:
            return Outcome(
                Status.MISSING, f"The table {table.id} names no suite.", (), "Write a suite in expectations and name it"
            )
        standing = view.mine.suites.get(table.suite)
        if standing is None:
            sentence = f"The suite {table.suite} of {table.id} was never recorded."
            return Outcome(Status.MISSING, sentence, (), f"Write expectations/{table.suite}.yaml and collect")
        return Outcome(Status.SUPPORTED, "", (standing.entry,))

    return _each_table(view, params, judge, "each has a suite in force.")


def _current(view: ScopeView, table: Table, at: datetime) -> Outcome:
    """Whether the latest validation is of the latest state of the table, by the suite in force, and fresh."""
    snapshot, validation = _latest(view, table)
    standing = view.mine.suites.get(table.suite or "")
    if moved := moved_outcome(table.id, snapshot):
        return moved
    if snapshot is None or validation is None:
        return Outcome(Status.MISSING, f"The table {table.id} was never validated.", (), _COLLECT)
    entries = (snapshot.entry, validation.entry)
    if not snapshot.rows:
        sentence = f"The table {table.id} had no rows at the latest look, and of no rows anything holds."
        return Outcome(Status.UNDETERMINED, sentence, entries, "Fill the table, or correct the declaration")
    if validation.fingerprint != snapshot.fingerprint:
        sentence = f"The table {table.id} has changed since it was validated."
        return Outcome(Status.STALE, sentence, entries, _COLLECT)
    if standing is None or validation.suite != standing.value.digest:
        sentence = f"The table {table.id} was validated against another suite than the one in force."
        action = "Validate against the suite in force, or have its change approved"
        return Outcome(Status.STALE, sentence, entries, action)
    return together([Outcome(Status.SUPPORTED, "", entries), _looked(view, table, at)], "")


@check("tables_validated/1", params=("uses",))
def _tables_validated(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    return _each_table(
        view, params, lambda table: _current(view, table, at), "validated in its latest state, by the suite in force."
    )


@check("suites_passed/1", params=("uses",), limits="What the suite does not expect.")
def _suites_passed(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(table: Table) -> Outcome:
        current, (_, validation) = _current(view, table, at), _latest(view, table)
        if current.status is not Status.SUPPORTED or validation is None or validation.passed:
            return current
        if validation.failed:
            return Outcome(Status.FAILING, _failed(table, validation), current.entries, _mend(table))
        return nothing_judged(f"the table {table.id}", validation, current.entries)

    return _each_table(view, params, judge, "the latest validation passed.")


def _failed(table: Table, validation: Validated) -> str:
    return f"The table {table.id} failed {count(len(validation.failed), 'expectation')}: {some(validation.failed)}."


def nothing_judged(what: str, validation: Validated, entries: tuple[Entry, ...]) -> Outcome:
    """Of a validation that failed nowhere and has tests that had nothing to judge."""
    told = f"{count(len(validation.warned), 'expectation')} had no value to judge"
    sentence = f"Of {what}, {told}: {some(validation.warned)}."
    action = "Fill the column, or correct the row condition in the suite"
    return Outcome(Status.UNDETERMINED, sentence, entries, action)


def _mend(table: Table) -> str:
    return f"Find the cause in the Data Docs of {table.id}; mend the data, or decide on an exception"


@check("representativeness_expected/1", limits="That the expected shares are the right ones.")
def _representativeness_expected(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    def judge(table: Table) -> Outcome:
        standing = view.mine.suites.get(table.suite or "")
        labelled = [e for e in standing.value.expectations if e.quality == "representativeness"] if standing else []
        shown = [expectation.test for expectation in labelled if shows_distribution(expectation)]
        if standing is None or not shown:
            sentence = f"Nothing expects the training data {table.id} to be representative."
            if labelled:
                sentence = (
                    f"What the suite of {table.id} calls representativeness bounds neither the distribution nor the "
                    f"set of a column's values: {some(expectation.test for expectation in labelled)}."
                )
            action = (
                "Add an expectation with quality: representativeness that bounds how a column's values are "
                f"distributed to expectations/{table.suite}.yaml"
            )
            return Outcome(Status.MISSING, sentence, (standing.entry,) if standing else (), action)
        current, (_, validation) = _current(view, table, at), _latest(view, table)
        if current.status is not Status.SUPPORTED or validation is None:
            return current
        results, entries = validation.entry.statement.facts, (standing.entry, *current.entries)
        if wrong := [expectation.test for expectation in labelled if expectation.test in results["failedTests"]]:
            sentence = f"The training data {table.id} is not as representative as expected: {some(wrong)}."
            return Outcome(Status.FAILING, sentence, entries, _mend(table))
        if silent := [e.test for e in labelled if e.test not in results["passedTests"]]:
            sentence = f"The latest validation of {table.id} says nothing of {some(silent)}."
            return Outcome(Status.UNDETERMINED, sentence, entries, _COLLECT)
        return Outcome(Status.SUPPORTED, "", entries, valid_until=current.valid_until)

    supported = "expected to be representative, and was so at the latest validation."
    return _each_table(view, {"uses": ("training",)}, judge, supported)


@check(
    "failed_data_kept_out/1",
    limits="That a run read exactly the rows of the fingerprint on its edge; "
    "whether the data was validated before training is asked under A.7.2.",
)
def _failed_data_kept_out(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    caught: list[str] = []

    def judge(table: Table) -> Outcome:
        snapshot, validation = _latest(view, table)
        if moved := moved_outcome(table.id, snapshot):
            return moved
        if validation is None:
            return Outcome(Status.MISSING, f"The table {table.id} was never validated.", (), _COLLECT)
        if validation.passed:
            return Outcome(Status.SUPPORTED, "", (validation.entry,))
        if not validation.failed:
            return nothing_judged(f"the table {table.id}", validation, (validation.entry,))
        if table.use not in _LIVE and _shown_kept_out(view):
            caught.append(table.id)
            return Outcome(Status.SUPPORTED, "", (validation.entry,))
        why = "Its rows are in use." if table.use in _LIVE else "Nothing shows that it was kept out."
        return Outcome(Status.FAILING, f"{_failed(table, validation)} {why}", (validation.entry,), _mend(table))

    tables = _each_table(view, {}, judge, "")
    if tables.status is Status.SUPPORTED and not view.in_use:
        return Outcome(
            Status.UNDETERMINED,
            "The inventory names no registered model, so what is in use cannot be told.",
            tables.entries,
            "Name the registered models in the file of the AI system",
        )
    versions = [_rests_on(view, used) for used in view.in_use]
    outcomes = [*versions, tables, *registries_fresh(view, at)]
    kept = f" {some(caught)} failed and was kept out." if caught else ""
    return together(outcomes, f"Nothing in use rests on data that failed.{kept}")


def _shown_kept_out(view: ScopeView) -> bool:
    """Whether what is in use is traced so wholly that a failed table which is no part of the trail was kept out."""
    return bool(view.in_use) and all(
        used.version and not gaps(view.mine, used) and not doubts(view.mine, used) for used in view.in_use
    )


def _rests_on(view: ScopeView, used: InUse) -> Outcome:
    """Whether any state of a table that the version in use was made from, or tried on, failed its validation."""
    if used.pointer is None:
        # An alias that nobody ever saw may be misspelt, so it does not show that nothing is in use.
        sentence = f"What is in use cannot be told: {gaps(view.mine, used)[0]}."
        action = f"Set the alias on a version of {used.model}, or correct in_use_alias in the file of the AI system"
        return Outcome(Status.UNDETERMINED, sentence, (), action)
    if used.version_name is None:
        # Seen once, gone at the latest look: a recorded withdrawal.
        return Outcome(Status.SUPPORTED, "", used.entries)
    outcomes = []
    for edge in used.inputs:
        seen = [v for v in view.mine.validations.get(edge.source.name, ()) if v.fingerprint == edge.source.sha256]
        # Of one suite the worst result counts: where partitions were carried, one digest may stand for other rows.
        judged = [v for v in seen if v.suite == seen[-1].suite]
        failed = next((v for v in reversed(judged) if v.failed), None)
        warned = next((v for v in reversed(judged) if v.warned), None)
        worst = failed or warned
        entries = (*used.entries, edge.entry, *(v.entry for v in ([worst] if worst else seen[-1:])))
        name = edge.source.name.removeprefix("warehouse://")
        if not seen:
            sentence = f"{used.label} was {edge.relation} a state of {name} that was never validated."
            outcomes.append(Outcome(Status.UNDETERMINED, sentence, entries, "Validate data before it is used"))
        elif failed:
            sentence = (
                f"{used.label} is in use and was {edge.relation} {name}, which failed "
                f"{count(len(failed.failed), 'expectation')}: {some(failed.failed)}."
            )
            action = f"Take {used.label} out of use, or mend {name} and train again, or decide on an exception"
            outcomes.append(Outcome(Status.FAILING, sentence, entries, action))
        elif warned:
            outcomes.append(nothing_judged(name, warned, entries))
        elif all(v.carried for v in judged):
            sentence = (
                f"{used.label} was {edge.relation} a state of {name} that was validated only while "
                f"{count(seen[-1].carried, 'partition')} of it had been read earlier: it may have been other rows."
            )
            action = f"Give the partitions of {name} a rotation of 1, so that each look reads all of them"
            outcomes.append(Outcome(Status.UNDETERMINED, sentence, entries, action))
        else:
            outcomes.append(Outcome(Status.SUPPORTED, "", entries))
    if found := (*gaps(view.mine, used), *doubts(view.mine, used)):
        sentence = f"What is in use cannot be traced to its data: {found[0]}."
        outcomes.append(Outcome(Status.UNDETERMINED, sentence, used.entries, "Log dataset inputs with each run"))
    return together(outcomes, "")

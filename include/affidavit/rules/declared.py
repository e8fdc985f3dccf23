"""Checks of what the organisation declares, and of what nobody records yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from affidavit.evidence import ORGANISATION_SCOPE, Entry, kinds
from affidavit.rules.collected import freshness
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView


@check("needs_record/1", about="any", params=("record", "next_action"))
def _needs_record(_view: ScopeView, params: Mapping[str, Any], _at: datetime) -> Outcome:
    return Outcome(Status.MISSING, f"Nothing records {params['record']}.", (), params["next_action"])


@check("question_answered/1", about="any", params=("question", "ready"))
def _question_answered(_view: ScopeView, params: Mapping[str, Any], _at: datetime) -> Outcome:
    question = params["question"].rstrip(".")
    action = f"Have a competent person other than the author judge, with reasons: {question}"
    if params["ready"]:
        return Outcome(Status.AWAITING, f"Nobody has judged yet: {question}.", (), action)
    return Outcome(Status.NOT_YET_DUE, "A person is asked once the records are there.", (), action)


@check("systems_declared/1", about="any", limits="AI systems that nobody declared.")
def _systems_declared(view: ScopeView, _params: Mapping[str, Any], _at: datetime) -> Outcome:
    retired = view.state.retired
    told = "".join(f" {scope.name.removeprefix('system:')} is retired: {each.words}." for scope, each in retired)
    if not view.systems:
        sentence, entries = f"No AI system is declared.{told}", tuple(e for _, each in retired for e in each.entries)
        return Outcome(Status.MISSING, sentence, entries, "Declare the AI systems in include/systems")
    outcomes = []
    for scope in view.systems:
        if scope.system is None:
            outcomes.append(
                Outcome(
                    Status.UNDETERMINED,
                    f"{scope.name} has evidence and no declaration that can be read.",
                    tuple(scope.streams.values())[:1],
                    "Mend its file in include/systems and collect again",
                )
            )
        else:
            outcomes.append(Outcome(Status.SUPPORTED, "", (scope.system.entry,)))
    return together(
        [*outcomes, *_dropped(view), *(Outcome(Status.SUPPORTED, "", each.entries) for _, each in retired)],
        f"{count(len(outcomes), 'AI system')} declared, each with the organisation's role.{told}",
    )


def _dropped(view: ScopeView) -> list[Outcome]:
    """What to say of each AI system whose file is gone."""
    standing = view.state.organisation.organisation
    entries = (standing.entry,) if standing else ()
    return [
        Outcome(
            Status.FAILING,
            f"{one.file} is gone, and nobody approved that {one.old} is dropped: its obligations stand.",
            (*entries, *(s.system.entry for s in view.systems if s.system and s.system.value.id == one.old)),
            f"Restore {one.file}, or decide on the retirement of {one.old}",
        )
        for one in view.dropped
    ]


@check("owners_held/1", about="any", limits="That a holder knows of the role, and has the authority it needs.")
def _owners_held(view: ScopeView, _params: Mapping[str, Any], _at: datetime) -> Outcome:
    standing, organisation = view.state.organisation.organisation, view.organisation
    if standing is None or organisation is None:
        return Outcome(Status.MISSING, "The organisation declares no roles.", (), "Write include/organisation.yaml")
    owned = {f"system {s.name.removeprefix('system:')}": s.system for s in view.systems if s.system}
    wanted = {what: system.value.owner for what, system in owned.items()}
    if view.scope == ORGANISATION_SCOPE:
        wanted |= {f"{area}": role for area, role in organisation.owners.items()}
    entries = (standing.entry, *(system.entry for system in owned.values()))
    if not owned:
        return Outcome(Status.MISSING, "No AI system names its owner.", entries, "Declare the AI systems")
    unknown = sorted(what for what, role in wanted.items() if role not in organisation.roles)
    if unknown:
        sentence = f"The owner of {some(unknown)} is a role that the organisation does not have."
        return Outcome(Status.FAILING, sentence, entries, "Name a role of include/organisation.yaml as owner")
    vacant = sorted({role for role in wanted.values() if not organisation.roles[role].holders})
    if vacant:
        sentence = f"Nobody holds {count(len(vacant), 'role')} that own something: {some(vacant)}."
        return Outcome(Status.MISSING, sentence, entries, "Name who holds each role in include/organisation.yaml")
    sentence = f"{count(len(set(wanted.values())), 'role')} own {count(len(wanted), 'thing')}, and somebody holds each."
    return Outcome(Status.SUPPORTED, sentence, entries)


@check("loosenings_decided/1", about="any", limits="Changes outside the files that the inventory declares.")
def _loosenings_decided(view: ScopeView, _params: Mapping[str, Any], _at: datetime) -> Outcome:
    scopes = view.state.scopes.values() if view.scope == ORGANISATION_SCOPE else (view.mine,)
    standings = [
        standing
        for scope in scopes
        for standing in (scope.system, scope.organisation, *scope.suites.values())
        if standing
    ]
    if not standings:
        return Outcome(Status.MISSING, "Nothing is declared.", (), "Declare the AI systems and the organisation")
    entries: tuple[Entry, ...] = tuple(standing.entry for standing in standings)
    dropped = _dropped(view)
    pending = [loosening for standing in standings for loosening in standing.pending]
    if pending:
        sentence = f"{count(len(pending), 'weakening')} without approval, so the old obligation stands: " + (
            some(f"{one.file} {one.field}" for one in pending) + "."
        )
        action = "Have somebody who held the role before the change approve it, or take the change back"
        return together([*dropped, Outcome(Status.AWAITING, sentence, entries, action)], "")
    changes = sum(len(standing.entries) - 1 for standing in standings)
    sentence = f"{count(changes, 'change')} of what is declared; none weakens it unapproved."
    return together([*dropped, Outcome(Status.SUPPORTED, sentence, entries)], sentence)


@check("declared_things_found/1", limits="That the inventory names everything the AI system uses.")
def _declared_things_found(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    system, standing = view.system, view.mine.system
    if system is None or standing is None:
        return Outcome(Status.MISSING, "The AI system is not declared.", (), "Declare it in include/systems")
    tables = {uri: looks[-1].entry for uri, looks in view.mine.snapshots.items()}
    wanted = {f"table {table.id}": tables.get(table.uri) for table in system.tables}
    for server in system.servers:
        # Told by the server: another one may hold the same names, and a task may claim a run of any experiment.
        home, note = f"mlflow://{server.connection}/", f" on {server.connection}" if system.more_mlflow else ""
        runs = [run for uri, run in view.mine.latest(kinds.MODEL_RUN).items() if uri.startswith(home)]
        versions = [each for uri, each in view.mine.latest(kinds.MODEL_VERSION).items() if uri.startswith(home)]
        experiments = {run.statement.facts["experiment"]["name"]: run for run in runs}
        models = {entry.statement.facts["model"]: entry for entry in versions}
        wanted |= {f"experiment {name}{note}": experiments.get(name) for name in server.experiments}
        wanted |= {f"model {name}{note}": models.get(name) for name in server.registered_models}
    absent = [name for name, entry in wanted.items() if entry is None]
    if absent:
        sentence = f"Declared, and nothing found of it: {some(absent)}."
        return Outcome(Status.MISSING, sentence, (standing.entry,), "Correct the declaration, or create what it names")
    entries = (standing.entry, *(entry for entry in wanted.values() if entry))
    found = Outcome(Status.SUPPORTED, "", entries)
    return together(
        [found, freshness(view, "", at)], f"All {len(wanted)} declared tables, experiments and models exist."
    )

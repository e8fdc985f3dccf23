"""Checks of what really serves: an endpoint's own word for it, against the alias that says what ought to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from affidavit.evidence import kinds
from affidavit.inventory import Endpoint
from affidavit.projections import InUse
from affidavit.rules.collected import freshness, registries_fresh
from affidavit.rules.registry import Outcome, check, some, together
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView


@check(
    "endpoint_serves/1",
    limits="What the endpoint served between two looks, and whether its answer is true; "
    "endpoints that the inventory does not name.",
)
def _endpoint_serves(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    if not view.in_use:
        action = "Name the registered models in the file of the AI system"
        return Outcome(Status.MISSING, "The inventory names no registered model.", (), action)
    outcomes, said = registries_fresh(view, at), []
    for used in view.in_use:
        endpoints = [each for each in view.system.serving if each.model == used.model] if view.system else []
        if endpoints and len({each.home for each in view.in_use if each.model == used.model}) > 1:
            outcomes.append(_of_one_of_several(used, endpoints))
            continue
        if not endpoints:
            sentence = f"No endpoint is declared that says which version of {used.model} serves."
            action = "Declare the scoring endpoint (serving), so that it is asked which version it serves"
            outcomes.append(Outcome(Status.MISSING, sentence, (), action))
        for endpoint in endpoints:
            found = _agrees(view, used, endpoint)
            said.append(found.sentence)
            outcomes += [found, freshness(view, f"serving:{endpoint.id}", at, facts=True)]
    return together(outcomes, " ".join(said))


def _of_one_of_several(used: InUse, endpoints: list[Endpoint]) -> Outcome:
    named = some(endpoint.id for endpoint in endpoints)
    sentence = (
        f"Several tracking servers have a model {used.model}: of which of them it is that {named} serves is not said."
    )
    return Outcome(Status.UNDETERMINED, sentence, used.entries[:1], "Give each of the models a name of its own")


def _agrees(view: ScopeView, used: InUse, endpoint: Endpoint) -> Outcome:
    entry = view.mine.latest(kinds.SERVING_VERSION).get(endpoint.name)
    if entry is None:
        sentence = f"The endpoint {endpoint.id} was never asked what it serves."
        return Outcome(Status.MISSING, sentence, (), "Run the collection, and read the log of the endpoint's task")
    facts, entries = entry.statement.facts, (entry,)
    if (facts["model"], facts["source"]) != (endpoint.model, endpoint.uri):
        sentence = f"The endpoint {endpoint.id} was asked elsewhere than is declared."
        return Outcome(Status.STALE, sentence, entries, "Run the collection")
    served = facts["version"]
    if served is None:
        sentence = (
            f"The endpoint {endpoint.id} did not say which version of {used.model} it serves: {facts['unknown']}."
        )
        return Outcome(Status.UNDETERMINED, sentence, entries, f"Mend the endpoint {endpoint.id}, and collect again")
    if used.pointer is None or "@" in served:
        sentence = f"The endpoint {endpoint.id} says that it serves {served}, which cannot be compared with a version."
        action = f"Let the endpoint name the version itself, and set the alias {used.alias!r} of {used.model}"
        return Outcome(Status.UNDETERMINED, sentence, (*entries, *used.entries[:1]), action)
    if served not in _names(used):
        points = f"points at version {used.version_name}" if used.version_name else "points at no version"
        sentence = f"The endpoint {endpoint.id} serves version {served} of {used.model}, and the alias {used.alias!r} "
        action = "Find out which of the two is meant; deploy that one, and let the alias point at it"
        return Outcome(Status.FAILING, f"{sentence}{points}.", (*entries, used.pointer), action)
    sentence = f"The endpoint {endpoint.id} serves version {used.version_name} of {used.model}, as the alias says."
    return Outcome(Status.SUPPORTED, sentence, (*entries, used.pointer))


def _names(used: InUse) -> set[str]:
    """What an endpoint may call the version that the alias points at: number, ``models:/`` URI, logged model."""
    if used.version_name is None:
        return set()
    names = {used.version_name, f"models:/{used.model}/{used.version_name}"}
    logged = used.version.statement.facts["logged_model"] if used.version else None
    if logged:
        tail = logged.rpartition("/")[2]
        names |= {tail, f"models:/{tail}"}
    return names

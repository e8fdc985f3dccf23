"""Every named check, frozen, and how one is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from affidavit.errors import ConfigurationError
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.rules import (
    applicability,
    challenges,
    collected,
    decided,
    declared,
    documents,
    findings,
    management,
    measurements,
    models,
    nonconformities,
    records,
    registers,
    registry,
    resources,
    serving,
    tables,
)
from affidavit.rules.verdict import Part, Status
from affidavit.rules.view import ScopeView

MODULES = (
    applicability,
    challenges,
    collected,
    decided,
    declared,
    documents,
    findings,
    management,
    measurements,
    models,
    nonconformities,
    records,
    registers,
    resources,
    serving,
    tables,
)
"""The modules that register them."""

CHECKS: Mapping[str, registry.Check] = MappingProxyType(registry.registered())
"""Name to check."""


def find(name: str) -> registry.Check:
    """The check of that name. Raises ``ConfigurationError`` where there is none."""
    found = CHECKS.get(name)
    if found is None:
        raise ConfigurationError(
            f"no check is named {name!r}", where="affidavit/catalogue", fix=f"use one of {', '.join(CHECKS)}"
        )
    return found


def run(name: str, view: ScopeView, params: Mapping[str, Any], at: datetime) -> Part:
    """The outcome of one check as of ``at``.

    Raises ``ConfigurationError`` for a check that there is not, or a parameter that it does not take.
    """
    asked = find(name)
    if unknown := sorted(set(params) - asked.params):
        raise ConfigurationError(f"{name} takes no parameter {unknown[0]!r}", where="affidavit/catalogue")
    if asked.about == "system" and view.scope == ORGANISATION_SCOPE:
        outcome = _each_system(asked, view, params, at)
    else:
        outcome = asked.function(view, params, at)
    return Part(
        check=name,
        status=outcome.status,
        sentence=outcome.sentence,
        entries=registry.indices(outcome.entries),
        origin=registry.weakest(entry.statement.origin for entry in outcome.entries),
        next_action=outcome.next_action,
        valid_until=outcome.valid_until,
    )


def _each_system(asked: registry.Check, view: ScopeView, params: Mapping[str, Any], at: datetime) -> registry.Outcome:
    outcomes = []
    for scope in view.systems:
        outcome = asked.function(replace(view, scope=scope.name), params, at)
        name = scope.name.removeprefix("system:")
        outcomes.append(replace(outcome, sentence=f"{name}: {outcome.sentence}"))
    if not outcomes:
        return registry.Outcome(
            Status.MISSING, "No AI system is recorded.", (), "Declare the AI systems in include/systems and collect"
        )
    return registry.together(outcomes, registry.first_few([outcome.sentence for outcome in outcomes]))

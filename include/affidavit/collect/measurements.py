"""What was measured, as statements: one for each family of measures of one source."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import affidavit
from affidavit.evidence import (
    Circumstances,
    Collector,
    Draft,
    Json,
    Origin,
    Period,
    Stage,
    Subject,
    dumps,
    kinds,
    system_scope,
)
from affidavit.evidence.measured import measured_name
from affidavit.evidence.salted import salted
from affidavit.inventory import System, Threshold
from affidavit.measure import Estimate
from affidavit.pages.figures import Figure
from affidavit.pages.render import render
from affidavit.pages.report import Action, Attempt, Conditions, Judged, Measurement, report_page
from affidavit.rules.thresholds import Met, judge_threshold
from affidavit.warehouse import Fingerprint

_ROOM = 48_000
"""Bytes that results may take in a statement; the rest of a leaf is for the other facts."""

_STAGES = {
    "drift": Stage.OPERATION,
    "agents": Stage.OPERATION,
    "data-threats": Stage.DATA,
    "resources": Stage.DEVELOPMENT,
}


@dataclass(frozen=True)
class Taken:
    """One family of measures, taken of one source.

    ``rows`` were measured, ``left_out`` counts the others by the reason. ``settings`` are the parameters of the method
    in words; ``about`` are further subjects, such as the table's state and the model version. ``thresholds`` are those
    that stand for the family; ``figures`` are drawn into the report; ``effective`` is the period that it is about.
    """

    family: str
    source: str
    estimates: tuple[Estimate, ...]
    rows: int
    settings: Mapping[str, str]
    consistency: str
    left_out: Mapping[str, int]
    model: str | None = None
    version: str | None = None
    fingerprint: Fingerprint | None = None
    thresholds: tuple[Threshold, ...] = ()
    about: tuple[Subject, ...] = ()
    figures: tuple[Figure, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    effective: Period | None = None
    canary: bool = False


def measurement(
    system: System, taken: Taken, *, origin: Origin, collector: str, seen: Circumstances
) -> tuple[Draft, bytes]:
    """The statement of what was taken, and the blob that holds its report."""
    taken = replace(taken, estimates=tuple(_steady(estimate) for estimate in taken.estimates))
    results = [_result(estimate) for estimate in taken.estimates]
    sizes = itertools.accumulate(len(dumps(result)) + 1 for result in results)
    shown = sum(size <= _ROOM for size in sizes)
    facts: dict[str, Any] = {
        "family": taken.family,
        "source": taken.source,
        "model": taken.model,
        "version": taken.version,
        "rows": taken.rows,
        "left_out": dict(taken.left_out),
        "fingerprint": _named(taken.fingerprint) if taken.fingerprint else None,
        "consistency": taken.consistency,
        "settings": dict(taken.settings),
        "thresholds": thresholds_digest(taken.thresholds),
        "results": results[:shown],
        "results_omitted": len(results) - shown,
        "canary": taken.canary,
    }
    report = salted(_report(system, taken, origin=origin, demonstration=seen.demonstration))
    details = {"digest": {"sha256": hashlib.sha256(report).hexdigest()}, "media_type": "text/html"}
    name = measured_name(taken.source, taken.family, version=taken.version, canary=taken.canary)
    draft = Draft(
        kind=kinds.MEASUREMENT,
        scope=system_scope(system.id),
        stage=_STAGES.get(taken.family, Stage.VERIFICATION),
        origin=origin,
        subjects=(Subject.of_facts(name, facts), *taken.about),
        facts={**facts, "details": details},
        collector=Collector(collector, affidavit.__version__),
        seen=seen,
        effective=taken.effective,
    )
    return draft, report


def _report(system: System, taken: Taken, *, origin: Origin, demonstration: str | None) -> bytes:
    judged = [_judged(threshold, taken.estimates) for threshold in taken.thresholds]
    missed = any(each.outcome is not Met.MET for each in judged)
    action = "Find out why a threshold is missed or cannot be judged; then train again, or decide on an exception"
    whole = Measurement(
        what=taken.family.replace("-", " ").capitalize(),
        subject=taken.source,
        scope=system_scope(system.id),
        thresholds=judged,
        estimates=taken.estimates,
        actions=[Action(action, system.owner)] if missed else [],
        figures=taken.figures,
        conditions=Conditions(_model(taken), origin, tuple(taken.settings.items())),
        not_tested=[f"{e.measure}: {e.why}" for e in taken.estimates if (e.why or "").startswith("not tested")],
        attempts=taken.attempts,
        demonstration=demonstration or "",
    )
    return render(report_page(whole)).encode()


def _judged(threshold: Threshold, estimates: Sequence[Estimate]) -> Judged:
    found = judge_threshold(threshold, estimates)
    return Judged(f"{threshold.label} {threshold.demand}", found.met, found.sentence)


def _model(taken: Taken) -> str:
    if taken.model is None:
        return "none: no model version is named"
    return f"{taken.model} version {taken.version}" if taken.version else f"{taken.model}, of no known version"


def _named(digest: Fingerprint) -> dict[str, Json]:
    return {"sha256": digest.sha256, "method": digest.method, "coverage": digest.coverage}


def thresholds_digest(thresholds: Sequence[Threshold]) -> str | None:
    """SHA-256 of the thresholds that stand for a family; None where there are none."""
    if not thresholds:
        return None
    documents: list[Json] = [threshold.model_dump(mode="json") for threshold in thresholds]
    return hashlib.sha256(dumps(documents)).hexdigest()


def _steady(estimate: Estimate) -> Estimate:
    """With twelve digits: the order in which a warehouse adds must not make the same rows a new fact."""

    def digits(number: float | None) -> float | None:
        return None if number is None else float(f"{number:.12g}")

    return replace(estimate, value=digits(estimate.value), low=digits(estimate.low), high=digits(estimate.high))


def _result(estimate: Estimate) -> dict[str, Json]:
    return {
        "measure": estimate.measure,
        "about": estimate.about,
        "group": dict(estimate.group),
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "why": estimate.why,
    }

"""What was measured, as statements: one for each family of measures of one source."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import affidavit
from affidavit.evidence import Circumstances, Collector, Draft, Json, Origin, Stage, Subject, dumps, kinds, system_scope
from affidavit.evidence.measured import measured_name
from affidavit.evidence.salted import salted
from affidavit.inventory import Threshold
from affidavit.measure import Estimate
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
    in words; ``about`` are further subjects, such as the table's state and the model version. ``report`` is HTML.
    """

    family: str
    source: str
    estimates: tuple[Estimate, ...]
    rows: int
    settings: Mapping[str, str]
    report: bytes
    consistency: str
    left_out: Mapping[str, int]
    model: str | None = None
    version: str | None = None
    fingerprint: Fingerprint | None = None
    thresholds: tuple[Threshold, ...] = ()
    about: tuple[Subject, ...] = ()
    canary: bool = False


def measurement(
    system_id: str, taken: Taken, *, origin: Origin, collector: str, seen: Circumstances
) -> tuple[Draft, bytes]:
    """The statement of what was taken, and the blob that holds its report."""
    results = [_result(estimate) for estimate in taken.estimates]
    sizes = itertools.accumulate(len(dumps(result)) + 1 for result in results)
    shown = sum(size <= _ROOM for size in sizes)
    digest = taken.fingerprint
    facts: dict[str, Any] = {
        "family": taken.family,
        "source": taken.source,
        "model": taken.model,
        "version": taken.version,
        "rows": taken.rows,
        "left_out": dict(taken.left_out),
        "fingerprint": {"sha256": digest.sha256, "method": digest.method, "coverage": digest.coverage}
        if digest
        else None,
        "consistency": taken.consistency,
        "settings": dict(taken.settings),
        "thresholds": _digest(taken.thresholds),
        "results": results[:shown],
        "results_omitted": len(results) - shown,
        "canary": taken.canary,
    }
    report = salted(taken.report)
    details = {"digest": {"sha256": hashlib.sha256(report).hexdigest()}, "media_type": "text/html"}
    name = measured_name(taken.source, taken.family, canary=taken.canary)
    draft = Draft(
        kind=kinds.MEASUREMENT,
        scope=system_scope(system_id),
        stage=_STAGES.get(taken.family, Stage.VERIFICATION),
        origin=origin,
        subjects=(Subject.of_facts(name, facts), *taken.about),
        facts={**facts, "details": details},
        collector=Collector(collector, affidavit.__version__),
        seen=seen,
    )
    return draft, report


def _digest(thresholds: Sequence[Threshold]) -> str | None:
    if not thresholds:
        return None
    documents: list[Json] = [threshold.model_dump(mode="json") for threshold in thresholds]
    return hashlib.sha256(dumps(documents)).hexdigest()


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

"""What is measured of a table of scored rows, in the very snapshot that its fingerprint is of.

Everything is added up in the warehouse: what comes here are counts and sums, by the groups that the inventory names.
Families are measured one by one (:data:`affidavit.evidence.measured.FAMILIES`): performance over all rows and over
time, fairness by group, drift against the reference, threats to the data that the model learnt from
(:mod:`affidavit.collect.threats`), measures of other packages (:mod:`affidavit.collect.custom`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from affidavit.collect.comparison import compare, uncompared
from affidavit.collect.custom import custom
from affidavit.collect.measurements import Taken
from affidavit.collect.scored import Found, Scored
from affidavit.collect.threats import threats
from affidavit.evidence.measured import NOT_TESTED, OF_ANSWERS
from affidavit.inventory import Measured
from affidavit.inventory.measures import family_of, measures_of
from affidavit.measure import Estimate, cannot
from affidavit.measure.alarms import LEVEL, judge_drift
from affidavit.measure.calibration import calibrated, reliability
from affidavit.measure.confusion import Confusion
from affidavit.measure.estimate import Group
from affidavit.measure.fairness import fairness
from affidavit.measure.performance import binary, multiclass
from affidavit.measure.ranking import ranked
from affidavit.measure.residuals import regression
from affidavit.measure.rows import MISSING, OTHER, TROUBLES
from affidavit.pages import charts, distributions
from affidavit.pages.figures import Figure, Point, ReliabilityBin
from affidavit.rules.thresholds import outcome_of
from affidavit.warehouse import Fingerprint, drift, numbers, outcomes, recalibration
from affidavit.warehouse.facets import By, TimeColumn, versions
from affidavit.warehouse.windows import Window

_OVER_TIME = ("accuracy", "recall", "precision", "selection_rate", "mean_absolute_error", "mean_error")
"""Measures whose course over time is told: of every one there would be more lines than anybody reads."""

VERSIONS = 3
"""The latest versions in a table that are measured: the one in use, the one before it, and one that is tried."""

_UNKNOWN = "which version is in use is unknown, and so whose answers the rows hold"


def measure_rows(scored: Scored, *, digest: Fingerprint) -> tuple[Taken, ...]:
    """Every family that the inventory asks for. ``digest`` is of the whole table, in the same snapshot.

    Where rows name the version that answered them, each of the latest :data:`VERSIONS` is measured by itself; else all
    rows are those of ``scored.version``. Raises ``SourceRefused`` for a declared column that is absent or of no use,
    and as :meth:`Snapshot.query`.
    """
    column = scored.measured.version
    named: Sequence[str] = ()
    if column is not None:
        named = versions(scored.opened, scored.whole, column, about=scored.about)
    told = [scored.version] if column is None else named[:VERSIONS]
    found = [(scored, family, each) for family, each in _of_data(scored)]
    if untried := _untried(scored.measured):
        found.append((replace(scored, version=None), NOT_TESTED, Found(untried, 0)))
    for n, version in enumerate(told):
        answered = replace(scored, version=version)
        found += [(answered, family, each) for family, each in _of_answers(answered)]
        if scored.measured.custom:
            found.append((answered, "custom", custom(answered)))
        if uncompared(scored.measured) is None:
            found.append((answered, "comparison", _compared(answered, named[n:])))
    return tuple(_taken(of, family, each, digest) for of, family, each in found)


def _taken(scored: Scored, family: str, found: Found, digest: Fingerprint) -> Taken:
    measured = scored.measured
    return Taken(
        family=family,
        source=scored.table.id,
        estimates=tuple(found.estimates),
        rows=found.rows,
        settings={**_settings(measured), **found.settings},
        consistency=scored.opened.consistency,
        left_out={name: n for name, n in found.left_out.items() if n},
        model=measured.model if family in OF_ANSWERS else None,
        version=scored.version if family in OF_ANSWERS else None,
        fingerprint=digest,
        thresholds=tuple(each for each in measured.thresholds if family_of(each) == family),
        figures=tuple(found.figures),
    )


def _of_answers(scored: Scored) -> Iterator[tuple[str, Found]]:
    """The families that one version is measured by."""
    if scored.version is None:
        yield "performance", Found([cannot("accuracy", _UNKNOWN)], 0)
    elif scored.measured.task == "regression":
        yield from _numbers(scored)
    else:
        yield from _classes(scored)


def _untried(measured: Measured) -> list[Estimate]:
    """The measures of families that nothing is declared for, each with the reason: one statement, of no version."""
    reasons = dict.fromkeys(
        () if measured.asked else ("agreement", "robustness", "explanation", "membership"),
        "the file does not say how a version is asked",
    )
    if why := uncompared(measured):
        reasons["comparison"] = why
    return [cannot(name, f"not tested: {why}") for family, why in reasons.items() for name in measures_of(family)]


def _compared(scored: Scored, named: Sequence[str]) -> Found:
    measured = scored.measured
    found = compare(scored.opened, scored.whole, _asked(scored), measured, versions=named, about=scored.about)
    return Found(found.estimates, found.rows, found.left_out, settings=found.settings)


def _of_data(scored: Scored) -> Iterator[tuple[str, Found]]:
    """The families that are about rows, whichever version answered them."""
    if scored.measured.reference is not None:
        yield "drift", _drift(scored)
        yield "data-threats", threats(scored)


def _settings(measured: Measured) -> dict[str, str]:
    said = {"task": measured.task, "smallest group": f"{measured.minimum} rows", "seed": str(measured.seed)}
    if measured.cut is not None:
        said["decided positive from"] = repr(measured.cut)
    return said


def _asked(scored: Scored) -> outcomes.Outcomes:
    measured, two = scored.measured, scored.measured.task == "binary"
    return outcomes.Outcomes(
        scored.table.label,
        measured.ordered,
        decision=measured.decision if two else scored.table.score,
        score=scored.table.score if two else None,
        cut=measured.cut,
        weight=measured.weight,
    )


def _classes(scored: Scored) -> Iterator[tuple[str, Found]]:
    measured, opened, about = scored.measured, scored.opened, scored.about
    two = measured.task == "binary"
    asked = _asked(scored)
    how: dict[str, Any] = {"seed": measured.seed, "minimum": measured.minimum}

    def all_of(counted: Confusion) -> list[Estimate]:
        return binary(counted, **how) if two else multiclass(counted, **how)

    counted = outcomes.confusion(opened, scored.rows, asked, by=scored.groups, about=about)
    whole = counted.by()
    estimates, figures = all_of(whole), []
    probable = None
    if two:
        ranking = outcomes.rank(opened, scored.rows, asked, about=about)
        _, probable = outcomes.confusion_and_probabilities(opened, scored.rows, asked, by=scored.groups, about=about)
        estimates += [*ranked(ranking, minimum=measured.minimum), *calibrated(probable.by(), minimum=measured.minimum)]
        estimates += recalibration.recalibrated(opened, scored.rows, asked, minimum=measured.minimum, about=about)
        bins = reliability(probable.by(), 0, minimum=measured.minimum)
        figures.append(distributions.calibration(_reliability(bins)))
    spans = _spans(scored)
    if spans:
        course = outcomes.confusion(opened, scored.rows, asked, by=spans, about=about)
        told, drawn = _course(measured, all_of(course))
        estimates += told
        figures += drawn
    left_out = dict(zip(TROUBLES, (int(n) for n in whole.troubles.sum(0)), strict=True))
    yield "performance", Found(estimates, int(whole.rows.sum()), left_out, figures)
    told = []
    for columns in _columns(measured):
        of_groups = counted.by(*columns)
        here = all_of(of_groups)
        here += fairness(of_groups, **how) if two else []
        here += calibrated(probable.by(*columns), minimum=measured.minimum) if probable else []
        rows = of_groups.rows.sum((1, 2)) + of_groups.troubles.sum(1)
        told += _of_somebody(here, of_groups.groups, rows)
    if told:
        yield "fairness", Found(told, int(whole.rows.sum()), left_out, _by_group(measured, told))


def _numbers(scored: Scored) -> Iterator[tuple[str, Found]]:
    measured, opened, about = scored.measured, scored.opened, scored.about
    asked = numbers.Numbers(scored.table.label, scored.table.score, measured.weight)
    counted = numbers.residuals(opened, scored.rows, asked, by=scored.groups, about=about)
    whole = counted.by()
    estimates, figures = regression(whole, minimum=measured.minimum), []
    if measured.weight is None:
        everything = numbers.residuals(opened, scored.rows, asked, about=about)
        estimates += numbers.median_error(opened, scored.rows, asked, everything, about=about)
    if spans := _spans(scored):
        course = numbers.residuals(opened, scored.rows, asked, by=spans, about=about)
        told, drawn = _course(measured, regression(course, minimum=measured.minimum))
        estimates += told
        figures += drawn
    rows = int(whole[0, 0, 0].sum())
    left_out = dict(zip(TROUBLES, (int(n) for n in whole.troubles.sum(0)), strict=True))
    yield "performance", Found(estimates, rows, left_out, figures)
    told = []
    for columns in _columns(measured):
        of_groups = counted.by(*columns)
        here = regression(of_groups, minimum=measured.minimum)
        told += _of_somebody(here, of_groups.groups, of_groups[0, 0, 0] + of_groups.troubles.sum(1))
    if told:
        yield "fairness", Found(told, rows, left_out, _by_group(measured, told))


def _columns(measured: Measured) -> list[tuple[str, ...]]:
    """The columns whose groups are compared, alone and together."""
    return [(column,) for column in measured.groups] + [tuple(columns) for columns in measured.together]


def _of_somebody(estimates: Sequence[Estimate], groups: Sequence[Group], rows: Any) -> list[Estimate]:
    """Without groups of values that nobody declared and no row has: of those that are declared each has its answer."""
    nobody = {
        group
        for group, n in zip(groups, rows, strict=True)
        if not n and any(value in {OTHER, MISSING} for _, value in group)
    }
    return [estimate for estimate in estimates if estimate.group not in nobody]


def _spans(scored: Scored) -> By:
    time, every = scored.table.time_column, scored.measured.every
    return (TimeColumn(time, every),) if time is not None and every is not None else ()


def _course(measured: Measured, estimates: Sequence[Estimate]) -> tuple[list[Estimate], list[Figure]]:
    """What is told of each span of time, and the lines that are drawn of it."""
    told = [each for each in estimates if each.measure in _OVER_TIME and each.about is None]
    drawn: dict[str, list[Point]] = {}
    for each in told:
        drawn.setdefault(each.measure, []).append(Point(each, outcome_of(measured.thresholds, each), each.group[0][1]))
    return told, [charts.over_time(points) for points in drawn.values()]


def _by_group(measured: Measured, estimates: Sequence[Estimate]) -> list[Figure]:
    wanted = [each for each in ("selection_rate", "recall", "mean_error") if any(e.measure == each for e in estimates)]
    of_all = [e for e in estimates if e.about is None]
    return [
        charts.groups([Point(e, outcome_of(measured.thresholds, e)) for e in of_all if e.measure == measure])
        for measure in wanted
    ]


def _reliability(bins: Sequence[Any]) -> list[ReliabilityBin]:
    size = len(bins)
    return [
        ReliabilityBin(
            n / size,
            (n + 1) / size,
            None if found is None else found.score,
            cannot("calibration", "too few rows in the bin")
            if found is None
            else Estimate("calibration", found.positive, found.rows, found.low, found.high),
        )
        for n, found in enumerate(bins)
    ]


def _drift(scored: Scored) -> Found:
    measured, reference = scored.measured, scored.reference
    assert reference is not None
    if why := scored.elsewhere(reference):
        return Found([cannot("drift_alarm", why)], 0)
    watched = dict.fromkeys((*measured.features, scored.table.label))
    base, now = Window(reference.table), Window(scored.table.table)
    compared = drift.compare_windows(scored.opened, base, now, columns=watched)
    estimates: list[Estimate] = []
    drawn: list[Point] = []
    for one in judge_drift(compared):
        estimates += one.estimates
        effect = ("ks_statistic", "total_variation_distance")
        drawn += [
            Point(each, outcome_of(measured.thresholds, each)) for each in one.estimates if each.measure in effect
        ]
    settings = {
        "reference": f"all rows of {reference.id}",
        "current": f"all rows of {scored.table.id}",
        "alarm": f"an effect above its threshold, and a probability of chance of at most {LEVEL:g} over all columns "
        "together (Holm 1979)",
    }
    rows = max((each.n for each in estimates), default=0)
    return Found(estimates, rows, figures=[charts.drift(drawn)], settings=settings)

"""The report of one measurement: what was found, against which thresholds, drawn and in full, in one file.

The file carries its style and its drawings, and refers to no other: it reads the same from the ledger, from the site,
from MLflow and on paper. It is written before the entry that names it, so it links to no entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from affidavit.evidence import Origin
from affidavit.measure import Estimate
from affidavit.pages.figures import (
    Cell,
    Figure,
    Table,
    estimate_cells,
    group_words,
    measure_words,
    number,
    outcomes_in_words,
)
from affidavit.pages.frame import Frame
from affidavit.pages.links import Links
from affidavit.pages.text import Moment, Name, counted, moment, name
from affidavit.pages.words import ORIGIN_MEANS, scope_title
from affidavit.projections.state import Demonstration
from affidavit.rules.thresholds import WORST_FIRST, Met


@dataclass(frozen=True)
class Judged:
    """A threshold in words, what came of it, and in a sentence why."""

    text: str
    outcome: Met
    sentence: str


@dataclass(frozen=True)
class Action:
    """What to do next, and the role whose move it is; empty where nobody is named."""

    action: str
    owner: str


@dataclass(frozen=True)
class Conditions:
    """How it was measured: whatever somebody needs who wants to measure it again.

    ``model`` is the version that was measured, and ``model_origin`` who says that it was this one; ``settings`` are
    names (seed, smallest group, windows, methods with their source) with what was chosen.
    """

    model: str
    model_origin: Origin
    settings: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Attempt:
    """One attempt before this measurement, whether or not anybody liked its result."""

    at: datetime
    model: str
    result: str


@dataclass(frozen=True)
class Measurement:
    """What one measurement came to, as plain data.

    ``what`` is ours ("Performance and fairness"), ``subject`` the name of what was measured. ``attempts`` are all that
    the ledger knew before it, oldest first. ``demonstration`` is the label of what is scripted, empty where nothing is.
    When it was measured, and in which log it stands, the entry says that names the report: the same rows measured again
    give the same bytes.
    """

    what: str
    subject: str
    scope: str
    thresholds: Sequence[Judged]
    estimates: Sequence[Estimate]
    actions: Sequence[Action]
    figures: Sequence[Figure]
    conditions: Conditions
    not_tested: Sequence[str]
    attempts: Sequence[Attempt]
    demonstration: str = ""


@dataclass(frozen=True)
class ReportPage:
    """The report as a page."""

    frame: Frame
    what: str
    subject: Name
    scope: str
    answer: str
    thresholds: tuple[Judged, ...]
    headline: Table
    actions: tuple[Action, ...]
    figures: tuple[Figure, ...]
    facts: Table
    settings: tuple[tuple[str, Cell], ...]
    not_tested: tuple[str, ...]
    attempts_answer: str
    attempts: tuple[tuple[Moment, Name, str], ...]


_COLUMNS = ("value", "95 % interval, or why not", "rows")


def report_page(measurement: Measurement) -> ReportPage:
    """The page of one measurement: the same bytes for the same measurement, once rendered."""
    subject, title = name(measurement.subject, longest=80), scope_title(measurement.scope, {})
    staged = measurement.demonstration
    worst = {outcome: n for n, outcome in enumerate(WORST_FIRST)}
    whole = [e for e in measurement.estimates if not e.group and e.about is None]
    return ReportPage(
        frame=Frame(
            f"{measurement.what} of {subject.plain}",
            Links(),
            "",
            (Demonstration(staged, measurement.scope, 1),) if staged else (),
        ),
        what=measurement.what,
        subject=subject,
        scope=title,
        answer=_answer(measurement),
        thresholds=tuple(sorted(measurement.thresholds, key=lambda judged: worst[judged.outcome])),
        headline=Table.of(("measure", *_COLUMNS), [(measure_words(e), *estimate_cells(e)) for e in whole]),
        actions=tuple(measurement.actions),
        figures=tuple(measurement.figures),
        facts=Table.of(("measure", "of", "rows of", *_COLUMNS), [_fact(e) for e in measurement.estimates]),
        settings=_settings(measurement.conditions),
        not_tested=tuple(measurement.not_tested),
        attempts_answer=_attempted(measurement.attempts),
        attempts=tuple((moment(a.at), name(a.model, longest=60), a.result) for a in measurement.attempts),
    )


def _answer(measurement: Measurement) -> str:
    """One sentence over all thresholds, worst first: a reader who stops here is not misled."""
    outcomes = [judged.outcome for judged in measurement.thresholds]
    if not outcomes:
        taken = counted(len(measurement.estimates), "number")
        without = sum(estimate.value is None for estimate in measurement.estimates)
        return f"No threshold is set, so nothing here is judged: of {taken}, {without:,} could not be measured."
    if set(outcomes) == {Met.MET}:
        return "The one threshold is met." if len(outcomes) == 1 else f"Each of {len(outcomes):,} thresholds is met."
    none_met = "" if Met.MET in outcomes else ", and none is met"
    return f"Of {counted(len(outcomes), 'threshold')}, {outcomes_in_words(outcomes)}{none_met}."


def _fact(estimate: Estimate) -> tuple[Cell, ...]:
    about = name(estimate.about, longest=60) if estimate.about is not None else "the whole"
    return (measure_words(estimate), about, name(group_words(estimate)), *estimate_cells(estimate))


def _settings(conditions: Conditions) -> tuple[tuple[str, Cell], ...]:
    said: list[tuple[str, Cell]] = [
        ("Version measured", name(conditions.model)),
        ("Who says it was this version", ORIGIN_MEANS[conditions.model_origin]),
    ]
    return (*said, *((label, name(text, longest=400)) for label, text in conditions.settings))


def _attempted(attempts: Sequence[Attempt]) -> str:
    if not attempts:
        return "This is the first attempt that the ledger knows."
    return (
        f"This is attempt {number(len(attempts) + 1).shown}; those before it are below. The more attempts there are on "
        "the same rows, the less one that meets its thresholds says."
    )

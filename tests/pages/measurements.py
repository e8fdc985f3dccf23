"""Measurements with everything that a report can show, as plain data."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from affidavit.evidence import Origin
from affidavit.measure import Estimate, cannot
from affidavit.pages import charts, distributions
from affidavit.pages.figures import Figure, Histogram, Limit, Pair, Point, ReliabilityBin
from affidavit.pages.report import Action, Attempt, Conditions, Judged, Measurement, ReportPage, report_page
from affidavit.rules.thresholds import Met

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
TOO_FEW = "too few: 12 rows, 30 are asked for"


def recall(value: float | None, *, group: str = "", about: str | None = None, n: int = 240) -> Estimate:
    pairs = (("race", group),) if group else ()
    if value is None:
        return cannot("recall", TOO_FEW, n=12, group=pairs, about=about)
    return Estimate("recall", value, n, value - 0.05, value + 0.04, group=pairs, about=about)


def judged(estimate: Estimate, *, at_least: float = 0.8, when: str = "") -> Point:
    met = Met.CANNOT if estimate.value is None else Met.MET if estimate.value >= at_least else Met.NOT_MET
    return Point(estimate, met, when)


def many(count: int) -> list[Point]:
    """Groups that meet the threshold, of which the last two do not, and one before them cannot be judged."""
    values = [0.9] * (count - 3) + [None, 0.5, 0.6]
    return [judged(recall(value, group=f"group {n}")) for n, value in enumerate(values)]


def drawings() -> dict[str, Figure]:
    """Each chart once."""
    groups = [judged(recall(value, group=name)) for name, value in (("a", 0.9), ("b", 0.7), ("few", None))]
    bins = [ReliabilityBin(0.0, 0.5, 0.24, Estimate("calibration", 0.25, 90, 0.2, 0.3))]
    bins += [ReliabilityBin(0.5, 0.9, 0.61, cannot("calibration", TOO_FEW, n=12))]
    bins += [ReliabilityBin(0.9, 1.0, None, cannot("calibration", "an empty bin"))]
    ks = [Estimate("ks_statistic", value, 500, about=name) for name, value in (("income", 0.04), ("ratio", 0.3))]
    ks += [cannot("ks_statistic", "constant in both windows, not of one value", about="flag")]
    weeks = [judged(recall(value), when=f"2026-01-{n + 1:02}") for n, value in enumerate((0.9, 0.7, None, 0.8, 0.85))]
    return {
        "groups": charts.groups(groups, limit=Limit(at_least=0.8)),
        "drift": charts.drift([Point(e, None if e.value else Met.CANNOT) for e in ks], limit=Limit(at_most=0.1)),
        "paired": charts.paired(
            [Pair(recall(0.8), recall(0.7), Point(Estimate("recall_difference", -0.1, 240, -0.2, 0.01)), "higher")]
        ),
        "over_time": charts.over_time(weeks, limit=Limit(at_least=0.75, at_most=0.99)),
        "score_distribution": distributions.score_distribution(
            Histogram((0.0, 0.25, 0.5, 1.0), (("granted", (50, 20, 3)), ("denied", (2, 9, 30))))
        ),
        "calibration": distributions.calibration(bins),
        "tool_mix": distributions.tool_mix({"search": 90, "ratio": 10}, {"search": 40, "escalate": 40}),
    }


def measurement(*figures: Figure, **changed: object) -> Measurement:
    """A measurement of which one threshold of three is met."""
    whole = Measurement(
        what="Performance and fairness",
        subject="mortgage-approval version 3",
        scope="system:mortgage-approval",
        thresholds=(
            Judged("recall at least 0.8", Met.MET, "recall is 0.84; at least 0.8 is demanded: met."),
            Judged("log_loss at most 0.4", Met.CANNOT, "log_loss has no value."),
            Judged("recall of each group of race at least 0.8", Met.NOT_MET, "race = b (is 0.7) misses."),
        ),
        estimates=(
            recall(0.84),
            recall(0.7, group="b"),
            recall(None, group="few"),
            recall(0.5, about="class one"),
            cannot("log_loss", "an infinite score", n=240),
        ),
        actions=(Action("Ask why one group misses.", "model-owner"), Action("Find the infinite score.", "")),
        figures=figures,
        conditions=Conditions(
            model="models:/mortgage-approval/3",
            model_origin=Origin.RECORDED,
            settings=(
                ("seed", "20260314"),
                ("smallest group", "30 rows"),
                ("window: hold-out", "rows of the first quarter"),
                ("recall", "Wilson interval (Wilson 1927)"),
            ),
        ),
        not_tested=("Membership of training rows: no endpoint is declared.",),
        attempts=(
            Attempt(NOON, "models:/mortgage-approval/2", "2 of 3 thresholds were not met."),
            Attempt(NOON, "models:/mortgage-approval/3", "1 of 3 thresholds was not met."),
        ),
        demonstration="Runs are scripted.",
    )
    return replace(whole, **changed)  # type: ignore[arg-type]


def page_with(*figures: Figure, **changed: object) -> ReportPage:
    """The page of :func:`measurement`."""
    return report_page(measurement(*figures, **changed))

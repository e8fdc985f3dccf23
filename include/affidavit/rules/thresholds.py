"""Whether estimates meet a threshold. Absence meets nothing: what was not measured, or could not be, is not judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from affidavit.inventory.thresholds import Threshold
from affidavit.measure import Estimate
from affidavit.rules.registry import some


class Met(StrEnum):
    """The answer. Only ``MET`` speaks for what was measured."""

    MET = "met"
    NOT_MET = "not met"
    CANNOT = "cannot be judged"


WORST_FIRST = (Met.NOT_MET, Met.CANNOT, Met.MET)
"""The order in which answers count: of several the worst stands."""


@dataclass(frozen=True)
class Judgement:
    """The answer, and what it rests on in one sentence. ``rows`` are the fewest behind any estimate; None of none."""

    met: Met
    sentence: str
    rows: int | None


def judge_threshold(threshold: Threshold, estimates: Sequence[Estimate]) -> Judgement:
    """Judge every one of ``estimates`` that ``threshold`` reaches; the worst answer stands.

    Where the worst end of an interval is judged and there is no interval, a value that misses is not met, as its worst
    end could only be worse, and any other cannot be judged. Which groups there should be, ``threshold`` does not know:
    of each that is declared there has to be an estimate, if only one that says why there is no value.
    """
    reached = [estimate for estimate in estimates if _reaches(threshold, estimate)]
    if not reached:
        return Judgement(Met.CANNOT, f"{threshold.label} was not measured.", None)
    answers = [(_answer(threshold, estimate), estimate) for estimate in reached]
    worst = min((met for met, _ in answers), key=WORST_FIRST.index)
    these = [estimate for met, estimate in answers if met is worst]
    return Judgement(worst, _sentence(threshold, worst, these, of=len(reached)), min(one.n for one in reached))


def outcome_of(thresholds: Iterable[Threshold], estimate: Estimate) -> Met | None:
    """What the first of ``thresholds`` that reaches ``estimate`` says of it alone; None where none does."""
    found = (judge_threshold(threshold, [estimate]) for threshold in thresholds)
    return next((each.met for each in found if each.rows is not None), None)


def _reaches(threshold: Threshold, estimate: Estimate) -> bool:
    if estimate.measure != threshold.measure or threshold.about not in {None, estimate.about}:
        return False
    if threshold.each_group_of:
        return sorted(column for column, _ in estimate.group) == sorted(threshold.each_group_of)
    return dict(estimate.group) == threshold.group


def _answer(threshold: Threshold, estimate: Estimate) -> Met:
    if estimate.value is None:
        return Met.CANNOT
    if not all(_meets(threshold, number) for number in (estimate.value, *_ends(threshold, estimate))):
        return Met.NOT_MET
    return Met.CANNOT if threshold.judged_by == "interval" and estimate.low is None else Met.MET


def _ends(threshold: Threshold, estimate: Estimate) -> Iterator[float]:
    for end in (estimate.low, estimate.high):
        if threshold.judged_by == "interval" and end is not None:
            yield end


def _meets(threshold: Threshold, number: float) -> bool:
    enough = threshold.at_least is None or number >= threshold.at_least
    return enough and (threshold.at_most is None or number <= threshold.at_most)


def _sentence(threshold: Threshold, met: Met, these: Sequence[Estimate], *, of: int) -> str:
    judged = " at the worst end of the interval" if threshold.judged_by == "interval" else ""
    if of == 1:
        found = _found(threshold, these[0])
        return f"{threshold.label} {found}; {threshold.demand}{judged} is demanded: {met}."
    if met is Met.MET:
        return f"{threshold.label}: all {of} come to {threshold.demand}{judged}, as is demanded."
    named = some(f"{_name(estimate)} ({_found(threshold, estimate)})" for estimate in these)
    what = "miss" if met is Met.NOT_MET else "cannot be judged against"
    return f"{threshold.label}: {len(these)} of {of} {what} {threshold.demand}{judged}, which is demanded: {named}."


def _name(estimate: Estimate) -> str:
    """What tells it from the others that the same threshold reaches."""
    group = [f"{column} = {value}" for column, value in estimate.group]
    return " and ".join([*([] if estimate.about is None else [estimate.about]), *group]) or "the whole"


def _found(threshold: Threshold, estimate: Estimate) -> str:
    if estimate.value is None:
        return f"has no value ({estimate.why})"
    value = _number(threshold, estimate.value)
    if threshold.judged_by == "value":
        return f"is {value}"
    if estimate.low is None or estimate.high is None:
        return f"is {value}, without an interval"
    return f"is {value}, from {_number(threshold, estimate.low)} to {_number(threshold, estimate.high)}"


def _number(threshold: Threshold, number: float) -> str:
    """Few digits, or as many as keep the number from reading like a bound that it is not."""
    bounds = [bound for bound in (threshold.at_least, threshold.at_most) if bound not in {None, number}]
    short = f"{number:,.4g}" if abs(number) < 1_000 else f"{number:,.0f}"
    return repr(number) if any(short in (f"{bound:,.4g}", f"{bound:,.0f}") for bound in bounds) else short

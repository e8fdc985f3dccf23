"""What a measured number must come to, as reviewed policy; and what a change of that weakens.

A threshold reaches every estimate of its measure that it does not leave out: of one feature, class or perturbation
where it is ``about`` one, else of each; of one group, of each group of some columns, or of all rows. All that it
reaches must meet it, and it must reach at least one: what nobody measured meets nothing.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field, model_validator

from affidavit.inventory.declared import Declared, Name, Text, first_again, refuse
from affidavit.inventory.waiting import Waiting

JudgedBy = Literal["value", "interval"]
End = Literal["at_least", "at_most"]


class Threshold(Declared):
    """What every estimate of ``measure`` that it reaches must come to."""

    measure: Name = Field(description="Name of the measure: recall, selection_rate_ratio, population_stability_index")
    about: Name | None = Field(
        None, description="The one feature, class or perturbation that it is about; if absent, each that was measured"
    )
    group: dict[Name, Name] = Field(
        default_factory=dict, description="The one group that it is about, column by column; all rows if absent"
    )
    each_group_of: tuple[Name, ...] = Field(
        (), description="Columns each group of which must meet it; of several columns, each intersection"
    )
    at_least: float | None = Field(None, allow_inf_nan=False)
    at_most: float | None = Field(None, allow_inf_nan=False)
    judged_by: JudgedBy = Field(
        "value", description="Whether the value must meet it, or the worst end of its 95 % interval"
    )
    why: Text | None = Field(None, description="Why it is demanded; shown where it is not met")

    @property
    def label(self) -> str:
        """What it reaches, in words: ``recall of each group of sex``."""
        about = "" if self.about is None else f" about {self.about}"
        if self.each_group_of:
            return f"{self.measure}{about} of each group of {' and '.join(sorted(self.each_group_of))}"
        pairs = " and ".join(f"{column} = {value}" for column, value in sorted(self.group.items()))
        return f"{self.measure}{about} of {pairs}" if pairs else f"{self.measure}{about}"

    @property
    def demand(self) -> str:
        """What it demands, in words: ``at least 0.8``."""
        return " and ".join(_bound(end, getattr(self, end)) for end in _ENDS if getattr(self, end) is not None)

    @model_validator(mode="after")
    def _can_be_met(self) -> Threshold:
        if self.at_least is None and self.at_most is None:
            raise refuse((), "a threshold that demands nothing", "write at_least or at_most, or both for a range")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise refuse(("at_most",), "below its own at_least, so that no value can meet it", "correct one of the two")
        if self.group and self.each_group_of:
            fix = "keep group or each_group_of, or make two thresholds of it"
            raise refuse(("each_group_of",), "one group and each group, in one threshold", fix)
        if (n := first_again(self.each_group_of)) is not None:
            raise refuse(("each_group_of", n), f"the column {self.each_group_of[n]!r} a second time", "name it once")
        return self


_ENDS: tuple[End, End] = ("at_least", "at_most")


def consistent(field: str, thresholds: Sequence[Threshold]) -> None:
    """Refuse two items of ``field`` that no estimate could meet both, naming the two places."""
    for (n, one), (m, other) in itertools.combinations(enumerate(thresholds), 2):
        if _contradict(one, other):
            problem = f"demands {other.demand} of {other.label}, where {field}[{n}] demands {one.demand} of {one.label}"
            raise refuse((field, m), problem, "change one of the two: no value can meet both")


def known(field: str, thresholds: Sequence[Threshold], measures: Collection[str]) -> None:
    """Refuse an item of ``field`` whose measure is none of ``measures``, with near names."""
    for n, threshold in enumerate(thresholds):
        if threshold.measure not in measures:
            near = difflib.get_close_matches(threshold.measure, list(measures), n=3)
            fix = "did you mean " + " or ".join(map(repr, near)) + "?" if near else "name one that is measured here"
            raise refuse((field, n, "measure"), f"there is no measure {threshold.measure!r}", fix)


def looser(old: Sequence[Threshold], new: Sequence[Threshold]) -> list[str]:
    """One sentence for each weakening; none only if whatever meets ``new`` meets ``old``."""
    waiting = Waiting("")
    thresholds_in_force(old, new, waiting)
    return [
        f"Of {item.field.removeprefix('thresholds.')}, {item.why}: "
        f"{item.old} is in force, {item.new or 'nothing'} would be."
        for item in waiting.found
    ]


def thresholds_in_force(old: Sequence[Threshold], new: Sequence[Threshold], waiting: Waiting) -> tuple[Threshold, ...]:
    """The thresholds that stand, the strictest of both versions; ``waiting`` is told what would be weaker.

    A new one that an old one which stands contradicts comes in with the approval, as nothing could meet both.
    """
    old = [threshold for threshold in old if not _let_go(threshold, new, waiting)]
    standing = list(new)
    while True:
        kept = [threshold for threshold in old if not _implied(threshold, standing)]
        possible = [threshold for threshold in standing if not any(_contradict(threshold, k) for k in kept)]
        if len(possible) == len(standing):
            return (*(threshold for threshold in standing if not _implied(threshold, kept)), *kept)
        standing = possible


def below(field: str, old: Sequence[Threshold], new: Sequence[Threshold], waiting: Waiting) -> tuple[Threshold, ...]:
    """:func:`thresholds_in_force` of thresholds that stand below ``field``, by which ``waiting`` is told of them."""
    approved = {(f, place.removeprefix(f"{field}."), *rest) for f, place, *rest in waiting.approved}
    told = Waiting(waiting.file, approved)  # type: ignore[arg-type]
    standing = thresholds_in_force(old, new, told)
    waiting.found += [replace(found, field=f"{field}.{found.field}") for found in told.found]
    return standing


def _let_go(threshold: Threshold, new: Sequence[Threshold], waiting: Waiting) -> bool:
    """Whether every way in which ``new`` demands less than an old threshold was approved, and there is one."""
    place = f"thresholds.{threshold.label}"
    held = [waiting.holds(place, each.old, each.new, each.why) for each in _weakenings(threshold, new)]
    return bool(held) and not any(held)


@dataclass(frozen=True)
class _Demand:
    """One bound. An interval is judged by its worst end, and then the value meets the bound too."""

    end: End
    bound: float
    judged_by: JudgedBy

    def implies(self, other: _Demand) -> bool:
        return self.reaches(other) and (self.judged_by == "interval" or other.judged_by == "value")

    def reaches(self, other: _Demand) -> bool:
        """Whether its bound is at least as strict, however it is judged."""
        if self.end != other.end:
            return False
        return self.bound >= other.bound if self.end == "at_least" else self.bound <= other.bound


@dataclass(frozen=True)
class _Weakening:
    old: str
    new: str | None
    why: str


def _weakenings(threshold: Threshold, new: Sequence[Threshold]) -> Iterator[_Weakening]:
    """How ``new`` demands less than ``threshold`` does; nothing only if whatever meets ``new`` meets it."""
    if not any(_within(other, threshold) for other in new):
        yield _dropped(threshold, new)
        return
    covering = [demand for other in new if _within(threshold, other) for demand in _demands(other)]
    if not covering:
        part = next(other for other in new if _within(other, threshold))
        yield _Weakening(threshold.label, part.label, "only a part would be judged")
        return
    for demand in _demands(threshold):
        if not any(other.implies(demand) for other in covering):
            yield _weaker(demand, [other for other in covering if other.end == demand.end])


def _dropped(threshold: Threshold, new: Sequence[Threshold]) -> _Weakening:
    wider = next((other for other in new if _within(threshold, other)), None)
    if wider is not None:
        return _Weakening(threshold.label, wider.label, "it would no longer have to be measured by itself")
    of_measure = [other for other in new if (other.measure, other.about) == (threshold.measure, threshold.about)]
    if of_measure and (threshold.group or threshold.each_group_of):
        return _Weakening(threshold.label, of_measure[0].label, "the groups would no longer be judged")
    return _Weakening(threshold.demand, None, "nothing would be demanded any more")


def _weaker(demand: _Demand, covering: Sequence[_Demand]) -> _Weakening:
    if not covering:
        why = f"no value would be too {'low' if demand.end == 'at_least' else 'high'} any more"
        return _Weakening(_text(demand), None, why)
    if reaching := [other for other in covering if other.reaches(demand)]:
        return _Weakening(_text(demand), _text(reaching[0]), "the value would be judged and not its interval")
    best = (max if demand.end == "at_least" else min)(covering, key=lambda other: other.bound)
    why = f"a {'lower' if demand.end == 'at_least' else 'higher'} value would pass"
    if demand.judged_by != best.judged_by:
        why += f", and it would be judged by its {best.judged_by}"
    return _Weakening(_text(demand), _text(best), why)


def _demands(threshold: Threshold) -> Iterator[_Demand]:
    for end in _ENDS:
        bound: float | None = getattr(threshold, end)
        if bound is not None:
            yield _Demand(end, bound, threshold.judged_by)


def _implied(threshold: Threshold, others: Sequence[Threshold]) -> bool:
    return next(_weakenings(threshold, others), None) is None


def _within(one: Threshold, other: Threshold) -> bool:
    """Whether ``other`` reaches every estimate that ``one`` could reach."""
    if one.measure != other.measure or other.about not in {None, one.about}:
        return False
    return _groups(one) == _groups(other) or (bool(other.each_group_of) and {*one.group} == {*other.each_group_of})


def _contradict(one: Threshold, other: Threshold) -> bool:
    """Whether some estimate is reached by both, and could meet only one of them."""
    apart = one.about != other.about and None not in {one.about, other.about}
    if one.measure != other.measure or apart:
        return False
    columns = {*one.each_group_of}, {*other.each_group_of}
    met = _groups(one) == _groups(other) or {*one.group} == columns[1] != set() or {*other.group} == columns[0] != set()
    least = [bound for bound in (one.at_least, other.at_least) if bound is not None]
    most = [bound for bound in (one.at_most, other.at_most) if bound is not None]
    return met and bool(least) and bool(most) and max(least) > min(most)


def _groups(threshold: Threshold) -> tuple[Mapping[str, str], frozenset[str]]:
    return threshold.group, frozenset(threshold.each_group_of)


def _bound(end: End, bound: float) -> str:
    return f"{end.replace('_', ' ')} {bound:.12g}"


def _text(demand: _Demand) -> str:
    of_interval = " at the worst end of the interval" if demand.judged_by == "interval" else ""
    return _bound(demand.end, demand.bound) + of_interval

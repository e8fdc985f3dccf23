"""What a version answers when it is asked about rows that were drawn before, in four families (:data:`FAMILIES`).

As it was recorded; otherwise when rows change; by which features; and whether it tells what it was trained on. What is
not tried for a reason says "not tested" and why. Each family asks at most :data:`QUESTIONS` rows, all together at most
:data:`SECONDS`. Values of rows stay in memory; what comes out are counts and shares.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.collect.scoring import Scorer
from affidavit.errors import SourceUnavailable
from affidavit.inventory import Measured
from affidavit.inventory.measures import measures_of
from affidavit.measure import Estimate, cannot
from affidavit.measure.agreement import MINIMUM, decision_agreement, score_agreement
from affidavit.measure.asking import Feature, absent, chosen, is_number, length
from affidavit.measure.explanation import (
    AGREEMENT,
    OUTSIDE,
    REASONS,
    importances,
    permutation_importance,
    reason_overlap,
)
from affidavit.measure.membership import membership_inference
from affidavit.measure.proxies import AUC as PROXY_AUC
from affidavit.measure.proxies import INFORMATION, proxies
from affidavit.measure.robustness import adversarial, flip_rates
from affidavit.measure.rows import Facet

FAMILIES = ("agreement", "robustness", "explanation", "membership")

QUESTIONS = 250_000
"""Most rows that one family asks."""

SECONDS = 900.0
"""Longest time that all questions about one table may take."""

RADIUS = 0.5
"""How far the search for another decision goes, in standard deviations of each column."""

_CHANGES = 8  # a feature is changed in so many ways at most
_REPEATS = 10  # of a permutation
_SEARCH = 20  # rounds of the search beside one each way along every column
_HALVINGS = 7
_REASONED, _SAMPLES, _DRAWS = 10, 20, 4  # decisions whose reasons are drawn, samples of each, and how often

Frame = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Drawn:
    """Rows as a warehouse holds them: ``features`` by name; ``label``, ``score`` and ``decision`` of each row.

    Labels, decisions and the values of ``groups`` are as they are declared, None or "" where they are not. Of a
    regression ``label`` holds numbers, of any number of classes but two ``score`` holds the class.
    """

    features: Mapping[str, Sequence[Any]]
    label: Sequence[Any]
    score: Sequence[Any]
    decision: Sequence[str | None] | None = None
    groups: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.label)

    @property
    def frame(self) -> Frame:
        """The features as arrays: numbers as floats, NaN where one is missing; anything else as objects."""
        return {name: _column(values) for name, values in self.features.items()}


@dataclass(frozen=True)
class Asked:
    """A version that can be asked, the rows that it is asked about, and rows it was trained on, or why there are none.

    The rows are of that version, as far as the table tells versions apart.
    """

    measured: Measured
    scorer: Scorer
    rows: Drawn
    training: Drawn | str
    began: float = field(default_factory=time.monotonic)

    def scores(self, table: Mapping[str, Any]) -> list[float]:
        """Its answers where they are numbers. Raises ``SourceUnavailable`` after :data:`SECONDS`."""
        self._in_time()
        return self.scorer.scores(table)

    def decisions(self, table: Mapping[str, Any]) -> list[str]:
        """Its answers as classes: as it gives them, or by the cut. Raises as :meth:`scores`."""
        if not self.measured.answers_class:
            return self.decided(self.scores(table))
        self._in_time()
        return self.scorer.decisions(table)

    def decided(self, scores: Sequence[float]) -> list[str]:
        """What the cut makes of scores."""
        cut, (negative, positive) = self.measured.cut, self.measured.ordered
        assert cut is not None  # else :attr:`undecided` says so
        return [positive if score >= cut else negative for score in scores]

    def _in_time(self) -> None:
        if time.monotonic() - self.began > SECONDS:
            fix = "name fewer features, draw a smaller sample, or serve it by a faster machine"
            raise SourceUnavailable(f"its answers took more than {SECONDS:g} s", fix=fix)

    @property
    def undecided(self) -> str | None:
        """Why its answers are no decisions."""
        if self.measured.task == "regression":
            return "a regression decides nothing"
        if not self.measured.answers_class and self.measured.cut is None:
            return "the version answers scores, and no cut says what they decide"
        return None

    @property
    def unscored(self) -> str | None:
        """Why its answers are no scores."""
        return "the version answers classes, not scores" if self.measured.answers_class else None


def not_tested(names: Sequence[str], why: str, *, n: int = 0) -> list[Estimate]:
    """Each of these measures, with the reason why nobody tried it."""
    return [cannot(name, f"not tested: {why}", n=n) for name in names]


def answered(asked: Asked) -> Iterator[tuple[str, list[Estimate]]]:
    """Each family with its results, of :data:`MINIMUM` rows or more.

    Raises ``SourceError`` where the version does not answer as it must.
    """
    rows, features = asked.rows.rows, len(asked.measured.features)
    tried: Mapping[str, tuple[Callable[[Asked], list[Estimate]], int]] = {
        "agreement": (_agreement, rows),
        "robustness": (_robustness, rows * (_CHANGES * features + _rounds(asked))),
        "explanation": (
            _explanation,
            rows * (1 + _REPEATS * features) + _REASONED * _DRAWS * _SAMPLES * (features + 1),
        ),
        "membership": (_membership, 2 * rows),
    }
    for family, (ask, questions) in tried.items():
        if questions > QUESTIONS:
            why = f"it would ask {questions:,} rows, more than {QUESTIONS:,}"
            yield family, not_tested(measures_of(family), why, n=rows)
        else:
            yield family, ask(asked)


def _agreement(asked: Asked) -> list[Estimate]:
    """The recorded answers against those given now."""
    measured, rows = asked.measured, asked.rows
    if measured.answers_class:
        again = asked.decisions(rows.features)
        first = not_tested(["score_agreement"], str(asked.unscored))
        return [*first, decision_agreement(_recorded(asked), again)]
    scores = asked.scores(rows.features)
    found = [score_agreement([_number(each) for each in rows.score], scores, tolerance=measured.tolerance)]
    if asked.undecided:
        return [*found, *not_tested(["decision_agreement"], asked.undecided)]
    return [*found, decision_agreement(_recorded(asked), asked.decided(scores))]


def _recorded(asked: Asked) -> list[str | None]:
    """The recorded decisions, as declared."""
    measured, rows = asked.measured, asked.rows
    if rows.decision is not None:
        return list(rows.decision)
    if measured.task == "multiclass":
        return list(rows.score)
    assert measured.cut is not None
    negative, positive = measured.ordered
    numbers = [_number(each) for each in rows.score]
    return [None if each is None else positive if each >= measured.cut else negative for each in numbers]


def _rounds(asked: Asked) -> int:
    return 2 * len(asked.measured.features) + _SEARCH + _HALVINGS


def _robustness(asked: Asked) -> list[Estimate]:
    measured, frame = asked.measured, asked.rows.frame
    if asked.undecided:
        return not_tested(measures_of("robustness"), asked.undecided)
    features = [Feature(name, categories=_categories(frame[name])) for name in measured.features]
    by = [Facet(column, _objects(values), measured.groups[column]) for column, values in asked.rows.groups.items()]
    found = flip_rates(asked.decisions, frame, features, seed=measured.seed, by=by)
    numbers = [name for name in measured.features if is_number(frame[name])]
    questions = _rounds(asked) * asked.rows.rows
    return [
        *found,
        *adversarial(asked.decisions, frame, numbers, radius=RADIUS, questions=questions, seed=measured.seed),
    ]


def _explanation(asked: Asked) -> list[Estimate]:
    frame, names = asked.rows.frame, measures_of("explanation")
    if asked.undecided:
        found = not_tested([each for each in names if each.startswith(("permutation", *_DECLARED))], asked.undecided)
    else:
        found = _importance(asked, frame)
    if asked.unscored:
        found += not_tested([REASONS], asked.unscored)
    else:
        some = chosen(frame, np.arange(min(_REASONED, length(frame))))
        rest = chosen(frame, np.arange(len(next(iter(some.values()))), length(frame)))
        found.append(reason_overlap(asked.scores, some, rest, seed=asked.measured.seed, samples=_SAMPLES))
    if not asked.measured.groups:
        return [*found, *not_tested([PROXY_AUC, INFORMATION], "no groups are declared")]
    for column, values in asked.rows.groups.items():
        facet = Facet(column, _objects(values), asked.measured.groups[column])
        # Of a group that the version is given, every feature would be its own proxy.
        others = [name for name in asked.measured.features if name != column]
        if not others:
            found += not_tested([PROXY_AUC, INFORMATION], f"{column} is the only feature")
            continue
        found += [
            each if each.group or each.measure != INFORMATION else _of(each, f"{each.about} and {column}")
            for each in proxies(frame, facet, features=others, seed=asked.measured.seed)
        ]
    return found


_DECLARED = (AGREEMENT, OUTSIDE)


def _importance(asked: Asked, frame: Frame) -> list[Estimate]:
    measured = asked.measured
    label = _objects(asked.rows.label)
    known = np.array([each in measured.classes for each in label], bool)
    n = int(known.sum())
    if n < MINIMUM:
        names = [each for each in measures_of("explanation") if each.startswith(("permutation", *_DECLARED))]
        return [cannot(name, f"too few: {n} labelled rows, {MINIMUM} are asked for", n=n) for name in names]
    features = measured.features
    drops = permutation_importance(
        asked.decisions, chosen(frame, known), label[known], features=features, seed=measured.seed, repeats=_REPEATS
    )
    found = importances(drops, features=features, declared=measured.relevant, rows=n)
    if measured.relevant:
        return found
    told = [each for each in found if each.measure not in _DECLARED]
    return [*told, *not_tested(_DECLARED, "no feature is declared relevant", n=n)]


def _membership(asked: Asked) -> list[Estimate]:
    measured, names = asked.measured, measures_of("membership")
    if measured.task != "binary":
        return not_tested(names, f"the attack is on two classes, and this is a {measured.task} task")
    if asked.unscored:
        return not_tested(names, asked.unscored)
    if isinstance(asked.training, str):
        return not_tested(names, asked.training)
    sides = []
    for drawn in (asked.training, asked.rows):
        label = _objects(drawn.label)
        known = np.array([each in measured.classes for each in label], bool)
        sides.append((chosen(drawn.frame, known), label[known] == measured.positive))
    asked_once = [asked.scores(table) if len(label) else [] for table, label in sides]
    if any(not 0 <= score <= 1 for scores in asked_once for score in scores):
        return not_tested(names, "the version answers scores that are no probabilities")
    given = iter(asked_once)
    return membership_inference(lambda _: next(given), members=sides[0], others=sides[1], seed=measured.seed)


def _of(each: Estimate, about: str) -> Estimate:
    return Estimate(each.measure, each.value, each.n, each.low, each.high, about, each.group, each.why)


def _column(values: Sequence[Any]) -> NDArray[Any]:
    there = [each for each in values if each is not None]
    if there and all(isinstance(each, int | float | Decimal) and not isinstance(each, bool) for each in there):
        return np.array([np.nan if each is None else float(each) for each in values])
    return _objects(values)


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    column = np.empty(len(values), object)
    column[:] = list(values)
    return column


def _categories(column: NDArray[Any]) -> tuple[Any, ...]:
    """What a category may be: the values that were drawn."""
    return () if is_number(column) else tuple(dict.fromkeys(column[~absent(column)].tolist()))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)

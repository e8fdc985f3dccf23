"""Measures of other packages, taken of a bounded sample of the rows that one version answered.

They are called in this process, as the packages of whoever runs it are: what is bounded is how many rows they are
given and how long they may take. What one raises, or gives that is no estimate, is told by the kind of error alone, as
its words may hold a row's values; the other measures go on.
"""

from __future__ import annotations

import threading
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.collect.scored import Found, Scored
from affidavit.errors import ConfigurationError
from affidavit.inventory import Measured
from affidavit.measure import Estimate, cannot
from affidavit.measure.confusion import usable_weight
from affidavit.measure.custom import GROUP, Measure, Rows, loaded
from affidavit.measure.rows import TROUBLES
from affidavit.warehouse.facets import GroupColumn
from affidavit.warehouse.sample import METHOD, UNDECLARED, sample

MOST_ROWS = 10_000
"""Rows that a measure is given at most."""

SECONDS = 60.0
"""How long one may take. It is left then, and goes on until this process ends."""


def custom(scored: Scored) -> Found:
    """Every measure of another package that the table names. Raises as :func:`affidavit.warehouse.sample.sample`."""
    measured = scored.measured
    if scored.version is None:
        why = "which version is in use is unknown, and so whose answers the rows hold"
        return Found([cannot(name, why) for name in measured.custom], 0)
    rows, left_out = _drawn(scored)
    said = {"sample": f"at most {MOST_ROWS:,} rows by {METHOD}"}
    estimates = []
    for name in measured.custom:
        estimate, origin = _taken(name, measured, rows, obstacle=_obstacle(left_out))
        estimates.append(estimate)
        if origin:
            said[name] = f"offered by {origin}"
    return Found(estimates, len(rows.label), left_out, settings=said)


def _taken(name: str, measured: Measured, rows: Rows, *, obstacle: str | None) -> tuple[Estimate, str | None]:
    """One measure, and the package that it is of."""
    points = list(entry_points(group=GROUP, name=name))
    if len(points) != 1:
        what = f"{len(points)} installed packages offer it" if points else "no installed package offers it"
        return cannot(name, f"not tested: {what}"), None
    try:
        measure = loaded(points[0])
    except ConfigurationError as error:
        return cannot(name, f"not tested: {error.problem}"), _package(points[0])
    if measured.task not in measure.tasks:
        return cannot(name, f"not tested: it is no measure of a {measured.task} task"), _package(points[0])
    if obstacle:
        return cannot(name, obstacle, n=len(rows.label)), _package(points[0])
    return _estimate(measure, rows), _package(points[0])


def _package(point: EntryPoint) -> str | None:
    return f"{point.dist.name} {point.dist.version}" if point.dist else None


def _estimate(measure: Measure, rows: Rows) -> Estimate:
    answers: list[Estimate] = []

    def ask() -> None:
        try:
            found = measure.estimate(rows)
        except Exception as error:
            found = cannot(measure.name, f"the measure raised {type(error).__name__}")
        answers.append(found)

    # A daemon: one that hangs must not keep the process from ending.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(SECONDS)
    n = len(rows.label)
    if not answers:
        return cannot(measure.name, f"the measure took more than {SECONDS:g} s", n=n)
    found = answers[0]
    if not isinstance(found, Estimate) or found.measure != measure.name or found.n > n or found.group or found.about:
        return cannot(measure.name, "the measure gave no estimate of these rows under its own name", n=n)
    if found.why is not None:
        # In words of ours: theirs could hold a value of a row.
        return found if found.why.startswith("the measure raised") else cannot(found.measure, _THEIRS, n=found.n)
    return found


_THEIRS = "the measure says that it cannot be judged of these rows"


def _obstacle(left_out: dict[str, int]) -> str | None:
    wrong = [f"{n} rows {what}" for what, n in left_out.items() if n and what != TROUBLES[0]]
    return " and ".join(wrong) or None


def _drawn(scored: Scored) -> tuple[Rows, dict[str, int]]:
    """The sample as a measure gets it, and how many rows are left out of it, by the reason."""
    measured, table = scored.measured, scored.table
    assert measured.key is not None
    coded = {
        column: GroupColumn(column, measured.ordered)
        for column in (table.label, measured.decision, None if measured.task == "binary" else table.score)
        if column is not None and measured.classes
    }
    plain = [name for name in (table.label, table.score, measured.weight) if name is not None and name not in coded]
    asked: list[str | GroupColumn] = [*plain, *coded.values()]
    found = sample(scored.opened, scored.rows, key=measured.key, columns=asked, rows=MOST_ROWS, seed=str(measured.seed))
    codes = {column: _positions(found.coded[of], measured.ordered) for column, of in coded.items()}
    numbers = {column: np.array(found.numbers(column)) for column in plain}
    none = np.full(found.rows, np.nan)
    score = numbers[table.score] if measured.task == "binary" else none
    label: NDArray[Any] = codes[table.label] if measured.classes else numbers[table.label]
    decision: NDArray[Any]
    if measured.cut is not None:
        decision = np.where(np.isfinite(score), (score >= measured.cut).astype(np.int64), -2)
    else:
        decision = codes[measured.decision or table.score] if measured.classes else numbers[table.score]
    weight = numbers[measured.weight] if measured.weight else np.ones(found.rows)
    return _fit(label, score, decision, weight, binary=measured.task == "binary")


def _fit(
    label: NDArray[Any], score: NDArray[Any], decision: NDArray[Any], weight: NDArray[Any], *, binary: bool
) -> tuple[Rows, dict[str, int]]:
    """Rows without trouble; of several troubles the first counts, as everywhere."""
    coded = label.dtype.kind == "i"
    trouble = np.full(len(label), -1, np.intp)
    trouble[~usable_weight(weight)] = 5
    if binary:
        trouble[~np.isfinite(score)] = 2
    trouble[(decision == -1) if coded else np.zeros(len(label), bool)] = 3
    trouble[(decision == -2) if coded else ~np.isfinite(decision)] = 2
    trouble[(label == -1) if coded else np.isinf(label)] = 1
    trouble[(label == -2) if coded else np.isnan(label)] = 0
    fine = trouble < 0
    counts = np.bincount(trouble[~fine], minlength=len(TROUBLES))
    left_out = {name: int(n) for name, n in zip(TROUBLES, counts, strict=True)}
    return Rows(label[fine], score[fine], decision[fine], weight[fine]), left_out


def _positions(values: list[str | None], classes: tuple[str, ...]) -> NDArray[np.int64]:
    """Positions among the classes; -1 for a value that is not declared, -2 for none."""
    place = {name: n for n, name in enumerate(classes)} | {UNDECLARED: -1}
    return np.array([-2 if value is None else place[value] for value in values], np.int64)

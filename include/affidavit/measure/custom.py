"""Measures that somebody else wrote: what one is, how it is found, and whether it keeps its contract.

A package offers one by an entry point of the group ``affidavit.measures``, called as the measure, that names an object
with the attributes of :class:`Measure`. :func:`conformance` tries it on made-up rows and says in sentences what is
wrong with it: ``assert conformance(mine) == []`` in the package's own tests, ``affidavit measures`` where it is
installed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib.metadata import EntryPoint
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import ConfigurationError
from affidavit.measure.estimate import Estimate
from affidavit.measure.intervals import Floats

GROUP = "affidavit.measures"
"""The group of entry points: ``importlib.metadata.entry_points(group=GROUP)`` gives those that are installed."""

TASKS = ("binary", "multiclass", "regression")

_ORDERS = 12
"""Orders in which the same rows are tried: what looks at one row alone may be lucky in some."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Rows:
    """What was predicted, one value of each array for each row, without rows that have no label.

    ``label`` and ``decision`` hold positions among the declared classes, in ``regression`` numbers; ``score`` is NaN
    throughout where there is none, ``weight`` 1.
    """

    label: NDArray[Any]
    score: Floats
    decision: NDArray[Any]
    weight: Floats


class Measure(Protocol):
    """One measure: a pure function of rows.

    The same rows give the same estimate, in any order, and stay as they are. What cannot be judged, an empty table
    first of all, is :func:`affidavit.measure.cannot`, never NaN and never an exception.
    """

    name: str
    tasks: tuple[str, ...]
    better: Literal["higher", "lower"]

    def estimate(self, rows: Rows) -> Estimate:
        """The measure of these rows."""


def loaded(point: EntryPoint) -> Measure:
    """The measure that an entry point names, which keeps the contract and has the entry point's name.

    Raises ``ConfigurationError`` for one that cannot be loaded, that breaks the contract, or that has another name.
    """
    where = f"entry point {point.name!r} of {GROUP}"
    fix = "mend the package that offers it, or remove it"
    try:
        measure: Measure = point.load()
    except Exception as error:
        raise ConfigurationError(f"it cannot be loaded ({type(error).__name__})", where=where, fix=fix) from error
    if wrong := conformance(measure):
        raise ConfigurationError("; ".join(wrong), where=where, fix=fix)
    if measure.name != point.name:
        raise ConfigurationError(f"the measure calls itself {measure.name!r}", where=where, fix="use one name for both")
    return measure


def conformance(measure: Measure) -> list[str]:
    """What part of the contract the measure breaks, a sentence each; empty where it keeps all that is tried."""
    wrong = list(_described(measure))
    if wrong:
        return wrong
    for task in measure.tasks:
        for n, rows in enumerate(_samples(task)):
            wrong += _tried(measure, rows, np.random.default_rng(n))
    return list(dict.fromkeys(wrong))


def _described(measure: Measure) -> Iterator[str]:
    name, tasks = getattr(measure, "name", None), getattr(measure, "tasks", None)
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        yield "its name is not lower-case words joined by underscores"
    if not isinstance(tasks, tuple) or not tasks or not set(tasks) <= set(TASKS):
        yield f"its tasks are not a tuple of {', '.join(TASKS)}"
    if getattr(measure, "better", None) not in {"higher", "lower"}:
        yield "better is neither 'higher' nor 'lower'"
    if not callable(getattr(measure, "estimate", None)):
        yield "it has no method estimate(rows)"


def _samples(task: str) -> Iterator[Rows]:
    """Rows of a task: none, one, all alike, ties, and ordinary ones with weights."""
    rng = np.random.default_rng(11)
    classes = {"binary": 2, "multiclass": 3}.get(task)
    for n in (0, 1, 40, 41):
        if classes is None:
            label = rng.normal(size=n)
            yield Rows(label, np.full(n, np.nan), label + rng.normal(size=n), rng.gamma(2, 1, n))
        else:
            label, decision = rng.integers(0, classes, (2, n))
            score = np.round(rng.random(n), 1) if classes == 2 else np.full(n, np.nan)
            yield Rows(label, score, decision, np.ones(n) if n % 2 else rng.gamma(2, 1, n))
    same = np.zeros(40, float if classes is None else np.int64)
    yield Rows(same, np.full(40, np.nan if classes != 2 else 0.5), same.copy(), np.ones(40))


def _tried(measure: Measure, rows: Rows, rng: np.random.Generator) -> Iterator[str]:
    n, before = len(rows.label), _copied(rows)
    what = {0: "an empty table", 1: "one row"}.get(n, "a table of ordinary or constant columns")
    try:
        first = measure.estimate(rows)
        again = measure.estimate(_copied(before))
        mixed = [measure.estimate(_copied(before, rng.permutation(n))) for _ in range(_ORDERS)]
    except Exception as error:
        yield f"of {what} it raises {type(error).__name__}, where it should say why it cannot be judged"
        return
    if not all(isinstance(each, Estimate) for each in (first, again, *mixed)):
        yield "it does not give an Estimate"
        return
    if not all(
        np.array_equal(getattr(rows, each.name), getattr(before, each.name), equal_nan=True) for each in fields(Rows)
    ):
        yield "it changes the rows that it is given"
    if first.measure != measure.name:
        yield "its estimate carries another name"
    if n == 0 and first.value is not None:
        yield "of an empty table it gives a value"
    if not 0 <= first.n <= n:
        yield "its estimate rests on more rows than there are"
    if first != again:
        yield "the same rows give another estimate the second time"
    elif not all(_close(first, each) for each in mixed):
        yield "the order of rows matters"


def _copied(rows: Rows, order: NDArray[Any] | None = None) -> Rows:
    parts = (getattr(rows, each.name) for each in fields(Rows))
    return Rows(*(part.copy() if order is None else part[order] for part in parts))


def _close(one: Estimate, other: Estimate) -> bool:
    """Equal but for the last digits, which sums in another order change."""
    pairs = ((one.value, other.value), (one.low, other.low), (one.high, other.high))
    return one.n == other.n and all(
        (a is None and b is None)
        or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12))
        for a, b in pairs
    )

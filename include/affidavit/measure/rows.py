"""Values of columns as positions among what was declared, and what keeps a row from being judged."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.estimate import Group

OTHER = "other"
"""A group's value that the inventory does not list; all of these are one group."""

MISSING = "missing"
"""A group's value that is null."""

UNLABELLED = 0
TROUBLES = (
    "carry no label",
    "carry labels outside the declared set",
    "carry no prediction, or one that is not finite",
    "carry predictions outside the declared set",
    "carry scores outside 0 to 1",
    "carry weights that are missing, negative or not finite",
)
"""What can be wrong with a row, by position; of several the first counts. Rows without a label are left out, any other
makes what it would have counted for impossible to judge."""

Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Facet:
    """A column that tells groups apart: its ``values``, one for each row, and those of them that are ``declared``."""

    column: str
    values: NDArray[Any]
    declared: tuple[Any, ...]


def positions(values: NDArray[Any], declared: Sequence[Any]) -> Codes:
    """The position of each value among ``declared``, their number for any other, one more for None and NaN."""
    other, missing = len(declared), len(declared) + 1
    if values.dtype.kind in "OUT":
        place = {value: n for n, value in enumerate(declared)} | {None: missing}
        # Through a dictionary: comparing text with each declared value costs a pass for each.
        found = np.fromiter(map(place.get, values.tolist(), itertools.repeat(other)), np.intp, count=len(values))
        if values.dtype.kind == "O":
            for row in np.flatnonzero(found == other):
                if values[row] != values[row]:  # as NaN alone does
                    found[row] = missing
        return found
    found = np.full(len(values), other, np.intp)
    for n, value in enumerate(declared):
        found[values == value] = n
    if values.dtype.kind == "f":
        found[np.isnan(values)] = missing
    return found


def grouped(facets: Sequence[Facet], rows: int) -> tuple[tuple[Group, ...], Codes]:
    """Every group that the facets' values can make, in order, and which of them each row is of."""
    ordered = sorted(facets, key=lambda facet: facet.column)
    of_row = np.zeros(rows, np.intp)
    for facet in ordered:
        of_row = of_row * (len(facet.declared) + 2) + positions(facet.values, facet.declared)
    names = [[(facet.column, name) for name in named(facet.declared)] for facet in ordered]
    return tuple(itertools.product(*names)), of_row


def named(declared: Sequence[Any]) -> list[str]:
    """The values of a group by position, as text: those declared, what is none of them, and what is null."""
    return [*map(str, declared), OTHER, MISSING]


def projected(groups: Sequence[Group], columns: Sequence[str]) -> tuple[tuple[Group, ...], Codes]:
    """The groups that remain when only ``columns`` tell them apart, in order, and which of them each of ``groups`` is.

    Raises ValueError for a column that tells none of them apart.
    """
    known = {column for group in groups for column, _ in group}
    if unknown := sorted(set(columns) - known):
        raise ValueError(f"nothing was counted by {', '.join(unknown)}")
    kept = [tuple(pair for pair in group if pair[0] in columns) for group in groups]
    fewer = {group: n for n, group in enumerate(dict.fromkeys(kept))}
    return tuple(fewer), np.array([fewer[group] for group in kept], np.intp)


def pooled(sums: NDArray[Any], into: Codes, size: int) -> NDArray[Any]:
    """Sums by group, added up ``into`` fewer groups."""
    added = np.zeros((size, *sums.shape[1:]), sums.dtype)
    np.add.at(added, into, sums)
    return added


def obstacle(troubles: NDArray[np.int64]) -> str | None:
    """Why a group cannot be judged, of the counts of its rows by trouble; None where it can."""
    found = [f"{int(n)} rows {what}" for n, what in zip(troubles, TROUBLES, strict=True) if n and what != TROUBLES[0]]
    return " and ".join(found) or None


def too_few(rows: float, minimum: int) -> str:
    """Why so few rows are not judged."""
    return f"too few: {int(rows)} rows, {minimum} are asked for"

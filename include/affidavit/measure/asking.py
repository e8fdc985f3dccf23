"""A model as a function from a table to one answer a row, and tables that are changed to see what it answers then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = Mapping[str, NDArray[Any]]
"""Columns by name, of equal length: numbers as floats, where NaN is a missing one; anything else as objects, None."""

Ask = Callable[[Table], Sequence[Any]]
"""Answers of a model, one for each row, in order: decisions or scores."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """What is known of a column: the values that a category may have, or the least and greatest that a number may."""

    name: str
    categories: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


def length(table: Table) -> int:
    """Its rows. Raises ``ValueError`` for columns of unequal length, or none."""
    sizes = {len(column) for column in table.values()}
    if len(sizes) != 1:
        raise ValueError("a table has columns, and these are equally long")
    return sizes.pop()


def answers(ask: Ask, table: Table) -> NDArray[Any]:
    """What the model answers to each row. Raises ``ValueError`` for another number of answers."""
    found = list(ask(table)) if length(table) else []
    if len(found) != length(table):
        raise ValueError("a model gives one answer a row")
    column = np.empty(len(found), object)
    column[:] = found
    return column


def scores(ask: Ask, table: Table) -> Floats:
    """Likewise, where answers are numbers. Raises ``ValueError``, too, for one that is not finite."""
    found = answers(ask, table).astype(float)
    if not np.isfinite(found).all():
        raise ValueError("a score is a finite number")
    return found


def chosen(table: Table, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The rows at these positions, or for which this is true."""
    return {name: column[rows] for name, column in table.items()}


def with_column(table: Table, name: str, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The table with another column of that name."""
    return {**table, name: values}


def absent(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a value is missing."""
    if column.dtype.kind == "f":
        missing: NDArray[np.bool_] = np.isnan(column)
        return missing
    return np.array([each is None or each != each for each in column.tolist()], bool)  # noqa: PLR0124 - NaN


def is_number(column: NDArray[Any]) -> bool:
    """Whether a column holds numbers."""
    return column.dtype.kind in "fiu"

"""Asking a model for its answers by MLflow's scoring protocol, and believing nothing that cannot be one.

``POST /invocations`` with ``{"dataframe_split": {"columns": …, "data": …}}``, answered by ``{"predictions": […]}``:
one prediction a row, a finite number or a declared class. Anything else is an error, and no answer is ever shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from affidavit.collect.rest import Answer, Api
from affidavit.errors import UsageError

BATCH = 1_000
"""Most rows of one request."""

Cell = float | str | None
"""A value of a row; numbers are finite, and None is a missing one."""


class _Predictions(Answer):
    predictions: tuple[Any, ...]


class Scorer:
    """One model behind one endpoint.

    ``classes`` are the answers that a classifier may give, each as JSON writes it (``deny``, ``1``, ``true``); without
    any, answers are numbers. ``part`` says which part of an answer is meant where a row has several: a name (of a
    column of a table) or a position (in an array of probabilities).
    """

    def __init__(
        self,
        api: Api,
        *,
        path: str = "/invocations",
        classes: Sequence[str] = (),
        part: str | int | None = None,
    ) -> None:
        self._api = api
        self._path = path
        self._classes = frozenset(classes)
        self._part = part

    def scores(self, table: Mapping[str, Sequence[Any]]) -> list[float]:
        """A finite number for each row of a table, given as columns of equal length.

        Raises ``SourceError``, and ``UsageError`` for a value that JSON cannot hold.
        """
        if self._classes:
            raise UsageError("a scorer with declared classes answers no numbers", where=self._api.where)
        return [self._number(each) for each in self._ask(table)]

    def decisions(self, table: Mapping[str, Sequence[Any]]) -> list[str]:
        """A declared class for each row. Raises as :meth:`scores`."""
        if not self._classes:
            raise UsageError("a scorer without declared classes answers numbers", where=self._api.where)
        return [self._class(each) for each in self._ask(table)]

    def _ask(self, table: Mapping[str, Sequence[Any]]) -> list[Any]:
        columns = [[_cell(value, where=self._api.where) for value in column] for column in table.values()]
        if len({len(column) for column in columns}) != 1:
            raise UsageError("a table has columns, and these are equally long", where=self._api.where)
        data = list(zip(*columns, strict=True))
        answers: list[Any] = []
        for start in range(0, len(data), BATCH):
            batch = data[start : start + BATCH]
            body = {"dataframe_split": {"columns": list(table), "data": batch}}
            found = self._api.post(_Predictions, self._path, body).predictions
            if len(found) != len(batch):
                raise self._api.garbled(f"answered {len(found):,} predictions for {len(batch):,} rows")
            answers += [self._chosen(each) for each in found]
        return answers

    def _chosen(self, answer: Any) -> Any:
        if self._part is None:
            return answer
        if isinstance(self._part, str) and isinstance(answer, Mapping) and self._part in answer:
            return answer[self._part]
        if isinstance(self._part, int) and isinstance(answer, list) and 0 <= self._part < len(answer):
            return answer[self._part]
        raise self._api.garbled(f"answered a prediction without a part {self._part!r}")

    def _number(self, answer: Any) -> float:
        if isinstance(answer, bool) or not isinstance(answer, int | float):
            raise self._api.garbled("answered a prediction that is no number")
        try:
            number = float(answer)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._api.garbled("answered a prediction that is no finite number")
        return number

    def _class(self, answer: Any) -> str:
        text = _as_json(answer)
        if text not in self._classes:
            raise self._api.garbled("answered a prediction that is none of the declared classes")
        return text


def _as_json(answer: Any) -> str | None:
    if isinstance(answer, bool):
        return "true" if answer else "false"
    if isinstance(answer, float) and answer.is_integer():
        return str(int(answer))
    return str(answer) if isinstance(answer, str | int | float) else None


def _cell(value: Any, *, where: str) -> Cell | bool:
    """A value of a row as JSON has it: a number that is none is a missing one."""
    plain = value.item() if hasattr(value, "item") else value  # NumPy's own
    if isinstance(plain, Decimal):
        plain = float(plain)
    if plain is None or (isinstance(plain, float) and math.isnan(plain)):
        return None
    if isinstance(plain, datetime | date | time):
        return plain.isoformat()
    if isinstance(plain, bool | int | str) or (isinstance(plain, float) and math.isfinite(plain)):
        return plain
    raise UsageError(f"a value of type {type(value).__name__} cannot be sent to a model", where=where)

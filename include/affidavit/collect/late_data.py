"""Rows that came, or went, after a look had seen their time pass: a fact of its own, which counts them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TIME = re.compile(r"[-+:. T0-9]+")
"""What can be written into a query."""


def seen_until(before: Mapping[str, Any] | None, *, column: str | None, type_: str | None) -> str | None:
    """The time up to which the last look saw rows, as the warehouse wrote it; None where none can be compared.

    ``before`` are the facts of the last ``dataset-snapshot``; ``column`` of the type ``type_`` is what dates a row now.
    """
    if before is None or _dated(before) is None or not _TIME.fullmatch(before["time"]["to"]):
        return None
    known = next(each["type"] for each in before["columns"] if each["name"] == before["time"]["column"])
    until: str = before["time"]["to"]
    return until if (before["time"]["column"], known) == (column, type_) else None


def late_data(before: Mapping[str, Any], after: Mapping[str, Any], *, now: int) -> dict[str, Any] | None:
    """The facts of ``late-data``: of ``after``, ``now`` rows are dated up to the end of ``before``. None where as many.

    Both are facts of a ``dataset-snapshot``. The end itself counts: where rows carry a date alone, what came later on
    that day is among them. Of rows that came and rows that went, only the difference shows.
    """
    then = _dated(before)
    if then is None or then == now:
        return None
    return {
        "dataset": after["dataset"],
        "table": after["table"],
        "column": before["time"]["column"],
        "until": before["time"]["to"],
        "then": then,
        "now": now,
    }


def _dated(facts: Mapping[str, Any]) -> int | None:
    """How many rows had a time; None where no column dates them, or the statement had no room to name that column."""
    if not facts["time"]:
        return None
    nulls = [column["nulls"] for column in facts["columns"] if column["name"] == facts["time"]["column"]]
    return facts["rows"] - nulls[0] if nulls and facts["time"]["to"] is not None else None

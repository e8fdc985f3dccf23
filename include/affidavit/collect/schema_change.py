"""A table whose columns are not those of its last snapshot: a fact of its own, which names them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from affidavit.evidence import Json, dumps

ROOM = 30_000
"""Bytes that the columns may take in the statement; of more, the rest is counted."""


def schema_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any] | None:
    """The facts of a ``schema-change`` between the facts of two ``dataset-snapshot``s; None where nothing changed.

    Columns are told apart by name: one renamed is one removed and one added. Of a table with more columns than a
    snapshot has room to name, only the number is compared here; its fingerprint covers them all.
    """
    if before["columns_omitted"] or after["columns_omitted"]:
        was, now = (len(facts["columns"]) + facts["columns_omitted"] for facts in (before, after))
        return None if was == now else _facts(after, [], reordered=False, omitted=abs(now - was))
    old, new = ({column["name"]: column["type"] for column in facts["columns"]} for facts in (before, after))
    changes = [(name, old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)]
    reordered = [name for name in old if name in new] != [name for name in new if name in old]
    if not changes and not reordered:
        return None
    named: list[Json] = [{"name": name, "was": was, "is": now} for name, was, now in changes]
    sizes = itertools.accumulate(len(dumps(column)) + 1 for column in named)
    shown = sum(size <= ROOM for size in sizes)
    return _facts(after, named[:shown], reordered=reordered, omitted=len(named) - shown)


def _facts(after: Mapping[str, Any], columns: list[Json], *, reordered: bool, omitted: int) -> dict[str, Any]:
    return {
        "dataset": after["dataset"],
        "table": after["table"],
        "columns": columns,
        "reordered": reordered,
        "columns_omitted": omitted,
    }

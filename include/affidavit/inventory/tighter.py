"""Whether one version of an expectation is provably at least as tight as another.

``is_tighter(type, old, new)`` means: whatever passes with the arguments ``new`` would have passed with ``old``. What is
not covered by one of the few rules here is not provable, and counts as weaker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from affidavit.evidence.canonical import dumps

_SUBSETS = ("_to_be_in_set", "_to_be_in_type_list")
_SUPERSETS = ("_to_contain_set", "_to_not_be_in_set")
_OURS = frozenset(
    {
        "expect_column_groups_to_match_reference",
        "expect_column_newest_to_be_on_schedule",
        "expect_compound_columns_to_not_overlap",
        "expect_table_columns_to_not_look_personal",
    }
)


def is_tighter(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether ``new`` demands at least what ``old`` demands, of an expectation of type ``kind``."""
    return all(
        _argument_is_tighter(kind, name, old.get(name), new.get(name))
        for name in old.keys() | new.keys()
        if dumps(old.get(name)) != dumps(new.get(name))
    )


def _argument_is_tighter(kind: str, name: str, old: Any, new: Any) -> bool:
    match name:
        case _ if kind in _OURS:
            return _argument_of_ours_is_tighter(name, old, new)
        case "mostly":
            # Absent means 1: every row.
            return _ordered(1 if old is None else old, 1 if new is None else new)
        case "min_value" | "max_value" if kind.endswith("_to_be_between"):
            return old is None or (_ordered(old, new) if name == "min_value" else _ordered(new, old))
        case "strict_min" | "strict_max" if kind.endswith("_to_be_between"):
            return not old or bool(new)
        case "value_set" | "type_list" if isinstance(old, list) and isinstance(new, list):
            before, after = {dumps(v) for v in old}, {dumps(v) for v in new}
            smaller = kind.endswith(_SUBSETS) and bool(after) and after < before
            return before == after or smaller or (kind.endswith(_SUPERSETS) and after > before)
    return False


def _argument_of_ours_is_tighter(name: str, old: Any, new: Any) -> bool:
    match name:
        case "tolerance" | "slots":
            return _ordered(new, old)
        case "tables":
            return _within(old, new)
        case "allow":
            return _within(new or [], old or [])
    return False


def _ordered(smaller: Any, larger: Any) -> bool:
    """Whether both are numbers in that order; texts that look like dates sort by no rule we could know."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (smaller, larger))
    return numbers and smaller <= larger


def _within(smaller: Any, larger: Any) -> bool:
    """Whether both are lists, and all of the one stands in the other."""
    return isinstance(smaller, list) and isinstance(larger, list) and {*map(dumps, smaller)} <= {*map(dumps, larger)}

"""Which expectations can show how the values of a column are distributed, or which of them there are.

The label on an expectation is what its author says it is about. A count of rows that must not be negative, labelled as
representativeness, shows nothing of the kind; so the type decides, and the bound that it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from affidavit.inventory import Expectation

_SETS = frozenset(
    {
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        "expect_column_most_common_value_to_be_in_set",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_not_be_in_set",
    }
)
_RANGES: Mapping[str, tuple[float | None, float | None]] = {
    "expect_column_mean_to_be_between": (None, None),
    "expect_column_median_to_be_between": (None, None),
    "expect_column_proportion_of_unique_values_to_be_between": (0, 1),
    "expect_column_stdev_to_be_between": (0, None),
    "expect_column_unique_value_count_to_be_between": (0, None),
}
"""Type to the least and the most that its measure can be: a bound there demands nothing."""

_REFERENCES: Mapping[str, tuple[str, str, float | None]] = {
    "expect_column_groups_to_match_reference": ("reference", "tolerance", 1),
    "expect_column_kl_divergence_to_be_less_than": ("partition_object", "threshold", None),
}
"""Type to its reference, to how far the column may be from it, and the most that this can be."""


def shows_distribution(expectation: Expectation) -> bool:
    """Whether ``expectation`` is of a type that can show it, about a column, with a bound that something could break.

    Whether the bound is the right one is for a person to judge.
    """
    kind, kwargs = expectation.type, expectation.kwargs
    if not kwargs.get("column"):
        return False
    if kind in _SETS:
        # Against an empty set, or where no row need match, whatever there is passes.
        return bool(kwargs.get("value_set")) and kwargs.get("mostly") != 0
    if kind in _RANGES:
        least, most = _RANGES[kind]
        return _binds(kwargs.get("min_value"), above=least) or _binds(kwargs.get("max_value"), below=most)
    if kind == "expect_column_quantile_values_to_be_between":
        asked = kwargs.get("quantile_ranges")
        ranges = asked.get("value_ranges") if isinstance(asked, Mapping) else None
        return any(_binds(end) for pair in ranges or () for end in pair or ())
    if kind in _REFERENCES:
        reference, distance, most = _REFERENCES[kind]
        return bool(kwargs.get(reference)) and _binds(kwargs.get(distance), below=most)
    return False


def _binds(bound: Any, *, above: float | None = None, below: float | None = None) -> bool:
    if not isinstance(bound, int | float) or isinstance(bound, bool):
        return False
    return (above is None or bound > above) and (below is None or bound < below)

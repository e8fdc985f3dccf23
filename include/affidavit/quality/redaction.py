"""What of a result may be kept: by allow-list, counts and aggregates over many rows, never a value of a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from affidavit.evidence import Json, number
from affidavit.inventory import Expectation

ENOUGH = 10
"""Non-null values that a mean, sum or deviation must be over, so that it tells of none of them."""

_COUNTS = frozenset(
    {
        "element_count",
        "missing_count",
        "missing_percent",
        "unexpected_count",
        "unexpected_percent",
        "unexpected_percent_nonmissing",
        "unexpected_percent_total",
    }
)
_OBSERVED = frozenset(
    {
        # counts and fractions
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_unique_value_count_to_be_between",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
        # names and types of columns
        "expect_column_values_to_be_in_type_list",
        "expect_column_values_to_be_of_type",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
        # our own: counts in words, and names of columns
        "expect_column_groups_to_match_reference",
        "expect_column_newest_to_be_on_schedule",
        "expect_table_columns_to_not_look_personal",
    }
)
"""Expectations whose observed value is no value of a row."""

_OBSERVED_OVER_MANY = frozenset(
    {"expect_column_mean_to_be_between", "expect_column_stdev_to_be_between", "expect_column_sum_to_be_between"}
)
"""Expectations whose observed value is an aggregate that would be a row's value if there were few."""


def aggregated(expectations: Iterable[Expectation]) -> frozenset[str]:
    """The columns whose aggregates may be kept where they are over :data:`ENOUGH` values."""
    return frozenset(str(e.kwargs.get("column")) for e in expectations if e.type in _OBSERVED_OVER_MANY)


def document(expectation: Expectation, result: Any, *, large: frozenset[str]) -> dict[str, Any]:
    """One result as it is stored: what was asked, whether it held, and the counts. No times, no run, no examples."""
    whole = result.to_json_dict()["result"]
    kept = {key: whole[key] for key in sorted(_COUNTS & set(whole))}
    many = (
        expectation.type in _OBSERVED_OVER_MANY
        and expectation.kwargs.get("column") in large
        and not expectation.kwargs.get("row_condition")
    )
    if (many or expectation.type in _OBSERVED) and whole.get("observed_value") is not None:
        kept["observed_value"] = _settled(whole["observed_value"])
    return {
        "test": expectation.test,
        "type": expectation.type,
        "kwargs": plain(expectation.kwargs),
        "quality": expectation.quality,
        "why": expectation.why,
        "success": bool(result.success),
        "result": plain(kept),
    }


def _settled(observed: Any) -> Any:
    """Ten significant digits: a sum made in parallel ends in other last digits each time, over the same rows."""
    return float(f"{observed:.10g}") if isinstance(observed, float) else observed


def plain(value: Any) -> Json:
    """``value`` as a statement or blob can carry it: dates as ISO text, what JSON has no number for as typed text."""
    match value:
        case None | bool() | str():
            return value
        case int() | float():
            return number(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
    return str(value)

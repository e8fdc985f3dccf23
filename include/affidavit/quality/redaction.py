"""What of a result may be kept: by allow-list, counts and ranges, never a value of a row.

An aggregate may be a value of a row (the sum where one row is not zero, the mean where all are alike), and two of them
taken a row apart tell that row. So of a sum, mean or deviation the range alone is kept, among those of the profile's
histograms, and that in the details, which can be erased; a statement cannot.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from datetime import date
from typing import Any

from affidavit.evidence import Json, number
from affidavit.inventory import Expectation
from affidavit.warehouse import EDGES

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

AGGREGATES = frozenset(
    {"expect_column_mean_to_be_between", "expect_column_stdev_to_be_between", "expect_column_sum_to_be_between"}
)
"""Expectations of whose observed value only the range is kept, and that for the details alone."""


def document(expectation: Expectation, result: Any, *, judged: int | None) -> dict[str, Any]:
    """One result as it is stored: what was asked, whether it held, and the counts. No times, no run, no examples.

    ``judged`` is the number of values that it is about, None where it is about something else. What holds of none is
    ``vacuous``.
    """
    whole = result.to_json_dict()["result"]
    kept = {key: whole[key] for key in sorted(_COUNTS & set(whole))}
    observed = whole.get("observed_value")
    if expectation.type in _OBSERVED and observed is not None:
        kept["observed_value"] = _settled(observed)
    # A row condition may name one row, of which no histogram tells.
    if expectation.type in AGGREGATES and not expectation.kwargs.get("row_condition"):
        kept |= _range(observed)
    return {
        "test": expectation.test,
        "type": expectation.type,
        "kwargs": plain(expectation.kwargs),
        "quality": expectation.quality,
        "why": expectation.why,
        "success": bool(result.success),
        "vacuous": bool(result.success) and judged == 0,
        "result": plain(kept),
    }


def _settled(observed: Any) -> Any:
    """Ten significant digits: a sum made in parallel ends in other last digits each time, over the same rows."""
    return float(f"{observed:.10g}") if isinstance(observed, float) else observed


def _range(observed: Any) -> dict[str, str]:
    """Between which edges of the histograms a number lies; nothing where there is none."""
    if not isinstance(observed, int | float):
        return {}
    edges = [f"{edge:,.0f}" for edge in EDGES]
    place = bisect(EDGES, _settled(observed))
    if place == 0:
        return {"observed_value": f"below {edges[0]}"}
    if place == len(edges):
        return {"observed_value": f"{edges[-1]} or more"}
    return {"observed_value": f"{edges[place - 1]} to {edges[place]}"}


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

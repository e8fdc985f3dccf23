"""Which expectations say something of a distribution, and which only carry the label."""

import pytest

from affidavit.inventory import Expectation
from affidavit.rules.distribution import shows_distribution

QUANTILES = {"quantiles": [0.5], "value_ranges": [[None, 40]]}
PARTITION = {"values": ["yes", "no"], "weights": [0.2, 0.8]}


def shows(kind: str, **kwargs: object) -> bool:
    return shows_distribution(Expectation(type=f"expect_{kind}", kwargs=kwargs, quality="representativeness"))


@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        ("column_distinct_values_to_be_in_set", {"value_set": ["yes", "no"]}),
        ("column_distinct_values_to_contain_set", {"value_set": ["yes", "no"]}),
        ("column_distinct_values_to_equal_set", {"value_set": ["yes", "no"]}),
        ("column_most_common_value_to_be_in_set", {"value_set": ["no"]}),
        ("column_values_to_be_in_set", {"value_set": ["yes"], "mostly": 0.25}),
        ("column_values_to_not_be_in_set", {"value_set": ["yes"], "mostly": 0.5}),
        ("column_mean_to_be_between", {"min_value": 0}),
        ("column_median_to_be_between", {"max_value": 0}),
        ("column_stdev_to_be_between", {"max_value": 3}),
        ("column_unique_value_count_to_be_between", {"min_value": 2}),
        ("column_proportion_of_unique_values_to_be_between", {"min_value": 0, "max_value": 0.5}),
        ("column_quantile_values_to_be_between", {"quantile_ranges": QUANTILES}),
        ("column_kl_divergence_to_be_less_than", {"partition_object": PARTITION, "threshold": 0.1}),
        ("column_groups_to_match_reference", {"reference": {"yes": 0.2}, "tolerance": 0.05}),
    ],
)
def test_a_bound_on_the_values_of_a_column_shows_it_and_without_column_or_bound_it_does_not(kind, bound):
    assert shows(kind, column="group", **bound)
    assert not shows(kind, **bound)
    assert not shows(kind, column="group")


@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        ("table_row_count_to_be_between", {"min_value": 0}),
        ("table_row_count_to_be_between", {"min_value": 500, "column": "group"}),
        ("column_to_exist", {}),
        ("column_values_to_not_be_null", {}),
        ("column_values_to_be_between", {"min_value": 0, "max_value": 1}),
        ("column_proportion_of_non_null_values_to_be_between", {"min_value": 0.9}),
    ],
)
def test_other_types_do_not_whatever_their_bounds(kind, bound):
    assert not shows(kind, **{"column": "group", **bound})


@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        ("column_values_to_be_in_set", {"value_set": []}),
        ("column_values_to_be_in_set", {"value_set": ["yes"], "mostly": 0}),
        ("column_values_to_not_be_in_set", {"value_set": ["yes"], "mostly": 0.0}),
        ("column_distinct_values_to_contain_set", {"value_set": []}),
        ("column_mean_to_be_between", {"min_value": None, "max_value": None}),
        ("column_stdev_to_be_between", {"min_value": 0}),
        ("column_unique_value_count_to_be_between", {"min_value": 0}),
        ("column_proportion_of_unique_values_to_be_between", {"min_value": 0, "max_value": 1}),
        ("column_quantile_values_to_be_between", {"quantile_ranges": {"value_ranges": [[None, None]]}}),
        ("column_kl_divergence_to_be_less_than", {"partition_object": PARTITION, "threshold": None}),
        ("column_kl_divergence_to_be_less_than", {"threshold": 0.1}),
    ],
)
def test_a_bound_that_nothing_could_break_is_none(kind, bound):
    assert not shows(kind, column="group", **bound)

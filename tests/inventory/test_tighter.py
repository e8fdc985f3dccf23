import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.inventory.tighter import is_tighter

BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
NOT_IN_SET = "expect_column_values_to_not_be_in_set"
CONTAIN = "expect_column_distinct_values_to_contain_set"
EQUAL = "expect_column_distinct_values_to_equal_set"
REGEX = "expect_column_values_to_match_regex"
GROUPS = "expect_column_groups_to_match_reference"
NEWEST = "expect_column_newest_to_be_on_schedule"
OVERLAP = "expect_compound_columns_to_not_overlap"
PERSONAL = "expect_table_columns_to_not_look_personal"


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        (BETWEEN, {"min_value": 0, "max_value": 10}, {"min_value": 0, "max_value": 10.0}),
        (BETWEEN, {"min_value": 0, "max_value": 10}, {"min_value": 1, "max_value": 9.5}),
        (BETWEEN, {"max_value": 10}, {"min_value": 5, "max_value": 10}),
        (BETWEEN, {"min_value": None}, {"min_value": 5}),
        (BETWEEN, {"min_value": 0}, {"min_value": 0, "strict_min": True}),
        (BETWEEN, {"mostly": 0.9}, {"mostly": 0.95}),
        (BETWEEN, {"mostly": 0.9}, {}),
        (IN_SET, {"value_set": ["a", "b"]}, {"value_set": ["a"]}),
        (IN_SET, {"value_set": ["a", "b"]}, {"value_set": ["b", "a"]}),
        (NOT_IN_SET, {"value_set": ["a"]}, {"value_set": ["a", "b"]}),
        (CONTAIN, {"value_set": ["a"]}, {"value_set": ["a", "b"]}),
        (EQUAL, {"value_set": ["a", "b"]}, {"value_set": ["a", "b"]}),
        (GROUPS, {"tolerance": 0.1}, {"tolerance": 0.05}),
        (NEWEST, {"slots": 2}, {"slots": 1}),
        (OVERLAP, {"tables": ["t"]}, {"tables": ["u", "t"]}),
        (PERSONAL, {"allow": ["a", "b"]}, {"allow": ["b"]}),
        (PERSONAL, {"allow": ["a"]}, {}),
    ],
)
def test_tighter(kind, old, new):
    assert is_tighter(kind, old, new)


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        (BETWEEN, {"min_value": 0}, {"min_value": -1}),
        (BETWEEN, {"max_value": 1}, {"max_value": 2}),
        (BETWEEN, {"max_value": 1}, {}),
        (BETWEEN, {"max_value": 1}, {"max_value": None}),
        (BETWEEN, {"min_value": 0, "strict_min": True}, {"min_value": 0}),
        (BETWEEN, {"min_value": "2026-01-01"}, {"min_value": "2026-02-01"}),
        (BETWEEN, {"min_value": 0}, {"min_value": True}),
        (BETWEEN, {"min_value": 0}, {"min_value": 1, "mostly": 0.99}),
        (BETWEEN, {"min_value": 0}, {"min_value": 1, "row_condition": "x > 1"}),
        (BETWEEN, {"row_condition": "x > 1"}, {"row_condition": "x > 2"}),
        (BETWEEN, {"column": "x"}, {"column": "y"}),
        (IN_SET, {"value_set": ["a"]}, {"value_set": ["a", "b"]}),
        (IN_SET, {"value_set": ["1"]}, {"value_set": [1]}),
        (IN_SET, {"value_set": ["a"]}, {"value_set": []}),
        (IN_SET, {"value_set": ["a"]}, {}),
        (NOT_IN_SET, {"value_set": ["a", "b"]}, {"value_set": ["a"]}),
        (CONTAIN, {"value_set": ["a", "b"]}, {"value_set": ["a"]}),
        (EQUAL, {"value_set": ["a", "b"]}, {"value_set": ["a"]}),
        (REGEX, {"regex": "^a$"}, {"regex": "^a+$"}),
        (REGEX, {"min_value": 0}, {"min_value": 1}),
        (GROUPS, {"tolerance": 0.1}, {"tolerance": 0.2}),
        (GROUPS, {"reference": {"a": 0.1}}, {"reference": {"a": 0.2}}),
        (NEWEST, {"slots": 1}, {"slots": 2}),
        (OVERLAP, {"tables": ["t", "u"]}, {"tables": ["t"]}),
        (PERSONAL, {}, {"allow": ["a"]}),
        (PERSONAL, {"allow": ["a"]}, {"allow": "b"}),
        (BETWEEN, {"tolerance": 0.1}, {"tolerance": 0.05}),
    ],
)
def test_not_provably_tighter(kind, old, new):
    assert not is_tighter(kind, old, new)


bounds = st.none() | st.integers(-3, 3)
arguments = st.fixed_dictionaries(
    {"min_value": bounds, "max_value": bounds, "strict_min": st.booleans(), "strict_max": st.booleans()},
    optional={"mostly": st.sampled_from([0.2, 0.5, 0.8, 1.0])},
)


@given(arguments, arguments, st.lists(st.integers(-4, 4), max_size=6))
def test_what_passes_the_tighter_range_passes_the_other(old, new, values):
    if is_tighter(BETWEEN, old, new) and _passes(new, values):
        assert _passes(old, values)


def _passes(kwargs, values):
    low, high = kwargs["min_value"], kwargs["max_value"]
    good = [
        value
        for value in values
        if (low is None or value > low or (value == low and not kwargs["strict_min"]))
        and (high is None or value < high or (value == high and not kwargs["strict_max"]))
    ]
    return not values or len(good) / len(values) >= kwargs.get("mostly", 1.0)

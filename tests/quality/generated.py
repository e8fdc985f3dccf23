"""Tables and suites made up by a seeded generator: ties, nulls, empty tables, row conditions and ``mostly``."""

import random

from affidavit.inventory import Suite
from tests.quality.suites import expects, suite
from tests.warehouse.databases import Warehouse

CONDITIONS = ('col("n") > 3', 'col("s") == "a"', 'col("s").notnull()', 'col("x") <= 2')


def table(source: random.Random, warehouse: Warehouse, name: str) -> None:
    """Creates it, of up to 25 rows of n and m (whole numbers), x (a float), s and u (texts), d (a date)."""
    kinds = "n INT, m INT, x DOUBLE PRECISION, s VARCHAR(20), u VARCHAR(20), d DATE"
    rows = [_row(source, number) for number in range(source.choice([0, 1, 2, 25, source.randint(3, 25)]))]
    values = ", ".join("(" + ", ".join("NULL" if v is None else repr(v) for v in row) + ")" for row in rows)
    warehouse.run(f"CREATE TABLE {name} ({kinds})", *[f"INSERT INTO {name} VALUES {values}"] * bool(rows))


def _row(source: random.Random, number: int) -> tuple[int | float | str | None, ...]:
    text = source.choice([None, "", "a", "b", "Ünï'c"[: source.randint(1, 3)]])
    return (
        source.choice([None, *range(9)]),
        source.choice([None, *range(9)]),
        source.choice([None, 0.5, 1.25, 2.0, -3.75, float(number)]),
        text,
        f"u{number if source.random() < 0.97 else 0}",
        source.choice([None, f"2026-01-{number % 28 + 1:02}"]),
    )


def wanted(source: random.Random) -> Suite:
    """Three to nine expectations, each test once."""
    asked = {}
    for _ in range(source.randint(3, 9)):
        one = _expectation(source)
        asked[Suite.model_validate(dict(suite(one))).expectations[0].test] = one
    return suite(*asked.values())


def _expectation(source: random.Random) -> dict:
    kind, kwargs = source.choice(_MAPS(source) if source.random() < 0.7 else _AGGREGATES(source))
    kwargs = dict(kwargs)
    if "table" not in kind and source.random() < 0.3:
        kwargs |= {"row_condition": source.choice(CONDITIONS), "condition_parser": "great_expectations"}
    if any(kind == name for name, _ in _MAPS(source)) and source.random() < 0.5:
        kwargs["mostly"] = source.choice([0.25, 0.5, 0.9, 1.0])
    return expects(kind, **kwargs)


def _MAPS(source: random.Random) -> list[tuple[str, dict]]:  # noqa: N802
    low, number, text = source.randint(0, 4), source.choice("nmx"), source.choice("su")
    pair = {"column_A": "n", "column_B": "m"}
    missing = {"ignore_row_if": source.choice(["both_values_are_missing", "either_value_is_missing", "neither"])}
    several = {"ignore_row_if": source.choice(["all_values_are_missing", "any_value_is_missing", "never"])}
    return [
        ("expect_column_values_to_not_be_null", {"column": source.choice("nmxsud")}),
        ("expect_column_values_to_be_null", {"column": source.choice("nmxsud")}),
        ("expect_column_values_to_be_unique", {"column": source.choice("nmxsud")}),
        ("expect_column_values_to_be_between", {"column": number, "min_value": low, "max_value": 7}),
        ("expect_column_values_to_be_between", {"column": number, "max_value": low, "strict_max": True}),
        ("expect_column_values_to_be_in_set", {"column": "s", "value_set": ["a", "b"]}),
        ("expect_column_values_to_be_in_set", {"column": "n", "value_set": [low, 5, 6]}),
        ("expect_column_values_to_not_be_in_set", {"column": "s", "value_set": ["a", ""]}),
        ("expect_column_values_to_match_regex", {"column": text, "regex": "^[au]"}),
        ("expect_column_values_to_not_match_regex", {"column": text, "regex": "b$"}),
        ("expect_column_values_to_match_like_pattern", {"column": text, "like_pattern": "u%"}),
        ("expect_column_value_lengths_to_be_between", {"column": text, "min_value": 1, "max_value": 2}),
        ("expect_column_value_lengths_to_equal", {"column": text, "value": 2}),
        ("expect_column_value_z_scores_to_be_less_than", {"column": number, "threshold": 1.5, "double_sided": True}),
        ("expect_column_pair_values_a_to_be_greater_than_b", {**pair, **missing, "or_equal": True}),
        ("expect_column_pair_values_to_be_equal", {**pair, **missing}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["n", "s"], **several}),
        ("expect_select_column_values_to_be_unique_within_record", {"column_list": ["n", "m"], **several}),
        ("expect_multicolumn_sum_to_equal", {"column_list": ["n", "m"], "sum_total": 8, **several}),
    ]


def _AGGREGATES(source: random.Random) -> list[tuple[str, dict]]:  # noqa: N802
    low, number = source.randint(0, 4), source.choice("nmx")
    return [
        ("expect_column_mean_to_be_between", {"column": number, "min_value": low}),
        ("expect_column_median_to_be_between", {"column": number, "min_value": low}),
        ("expect_column_stdev_to_be_between", {"column": number, "max_value": low}),
        ("expect_column_sum_to_be_between", {"column": number, "max_value": low * 10}),
        ("expect_column_min_to_be_between", {"column": number, "min_value": low}),
        ("expect_column_max_to_be_between", {"column": number, "max_value": low + 4}),
        ("expect_column_unique_value_count_to_be_between", {"column": source.choice("nsu"), "max_value": low}),
        ("expect_column_proportion_of_unique_values_to_be_between", {"column": "n", "min_value": low / 4}),
        ("expect_column_distinct_values_to_be_in_set", {"column": "s", "value_set": ["a", "b", ""]}),
        ("expect_column_distinct_values_to_contain_set", {"column": "s", "value_set": ["a"]}),
        ("expect_column_distinct_values_to_equal_set", {"column": "s", "value_set": ["a", "b"]}),
        ("expect_column_most_common_value_to_be_in_set", {"column": "s", "value_set": ["a", "b"]}),
        ("expect_table_row_count_to_be_between", {"min_value": 0, "max_value": low * 8}),
        ("expect_table_columns_to_match_set", {"column_set": ["n", "m", "x", "s", "u", "d"]}),
    ]

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.evidence import kinds
from affidavit.pages.facts import LONGEST_LIST, MOST_VALUES, Fields, Items, Node, Table, Time, Value, node, ordered

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=5),
    max_leaves=40,
)


def size(shown: Node) -> int:
    match shown:
        case Fields():
            return sum(size(v) for _, v in shown.rows)
        case Items():
            return sum(size(v) for v in shown.items)
        case Table():
            return sum(size(v) for row in shown.rows for v in row)
    return 1


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (None, "word", "none"),
        (True, "word", "yes"),
        (False, "word", "no"),
        ([], "word", "none"),
        ({}, "word", "none"),
        ("", "word", "empty"),
        (2381, "number", "2,381"),
        (0.5, "number", "0.5"),
        ("float:nan", "number", "not a number (NaN)"),
        ("float:-inf", "number", "minus infinity"),
        ("ab" * 32, "digest", "abababab"),
        ({"sha256": "ab" * 32}, "digest", "abababab"),
        ("1990-01-02", "text", "1990-01-02"),
    ],
)
def test_one_value(value: Any, form: str, shown: str):
    got = node(value)
    assert isinstance(got, Value)
    assert (got.form, got.name.head) == (form, shown)


def test_a_time_is_a_time():
    assert isinstance(node("2026-03-14T12:00:00.000Z"), Time)


def test_only_the_outermost_names_are_reworded():
    shown = node({"passedTests": 1, "media_type": 2, "metrics": {"roc_auc": 0.8, "maxDepth": 3}})
    assert isinstance(shown, Fields)
    assert [label.head for label, _ in shown.rows] == ["passed tests", "media type", "metrics"]
    inner = shown.rows[2][1]
    assert isinstance(inner, Fields)
    assert [label.head for label, _ in inner.rows] == ["roc_auc", "maxDepth"]


def test_equal_objects_make_a_table_and_unequal_ones_a_list():
    assert isinstance(node([{"a": 1, "b": 2}, {"a": 3, "b": 4}]), Table)
    assert isinstance(node([{"a": 1, "b": 2}, {"a": 3}]), Items)
    assert isinstance(node([{"a": 1, "b": {"c": 2}}]), Items)


def test_what_is_left_out_is_counted():
    shown = node(list(range(LONGEST_LIST + 7)))
    assert isinstance(shown, Items)
    assert (len(shown.items), shown.more) == (LONGEST_LIST, 7)
    shown = node({str(i): i for i in range(LONGEST_LIST + 1)})
    assert isinstance(shown, Fields)
    assert shown.more == 1


def test_a_hostile_shape_fits_on_a_page():
    assert size(node([[list(range(100))] * 100] * 100)) < MOST_VALUES + 2 * LONGEST_LIST
    deep: Any = 1
    for _ in range(30):
        deep = [deep]
    assert size(node(deep)) == 1


@given(JSON)
def test_any_json_is_shown(value):
    node(value)


def test_fields_come_in_the_order_of_their_kind():
    facts = {
        "failed": [{"column": "c", "missing": 0, "reason": None, "test": "t", "unexpected": 1}],
        "details": {"media_type": "m", "digest": {"sha256": "0" * 64}},
        "result": "FAILED",
        "surprise": 1,
    }
    got = ordered(facts, kinds.VALIDATION.facts)
    assert got == facts
    assert list(got) == ["result", "failed", "details", "surprise"]
    assert list(got["failed"][0]) == ["test", "column", "unexpected", "missing", "reason"]
    assert list(ordered({"from": None, "to": None}, kinds.DATASET_SNAPSHOT.facts["time"])) == ["from", "to"]

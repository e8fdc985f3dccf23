import pytest

from affidavit.collect import budget
from affidavit.collect.budget import inputs_within, metrics_within, outputs_within, within


@pytest.fixture(autouse=True)
def a_hundred_bytes(monkeypatch):
    monkeypatch.setattr(budget, "LIST_BYTES", 100)


def test_each_that_still_has_room_is_kept_in_order():
    assert within([(60, "a"), (50, "b"), (40, "c"), (1, "d")]) == (["a", "c"], 2)
    assert within([(101, "a")]) == ([], 1)


def test_metrics_with_the_shortest_names_are_kept_whatever_the_order_they_come_in():
    metrics = [(name, 0.5) for name in ("layers/1/gradient", "auc", "f1", "layers/0/gradient")]
    kept, withheld = metrics_within(metrics)
    assert (sorted(kept), withheld) == (["auc", "f1"], 2)
    assert metrics_within(metrics[::-1]) == (kept, withheld)


def test_numbers_that_are_none_are_typed_text():
    assert metrics_within([("a", float("nan")), ("b", float("-inf"))]) == ({"a": "float:nan", "b": "float:-inf"}, 0)


def test_inputs_and_outputs_are_kept_in_the_order_of_their_text():
    inputs = [{"name": f"{each}{'x' * 40}"} for each in "cab"]
    assert inputs_within(inputs) == ([inputs[1]], 2)
    assert outputs_within(["mlflow://b"]) == ([], 1)

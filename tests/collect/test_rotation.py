import pytest

from affidavit.collect import rotation
from affidavit.collect.rotation import TREE_BYTES, turn


@pytest.fixture(autouse=True)
def three_trees(monkeypatch):
    """A look may read three trees of no size again."""
    monkeypatch.setattr(rotation, "REREAD_BYTES", 3 * TREE_BYTES)


def rounds(sizes, after=None, *, count):
    found = []
    for _ in range(count):
        due = turn(sizes, after=after)
        after = due.last
        found.append("".join(sorted(due.names)))
    return found


def test_each_has_its_turn_in_order_and_then_again():
    assert rounds(dict.fromkeys("abcde", 0), count=4) == ["abc", "ade", "bcd", "abe"]


def test_size_counts_and_one_that_is_larger_than_a_turn_has_one_of_its_own():
    assert rounds({"a": 0, "b": 100 * TREE_BYTES, "c": 0}, count=4) == ["a", "b", "ac", "b"]


@pytest.mark.parametrize("count", range(1, 30))
def test_between_two_turns_of_one_lie_no_more_looks_than_are_told(count):
    sizes = {f"{each:02}": each % 3 * TREE_BYTES for each in range(count)}
    told, seen, after = turn(sizes, after=None).looks, dict.fromkeys(sizes, -1), None
    for look in range(100):
        due = turn(sizes, after=after)
        after = due.last
        for name in due.names:
            assert look - seen[name] <= told
            seen[name] = look
        assert due.looks <= told + 1
    assert min(seen.values()) > 50


def test_what_was_last_may_be_gone_and_nothing_to_read_is_one_look():
    assert rounds(dict.fromkeys("bcd", 0), "aa", count=1) == ["bcd"]
    assert rounds(dict.fromkeys("abcde", 0), "zz", count=1) == ["abc"]
    assert turn({}, after="a") == rotation.Turn(frozenset(), "a", 1)

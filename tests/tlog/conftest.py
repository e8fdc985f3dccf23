"""A Merkle tree written straight from the definition in RFC 6962, section 2.1, to compare with."""

from collections.abc import Callable

import pytest

from affidavit.tlog.hashing import EMPTY_ROOT, leaf_hash, node_hash


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


class NaiveNodes:
    """Reads complete nodes by computing each from the leaves."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self.reads = 0

    def read(self, nodes):
        self.reads += 1
        spans = [(index << level, (index + 1) << level) for level, index in nodes]
        assert all(stop <= len(self.leaves) for _, stop in spans), "an incomplete node was asked for"
        return [naive_root(self.leaves[start:stop]) for start, stop in spans]


@pytest.fixture
def leaves() -> list[bytes]:
    """70 leaf hashes."""
    return [leaf_hash(b"leaf %d" % number) for number in range(70)]


@pytest.fixture
def root_of() -> Callable[[list[bytes]], bytes]:
    """The root by definition."""
    return naive_root


@pytest.fixture
def reader_of() -> type[NaiveNodes]:
    """A reader of complete nodes, by definition."""
    return NaiveNodes

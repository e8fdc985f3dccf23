"""Which nodes a Merkle tree has, and how roots come from them (RFC 6962, section 2.1).

A *complete node* (level, index) is the root over the ``2**level`` leaves from ``index << level`` on; it never changes
once its last leaf is there, so only complete nodes are worth storing. The right edge of a tree is computed from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from affidavit.tlog.hashing import EMPTY_ROOT, node_hash

Node = tuple[int, int]
"""(level, index) of a complete node; level 0 are the leaf hashes."""


class NodeReader(Protocol):
    """Reads complete nodes; the only thing that a proof needs of a store."""

    def read(self, nodes: Sequence[Node]) -> Sequence[bytes]:
        """The 32-byte hashes of ``nodes``, in their order; raises ``IntegrityError`` where one is absent."""


def cover(start: int, stop: int) -> list[Node]:
    """The complete nodes, left to right, that cover the leaves ``start`` to before ``stop``.

    ``start`` must be aligned as the subtrees of RFC 6962 are: a multiple of a power of two no less than the length.
    """
    nodes = []
    length = stop - start
    while length:
        level = length.bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
        length -= 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a :func:`cover`, from its hashes, left to right; of none the empty root."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def root(reader: NodeReader, size: int) -> bytes:
    """The root of the first ``size`` leaves, from O(log size) complete nodes in one read."""
    return fold(reader.read(cover(0, size)))


class Frontier:
    """The right edge of a growing tree: all that appending needs, in O(log size) memory.

    ``peaks`` are the hashes of ``cover(0, size)``.
    """

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)

    def append(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """Add a leaf hash; returns the nodes above level 0 that it completed, lowest first."""
        index, level, digest = self.size, 0, leaf
        completed = []
        while index & 1:
            index >>= 1
            level += 1
            digest = node_hash(self.peaks.pop(), digest)
            completed.append(((level, index), digest))
        self.peaks.append(digest)
        self.size += 1
        return completed

    def extend(self, other: Frontier) -> list[tuple[Node, bytes]]:
        """Add the leaves of another tree; returns the nodes above that tree's own that this completed, lowest first.

        It must fit as a subtree: ``size`` is a multiple of a power of two no less than the other's.
        """
        completed = []
        for (height, _), peak in zip(cover(0, other.size), other.peaks, strict=True):
            level, index, digest = height, self.size >> height, peak
            self.size += 1 << height
            while index & 1:
                index >>= 1
                level += 1
                digest = node_hash(self.peaks.pop(), digest)
                completed.append(((level, index), digest))
            self.peaks.append(digest)
        return completed

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        return fold(self.peaks)

    def copy(self) -> Frontier:
        """A frontier that grows on its own."""
        return Frontier(self.size, self.peaks)

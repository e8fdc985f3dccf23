"""Inclusion and consistency proofs, in pairs: prove and check.

Proving follows RFC 6962, sections 2.1.1 and 2.1.2; checking follows RFC 9162, sections 2.1.3.2 and 2.1.4.2. Hashes
are 32 bytes throughout, and ``leaf`` is always the leaf *hash* (:func:`affidavit.tlog.hashing.leaf_hash`), never the
leaf: whoever checks a proof hashes the bytes they hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from affidavit.errors import ProofError, UsageError
from affidavit.tlog.hashing import node_hash
from affidavit.tlog.tree import NodeReader, cover, fold

Range = tuple[int, int]


def prove_inclusion(reader: NodeReader, *, index: int, size: int) -> list[bytes]:
    """The audit path of leaf ``index`` in the tree of ``size`` leaves, lowest first, in one read.

    Raises ``UsageError`` where there is no such leaf.
    """
    if not 0 <= index < size:
        raise UsageError(f"no leaf {index} in a tree of {size}", fix="ask for an index below the size")
    low, high = 0, size
    ranges: list[Range] = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return _roots(reader, ranges[::-1])


def prove_consistency(reader: NodeReader, *, size1: int, size2: int) -> list[bytes]:
    """The proof that the tree of ``size1`` leaves is a prefix of that of ``size2``, in one read; empty if equal.

    Raises ``UsageError`` unless ``0 < size1 <= size2``.
    """
    if not 0 < size1 <= size2:
        raise UsageError(
            f"no consistency proof leads from size {size1} to size {size2}", fix="go from 1 or more to as many or more"
        )
    low, high = 0, size2
    ranges: list[Range] = []
    while size1 != high:
        middle = low + _split(high - low)
        if size1 <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low:  # the old tree's own root is known to whoever checks; a part of it is not
        ranges.append((low, high))
    return _roots(reader, ranges[::-1])


def check_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ``ProofError`` unless ``proof`` leads from the leaf hash at ``index`` to ``root`` of ``size`` leaves."""
    _hashes(leaf, root, *proof)
    if not 0 <= index < size:
        raise ProofError(f"no leaf {index} is in a tree of {size}")
    digest = leaf
    for sibling, left in _climb(index, size - 1, proof):
        digest = node_hash(sibling, digest) if left else node_hash(digest, sibling)
    if digest != root:
        raise ProofError(f"the inclusion proof of leaf {index} leads to another root")


def check_consistency(*, size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Raise ``ProofError`` unless ``proof`` shows the tree under ``root1`` to be a prefix of that under ``root2``.

    From the empty tree nothing can be shown, so ``size1 == 0`` holds only for ``size2 == 0``.
    """
    _hashes(root1, root2, *proof)
    if not (0 < size1 <= size2 or size1 == size2 == 0):
        raise ProofError(f"no consistency proof leads from size {size1} to size {size2}")
    if size1 == size2:
        if proof or root1 != root2:
            raise ProofError(f"two roots of the same size {size1} differ, or a proof stands between them")
        return
    path = list(proof) if size1 & (size1 - 1) else [root1, *proof]
    if not path:
        raise ProofError("the consistency proof is empty")
    position, last = size1 - 1, size2 - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling, left in _climb(position, last, path[1:]):
        if left:
            old = node_hash(sibling, old)
        new = node_hash(sibling, new) if left else node_hash(new, sibling)
    if old != root1:
        raise ProofError(f"the consistency proof does not start at the root of size {size1}")
    if new != root2:
        raise ProofError(f"the consistency proof does not end at the root of size {size2}")


def _climb(position: int, last: int, siblings: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each sibling on the way from ``position`` to the root, and whether it stands on the left.

    ``last`` is the last position of the level; raises ``ProofError`` where the way is longer or shorter.
    """
    for sibling in siblings:
        if last == 0:
            raise ProofError("the proof is too long")
        left = bool(position & 1) or position == last
        yield sibling, left
        while left and position and not position & 1:
            position, last = position >> 1, last >> 1
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")


def _split(length: int) -> int:
    """The largest power of two below ``length`` (RFC 6962, section 2.1)."""
    return 1 << (length - 1).bit_length() - 1


def _roots(reader: NodeReader, ranges: Sequence[Range]) -> list[bytes]:
    covers = [cover(start, stop) for start, stop in ranges]
    hashes = iter(reader.read([node for nodes in covers for node in nodes]))
    return [fold([next(hashes) for _ in nodes]) for nodes in covers]


def _hashes(*values: bytes) -> None:
    if any(len(value) != 32 for value in values):
        raise ProofError("a hash that does not have 32 bytes")

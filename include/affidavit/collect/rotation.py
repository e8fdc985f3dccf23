"""Whose artifacts are read again at this look, although nothing else about them changed. Pure.

Overwriting a file changes no time and no number in MLflow, so only reading it again shows it. That costs what the files
hold; a look reads at most :data:`REREAD_BYTES` of them again, by their recorded size, and at least one tree. Each has
its turn, in order of name, and how many looks that takes stands in the delay that a look states.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

REREAD_BYTES = 2**30
"""Most bytes that one look reads again; of runs, one sweep of one experiment."""

TREE_BYTES = 2**20
"""What a tree costs beside its bytes: requests, counted as bytes."""


@dataclass(frozen=True)
class Turn:
    """``names`` have their turn now, the last of them ``last``; after ``looks`` looks all had theirs."""

    names: frozenset[str]
    last: str | None
    looks: int


def turn(sizes: Mapping[str, int], *, after: str | None) -> Turn:
    """Whose turn it is among ``sizes`` (bytes by name), where ``after`` was the last."""
    order = sorted(sizes)
    start = bisect_right(order, after) if after is not None else 0
    turns = list(_turns([*order[start:], *order[:start]], sizes))
    if not turns:
        return Turn(frozenset(), after, 1)
    # Where a turn begins shifts from round to round, which can cost one more.
    return Turn(frozenset(turns[0]), turns[0][-1], len(turns) + (len(turns) > 1))


def _turns(order: Sequence[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    names, spent = list[str](), 0
    for name in order:
        cost = sizes[name] + TREE_BYTES
        if names and spent + cost > REREAD_BYTES:
            yield names
            names, spent = [], 0
        names.append(name)
        spent += cost
    if names:
        yield names

"""How much of one run an entry holds. Pure.

A leaf holds at most 65,535 bytes, and a run may have thousands of metrics. So each list of a run (params, tags,
metrics, inputs, outputs) may take :data:`LIST_BYTES`; what does not fit is withheld and counted. What is kept depends
on the run alone: of params and tags by name, of metrics the shortest names first, since headline figures have short
ones and those of layers and classes long ones, of inputs and outputs in the order of their text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from affidavit.evidence import Json, dumps, number

LIST_BYTES = 10_000

_NUMBER_BYTES = 32
_OUTPUT_BYTES = 100
"""What a logged model takes beside its name, which stands twice: in the facts and as a subject, each with a digest."""

T = TypeVar("T")


def within(items: Iterable[tuple[int, T]]) -> tuple[list[T], int]:
    """Of ``items`` with their sizes in bytes, in order, each that still has room; and how many have none."""
    kept, size, withheld = list[T](), 0, 0
    for cost, item in items:
        if size + cost <= LIST_BYTES:
            kept.append(item)
            size += cost
        else:
            withheld += 1
    return kept, withheld


def metrics_within(metrics: Iterable[tuple[str, float]]) -> tuple[dict[str, int | float | str], int]:
    """The metrics that have room, and how many have none."""
    ordered = sorted(metrics, key=lambda metric: (len(metric[0]), metric[0]))
    kept, withheld = within((len(dumps(key)) + _NUMBER_BYTES, (key, value)) for key, value in ordered)
    return {key: number(value) for key, value in kept}, withheld


def inputs_within(inputs: Iterable[dict[str, Json]]) -> tuple[list[dict[str, Json]], int]:
    """The dataset inputs that have room, and how many have none."""
    ordered = sorted(((dumps(each), each) for each in inputs), key=lambda pair: pair[0])
    return within((len(text), each) for text, each in ordered)


def outputs_within(outputs: Sequence[str]) -> tuple[list[str], int]:
    """The names of logged models that have room, and how many have none."""
    return within((2 * (len(dumps(each)) + _OUTPUT_BYTES), each) for each in sorted(outputs))

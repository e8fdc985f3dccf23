"""What a mutant is, and small changes that several classes share."""

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

SEED = 2026
Named = Callable[[str], bool]
Change = str | tuple[str, Sequence[Any]]


@dataclass(frozen=True)
class Mutant:
    """The statements that make it, and whether a message names what was changed, ours and the stand-alone verifier's.

    ``theirs`` is None where the stand-alone verifier must not notice, because it does not read what was changed.
    """

    changes: Sequence[Change]
    ours: Named
    theirs: Named | None


def says(pattern: str) -> Named:
    return lambda text: re.search(pattern, text) is not None


def anything(text: str) -> bool:
    """For where what is read is left to the reader: found or not, both are right, and a traceback is not.

    These are rows whose key alone was changed (``entries."index"``, ``checkpoints.size``), and an old head put in under
    another key. The stand-alone verifier takes heads and leaves as they come by their keys: another order is found (3),
    the same order is the same ledger (0), and what the newest head no longer covers is not established (1).
    """
    return True


def turns(ways: Sequence[Callable], count: int, name: str, *, first: int = 0) -> Iterator[tuple[str, Callable, Random]]:
    """Each way in turn, with a chance of its own that depends on nothing but its number."""
    for number in range(first, first + count):
        way = ways[number % len(ways)]
        yield f"{name} {number} {way.__name__}", way, Random(f"{SEED} {name} {number}")


def flipped(chance: Random, data: bytes) -> bytes:
    """One bit."""
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def spare_bits(chance: Random, text: str) -> str:
    """The same bytes in another base64: the bits that padding leaves over are set."""
    padding = len(text) - len(text.rstrip("="))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = len(text) - padding - 1
    value = alphabet.index(text[last]) | chance.randrange(1, 4**padding)
    other = text[:last] + alphabet[value] + text[last + 1 :]
    assert other != text
    assert base64.b64decode(other) == base64.b64decode(text)
    return other


def other_value(chance: Random, value: Any) -> Any:
    """Another value of the same type, or of another where the type has no other."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + chance.choice((-1, 1, 7, 1000))
    if isinstance(value, bytes):
        return flipped(chance, value)
    if isinstance(value, str):
        place = chance.randrange(len(value) + 1)
        changed = [value[:place] + chance.choice("x0Z é") + value[place:], value[: place - 1] + value[place:] + "~"]
        return chance.choice(changed)
    return chance.choice(("x", 1, True))

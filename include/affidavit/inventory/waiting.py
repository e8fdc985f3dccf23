"""What waits for approval while two versions of a declaration are merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Loosening:
    """One weakening that waits for approval.

    ``field`` names list items by id (``datasets.applications-train.use``); ``old`` and ``new`` are the values in text,
    empty for none; ``why`` says in plain words what would be weaker.
    """

    file: str
    field: str
    old: str
    new: str
    why: str


@dataclass
class Waiting:
    """Collects weakenings of one file; every ``keep`` gives the value that stands."""

    file: str
    found: list[Loosening] = field(default_factory=list)

    def name(self, path: str, old: object, new: object, why: str) -> None:
        """Note a weakening."""
        self.found.append(Loosening(self.file, path, _text(old), _text(new), why))

    def choose(self, path: str, old: T, new: T, weaker: bool, why: str) -> T:
        """The old value where the new one is ``weaker``, which is noted."""
        if not weaker:
            return new
        self.name(path, old, new, why)
        return old

    def keep(self, path: str, old: object, new: object, weaker: bool, why: str) -> Any:
        """:meth:`choose` between the attributes that the last step of ``path`` names."""
        attribute = path.rpartition(".")[2]
        return self.choose(path, getattr(old, attribute), getattr(new, attribute), weaker, why)

    def keep_items(self, path: str, old: Sequence[str], new: Sequence[str], why: str) -> tuple[str, ...]:
        """The new items and every old one; each that was dropped is noted."""
        dropped = [item for item in dict.fromkeys(old) if item not in new]
        for item in dropped:
            self.name(path, item, None, why)
        return (*new, *dropped)

    def keep_out(self, path: str, old: Sequence[str], new: Sequence[str], why: str) -> tuple[str, ...]:
        """The new items that are old ones too; each that was added is noted."""
        for item in dict.fromkeys(new):
            if item not in old:
                self.name(path, None, item, why)
        return tuple(item for item in new if item in old)


def _text(value: object) -> str:
    """In words, whatever the order in lists: two ways to write the same change read the same."""
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(sorted(map(str, value)))
    if isinstance(value, dict):
        return "; ".join(f"{key} = {_text(value[key])}" for key in sorted(value))
    return str(value)

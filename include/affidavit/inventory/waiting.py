"""What waits for approval while two versions of a declaration are merged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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

    @property
    def change(self) -> Change:
        """Exactly what an approval is about; the reason is our wording, and no part of it."""
        return (self.file, self.field, self.old, self.new)


Change = tuple[str, str, str, str]
"""File, field, old text and new text of a weakening."""


@dataclass
class Waiting:
    """Collects weakenings of one file; every ``keep`` gives the value that stands.

    ``approved`` are weakenings that wait no more, each to the letter.
    """

    file: str
    approved: Collection[Change] = ()
    found: list[Loosening] = field(default_factory=list)

    def holds(self, path: str, old: object, new: object, why: str) -> bool:
        """Whether a weakening waits, and is noted; False where just this one was approved."""
        loosening = Loosening(self.file, path, _text(old), _text(new), why)
        if loosening.change in self.approved:
            return False
        self.found.append(loosening)
        return True

    def choose(self, path: str, old: T, new: T, weaker: bool, why: str) -> T:
        """The old value where the new one is ``weaker``, and waits."""
        return old if weaker and self.holds(path, old, new, why) else new

    def keep(self, path: str, old: object, new: object, weaker: bool, why: str) -> Any:
        """:meth:`choose` between the attributes that the last step of ``path`` names."""
        attribute = path.rpartition(".")[2]
        return self.choose(path, getattr(old, attribute), getattr(new, attribute), weaker, why)

    def keep_items(self, path: str, old: Sequence[str], new: Sequence[str], why: str) -> tuple[str, ...]:
        """The new items and every old one that was dropped, where that waits."""
        dropped = (item for item in dict.fromkeys(old) if item not in new)
        return (*new, *(item for item in dropped if self.holds(path, item, None, why)))

    def keep_out(self, path: str, old: Sequence[str], new: Sequence[str], why: str) -> tuple[str, ...]:
        """The new items without those that were added, where that waits."""
        added = {item for item in dict.fromkeys(new) if item not in old and self.holds(path, None, item, why)}
        return tuple(item for item in new if item not in added)


def _text(value: object) -> str:
    """In words, whatever the order in lists: two ways to write the same change read the same."""
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(sorted(map(str, value)))
    if isinstance(value, dict):
        return "; ".join(f"{key} = {_text(value[key])}" for key in sorted(value))
    return str(value)

"""What a kind of statement is: its name, its version, and the facts that it may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from affidavit.evidence.shapes import Shape

BASE_URI = "urn:affidavit:"
"""The one base of our own predicate types: ``urn:affidavit:<kind>:v<version>``."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of statement.

    ``facts`` lists every allowed field. ``foreign`` names the fields that a public predicate type puts at the top of
    the predicate; header and the other fields then stand under ``predicate.affidavit``.
    """

    name: str
    version: int
    facts: Mapping[str, Shape]
    predicate_type: str = ""
    foreign: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if not self.predicate_type:
            object.__setattr__(self, "predicate_type", f"{BASE_URI}{self.name}:v{self.version}")

"""A Great Expectations suite, as what a table must pass."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from affidavit.evidence.canonical import dumps
from affidavit.inventory.declared import EXPECTATION_PATTERN, Declared, Id, Text, first_again, refuse

Quality = Literal["completeness", "validity", "consistency", "uniqueness", "timeliness", "representativeness"]


class Expectation(Declared):
    """One expectation of a suite, by its Great Expectations type."""

    type: Annotated[str, StringConstraints(pattern=EXPECTATION_PATTERN)]
    kwargs: dict[str, Any] = Field(default_factory=dict)
    quality: Quality = Field(description="Which quality of data it is about")
    why: Text | None = Field(None, description="Why it is expected; shown where it fails")

    @property
    def test(self) -> str:
        """The test's name in evidence: ``type``, or ``type:column``; columns of a pair or set are joined by a comma."""
        columns = [self.kwargs.get(key) for key in ("column", "column_A", "column_B")]
        names = [str(c) for c in columns if c is not None] or [str(c) for c in self.kwargs.get("column_list", ())]
        return f"{self.type}:{','.join(names)}" if names else self.type


class Suite(Declared):
    """A Great Expectations suite as reviewed data: one file in ``expectations``."""

    name: Id
    description: Text
    expectations: tuple[Expectation, ...] = Field(min_length=1)

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the suite's canonical JSON: what a validation says it validated against."""
        return hashlib.sha256(dumps(self.model_dump(mode="json"))).hexdigest()

    @model_validator(mode="after")
    def _told_apart(self) -> Suite:
        if (n := first_again(expectation.test for expectation in self.expectations)) is not None:
            raise refuse(
                ("expectations", n),
                f"a second expectation is called {self.expectations[n].test}",
                "evidence names expectations by type and column: merge the two, or move one to another suite",
            )
        return self

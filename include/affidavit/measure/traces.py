"""What is kept of one trace of an agent while it is measured: numbers, and names that the inventory lists.

MLflow keeps what was asked, what was answered and what each tool was told. None of it comes this far: of arguments
only how often the same ones came back, of names only those of declared tools.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["groundedness", "refusal", "feedback"]
Source = Literal["human", "llm_judge", "code"]

SOURCES: tuple[Source, ...] = ("human", "llm_judge", "code")


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one source said of a trace: whether it is grounded, a refusal, or content somebody."""

    role: Role
    positive: bool
    source: Source


@dataclass(frozen=True, slots=True)
class ToolUse:
    """How often one trace called ``tool``, and how many of the calls ended in an error.

    ``most_alike`` is the greatest number of calls with the very same arguments.
    """

    tool: str
    calls: int
    errors: int
    most_alike: int = 1


@dataclass(frozen=True, slots=True)
class Trace:
    """One finished trace. None stands for what MLflow did not record, or not as a number that can be.

    ``steps`` are calls of models, tools and retrievers; ``tools`` is None where the spans could not be read, and empty
    where no tool was called. ``refused`` is what models themselves gave as the reason why they finished.
    """

    failed: bool | None = None
    seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    steps: int | None = None
    tools: tuple[ToolUse, ...] | None = None
    refused: bool | None = None
    assessments: tuple[Assessment, ...] = ()

    def said(self, role: Role, *sources: Source) -> list[bool]:
        """What ``sources`` said of it in that role."""
        return [each.positive for each in self.assessments if each.role == role and each.source in sources]

    @property
    def refusal(self) -> bool | None:
        """Whether it was a refusal: any source that says so is believed; None where nothing is known."""
        said = self.said("refusal", *SOURCES)
        known = said if self.refused is None else [*said, self.refused]
        return any(known) if known else None

    def loops(self, loop_from: int) -> bool | None:
        """Whether one tool was called at least ``loop_from`` times with the same arguments."""
        return None if self.tools is None else any(use.most_alike >= loop_from for use in self.tools)

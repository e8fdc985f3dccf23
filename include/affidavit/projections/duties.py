"""What was owed when: the obligations in force, and what assessments recorded, each from the entry that changed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from affidavit.inventory import Organisation, System
from affidavit.inventory.steps import steps_of, steps_of_organisation


@dataclass(frozen=True, slots=True)
class Duty:
    """What is due from ``since`` on: after each slot of ``schedule``, a look by each of ``steps``.

    ``index`` is the entry that brought it into force. ``experiments`` is how many experiments each collector of runs
    has to read.
    """

    index: int
    since: datetime
    schedule: str
    steps: tuple[str, ...]
    experiments: Mapping[str, int]

    def owes_as(self, other: Duty | None) -> bool:
        """Whether ``other`` demands the same, whenever it came into force."""
        return other is not None and (self.schedule, self.steps, self.experiments) == (
            other.schedule,
            other.steps,
            other.experiments,
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """The status of one control from ``at`` on, as the assessment in the entry ``index`` recorded it.

    ``status`` is None from an assessment on that no longer judged the control.
    """

    index: int
    at: datetime
    status: str | None


def duty_of(standing: System | Organisation, *, index: int, since: datetime) -> Duty:
    """What an AI system, or the organisation, owes as it stands in force."""
    experiments: dict[str, int] = {}
    if isinstance(standing, System):
        steps = steps_of(standing)
        experiments = {standing.collector("mlflow-runs", each): len(each.experiments) for each in standing.servers}
    else:
        steps = steps_of_organisation(standing)
    return Duty(index, since, standing.schedule, tuple(step.id for step in steps), experiments)

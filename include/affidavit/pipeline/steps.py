"""What a collection consists of. Imported while Airflow parses DAG files: nothing heavy belongs here."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.evidence.statement import Stage
from affidavit.inventory import System

ORGANISATION = "organisation"
"""Stands for the organisation wherever a system id is expected; no AI system may have this id."""


@dataclass(frozen=True, slots=True)
class Step:
    """One look at one source.

    ``id`` names it within a collection (``declarations``, ``table:<id>``, …); ``stage`` is the lifecycle stage its
    evidence belongs to; ``warehouse`` is the connection id whose pool it takes a slot of.
    """

    id: str
    stage: Stage
    warehouse: str | None = None

    @property
    def task(self) -> str:
        """The Airflow task id within the stage's task group."""
        return self.id.removeprefix("table:")


def pool(connection_id: str) -> str:
    """The Airflow pool that bounds how many tasks read one warehouse at once."""
    return f"warehouse.{connection_id}"


def steps_of(system: System) -> tuple[Step, ...]:
    """The steps of one AI system, in lifecycle order."""
    return (
        Step("declarations", Stage.INCEPTION),
        *([Step("openlineage", Stage.DATA)] if system.openlineage else []),
        *(Step(f"table:{table.id}", table.stage, table.connection) for table in system.tables),
        Step("mlflow-runs", Stage.DEVELOPMENT),
        Step("mlflow-models", Stage.DEPLOYMENT),
    )


def steps_of_organisation() -> tuple[Step, ...]:
    """The steps of the organisation itself."""
    return (Step("declarations", Stage.CROSS), Step("unreconciled", Stage.CROSS))

"""What a collection consists of. Imported while Airflow parses DAG files: nothing heavy belongs here."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.evidence.statement import Stage
from affidavit.inventory import Agent, Book, Dataset, Endpoint, Organisation, PredictionTable, Register, System

ORGANISATION = "organisation"
"""Stands for the organisation wherever a system id is expected; no AI system may have this id."""

DOCUMENTS = "documents"
"""The look at all documents of a scope: they are small, and one that cannot be read keeps no other from being."""


@dataclass(frozen=True, slots=True)
class Step:
    """One look at one source.

    ``id`` names it within a collection (``declarations``, ``table:<id>``, ``model:<table's id>``, ``serving:<id>``, …);
    ``stage`` is the lifecycle stage its evidence belongs to; ``warehouse`` is the connection id whose pool it takes a
    slot of.
    """

    id: str
    stage: Stage
    warehouse: str | None = None

    @property
    def task(self) -> str:
        """The Airflow task id within the stage's task group."""
        # No id holds an underscore, so a register and a table of one id have tasks of their own.
        return self.id.removeprefix("table:").replace(":", "_")


def pool(connection_id: str) -> str:
    """The Airflow pool that bounds how many tasks read one warehouse at once."""
    return f"warehouse.{connection_id}"


def steps_of(system: System) -> tuple[Step, ...]:
    """The steps of one AI system, in lifecycle order."""
    return (
        Step("declarations", Stage.INCEPTION),
        *([Step(DOCUMENTS, Stage.INCEPTION)] if system.documents else []),
        *([Step("openlineage", Stage.DATA)] if system.openlineage else []),
        *(step_of_table(table) for table in system.tables),
        *(step_of_version(table) for table in system.predictions if table.measured and table.measured.asked),
        *(Step(system.collector("mlflow-runs", server), Stage.DEVELOPMENT) for server in system.servers),
        *(Step(system.collector("mlflow-models", server), Stage.DEPLOYMENT) for server in system.servers),
        *(step_of_endpoint(endpoint) for endpoint in system.serving),
        *(step_of_agent(agent) for agent in system.agents),
        *(step_of_register(register) for register in system.registers),
        *(step_of_book(book) for book in system.books),
    )


def steps_of_organisation(organisation: Organisation) -> tuple[Step, ...]:
    """The steps of the organisation itself."""
    return (
        Step("declarations", Stage.CROSS),
        Step("unreconciled", Stage.CROSS),
        *([Step(DOCUMENTS, Stage.CROSS)] if organisation.documents else []),
        *(step_of_register(register) for register in organisation.registers),
        *(step_of_book(book) for book in organisation.books),
    )


def step_of_table(table: Dataset | PredictionTable) -> Step:
    """The look at a table."""
    return Step(f"table:{table.id}", table.stage, table.connection)


def step_of_version(table: PredictionTable) -> Step:
    """The questions to the version whose answers a table holds."""
    return Step(f"model:{table.id}", Stage.VERIFICATION, table.connection)


def step_of_register(register: Register) -> Step:
    """The look at a register."""
    return Step(f"register:{register.id}", register.demand.stage, register.connection)


def step_of_book(book: Book) -> Step:
    """The look at a book. Books come last: a plan that is first seen with the change it names came too late."""
    return Step(f"book:{book.id}", Stage.CROSS, book.connection)


def step_of_agent(agent: Agent) -> Step:
    """The look at an agent's traces."""
    return Step(f"agent:{agent.id}", Stage.OPERATION)


def step_of_endpoint(endpoint: Endpoint) -> Step:
    """The question to a scoring endpoint."""
    return Step(f"serving:{endpoint.id}", Stage.DEPLOYMENT)

"""What an organisation declares: AI systems, their tables and models, beside itself and the suites.

The models are the single description of the YAML files; the JSON Schema that editors complete from is generated from
them. Everything is frozen, unknown keys are refused, and order in a list carries no meaning.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from affidavit.evidence.statement import Stage
from affidavit.inventory.agents import Agent
from affidavit.inventory.controlled import ControlledDocument, in_place
from affidavit.inventory.declared import (
    RESERVED,
    ConnectionId,
    Declared,
    Id,
    Name,
    Schedule,
    Text,
    first_again,
    once,
    refuse,
)
from affidavit.inventory.measured import Measured
from affidavit.inventory.organisation import Organisation
from affidavit.inventory.people import (
    Accepted,
    Envelope,
    once_accepted,
)
from affidavit.inventory.records import Book
from affidavit.inventory.registers import Endpoint, Register
from affidavit.inventory.suite import Suite

RiskLevel = Literal["minimal", "limited", "high"]
OrganisationRole = Literal["developer", "provider", "deployer", "user", "importer", "distributor"]
Use = Literal["training", "validation", "test", "production", "reference"]

_STAGE_OF_USE: dict[str, Stage] = {
    "training": Stage.DATA,
    "reference": Stage.DATA,
    "validation": Stage.VERIFICATION,
    "test": Stage.VERIFICATION,
    "production": Stage.OPERATION,
}


class Partition(Declared):
    """How a table that is too large to be read whole each time is read by parts."""

    column: Name = Field(description="Column that divides the rows, and by which the warehouse finds them: a month")
    token: Name = Field(
        description="Change token: a column whose greatest value in a partition is another after each change there, "
        "such as a version or the time of the last change"
    )
    rotation: int = Field(
        10, ge=1, le=1_000, description="Every partition is read again within so many looks, whatever its token says"
    )


class Table(Declared):
    """A table of a warehouse, as one AI system uses it."""

    id: Id
    connection: ConnectionId = Field(description="Airflow connection id of the warehouse")
    table: Name = Field(description="Table name, with its schema where the warehouse has schemas: public.applications")
    suite: Id | None = Field(None, description="Suite that the table must pass: the file expectations/<suite>.yaml")
    time_column: Name | None = Field(None, description="Column that dates a row; gives the period a snapshot covers")
    partition: Partition | None = Field(
        None, description="Fingerprint by partitions, and skip those whose change token is the same; whole if absent"
    )
    examples: int = Field(
        0,
        ge=0,
        le=20,
        description="Rows to keep, whole, of each test that fails, in an erasable blob; 0: none",
    )
    timeout_seconds: int = Field(600, ge=1, le=86_400, description="Longest time that one query may run")

    @property
    def uri(self) -> str:
        """The table's name in statements: ``warehouse://<connection>/<table>``."""
        return f"warehouse://{self.connection}/{self.table}"


class Dataset(Table):
    """A table that a model is made from, or is tried on."""

    use: Use
    suite: Id = Field(description="Suite that the table must pass: the file expectations/<suite>.yaml")

    @property
    def stage(self) -> Stage:
        """The lifecycle stage that evidence about the table belongs to."""
        return _STAGE_OF_USE[self.use]


class PredictionTable(Table):
    """A table of scored rows: what the model answered, and what turned out to be true."""

    label: Name = Field(description="Column with the true outcome")
    score: Name = Field(description="Column with the model's score or class")
    measured: Measured | None = Field(None, description="What is measured of its rows; nothing if absent")

    @property
    def use(self) -> Literal["prediction"]:
        """Always ``prediction``."""
        return "prediction"

    @property
    def stage(self) -> Stage:
        """Scored rows are what a model is verified on."""
        return Stage.VERIFICATION


class Allow(Declared):
    """Names of MLflow params and tags whose values may enter the ledger; all others are counted and withheld."""

    params: tuple[Name, ...] = ()
    tags: tuple[Name, ...] = ()


class Tracking(Declared):
    """Where an AI system's runs and models are logged."""

    connection: ConnectionId = Field(description="Airflow connection id of the MLflow tracking server")
    experiments: tuple[Name, ...] = Field(min_length=1)
    registered_models: tuple[Name, ...] = ()
    in_use_alias: Name = Field("champion", description="The alias that means: this version is in use")
    sweep: Schedule = Field(
        "@weekly", description="When all runs are read again, to find what was changed or deleted after collection"
    )
    allow: Allow = Allow()


class System(Declared):
    """One AI system: one file in ``include/systems``."""

    id: Id
    title: Text
    purpose: Text
    organisation_role: OrganisationRole
    risk_level: RiskLevel
    owner: Id = Field(description="Role in include/organisation.yaml that answers for the system")
    schedule: Schedule = Field(
        description="Cron expression or @hourly, @daily, @weekly, @monthly: when evidence is due"
    )
    mlflow: Tracking
    more_mlflow: tuple[Tracking, ...] = Field(
        (),
        description="Further tracking servers that hold runs and models of the system, each under its own connection",
    )
    datasets: tuple[Dataset, ...] = Field(
        (), description="Tables it learns from and is tested on; at least one, or an agent"
    )
    predictions: tuple[PredictionTable, ...] = ()
    openlineage: Name | None = Field(
        None, description="Folder (path or fsspec URL) of the OpenLineage events of the jobs that prepare its tables"
    )
    registers: tuple[Register, ...] = Field((), description="What else is recorded about the system, and where")
    books: tuple[Book, ...] = Field((), description="Where risks, changes, nonconformities and the like are kept")
    serving: tuple[Endpoint, ...] = Field((), description="Scoring endpoints, asked which version they serve")
    agents: tuple[Agent, ...] = Field((), description="Agents and generative systems, watched by their traces")
    documents: tuple[ControlledDocument, ...] = Field((), description="What is written down about the system")
    dags: tuple[Name, ...] = Field((), description="Airflow DAGs that train, score or serve the system")
    envelope: Envelope | None = Field(
        None, description="Within which the approval of a version in use carries over to the next; never if absent"
    )
    exceptions: tuple[Accepted, ...] = Field((), description="Failing controls to be accepted, each until a date")
    demonstration: Text | None = Field(
        None, description="What is scripted or simulated, in words; marks every entry of the system"
    )

    @property
    def tables(self) -> tuple[Dataset | PredictionTable, ...]:
        """Datasets, then prediction tables."""
        return (*self.datasets, *self.predictions)

    @property
    def servers(self) -> tuple[Tracking, ...]:
        """Every tracking server of the system, each with what the system has there."""
        return (self.mlflow, *self.more_mlflow)

    def on(self, tracking: Tracking) -> System:
        """The system as one of its :attr:`servers` sees it."""
        return self.model_copy(update={"mlflow": tracking, "more_mlflow": ()})

    def collector(self, name: str, tracking: Tracking) -> str:
        """What ``name``, a collector of MLflow's, is called on one of the servers: on the first as it is."""
        return name if tracking.connection == self.mlflow.connection else f"{name}:{tracking.connection}"

    @model_validator(mode="after")
    def _told_apart(self) -> System:
        if (n := first_again(tracking.connection for tracking in self.servers)) is not None:
            problem = f"a second tracking server has the connection {self.servers[n].connection!r}"
            fix = "name all experiments and models of one server in one place"
            raise refuse(("more_mlflow", n - 1, "connection"), problem, fix)
        if self.id == RESERVED:
            raise refuse(("id",), f"{RESERVED!r} stands for the organisation itself", "choose another id")
        if (n := first_again(table.id for table in self.tables)) is not None:
            problem = f"a second table has the id {self.tables[n].id!r}"
            raise refuse((*self._place(n), "id"), problem, "give each table its own id")
        if (n := first_again(table.uri for table in self.tables)) is not None:
            problem = "a second table with the same connection and table"
            raise refuse((*self._place(n), "table"), problem, "declare each table once in an AI system")
        if not self.datasets and not self.agents:
            fix = "name the tables that the system learns from, or the agent whose traces are watched"
            raise refuse(("datasets",), "neither a dataset nor an agent", fix)
        self._openlineage_can_be_read()
        once("registers", self.registers)
        once("books", self.books)
        once("serving", self.serving)
        once("agents", self.agents)
        once("documents", self.documents)
        in_place(self.documents, of_system=True)
        once_accepted(self.exceptions)
        models = {model for tracking in self.servers for model in tracking.registered_models}
        for n, endpoint in enumerate(self.serving):
            if endpoint.model not in models:
                fix = "name one of the registered_models, so that it can be compared with the alias in use"
                raise refuse(("serving", n, "model"), f"{endpoint.model!r} is no registered model of the system", fix)
        for n, table in enumerate(self.predictions):
            if table.measured:
                self._measured_by_what_is_here(("predictions", n, "measured"), table.measured, models)
        return self

    def _measured_by_what_is_here(self, path: tuple[str | int, ...], measured: Measured, models: set[str]) -> None:
        known = {
            "model": (models, "registered model"),
            "reference": ({dataset.id for dataset in self.datasets}, "dataset"),
            "endpoint": ({endpoint.id for endpoint in self.serving}, "scoring endpoint"),
        }
        for field, (names, what) in known.items():
            named = getattr(measured, field)
            if named is not None and named not in names:
                fix = f"name one of: {', '.join(sorted(names)) or 'there is none yet'}"
                raise refuse((*path, field), f"{named!r} is no {what} of the system", fix)

    def _openlineage_can_be_read(self) -> None:
        url = self.openlineage
        if url is None:
            return
        if "@" in url or "?" in url:
            # The address stands in the ledger, which cannot unsay a password.
            raise refuse(("openlineage",), "an address with credentials or a query", "write it without them")
        if "://" not in url and not url.startswith("/"):
            fix = "write /absolute/path, file:///absolute/path, s3://bucket/folder, …"
            raise refuse(("openlineage",), "neither a URL nor an absolute path", fix)
        if (n := next((n for n, table in enumerate(self.tables) if table.id == "openlineage"), None)) is not None:
            # Both would be the task of that name.
            raise refuse(
                (*self._place(n), "id"), "a table called as the look at OpenLineage events", "choose another id"
            )

    def _place(self, n: int) -> tuple[str, int]:
        many = len(self.datasets)
        return ("datasets", n) if n < many else ("predictions", n - many)


class Inventory(Declared):
    """Everything an organisation declares, as it stood at one moment."""

    organisation: Organisation
    systems: dict[Id, System]
    suites: dict[Id, Suite]

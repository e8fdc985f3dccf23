"""What an organisation declares: AI systems, their tables and models, the suites they must pass, and roles.

The models are the single description of the YAML files; the JSON Schema that editors complete from is generated from
them. Everything is frozen, unknown keys are refused, and order in a list carries no meaning.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from affidavit.errors import NoteError
from affidavit.evidence.canonical import dumps
from affidavit.evidence.statement import Stage
from affidavit.inventory.agents import Agent
from affidavit.inventory.applicability import Inclusion, OwnControl
from affidavit.inventory.controlled import ROLES_OF_DOCUMENTS, ControlledDocument, in_place
from affidavit.inventory.declared import (
    EXPECTATION_PATTERN,
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
from affidavit.inventory.people import (
    Accepted,
    Committee,
    ControlId,
    DecisionType,
    Envelope,
    Exclusion,
    Person,
    check_people,
)
from affidavit.inventory.registers import Endpoint, Register
from affidavit.tlog.note import VerifierKey

RESERVED = "organisation"
"""Stands for the organisation wherever a system id is expected, so no AI system may be called that."""

RiskLevel = Literal["minimal", "limited", "high"]
OrganisationRole = Literal["developer", "provider", "deployer", "user", "importer", "distributor"]
Use = Literal["training", "validation", "test", "production", "reference"]
KindWithBlobs = Literal[
    "anchor", "dataset-snapshot", "decision", "document", "failing-rows", "measurement", "validation"
]
Days = Annotated[int, Field(ge=1, le=36_500)]
Quality = Literal["completeness", "validity", "consistency", "uniqueness", "timeliness", "representativeness"]

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
        once("serving", self.serving)
        once("agents", self.agents)
        once("documents", self.documents)
        in_place(self.documents, of_system=True)
        _once_accepted(self.exceptions)
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


class Role(Declared):
    """A role of the organisation. Holders are pseudonymous person ids, never names."""

    title: Text
    holders: tuple[Id, ...] = ()


class Anchor(Declared):
    """Something outside the ledger that is handed its head, so that an outsider knows it.

    ``witness`` and ``timestamp`` sign it. ``store`` (a file, or a bucket with a retention rule of its own) and
    ``mlflow-tag`` keep copies, which are called so; a witness that is ``ours`` is one too.
    """

    id: Id
    means: Literal["witness", "timestamp", "store", "mlflow-tag"]
    url: Name | None = Field(None, description="Where a witness, time stamp authority or store is; no credentials")
    key: Text | None = Field(None, description="Of a witness: its public key (C2SP vkey), got from who runs it")
    ours: bool = Field(False, description="Of a witness: we run it ourselves, so what it signs is a copy")
    authority: Name | None = Field(
        None, description="Of a time stamp authority: PEM file with the roots to trust, relative to include/"
    )
    connection: ConnectionId | None = Field(None, description="Of an MLflow tag: Airflow connection id of the server")
    experiment: Name | None = Field(None, description="Of an MLflow tag: name of the experiment that carries it")

    @model_validator(mode="after")
    def _whole(self) -> Anchor:
        needed = _ANCHOR_FIELDS[self.means]
        for name in ("url", "key", "authority", "connection", "experiment"):
            given = getattr(self, name) is not None
            if given != (name in needed):
                problem = f"a {self.means} {'has no' if given else 'needs its'} {name}"
                raise refuse((name,), problem, f"its fields are id, means, {', '.join(needed)}")
        if self.ours and self.means != "witness":
            raise refuse(("ours",), f"a {self.means} is a matter of its own", "leave it out")
        if self.url is not None and ("@" in self.url or "?" in self.url):
            # The address stands in the ledger, which cannot unsay a password.
            raise refuse(("url",), "an address with credentials or a query", "write it without them")
        if self.key is not None:
            try:
                VerifierKey.parse(self.key)
            except NoteError as error:
                raise refuse(("key",), error.problem, "write the line that the witness printed") from error
        return self


_ANCHOR_FIELDS: dict[str, tuple[str, ...]] = {
    "witness": ("url", "key"),
    "timestamp": ("url", "authority"),
    "store": ("url",),
    "mlflow-tag": ("connection", "experiment"),
}


class LegalHold(Declared):
    """A duty to keep what entries of a scope name, whatever retention or anybody's decision says."""

    id: Id
    scope: Id = Field(description="'organisation' for everything, or the id of one AI system")
    reason: Text = Field(description="Why, in words without personal data: they enter a log that cannot unsay them")
    since: date
    kinds: tuple[KindWithBlobs, ...] | None = Field(None, description="Kinds of entry that it is about; all if absent")

    def covers(self, scope: str, kind: str) -> bool:
        """Whether it is about entries of ``kind`` in ``scope`` (``organisation`` or ``system:<id>``)."""
        held = self.scope in (RESERVED, scope.removeprefix("system:"))
        return held and (self.kinds is None or kind in self.kinds)


class Organisation(Declared):
    """The organisation: ``include/organisation.yaml``."""

    id: Id
    title: Text
    roles: dict[Id, Role]
    owners: dict[str, Id] = Field(
        default_factory=dict, description="Role that answers for a control, by control id or area (A.7.4, A.7, 9.2)"
    )
    schedule: Schedule = Field("@daily", description="When evidence about the organisation itself is due")
    airflow_connection: ConnectionId | None = Field(
        None, description="Connection id of Airflow's REST API, to list DAGs that no AI system claims"
    )
    anchors: tuple[Anchor, ...] = Field((), description="Who is handed the ledger's head, soon after it moves")
    retention: dict[KindWithBlobs, Days] = Field(
        default_factory=dict, description="Days after which the blobs of a kind of entry are erased; for ever if absent"
    )
    legal_holds: tuple[LegalHold, ...] = Field((), description="What is kept whatever retention or a decision says")
    registers: tuple[Register, ...] = Field((), description="What is recorded about the organisation, and where")
    documents: tuple[ControlledDocument, ...] = Field((), description="What is written down about the organisation")
    own_controls: tuple[OwnControl, ...] = Field((), description="Controls that it has beside those of Annex A")
    included: dict[str, Inclusion] = Field(
        default_factory=dict, description="Why a control is there, and which risks it treats, by control id (A.7.4)"
    )
    people: dict[Id, Person] = Field(default_factory=dict, description="Who decides, by pseudonym")
    committees: dict[Id, Committee] = Field(default_factory=dict, description="Who decides together, by id")
    deciders: dict[DecisionType, Id] = Field(
        default_factory=dict, description="Role or committee that decides, by type of decision; who owns it if absent"
    )
    excluded: dict[ControlId, Exclusion] = Field(
        default_factory=dict, description="Controls of Annex A that do not apply, each with its justification"
    )
    exceptions: tuple[Accepted, ...] = Field((), description="Failing controls to be accepted, each until a date")
    demonstration: Text | None = None

    def owner_of(self, control: str) -> str | None:
        """The role that answers for a control or clause: by its own id, else by the nearest area above it.

        A control of the organisation's own names its owner itself.
        """
        if own := next((each.owner for each in self.own_controls if each.id == control), None):
            return own
        while control not in self.owners:
            control, dot, _ = control.rpartition(".")
            if not dot:
                return None
        return self.owners[control]

    @model_validator(mode="after")
    def _owned_by_roles(self) -> Organisation:
        for control, role in self.owners.items():
            if role not in self.roles:
                known = ", ".join(sorted(self.roles)) or "none yet"
                fix = f"add it under roles, or choose one of: {known}"
                raise refuse(("owners", control), f"there is no role {role!r}", fix)
        once("anchors", self.anchors)
        once("legal_holds", self.legal_holds)
        once("registers", self.registers)
        once("documents", self.documents)
        once("own_controls", self.own_controls)
        in_place(self.documents, of_system=False)
        _once_accepted(self.exceptions)
        check_people(self.people, self.committees, self.roles)
        self._answered_by_roles()
        return self

    def _answered_by_roles(self) -> None:
        named = [
            *(
                (("documents", n, of), getattr(d, of))
                for n, d in enumerate(self.documents)
                for of in ROLES_OF_DOCUMENTS
            ),
            *((("own_controls", n, "owner"), control.owner) for n, control in enumerate(self.own_controls)),
        ]
        for path, role in named:
            if role not in self.roles:
                raise refuse(path, f"there is no role {role!r}", "add it under roles, or choose one that is there")
        for kind, decider in self.deciders.items():
            if decider not in self.roles and decider not in self.committees:
                known = ", ".join(sorted(self.roles.keys() | self.committees.keys())) or "none yet"
                fix = f"add it under roles or committees, or choose one of: {known}"
                raise refuse(("deciders", kind), f"there is no role or committee {decider!r}", fix)

    def recorded(self) -> dict[str, Any]:
        """The organisation as plain JSON, as it may enter a ledger: without the accounts of people."""
        people = {name: person.recorded() for name, person in self.people.items()}
        document = self.model_copy(update={"people": people}).model_dump(mode="json")
        for person in document["people"].values():
            del person["accounts"]
        return document


def _once_accepted(exceptions: tuple[Accepted, ...]) -> None:
    if (n := first_again(each.control for each in exceptions)) is not None:
        fix = "keep one exception of a control: the one with the date that is meant"
        raise refuse(("exceptions", n, "control"), "a second exception of the same control", fix)


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


class Inventory(Declared):
    """Everything an organisation declares, as it stood at one moment."""

    organisation: Organisation
    systems: dict[Id, System]
    suites: dict[Id, Suite]

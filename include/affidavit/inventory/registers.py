"""Registers and scoring endpoints: what else is recorded about an AI system or the organisation, and where.

A register is of one of the kinds below: a table of a warehouse, or a CSV or XLSX file that somebody put beside the
declarations or into a store. What a row says never enters the ledger: only how many there are, by day and by values
listed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal, Protocol

from pydantic import Field, StringConstraints, model_validator

from affidavit.evidence.statement import Stage
from affidavit.inventory.declared import ConnectionId, Declared, Id, Name, check_address, refuse

FILE_PATTERN = r"^[^\x00-\x20]+\.(csv|xlsx)$"
PATH_PATTERN = r"^/[A-Za-z0-9_./-]*$"
ANSWER_PATTERN = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"

MOST_VALUES = 50
"""Values that one register may list in all: each is counted by day, and a leaf has room for so many counts."""

RegisterKind = Literal[
    "requests-served",
    "event-logs",
    "human-overrides",
    "access-grants",
    "tickets",
    "training-and-competence",
    "suppliers",
    "licences",
    "legal-duties",
    "user-visible-incidents",
]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a kind of register must hold.

    ``columns`` are the roles that columns must be named for; ``key`` is the one by which rows are reconciled, ``date``
    the one that dates a row. ``ends`` says that this is the day on which the row runs out, not the one on which it
    came about. Of a ``system_record``, a file that was put there by hand is no evidence.
    """

    columns: tuple[str, ...]
    key: str
    date: str | None
    stage: Stage
    ends: bool = False
    system_record: bool = False


DEMANDS: Mapping[RegisterKind, Demand] = MappingProxyType(
    {
        "requests-served": Demand(("request", "at"), "request", "at", Stage.OPERATION, system_record=True),
        "event-logs": Demand(("request", "at", "event"), "request", "at", Stage.OPERATION, system_record=True),
        "human-overrides": Demand(
            ("decision", "at", "person", "outcome"), "decision", "at", Stage.OPERATION, system_record=True
        ),
        "access-grants": Demand(("person", "resource", "right"), "person", None, Stage.DATA, system_record=True),
        "tickets": Demand(("ticket", "opened", "owner"), "ticket", "opened", Stage.OPERATION, system_record=True),
        "training-and-competence": Demand(("person", "competence", "until"), "person", "until", Stage.CROSS, ends=True),
        "suppliers": Demand(("supplier", "contract", "until"), "supplier", "until", Stage.CROSS, ends=True),
        "licences": Demand(("item", "licence", "until"), "item", "until", Stage.DEVELOPMENT, ends=True),
        "legal-duties": Demand(("duty", "owner", "until"), "duty", "until", Stage.CROSS, ends=True),
        "user-visible-incidents": Demand(
            ("incident", "detected", "notified"), "incident", "detected", Stage.OPERATION, system_record=True
        ),
    }
)


class Reconcile(Declared):
    """A second source that a register is compared with, by key: a table of the same warehouse or another."""

    connection: ConnectionId = Field(description="Airflow connection id of the warehouse")
    table: Name = Field(description="Table name, with its schema where the warehouse has schemas")
    column: Name = Field(description="Column that holds the register's key")

    @property
    def uri(self) -> str:
        """``warehouse://<connection>/<table>``."""
        return f"warehouse://{self.connection}/{self.table}"


class _Source(Protocol):
    @property
    def connection(self) -> str | None: ...
    @property
    def table(self) -> str | None: ...
    @property
    def file(self) -> str | None: ...
    @property
    def sheet(self) -> str | None: ...


def check_source(source: _Source, what: str, *, example: str) -> None:
    """Refuse a source of rows that is neither a table with its connection nor a file, or a sheet of no workbook."""
    table = (source.connection is not None, source.table is not None)
    if table != ((True, True) if source.file is None else (False, False)):
        fix = "give it a connection and a table, or else a file"
        raise refuse((), f"a {what} is either a table or a file", fix)
    if source.file is not None:
        check_address(source.file, example=example)
    if source.sheet is not None and not (source.file or "").endswith(".xlsx"):
        raise refuse(("sheet",), "only an XLSX file has sheets", "leave it out")


def uri_of(source: _Source) -> str:
    """Where rows are: ``warehouse://<connection>/<table>``, ``file:include/<file>``, or the file's URL."""
    if source.file is None:
        return f"warehouse://{source.connection}/{source.table}"
    return source.file if "://" in source.file else f"file:include/{source.file}"


class Register(Declared):
    """A register: ``connection`` and ``table``, or a ``file``."""

    id: Id
    kind: RegisterKind
    connection: ConnectionId | None = Field(None, description="Airflow connection id of the warehouse")
    table: Name | None = Field(None, description="Table name, with its schema where the warehouse has schemas")
    file: Annotated[Name, StringConstraints(pattern=FILE_PATTERN)] | None = Field(
        None,
        description="CSV or XLSX: a path below include/, or any fsspec URL without credentials; nobody can tell who "
        "wrote it, so it counts as declared, never as observed",
    )
    sheet: Name | None = Field(None, description="Sheet of an XLSX file; the only one that is shown, if absent")
    columns: dict[Id, Name] = Field(description="Column of each role that the kind demands")
    categories: dict[Name, tuple[Name, ...]] = Field(
        default_factory=dict, description="Columns whose rows are counted by the values listed here; others as 'other'"
    )
    reconcile: Reconcile | None = Field(None, description="A second source that must hold the same keys")
    timeout_seconds: int = Field(600, ge=1, le=86_400, description="Longest time that one query may run")

    @property
    def demand(self) -> Demand:
        """What its kind must hold."""
        return DEMANDS[self.kind]

    @property
    def uri(self) -> str:
        """Where its rows are: see :func:`uri_of`."""
        return uri_of(self)

    @property
    def name(self) -> str:
        """Its name in statements."""
        return f"affidavit://registers/{self.id}"

    @model_validator(mode="after")
    def _whole(self) -> Register:
        check_source(self, "register", example="registers/licences.csv")
        for role in self.demand.columns:
            if role not in self.columns:
                raise refuse(("columns",), f"a register of {self.kind} needs its {role}", f"name the column: {role}: …")
        for role in self.columns:
            if role not in self.demand.columns:
                fix = f"its columns are {', '.join(self.demand.columns)}"
                raise refuse(("columns", role), f"a register of {self.kind} has no {role}", fix)
        if sum(len(values) for values in self.categories.values()) > MOST_VALUES:
            raise refuse(("categories",), f"more than {MOST_VALUES} values in all", "list fewer; the rest is 'other'")
        return self


class Endpoint(Declared):
    """A scoring endpoint that is asked which version of a registered model it serves."""

    id: Id
    model: Name = Field(description="Registered model that it serves, one of those that the file names")
    connection: ConnectionId = Field(description="Airflow connection id of the endpoint (http or https)")
    path: Annotated[Name, StringConstraints(pattern=PATH_PATTERN)] = Field(
        description="Path that answers GET with a JSON document which names the version"
    )
    version: Annotated[Name, StringConstraints(pattern=ANSWER_PATTERN)] = Field(
        description="Where in that document the version stands: keys and positions joined by dots"
    )
    invocations: Annotated[Name, StringConstraints(pattern=PATH_PATTERN)] = Field(
        "/invocations", description="Path that is asked to score rows, by MLflow's scoring protocol"
    )

    @property
    def name(self) -> str:
        """Its name in statements."""
        return f"affidavit://serving/{self.id}"

    @property
    def uri(self) -> str:
        """Where it is asked: ``endpoint://<connection><path>``."""
        return f"endpoint://{self.connection}{self.path}"

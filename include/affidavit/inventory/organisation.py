"""What an organisation declares of itself: roles and people, who is handed the ledger's head, what is kept how long."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from affidavit.errors import NoteError
from affidavit.inventory.adopting import Adoption
from affidavit.inventory.applicability import Inclusion, OwnControl
from affidavit.inventory.controlled import ROLES_OF_DOCUMENTS, ControlledDocument, in_place
from affidavit.inventory.declared import RESERVED, ConnectionId, Declared, Id, Name, Schedule, Text, once, refuse
from affidavit.inventory.people import (
    Accepted,
    Committee,
    ControlId,
    DecisionType,
    Exclusion,
    Person,
    check_people,
    once_accepted,
)
from affidavit.inventory.records import Book
from affidavit.inventory.registers import Register
from affidavit.inventory.reminding import Reminders
from affidavit.tlog.note import VerifierKey

KindWithBlobs = Literal[
    "anchor", "dataset-snapshot", "decision", "document", "failing-rows", "measurement", "record", "validation"
]
Days = Annotated[int, Field(ge=1, le=36_500)]


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
    books: tuple[Book, ...] = Field((), description="Where risks, changes, nonconformities and the like are kept")
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
    adoption: dict[str, Adoption] = Field(
        default_factory=dict, description="What is planned for a control, and by when, by id or area (A.7.4, A.7, 9.2)"
    )
    reminders: Reminders | None = Field(
        None, description="How people are told what waits for them; not at all if absent"
    )
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
        once("books", self.books)
        once("documents", self.documents)
        once("own_controls", self.own_controls)
        in_place(self.documents, of_system=False)
        once_accepted(self.exceptions)
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
        deciding: list[tuple[tuple[str | int, ...], str]] = [
            *((("deciders", kind), decider) for kind, decider in self.deciders.items()),
            *((("reminders", *path), role) for path, role in (self.reminders.named() if self.reminders else ())),
        ]
        for place, decider in deciding:
            if decider not in self.roles and decider not in self.committees:
                known = ", ".join(sorted(self.roles.keys() | self.committees.keys())) or "none yet"
                fix = f"add it under roles or committees, or choose one of: {known}"
                raise refuse(place, f"there is no role or committee {decider!r}", fix)

    def recorded(self) -> dict[str, Any]:
        """The organisation as plain JSON, as it may enter a ledger: without accounts and addresses of people."""
        people = {name: person.recorded() for name, person in self.people.items()}
        document = self.model_copy(update={"people": people}).model_dump(mode="json")
        for person in document["people"].values():
            del person["accounts"]
        if self.reminders:
            document["reminders"] = self.reminders.recorded()
        return document

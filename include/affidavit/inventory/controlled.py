"""Controlled documents: what is written down, who answers for it, who signs it, and where the file lies.

A document's text never enters the ledger. Its digest does, and which of its sections say something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from affidavit.evidence.statement import Stage
from affidavit.inventory.declared import Declared, Id, Name, Text, check_address, refuse

DOCUMENT_PATTERN = r"^[^\x00-\x20]+\.(md|docx|xlsx)$"
ROLES_OF_DOCUMENTS = ("owner", "approver")
"""The fields of a document that name a role of the organisation."""

DocumentKind = Literal[
    "ai-impact-assessment",
    "ai-objectives",
    "ai-policy",
    "ai-risk-assessment",
    "audit-programme",
    "communication-plan",
    "competence-matrix",
    "concerns-procedure",
    "context-analysis",
    "customer-requirements",
    "data-management-procedure",
    "data-preparation-specification",
    "impact-assessment-procedure",
    "incident-communication-plan",
    "intended-use",
    "interested-parties",
    "internal-audit-report",
    "lifecycle-procedure",
    "management-review",
    "management-review-input",
    "measurement-plan",
    "monitoring-plan",
    "objectives-of-use",
    "policy-alignment",
    "process-map",
    "resource-plan",
    "responsibility-matrix",
    "responsible-development-objectives",
    "risk-criteria",
    "risk-method",
    "risk-treatment-plan",
    "roles",
    "scope-statement",
    "supplier-agreement",
    "system-design",
    "system-specification",
    "technical-documentation",
    "user-information",
]
"""One for each document that the catalogue asks for."""

STAGES_OF_SYSTEM_DOCUMENTS: Mapping[DocumentKind, Stage] = MappingProxyType(
    {
        "ai-impact-assessment": Stage.INCEPTION,
        "ai-risk-assessment": Stage.INCEPTION,
        "data-preparation-specification": Stage.DATA,
        "intended-use": Stage.INCEPTION,
        "monitoring-plan": Stage.OPERATION,
        "objectives-of-use": Stage.INCEPTION,
        "responsible-development-objectives": Stage.INCEPTION,
        "system-design": Stage.DEVELOPMENT,
        "system-specification": Stage.INCEPTION,
        "technical-documentation": Stage.DEPLOYMENT,
        "user-information": Stage.DEPLOYMENT,
    }
)
"""The kinds of which each AI system has its own, with the stage that they belong to; every other is the
organisation's."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where documents of a kind are declared, in words."""

    file: str
    stage: Stage


def place_of(kind: DocumentKind) -> _Place:
    """The file that declares documents of a kind, and the stage they belong to."""
    stage = STAGES_OF_SYSTEM_DOCUMENTS.get(kind)
    return _Place("the file of an AI system", stage) if stage else _Place("include/organisation.yaml", Stage.CROSS)


class ControlledDocument(Declared):
    """A document that somebody answers for, signs, and looks at again in time.

    Its version stands in the file: in the front matter of Markdown, in the properties of DOCX and XLSX.
    """

    id: Id
    kind: DocumentKind = Field(description="What it is; `affidavit document list` shows all kinds")
    title: Text
    owner: Id = Field(description="Role in include/organisation.yaml that answers for it")
    author: Id = Field(description="Pseudonym of the person who wrote it, and therefore cannot sign it")
    approver: Id = Field(description="Role in include/organisation.yaml, any holder of which may sign it")
    review_months: int = Field(ge=1, le=120, description="Months after a signature until it has to be looked at again")
    file: Annotated[Name, StringConstraints(pattern=DOCUMENT_PATTERN)] = Field(
        description="Markdown, DOCX or XLSX: a path below include/, or any fsspec URL without credentials"
    )
    keep: bool = Field(False, description="Keep its text beside the ledger, where it can be erased")

    @property
    def uri(self) -> str:
        """Where it is: the URL, or ``file:include/<path>``."""
        return self.file if "://" in self.file else f"file:include/{self.file}"

    @property
    def name(self) -> str:
        """Its name in statements."""
        return f"affidavit://documents/{self.id}"

    @property
    def stage(self) -> Stage:
        """The lifecycle stage that evidence about it belongs to."""
        return place_of(self.kind).stage

    @model_validator(mode="after")
    def _addressed(self) -> ControlledDocument:
        check_address(self.file, example="documents/ai-policy.md")
        return self


def in_place(documents: tuple[ControlledDocument, ...], *, of_system: bool) -> None:
    """Refuse a document that is declared where its kind does not belong."""
    for n, document in enumerate(documents):
        if (document.kind in STAGES_OF_SYSTEM_DOCUMENTS) != of_system:
            problem = f"no document of kind {document.kind} belongs here"
            raise refuse(("documents", n, "kind"), problem, f"declare it in {place_of(document.kind).file}")

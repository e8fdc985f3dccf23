"""Books: where an organisation keeps its risks, their treatment, planned changes, audits, nonconformities and the like.

A book is a YAML file below include/ (``records:``, a list of mappings), a CSV or XLSX file, or a table of a warehouse.
Unlike a register's, each of its rows enters the ledger, as a record (:mod:`~affidavit.inventory.record_fields`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from affidavit.inventory.declared import ConnectionId, Declared, Id, Name, refuse
from affidavit.inventory.record_fields import FIELDS, BookKind, RecordField
from affidavit.inventory.registers import check_source, uri_of

BOOK_PATTERN = r"^[^\x00-\x20]+\.(yaml|csv|xlsx)$"


class Book(Declared):
    """A book of records: ``connection`` and ``table``, or a ``file``."""

    id: Id
    kind: BookKind
    connection: ConnectionId | None = Field(None, description="Airflow connection id of the warehouse")
    table: Name | None = Field(None, description="Table name, with its schema where the warehouse has schemas")
    file: Annotated[Name, StringConstraints(pattern=BOOK_PATTERN)] | None = Field(
        None,
        description="YAML below include/; CSV or XLSX below include/ or at any fsspec URL without credentials; nobody "
        "can tell who wrote it, so it counts as declared, never as observed",
    )
    sheet: Name | None = Field(None, description="Sheet of an XLSX file; the only one that is shown, if absent")
    columns: dict[Name, Name] = Field(
        default_factory=dict, description="Column of each field that is called otherwise in the sheet or table"
    )
    timeout_seconds: int = Field(600, ge=1, le=86_400, description="Longest time that one query may run")

    @property
    def fields(self) -> Mapping[str, RecordField]:
        """What its records hold beside their id."""
        return FIELDS[self.kind]

    @property
    def uri(self) -> str:
        """Where its rows are: ``warehouse://<connection>/<table>``, ``file:include/<file>``, or the file's URL."""
        return uri_of(self)

    @property
    def name(self) -> str:
        """What the names of its records begin with."""
        return book_name(self.id)

    @model_validator(mode="after")
    def _whole(self) -> Book:
        check_source(self, "book", example="records/risks.yaml")
        if (self.file or "").endswith(".yaml"):
            if "://" in str(self.file):
                raise refuse(("file",), "a YAML file lies below include/", "put it there, or keep it as CSV or XLSX")
            if self.columns:
                raise refuse(("columns",), "a YAML file has no columns", "call its keys as the fields are called")
        for field in self.columns:
            if field != "id" and field not in self.fields:
                fix = f"its fields are id, {', '.join(self.fields)}"
                raise refuse(("columns", field), f"a book of {self.kind} has no {field}", fix)
        return self


def book_name(book: str) -> str:
    """What the names of a book's records in statements begin with: ``affidavit://records/<book>/``."""
    return f"affidavit://records/{book}/"

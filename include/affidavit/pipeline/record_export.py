"""A book as a workbook: what the ledger holds of it now, to be opened, changed and read again as the same book."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from affidavit.errors import BlobAbsent, ConfigurationError, UsageError
from affidavit.evidence import ORGANISATION_SCOPE, system_scope
from affidavit.evidence.salted import payload
from affidavit.inventory.load import did_you_mean
from affidavit.inventory.record_fields import FIELDS, GROUPS, BookKind, as_cell
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import Reader, fold_scope
from affidavit.projections.records import Record, records_of
from affidavit.publish.sheets import write_xlsx

ERASED = "(erased)"
"""Stands for the texts of a record whose blob is there no more."""


@dataclass(frozen=True)
class Exported:
    """How many records were written, and of how many the texts are erased."""

    records: int
    erased: int


def export_book(workplace: Workplace, book_id: str, *, system: str | None, to: Path, now: datetime) -> Exported:
    """Write the records of one book that are not withdrawn to ``to``, an XLSX file that is not there yet.

    Raises ``UsageError`` for a book that is not declared there or another suffix, ``ConfigurationError`` where the file
    is there already or cannot be written.
    """
    if to.suffix != ".xlsx":
        raise UsageError("not an XLSX file", where=f"--to {to.name}", fix="call it risks.xlsx, say")
    with workplace.reader() as ledger:
        known = fold_scope(ledger, ORGANISATION_SCOPE if system is None else system_scope(system))
        books = {book.id: book for book in (known.standing.value.books if known.standing else ())}
        if book_id not in books:
            fix = did_you_mean(book_id, books, otherwise=f"books recorded there: {', '.join(books) or 'none'}")
            raise UsageError(f"no book {book_id!r} of {system or 'the organisation'} is recorded", fix=fix)
        book = books[book_id]
        found = [each for each in records_of(known, book.kind) if each.latest.statement.facts["book"] == book_id]
        standing = [(record, _texts(ledger, record)) for record in found if not record.withdrawn]
    columns = ("id", *book.fields)
    rows = [_row(book.kind, record, texts) for record, texts in standing]
    _write(to, write_xlsx(book.id, columns, rows, now=now))
    return Exported(len(rows), sum(texts is None for _, texts in standing))


def _texts(ledger: Reader, record: Record) -> Mapping[str, str] | None:
    """The free texts of a record; None where they were erased."""
    details = record.latest.statement.facts["details"]
    if details is None:
        return {}
    try:
        found: dict[str, str] = json.loads(payload(ledger.blob(details["digest"]["sha256"])))
    except BlobAbsent:
        return None
    return found


def _row(kind: BookKind, record: Record, texts: Mapping[str, str] | None) -> list[str]:
    facts, cells = record.latest.statement.facts, [record.id]
    for name, spec in FIELDS[kind].items():
        if spec.holds != "text":
            cells.append(as_cell(_cell(facts[GROUPS[spec.holds]].get(name))))
        elif texts is None:
            cells.append(ERASED if spec.required else "")
        else:
            cells.append(as_cell(texts.get(name, "")))
    return cells


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case list():
            return ", ".join(value)
        case int() | float():
            return format(Decimal(repr(value)), "f")
    return str(value)


def _write(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise ConfigurationError("there is such a file already", where=str(path), fix="name another") from error
    except OSError as error:
        problem = f"cannot be written ({error.strerror or type(error).__name__})"
        raise ConfigurationError(problem, where=str(path), fix="name a folder that this user may write to") from error

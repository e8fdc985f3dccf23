"""Books: each row of one as a record, and each record whose row is gone as withdrawn.

A book is read whole or not at all: of half of one nobody could tell which rows are gone. One that cannot be understood
is no look, and says why; whatever else is due is recorded all the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from affidavit import __version__
from affidavit.collect.look import Look
from affidavit.collect.record_rows import MOST_ROWS, Names, Record, Row, told, understood
from affidavit.errors import InventoryError, SourceRefused
from affidavit.evidence import Circumstances, Collector, Draft, Entry, Origin, Stage, Subject, dumps, kinds
from affidavit.evidence.salted import salted
from affidavit.inventory import Book, Resolve, book_name
from affidavit.inventory.document import read
from affidavit.inventory.record_fields import RECORD_ID, of_cell
from affidavit.warehouse import snapshot, texts, upload, uploaded

_EARLIEST_ZONE = timedelta(hours=14)
"""A day that has come anywhere has come: whoever wrote the row need not live by UTC."""


@dataclass(frozen=True)
class Shelf:
    """The books of one scope: where they lie, and what their rows may name.

    ``folder`` is the one that files are named from.
    """

    scope: str
    books: Sequence[Book]
    folder: Path
    resolve: Resolve
    names: Names


def look_at_book(book: Book, shelf: Shelf, *, recorded: Mapping[str, Entry], seen: Circumstances) -> Look:
    """Look at one book of ``shelf``; ``recorded`` are the latest entries about records of the scope, by name.

    A book that cannot be understood is :attr:`Look.unread`. Raises ``SourceUnavailable`` where its place does not
    answer, ``ConfigurationError`` for a connection.
    """
    name, today = f"book:{book.id}", (seen.observed_at + _EARLIEST_ZONE).date()
    try:
        names = replace(shelf.names, risks=_risks(book, shelf, recorded))
        records = understood(book, _rows(book, shelf), names, today=today)
    except SourceRefused as error:
        return Look(name, (), enumerated=0, read=0, unread=error.text)
    drafts, blobs = [], []
    for record in records:
        facts, blob = _facts(book, record)
        blobs += [blob] if blob else []
        drafts.append(_draft(book, shelf.scope, record.id, facts, seen))
    there = {draft.subjects[0].name for draft in drafts}
    for subject, entry in recorded.items():
        if subject.startswith(book.name) and subject not in there:
            facts = {**entry.statement.facts, "withdrawn": True, "details": None}
            drafts.append(_draft(book, shelf.scope, facts["record"], facts, seen))
    return Look(
        name,
        tuple(drafts),
        enumerated=len(records),
        read=len(records),
        notice_delay_seconds=0,
        blobs=tuple(blobs),
    )


def _risks(book: Book, shelf: Shelf, recorded: Mapping[str, Entry]) -> frozenset[str]:
    """The ids of the risks that rows of ``book`` may name: those of its file's books of risks, as they are now.

    Where one of these cannot be understood itself, what was last recorded of it stands.
    """
    if not any(spec.to == "risks" for spec in book.fields.values()) or book.kind == "risks":
        return frozenset()
    found: set[str] = set()
    for each in shelf.books:
        if each.kind != "risks":
            continue
        try:
            found.update(str(row.cells.get("id")).strip() for row in _rows(each, shelf))
        except SourceRefused:
            facts = (e.statement.facts for name, e in recorded.items() if name.startswith(each.name))
            found.update(each_facts["record"] for each_facts in facts if not each_facts["withdrawn"])
    return frozenset(found)


def _rows(book: Book, shelf: Shelf) -> list[Row]:
    """The rows of a book, one more than a book may have at the most."""
    if book.file is None:
        return _of_table(book, shelf)
    if book.file.endswith(".yaml"):
        return _of_yaml(book, shelf.folder / book.file)
    return _of_file(book, shelf)


def _of_yaml(book: Book, path: Path) -> list[Row]:
    try:
        document = read(path, error=InventoryError)
    except InventoryError as error:
        raise SourceRefused(error.problem, where=error.where, fix=error.fix) from error
    listed = document.value.get("records")
    if set(document.value) != {"records"} or not isinstance(listed, list):
        raise SourceRefused("not one list called records", where=told(book), fix="write records: and a list below it")
    rows = []
    for n, each in enumerate(listed):
        place = f"line {document.lines[('records', n)]}"
        if not isinstance(each, dict):
            raise SourceRefused("not a record", where=f"{told(book)}, {place}", fix="write 'field: value' lines")
        rows.append(Row(_place(place, each.get("id")), each))
    return rows


def _of_file(book: Book, shelf: Shelf) -> list[Row]:
    assert book.file is not None
    place = book.file if "://" in book.file else shelf.folder / book.file
    where = told(book)
    with upload(place, where=where, sheet=book.sheet) as file:
        if file.hidden:
            hidden = ", ".join(f"{count:,} {what}" for what, count in sorted(file.hidden.items()))
            raise SourceRefused(f"it hides {hidden}", where=where, fix="show them, or take them out")
        if file.formulas:
            fix = "paste the values in their place: what a formula gives changes without anybody writing it"
            raise SourceRefused(f"formulas in cells ({file.formulas:,})", where=where, fix=fix)
        with snapshot(file.connection, timeout_seconds=book.timeout_seconds) as opened:
            table = opened.table(file.table)
            there = [column.name for column in table.columns]
            columns = _columns(book, there, where=where)
            found = uploaded(opened, table, about=file.table, most=MOST_ROWS + 1)
    position = {field: there.index(column) for field, column in columns.items()}
    # The first line names the columns.
    rows = ({field: _said(row[n]) for field, n in position.items()} for row in found)
    return [_row(cells, f"row {at}") for at, cells in enumerate(rows, 2)]


def _said(cell: str | None) -> str | None:
    return None if cell is None else of_cell(cell)


def _of_table(book: Book, shelf: Shelf) -> list[Row]:
    assert book.connection is not None
    assert book.table is not None
    with snapshot(shelf.resolve(book.connection), timeout_seconds=book.timeout_seconds) as opened:
        table = opened.table(book.table)
        columns = _columns(book, [column.name for column in table.columns], where=book.uri)
        found = texts(opened, table, list(columns.values()), about=book.table, most=MOST_ROWS + 1)
    return [_row(dict(zip(columns, row, strict=True)), f"row {at} by id") for at, row in enumerate(found, 1)]


def _columns(book: Book, there: Sequence[str], *, where: str) -> dict[str, str]:
    """The column of each field that the source has. Raises ``SourceRefused`` for one that it must have, and lacks."""
    found = {}
    for field in ("id", *book.fields):
        column = book.columns.get(field, field)
        if column in there:
            found[field] = column
        elif field == "id" or field in book.columns or book.fields[field].required:
            fix = f"add it, or name the column that holds it under columns of {book.id}"
            raise SourceRefused(f"there is no column {column!r}", where=where, fix=fix)
    return found


def _row(cells: Mapping[str, Any], place: str) -> Row:
    return Row(_place(place, cells.get("id")), cells)


def _place(place: str, value: Any) -> str:
    plain = isinstance(value, str) and len(value) <= 60 and RECORD_ID.fullmatch(value)
    return f"{place} ({value})" if plain else place


def _facts(book: Book, record: Record) -> tuple[dict[str, Any], bytes | None]:
    blob = salted(dumps(dict(record.texts))) if record.texts else None
    sha256 = hashlib.sha256(blob).hexdigest() if blob else ""
    facts = {
        "book": book.id,
        "kind": book.kind,
        "record": record.id,
        "source": book.uri,
        "withdrawn": False,
        **record.facts,
        "details": {"digest": {"sha256": sha256}, "media_type": "application/json"} if blob else None,
    }
    return facts, blob


def _draft(book: Book, scope: str, record: str, facts: Mapping[str, Any], seen: Circumstances) -> Draft:
    return Draft(
        kind=kinds.RECORD,
        scope=scope,
        stage=Stage.CROSS,
        origin=Origin.DECLARED if book.file else Origin.OBSERVED,
        subjects=(Subject.of_facts(f"{book_name(book.id)}{record}", {**facts, "details": None}),),
        facts=facts,
        collector=Collector(f"book:{book.id}", __version__),
        seen=seen,
    )

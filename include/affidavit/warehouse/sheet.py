"""A sheet of an XLSX workbook as rows: what its cells say, and how much of it a reader of the sheet does not see.

A workbook is an archive of XML that anybody may have made: it is checked before it is unpacked
(:mod:`~affidavit.warehouse.office`), and refused rather than read half, for rows out of order, a formula whose result
was never stored, and a cell that holds an error. Values are read with openpyxl (ECMA-376, SpreadsheetML).
"""

from __future__ import annotations

import io
import posixpath
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from xml.etree import ElementTree as ET

from affidavit.errors import AffidavitError, ConfigurationError, SourceRefused
from affidavit.warehouse.office import check_office

MAX_CELLS = 2_000_000
_MAX_ROWS, _MAX_COLUMNS = 1_048_576, 2_000

_FIX = "save it anew as XLSX, with the names of columns in the first row"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True)
class Sheet:
    """``rows`` begin with the names of columns. ``hidden`` counts rows, columns and sheets that are not shown.

    Hidden rows and columns are among the rows; a hidden sheet is read only where it was asked for by name. Of a cell
    with a formula its stored result is read; ``formulas`` counts such cells.
    """

    name: str
    rows: Iterator[list[str | None]]
    hidden: Mapping[str, int]
    formulas: int


@contextmanager
def open_sheet(data: bytes, name: str | None, *, where: str) -> Iterator[Sheet]:
    """The sheet called ``name``, or else the only one that is shown.

    Raises ``SourceRefused``, naming ``where`` and the cell, and ``ConfigurationError`` without openpyxl; never quotes a
    cell. So do its rows, while they are read.
    """
    try:
        import openpyxl
    except ImportError as error:
        fix = "install the extra: pip install 'affidavit[documents]'"
        raise ConfigurationError("openpyxl is not installed", where=where, fix=fix) from error
    check_office(data, where=where)
    with _told(where), zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = _sheets(archive)
        chosen = _chosen(parts, name, where)
        scanned = _scan(archive, chosen, where)
        formulas = scanned.pop("formulas")
        hidden = {"sheets": sum(not part.shown for part in parts), **scanned}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what openpyxl does not write back: nothing is written back
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            sheet = book[chosen.name]
            sheet.reset_dimensions()  # what the file says of its size need not be so
            rows = _rows(sheet.iter_rows(min_row=1, min_col=1), where)
            yield Sheet(chosen.name, rows, {what: count for what, count in hidden.items() if count}, formulas)
        finally:
            book.close()


@dataclass(frozen=True)
class _Part:
    name: str
    path: str
    shown: bool


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Whatever a reader of the archive stumbles over is a workbook that is none."""
    try:
        yield
    except AffidavitError:
        raise
    except Exception as error:
        problem = f"no XLSX workbook that can be read ({type(error).__name__})"
        raise SourceRefused(problem, where=where, fix=_FIX) from None


def _sheets(archive: zipfile.ZipFile) -> list[_Part]:
    book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314  (no document type, so no entities)
    related = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    targets = {each.get("Id"): str(each.get("Target")) for each in related}
    return [
        _Part(
            str(each.get("name")),
            posixpath.normpath(posixpath.join("/xl", targets[each.get(_RELATION)])).lstrip("/"),
            each.get("state", "visible") == "visible",
        )
        for each in book.iter()
        if each.tag.endswith("}sheet") and "chartsheets" not in targets[each.get(_RELATION)]
    ]


def _chosen(parts: Sequence[_Part], name: str | None, where: str) -> _Part:
    fitting = [part for part in parts if (part.shown if name is None else part.name == name)]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(repr(part.name) for part in parts)
    problem = f"{len(fitting)} sheets are shown" if name is None else f"there is no sheet {name!r}"
    raise SourceRefused(problem, where=where, fix=f"name one as the register's sheet: {names}"[:500])


def _scan(archive: zipfile.ZipFile, part: _Part, where: str) -> dict[str, int]:
    """Count what is hidden in a sheet, and its formulas; refuse what openpyxl would pass over, in constant memory."""
    hidden, last, cells = {"rows": 0, "columns": 0, "formulas": 0}, 0, 0
    with archive.open(part.path) as opened:
        sheet: Any = None
        for event, element in ET.iterparse(opened, events=("start", "end")):  # noqa: S314
            tag = element.tag.rpartition("}")[2]
            if event == "start":
                sheet = element if tag == "sheetData" else sheet
            elif tag == "col" and _is_hidden(element, "width"):
                hidden["columns"] += min(int(element.get("max")), _MAX_COLUMNS) - int(element.get("min")) + 1
            elif tag == "row":
                number = int(element.get("r", last + 1))
                if not last < number <= _MAX_ROWS:
                    raise SourceRefused(f"row {number} is out of order", where=where, fix=_FIX)
                last = number
                hidden["rows"] += _is_hidden(element, "ht")
                hidden["formulas"] += sum(child.tag.endswith("}f") for cell in element for child in cell)
                cells += _width(element, number, where)
                if cells > MAX_CELLS:
                    fix = "keep the register in a table"
                    raise SourceRefused(f"more than {MAX_CELLS:,} cells", where=where, fix=fix)
                sheet.clear()
    return hidden


def _is_hidden(element: Any, size: str) -> bool:
    return element.get("hidden") in {"1", "true"} or float(element.get(size, 1)) == 0


def _width(row: Any, number: int, where: str) -> int:
    """How many columns a row reaches to. Refuses a formula without its result."""
    from openpyxl.utils.cell import column_index_from_string

    reach = 0
    for cell in row:
        place = cell.get("r")
        reach = max(reach, column_index_from_string(place.rstrip("0123456789"))) if place else reach + 1
        below = {child.tag.rpartition("}")[2]: child.text for child in cell}
        if "f" in below and not below.get("v"):
            fix = "open it in a spreadsheet program, which computes it, and save it"
            raise SourceRefused(f"the formula in {place or f'row {number}'} has no result", where=where, fix=fix)
    if reach > _MAX_COLUMNS:
        raise SourceRefused(f"more than {_MAX_COLUMNS:,} columns", where=where, fix="keep the register in a table")
    return reach


def _rows(found: Iterator[Any], where: str) -> Iterator[list[str | None]]:
    names: list[str | None] = []
    with _told(where):
        for row in found:
            if any(cell.data_type == "e" for cell in row):
                place = next(cell.coordinate for cell in row if cell.data_type == "e")
                raise SourceRefused(f"the cell {place} holds an error", where=where, fix="mend its formula")
            texts = [_text(cell.value) for cell in row]
            while texts and texts[-1] is None:
                texts.pop()
            if not names:
                names = texts
                yield names
            elif texts:
                if len(texts) > len(names):
                    problem = f"{row[-1].coordinate} lies beyond the {len(names)} columns that the first row names"
                    raise SourceRefused(problem, where=where, fix=_FIX)
                yield texts + [None] * (len(names) - len(texts))


def _text(value: object) -> str | None:
    """A cell as text: numbers that are whole without a fraction, times in ISO form."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 2**53:
            return f"{value:.0f}"
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
    return str(value)

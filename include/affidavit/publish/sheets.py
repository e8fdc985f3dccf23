"""Tables for spreadsheet programs, as CSV and XLSX: text only, nothing of which is ever computed.

What begins like a formula is shown as text: with a quote before it in CSV, where nothing else tells the two apart
(OWASP, CSV Injection), and as a cell of type text in XLSX.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

LIVE = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins with one of these may be computed by the program that opens it."""

_LONGEST = 32_767
"""Characters that a cell of XLSX holds."""


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file (RFC 4180), UTF-8, with the names of ``columns`` in its first line."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(inert, columns))
    writer.writerows(map(inert, row) for row in rows)
    return text.getvalue().encode("utf-8")


def write_xlsx(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, now: datetime) -> bytes:
    """An XLSX file of one sheet, called ``title`` (at most 31 characters); ``now`` is when it says it was made."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    book.properties.creator = "affidavit"
    book.properties.created = book.properties.modified = now.replace(tzinfo=None)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for number, row in enumerate((columns, *rows)):
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", inert(text))[:_LONGEST])
            cell.data_type = "s"
            cell.font = Font(bold=number == 0)
            cells.append(cell)
        sheet.append(cells)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def inert(text: str) -> str:
    """``text`` as no program computes it."""
    return f"'{text}" if text.startswith(LIVE) else text

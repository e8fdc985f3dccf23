"""DOCX and XLSX as blocks: what a reader of the page sees, in its order, and nothing that they do not see.

Text that a tracked change inserts counts, text that it deletes does not. Pictures, headers, footers and notes are left
out. Headings are told by their style: *Title* is the title, *Heading 1* a section. Of a workbook each visible sheet is
a section with one table: values, never formulas.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from affidavit.catalogue.markdown import Block, Heading, Item, Paragraph, plain, settled, table
from affidavit.errors import SourceRefused
from affidavit.warehouse.office import check_office

if TYPE_CHECKING:
    from docx.document import Document

MOST_BLOCKS = 20_000
MOST_CELLS = 200_000

_HEADING = re.compile(r"heading ([1-9])")
_LISTED = re.compile(r"list (bullet|number)(?: ([23]))?")
_BROKEN = (KeyError, ValueError, TypeError, AttributeError, OSError, SyntaxError, zipfile.BadZipFile)
"""What the two libraries raise of a file that is not what they expect; XML that is none is a ``SyntaxError``."""

_FIX = "open it in an office program and save it anew"


@dataclass(frozen=True)
class Read:
    """What an office file says: the version among its properties, what its keywords say it covers, and its blocks."""

    version: str
    covers: tuple[str, ...]
    blocks: tuple[Block, ...]


def read_docx(data: bytes, *, where: str) -> Read:
    """Read a DOCX file. Raises ``SourceRefused``, naming ``where``, for one that is none, or could do harm."""
    import docx

    check_office(data, where=where)
    try:
        document = docx.Document(io.BytesIO(data))
        blocks = settled(_Docx(document, where).blocks(document.element.body))
        properties = document.core_properties
        return Read(properties.version, _covered(properties.keywords), blocks)
    except _BROKEN as error:
        raise SourceRefused("it cannot be read as DOCX", where=where, fix=_FIX) from error


def read_xlsx(data: bytes, *, where: str) -> Read:
    """Read an XLSX file. Raises as :func:`read_docx`; a formula whose value nobody saved is refused too."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    check_office(data, where=where)
    try:
        formulas = load_workbook(io.BytesIO(data), read_only=True)
        values = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        blocks = tuple(_sheets(formulas, values, where))
        properties = values.properties
        return Read(properties.version or "", _covered(properties.keywords or ""), blocks)
    except (*_BROKEN, InvalidFileException) as error:
        raise SourceRefused("it cannot be read as XLSX", where=where, fix=_FIX) from error


def _covered(keywords: str) -> tuple[str, ...]:
    return tuple(filter(None, map(plain, keywords.split(";"))))


class _Docx:
    """The body of a document, walked by element: a library that skips what it does not know would hide it."""

    def __init__(self, document: Document, where: str) -> None:
        from docx.oxml.ns import qn

        self.where = where
        self.qn = qn
        self.left = MOST_BLOCKS
        self.styles = {style.style_id: (style.name or "").lower() for style in document.styles}
        self.bullets = _bullets(document, qn)
        # What these hold is on the page as if they were not there.
        self.around = {qn(f"w:{name}") for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")}

    def blocks(self, parent: Any) -> Iterator[Block]:
        for element in parent.iterchildren():
            if element.tag == self.qn("w:p"):
                block = self.paragraph(element)
            elif element.tag == self.qn("w:tbl"):
                block = table(
                    [self.text(cell) for cell in self.inside(row, "w:tc")] for row in self.inside(element, "w:tr")
                )
            else:
                if element.tag in self.around:
                    yield from self.blocks(element)
                continue
            if block is not None:
                self.left -= 1
                if self.left < 0:
                    raise SourceRefused(
                        f"it has more than {MOST_BLOCKS:,} paragraphs", where=self.where, fix="split it"
                    )
                yield block

    def cells(self, row: Any) -> list[str]:
        return [self.text(cell) for cell in self.inside(row, "w:tc")]

    def inside(self, parent: Any, tag: str) -> Iterator[Any]:
        for element in parent.iterchildren():
            if element.tag == self.qn(tag):
                yield element
            elif element.tag in self.around:
                yield from self.inside(element, tag)

    def paragraph(self, element: Any) -> Block | None:
        text = plain(self.text(element))
        if not text:
            return None
        style = element.find(f"{self.qn('w:pPr')}/{self.qn('w:pStyle')}")
        name = self.styles.get(style.get(self.qn("w:val")), "") if style is not None else ""
        if name == "title":
            return Heading(1, text)
        if found := _HEADING.fullmatch(name):
            return Heading(min(int(found[1]) + 1, 6), text)
        if found := _LISTED.fullmatch(name):
            return Item(text, found[1] == "number", int(found[2] or 1) - 1)
        number = element.find(f"{self.qn('w:pPr')}/{self.qn('w:numPr')}")
        return self.numbered(number, text) if number is not None else Paragraph(text)

    def numbered(self, number: Any, text: str) -> Block:
        value = {name: number.find(self.qn(f"w:{name}")) for name in ("numId", "ilvl")}
        of, depth = (each.get(self.qn("w:val"), "0") if each is not None else "0" for each in value.values())
        if of == "0" or not depth.isdigit():
            return Paragraph(text)  # how a paragraph is taken out of its list
        return Item(text, (of, depth) not in self.bullets, int(depth))

    def text(self, element: Any) -> str:
        """What an element shows; one paragraph, cell or break from the next by a blank."""
        said, gone = [], {self.qn("w:del"), self.qn("w:moveFrom")}
        breaks = {self.qn(f"w:{name}") for name in ("p", "br", "tab", "cr")}
        stack = [iter(element)]
        while stack:
            each = next(stack[-1], None)
            if each is None:
                stack.pop()
            elif each.tag not in gone:
                if each.tag == self.qn("w:t"):
                    said.append(each.text or "")
                elif each.tag in breaks:
                    said.append(" ")
                stack.append(iter(each))
        return "".join(said)


def _bullets(document: Document, qn: Any) -> set[tuple[str, str]]:
    """The lists, each with a depth, whose items have a mark and no number."""
    try:
        numbering = document.part.numbering_part.element
    except (KeyError, NotImplementedError):
        return set()
    marked = {
        (abstract.get(qn("w:abstractNumId")), level.get(qn("w:ilvl")))
        for abstract in numbering.iterchildren(qn("w:abstractNum"))
        for level in abstract.iterchildren(qn("w:lvl"))
        for form in level.iterchildren(qn("w:numFmt"))
        if form.get(qn("w:val")) == "bullet"
    }
    return {
        (number.get(qn("w:numId")), depth)
        for number in numbering.iterchildren(qn("w:num"))
        for of in number.iterchildren(qn("w:abstractNumId"))
        for abstract, depth in marked
        if abstract == of.get(qn("w:val"))
    }


def _sheets(formulas: Any, values: Any, where: str) -> Iterator[Block]:
    left = MOST_CELLS
    if values.properties.title:
        yield Heading(1, plain(values.properties.title) or "Untitled")
    for written, shown in zip(formulas.worksheets, values.worksheets, strict=True):
        if shown.sheet_state != "visible":
            continue
        rows = []
        for source, row in zip(written.iter_rows(), shown.iter_rows(), strict=True):
            left -= len(row)
            if left < 0:
                raise SourceRefused(f"it has more than {MOST_CELLS:,} cells", where=where, fix="split it")
            for formula, cell in zip(source, row, strict=True):
                if formula.data_type == "f" and cell.value is None:
                    fix = "open it in a spreadsheet program, which computes it, and save it"
                    raise SourceRefused("a formula in it has no saved value", where=where, fix=fix)
            texts = ["" if cell.value is None else str(cell.value) for cell in row]
            if any(texts):
                rows.append(texts)
        yield Heading(2, plain(shown.title) or "Untitled")
        if found := table(rows):
            yield found

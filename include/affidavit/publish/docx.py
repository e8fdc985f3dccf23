"""Blocks as a DOCX file, for people who do not use git: with the styles that :mod:`affidavit.collect` reads."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from affidavit.catalogue.markdown import Block, Heading, Item, Table

if TYPE_CHECKING:
    from docx.document import Document


def write_docx(
    blocks: Iterable[Block], *, title: str, version: str, covers: Sequence[str] = (), now: datetime | None = None
) -> bytes:
    """The DOCX file of ``blocks``, with ``version`` and what it ``covers`` among its properties.

    Text stays as it is, marks within a line included. ``now`` is when it says that it was made.
    """
    import docx

    document = docx.Document()
    properties = document.core_properties
    properties.title, properties.version, properties.keywords = title[:255], version[:255], "; ".join(covers)[:255]
    properties.author, properties.comments = "", ""
    if now is not None:
        properties.created = properties.modified = now.replace(tzinfo=None)
    for block in blocks:
        _add(document, block)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def _add(document: Document, block: Block) -> None:
    match block:
        case Heading():
            document.add_heading(block.text, level=block.level - 1)
        case Item():
            style = f"List {'Number' if block.ordered else 'Bullet'}{f' {block.depth + 1}' if block.depth else ''}"
            document.add_paragraph(block.text, style=style)
        case Table():
            _add_table(document, block)
        case _:
            document.add_paragraph(block.text)


def _add_table(document: Document, block: Table) -> None:
    table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
    for row in block.rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    # Two tables without a paragraph between them would be one to an office program.
    document.add_paragraph()

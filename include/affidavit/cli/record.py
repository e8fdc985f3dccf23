"""``affidavit record``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.terminal import now, out, workplace

app = typer.Typer(help="Management records.", no_args_is_help=True, rich_markup_mode=None)

Book = Annotated[str, typer.Argument(help="Id of a book.", metavar="BOOK")]
To = Annotated[Path, typer.Option("--to", help="XLSX file to write; never over another.", metavar="FILE")]
System = Annotated[
    str | None, typer.Option(help="Id of the AI system whose file declares it; the organisation's.", metavar="SYSTEM")
]


@app.callback()
def record() -> None:
    """Management records."""


@app.command("export")
def export(book: Book, to: To, system: System = None) -> None:
    """Write the records of a book, as last recorded, to a workbook that can be read again as that book."""
    from affidavit.pipeline.record_export import export_book

    done = export_book(workplace(), book, system=system, to=to, now=now())
    out.print(f"{to} written: {done.records} of the book {book}.", markup=False)
    if done.erased:
        out.print(f"The texts of {done.erased} are erased: the workbook says so in their place.", markup=False)

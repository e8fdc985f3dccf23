"""``affidavit document``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from affidavit.cli.terminal import now, out, workplace

if TYPE_CHECKING:
    from affidavit.inventory import ControlledDocument

app = typer.Typer(help="Controlled documents.", no_args_is_help=True, rich_markup_mode=None)

Kind = Annotated[str, typer.Argument(help="Which document; 'list' shows all.", metavar="KIND")]
System = Annotated[str | None, typer.Option(help="Id of the AI system that it is about.", metavar="SYSTEM")]
Docx = Annotated[bool, typer.Option("--docx", help="For an office program, instead of Markdown.")]


@app.callback()
def document() -> None:
    """Controlled documents."""


@app.command("new")
def new(kind: Kind, system: System = None, docx: Docx = False) -> None:
    """Write a start file with the sections that such a document should have, and say how to declare it."""
    from affidavit.pipeline.documents import start_document

    started = start_document(workplace(), kind, system=system, docx=docx, now=now())
    out.print(
        f"{started.shown} written. A section that says only what the template says counts as empty.", markup=False
    )
    out.print(f"Declare it in {started.declared_in}:\n", markup=False)
    out.print(started.declaration, markup=False)


@app.command("list")
def list_() -> None:
    """Show each kind of document, and which files are declared for it."""
    from affidavit.catalogue.documents import template, template_kinds
    from affidavit.inventory import STAGES_OF_SYSTEM_DOCUMENTS

    inventory = workplace().loaded().inventory
    declared: dict[str, list[ControlledDocument]] = {}
    documents = [*inventory.organisation.documents]
    documents += [each for system in inventory.systems.values() for each in system.documents]
    for one in documents:
        declared.setdefault(one.kind, []).append(one)
    table = Table(expand=True)
    for name in ("kind", "of"):
        table.add_column(name, no_wrap=True)
    table.add_column("title", ratio=1)
    table.add_column("declared", ratio=1)
    for kind in template_kinds():
        of = "each AI system" if kind in STAGES_OF_SYSTEM_DOCUMENTS else "organisation"
        files = "\n".join(f"{one.id}: {one.uri}" for one in declared.get(kind, ()))
        table.add_row(kind, of, template(kind).title, Text(files or "none"))
    out.print(table)

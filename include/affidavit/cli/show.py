"""``affidavit show``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from affidavit.cli.terminal import out, print_json, workplace
from affidavit.errors import UsageError

if TYPE_CHECKING:
    from affidavit.evidence import Entry
    from affidavit.ledger import Ledger

Index = Annotated[int, typer.Argument(help="Index of an entry.", min=0)]
Json = Annotated[bool, typer.Option("--json", help="The statement as it is stored.")]
Details = Annotated[
    bool, typer.Option("--details", help="What its blob holds, as it is stored; of failing rows, their values.")
]


def show(index: Index, json: Json = False, details: Details = False) -> None:
    """Show one entry: what it is about, when it was seen, and its facts."""
    from affidavit.evidence.naming import named_blobs
    from affidavit.projections import erasures

    with workplace().reader() as ledger:
        entry = ledger.entry(index)
        if details:
            _print_details(ledger, entry)
            return
        known = erasures.read(ledger, size=ledger.head().size).erased
    statement = entry.statement
    if json:
        print_json(statement.document)
        return
    if statement.demonstration:
        out.print(f"[bold yellow]demonstration[/] {escape(statement.demonstration)}")
    out.print(
        f"entry {index}: {statement.kind}, {statement.scope}, {statement.stage}, {statement.origin.value}", markup=False
    )
    for subject in statement.subjects:
        out.print(f"  {subject.name}  sha256 {subject.sha256}", markup=False)
    out.print(f"observed {statement.observed_at}, leaf {entry.leaf_hash.hex()}")
    if statement.supersedes:
        out.print(f"supersedes leaf {statement.supersedes.hex()}")
    for digest in named_blobs(statement):
        if digest in known:
            out.print(f"its blob was {known[digest].words}", markup=False)
    print_json(statement.facts)


def _print_details(ledger: Ledger, entry: Entry) -> None:
    from affidavit.evidence.naming import named_blobs
    from affidavit.evidence.salted import payload

    named = named_blobs(entry.statement)
    if not named:
        raise UsageError("it names no blob", where=f"entry {entry.index}", fix="leave out --details")
    try:
        sys.stdout.write(payload(ledger.blob(named[0])).decode() + "\n")
    except UnicodeDecodeError as error:
        fix = f"take it out of a bundle: affidavit bundle --entries {entry.index}"
        raise UsageError("what its blob holds is no text", where=f"entry {entry.index}", fix=fix) from error

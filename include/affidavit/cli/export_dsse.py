"""``affidavit export-dsse``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.terminal import err, print_json, read_file, workplace

Index = Annotated[int, typer.Argument(help="Index of an entry.", min=0)]
KeyFile = Annotated[
    Path, typer.Option("--key", help="Ed25519 private key of your own for exports (PEM); never the log's.")
]


def export_dsse(index: Index, key: KeyFile) -> None:
    """Print one entry as a DSSE envelope; its signature is made now, and proves the export only."""
    from affidavit.publish.dsse import ExportKey

    with workplace().reader() as ledger:
        export = ExportKey.parse(read_file(key), where=str(key), log=ledger.keys)
        entry = ledger.entry(index)
    print_json(export.envelope(entry.leaf))
    err.print(f"Signed now, by export key {export.id}: this proves the export only.")
    err.print(f"That entry {index} stands in the log is shown by a bundle: affidavit bundle --entries {index}.")

"""``affidavit collect``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from affidavit.cli.terminal import err, now, out, workplace

System = Annotated[str, typer.Argument(help="Id of an AI system, or 'organisation'.", metavar="SYSTEM")]


def collect(system: System) -> None:
    """Collect the evidence that is due about one AI system, or about the organisation."""
    from affidavit.pipeline import collection

    work = workplace()
    with err.status(f"collecting {escape(system)}") as progress:
        done = collection.collect(work, system, now=now, progress=lambda step: progress.update(escape(step)))
    for why in done.unread:
        err.print(f"not looked at: {why}", markup=False)
    if done.collection is None:
        out.print(f"{system}: nothing new since this slot was collected; the ledger is as it was", markup=False)
    else:
        said = f"{done.entries} entries added, the last of them the collection, entry {done.collection}"
        out.print(f"{system}: {said}", markup=False)

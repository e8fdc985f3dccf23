"""``affidavit suggest-allowlist``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from affidavit.cli.terminal import out, workplace

System = Annotated[str, typer.Argument(help="Id of an AI system.", metavar="SYSTEM")]


def suggest_allowlist(system: System) -> None:
    """Propose which MLflow params and tags to let through, so that evidence is not all withheld."""
    from affidavit.collect.allowlist import suggest

    work = workplace()
    declared, _ = work.system(system)
    for server in declared.servers:
        found = suggest(declared.on(server), work.resolve(server.connection))
        title = f"{system} on {server.connection}: params and tags seen"
        table = Table("kind", "name", "runs", "let through", "why", title=title)
        for each in found:
            table.add_row(each.kind, each.name, str(each.runs), "yes" if each.proposed else "no", each.reason)
        out.print(table)
        for kind in ("param", "tag"):
            names = [each.name for each in found if each.kind == kind and each.proposed]
            out.print(f"{kind}s: [{', '.join(names)}]", markup=False)
    out.print("Once evidence is recorded, a wider list counts only after it is approved: a log cannot unsay.")

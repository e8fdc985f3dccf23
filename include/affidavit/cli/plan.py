"""``affidavit plan``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from affidavit.cli.terminal import now, out, print_json, workplace

System = Annotated[str, typer.Argument(help="Id of an AI system.", metavar="SYSTEM")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]


def plan(system: System, json: Json = False) -> None:
    """Dry run of a collection: queries, rows and bytes to scan, requests, entries to expect. Writes nothing."""
    from affidavit.pipeline import plan as planning

    expected = planning.plan(workplace(), system, now=now())
    if json:
        print_json([asdict(each) for each in expected])
        return
    table = Table(title=f"one collection of {system}", title_justify="left")
    for column in (
        "step",
        "source",
        "queries",
        "rows",
        "bytes",
        "requests",
        "entries at most, but edges",
        "time-out",
        "pool",
        "basis",
    ):
        table.add_column(column, justify="right" if column in {"queries", "rows", "bytes", "requests"} else "left")
    for each in expected:
        table.add_row(
            each.step,
            each.source,
            str(each.queries),
            "" if each.rows is None else f"{each.rows:,}",
            "" if each.bytes is None else f"{each.bytes:,}",
            str(each.requests),
            str(each.entries),
            f"{each.timeout_seconds} s" if each.timeout_seconds else "",
            each.pool or "",
            each.basis,
        )
    out.print(table)

"""``affidavit adopt``."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from affidavit.cli.terminal import mark, now, out, print_json, workplace

Each = Annotated[int, typer.Option(min=1, max=1_000, help="How many steps to show of each owner.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document, with every step, instead of tables.")]


def adopt(steps: Each = 5, json: Json = False) -> None:
    """Show what to do next to adopt the standard: by owner, what is overdue or due soonest first."""
    from affidavit.pipeline import posture
    from affidavit.rules import adoption

    with workplace().reader() as ledger:
        judged = posture.judge(ledger, at=now())
    standing = judged.state.organisation.organisation
    found = adoption.steps(judged.verdicts, standing.value if standing else None, at=judged.at)
    if json:
        print_json([asdict(step) | {"until": step.until.isoformat() if step.until else None} for step in found])
        return
    for owner, group in groupby(found, key=lambda step: step.owner):
        mine = list(group)
        table = Table(title=escape(owner or "nobody answers for these"), title_justify="left", title_style="bold")
        table.add_column("control", no_wrap=True)
        table.add_column("status", no_wrap=True)
        table.add_column("plan", no_wrap=True)
        table.add_column("what to do next", ratio=1)
        for step in mine[:steps]:
            planned = f"{step.state} until {step.until}{', overdue' if step.overdue else ''}" if step.state else "none"
            where = ", ".join(scope.removeprefix("system:") for scope in step.scopes)
            table.add_row(step.control, mark(step.status), planned, Text(f"{step.action} ({where})"))
        out.print(table)
        if len(mine) > steps:
            out.print(f"and {len(mine) - steps} more")
    if not found:
        out.print("nothing is left to do")

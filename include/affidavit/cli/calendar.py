"""``affidavit calendar``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from affidavit.cli.terminal import beginning, now, out, parse_time, print_json, workplace
from affidavit.errors import UsageError
from affidavit.evidence import ORGANISATION_SCOPE, system_scope, timestamp

if TYPE_CHECKING:
    from affidavit.projections import Calendar, Gap

System = Annotated[str | None, typer.Argument(help="Id of an AI system, or 'organisation'; all of them if left out.")]
From = Annotated[
    str | None, typer.Option("--from", help="Slots that ended since: 2026-03-14 or an ISO time.", metavar="TIME")
]
To = Annotated[str | None, typer.Option(help="Slots that ended by then: the same.", metavar="TIME")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")]


def calendar(system: System = None, from_: From = None, to: To = None, json: Json = False) -> None:
    """Show what evidence was due and never came, by the inventory as it stood at each time."""
    from affidavit.pipeline.completeness import calendars_now

    start = beginning(from_, option="--from") if from_ is not None else None
    end = parse_time(to, option="--to") if to is not None else None
    with workplace().reader() as ledger:
        found = calendars_now(ledger, at=now(), start=start, end=end)
    document = {scope: _document(each) for scope, each in _wanted(found, system).items()}
    if json:
        print_json(document)
    else:
        _print(document)


def _wanted(found: dict[str, Calendar], system: str | None) -> dict[str, Calendar]:
    if system is None:
        return found
    wanted = ORGANISATION_SCOPE if system == ORGANISATION_SCOPE else system_scope(system)
    if wanted not in found:
        known = ", ".join(scope.removeprefix("system:") for scope in found) or "none yet"
        raise UsageError(f"nothing was ever due of {system!r}", fix=f"choose one of: {known}")
    return {wanted: found[wanted]}


def _document(calendar: Calendar) -> dict[str, Any]:
    return {
        "as_of": timestamp(calendar.at),
        "since": timestamp(calendar.since) if calendar.since else None,
        "slots": {came.value: count for came, count in calendar.counts().items()},
        "gaps": [_gap(gap) for gap in calendar.gaps()],
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "from": timestamp(gap.start),
        "to": timestamp(gap.end),
        "slots": gap.slots,
        "came": gap.lack.came.value,
        "steps": list(gap.lack.steps),
        "why": gap.lack.why,
        "entry": gap.lack.index,
    }


def _print(document: dict[str, Any]) -> None:
    if not document:
        out.print("Nothing was ever due: no declaration is recorded. Collect an AI system first.")
    for scope, each in document.items():
        slots = each["slots"]
        table = Table(title=Text(scope), title_justify="left", title_style="bold", expand=True)
        for column in ("from", "to", "slots", "what", "steps", "why", "entry"):
            table.add_column(column, justify="right" if column in {"slots", "entry"} else "left")
        for gap in each["gaps"]:
            entry = "" if gap["entry"] is None else str(gap["entry"])
            row = (gap["from"], gap["to"], str(gap["slots"]), gap["came"], ", ".join(gap["steps"]), gap["why"], entry)
            table.add_row(*map(Text, row))
        if each["gaps"]:
            out.print(table)
        due = sum(slots.values()) - slots["may still come"]
        said = f"{scope}: {slots['came']} of {due} slots that were due came in time"
        out.print(f"{said}; {slots['came late']} came late, {slots['never came']} never came", markup=False)

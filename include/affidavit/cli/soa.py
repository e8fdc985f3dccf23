"""``affidavit soa``."""

from __future__ import annotations

import sys
from dataclasses import asdict, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from affidavit.cli.terminal import mark, now, out, past, print_json, workplace
from affidavit.errors import UsageError
from affidavit.evidence import timestamp

if TYPE_CHECKING:
    from affidavit.pipeline.applicability import Stated
    from affidavit.rules.applicability import Change


class Format(StrEnum):
    """How it is written; a table for people if none is chosen."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


AsOf = Annotated[
    str | None,
    typer.Option(help="What was known then: 2026-03-14 (the end of that day, UTC) or an ISO time.", metavar="TIME"),
]
Form = Annotated[Format | None, typer.Option("--format", help="A file on standard output instead of a table.")]
Diff = Annotated[
    str | None,
    typer.Option(help="Only what differs from the Statement of Applicability at this time.", metavar="EARLIER"),
]

_TITLE = "Statement of Applicability"


def soa(as_of: AsOf = None, form: Form = None, diff: Diff = None) -> None:
    """Print the Statement of Applicability: each control, why it is there or left out, and how it stands."""
    from affidavit.pipeline.applicability import state_applicability
    from affidavit.rules.applicability import Change, Row, cells, differences

    at = past(as_of) if as_of is not None else now()
    earlier = past(diff) if diff is not None else None
    if earlier is not None and earlier > at:
        raise UsageError("the time to compare with is the later one", where="--diff", fix="swap the two times")
    with workplace().reader() as ledger:
        stated = state_applicability(ledger, at=at, as_of=as_of is not None)
        before = state_applicability(ledger, at=earlier, as_of=True) if earlier is not None else None
    if before is not None:
        changes = differences(before.rows, stated.rows)
        columns, rows = [field.name for field in fields(Change)], [tuple(asdict(each).values()) for each in changes]
    else:
        columns, rows = [field.name for field in fields(Row)], [cells(row) for row in stated.rows]
    match form:
        case Format.JSON:
            print_json(_document(stated, before, changes if before else ()))
        case Format.CSV | Format.XLSX:
            _write(form, columns, rows)
        case _ if before is not None:
            _print_changes(stated, before, changes)
        case _:
            _print(stated)


def _document(stated: Stated, before: Stated | None, changes: tuple[Change, ...]) -> dict[str, object]:
    head = {"origin": stated.head.origin, "size": stated.head.size, "root": stated.head.root.hex()}
    document: dict[str, object] = {"as_of": timestamp(stated.at), "head": head}
    if before is not None:
        earlier = {"as_of": timestamp(before.at), "size": before.head.size, "root": before.head.root.hex()}
        return {**document, "compared_with": earlier, "changes": [asdict(change) for change in changes]}
    return {**document, "controls": [asdict(row) for row in stated.rows]}


def _write(form: Format, columns: list[str], rows: list[tuple[str, ...]]) -> None:
    from affidavit.publish.sheets import write_csv, write_xlsx

    if form is Format.CSV:
        sys.stdout.write(write_csv(columns, rows).decode("utf-8"))
    elif sys.stdout.isatty():
        raise UsageError("a workbook cannot be shown here", where="--format", fix="redirect it: … > soa.xlsx")
    else:
        sys.stdout.buffer.write(write_xlsx(_TITLE, columns, rows, now=now()))


def _print(stated: Stated) -> None:
    out.print(f"as of {timestamp(stated.at)}, {stated.head.size} entries, root {stated.head.root.hex()[:16]}…")
    table = Table(title=_TITLE, title_justify="left", title_style="bold", expand=True)
    for name in ("control", "applies", "status"):
        table.add_column(name, no_wrap=True)
    table.add_column("why, and what to look at", ratio=1)
    table.add_column("owner", no_wrap=True)
    for row in stated.rows:
        said = Text(f"{row.title}. {row.reason}".strip())
        if row.risks:
            said.append(f" Treats {', '.join(row.risks)}.")
        for flag in row.flags:
            said.append(f"\n! {flag}", style="bold")
        table.add_row(row.control, "yes" if row.applicable else "no", mark(row.status), said, Text(row.owner))
    out.print(table)


def _print_changes(stated: Stated, before: Stated, changes: tuple[Change, ...]) -> None:
    out.print(
        f"from {timestamp(before.at)} ({before.head.size} entries) to {timestamp(stated.at)} ({stated.head.size})"
    )
    for each in changes:
        said = f"{each.control}  {each.field}: {each.before or 'nothing'} → {each.after or 'nothing'}"
        out.print(said, markup=False)
    if not changes:
        out.print("nothing differs")

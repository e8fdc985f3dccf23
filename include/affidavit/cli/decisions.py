"""``affidavit decisions``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from affidavit.cli.terminal import now, out, print_json, workplace
from affidavit.evidence import timestamp

if TYPE_CHECKING:
    from affidavit.pipeline.decisions import Open, Taken

System = Annotated[str | None, typer.Argument(help="Id of an AI system, or 'organisation'; all of them if left out.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")]

_RATIOS = {"what": 2, "counts": 2, "entry": None}


def decisions(system: System = None, json: Json = False) -> None:
    """Show what waits for a person, and what was decided: whether each answer counts, and why not."""
    from affidavit.pipeline import decisions as deciding

    waiting, taken = deciding.overview(workplace(), system, now=now())
    document = {"open": [_open(each) for each in waiting], "taken": [_taken(each) for each in taken]}
    if json:
        print_json(document)
    else:
        _print(document)


def _open(waiting: Open) -> dict[str, Any]:
    need = waiting.need
    return {
        "id": need.id,
        "scope": need.scope,
        **need.facts(),
        "can_answer": list(waiting.people),
    }


def _taken(taken: Taken) -> dict[str, Any]:
    found, statement = taken.found, taken.found.entry.statement
    return {
        "id": found.need.id,
        "scope": found.need.scope,
        "type": found.need.type,
        "title": found.need.title,
        "entry": found.entry.index,
        "state": statement.facts["state"],
        "option": found.option,
        "by": found.by,
        "held": list(statement.facts["held"]),
        "at": timestamp(found.at),
        "counts": not taken.why,
        "why_not": taken.why or None,
        "demonstration": statement.demonstration,
    }


def _print(document: dict[str, Any]) -> None:
    for title, key, columns in (
        ("waits for a person", "open", ("scope", "what", "can answer")),
        ("decided", "taken", ("scope", "what", "answer", "by", "counts", "entry")),
    ):
        table = Table(title=title, title_justify="left", title_style="bold", expand=True)
        for column in columns:
            table.add_column(column, ratio=_RATIOS.get(column, 1), overflow="fold")
        for each in document[key]:
            table.add_row(*(escape(cell) for cell in (_waits(each) if key == "open" else _decided(each))))
        out.print(table)


def _waits(each: dict[str, Any]) -> tuple[str, ...]:
    able = ", ".join(each["can_answer"]) or "nobody: give a holder of the role an account"
    return each["scope"], f"{each['type']}: {each['title']}\n{each['id']}", able


def _decided(each: dict[str, Any]) -> tuple[str, ...]:
    counts = "yes" if each["counts"] else f"no: {each['why_not']}"
    if each["demonstration"]:
        counts = f"demonstration; {counts}"
    answer = each["option"] or each["state"]
    return each["scope"], f"{each['type']}: {each['title']}", answer, each["by"] or "nobody", counts, str(each["entry"])

"""``affidavit status``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from affidavit.cli.terminal import beginning, mark, now, out, parse_time, past, print_json, workplace
from affidavit.errors import UsageError
from affidavit.evidence import ORGANISATION_SCOPE, system_scope, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from affidavit.ledger import Ledger
    from affidavit.pipeline.posture import Posture
    from affidavit.projections import Sighted, Sighting
    from affidavit.rules import Operation
    from affidavit.rules.verdict import Verdict

System = Annotated[str | None, typer.Argument(help="Id of an AI system, or 'organisation'; all of them if left out.")]
AsOf = Annotated[
    str | None,
    typer.Option(help="What was known then: 2026-03-14 (the end of that day, UTC) or an ISO time.", metavar="TIME"),
]
Over = Annotated[
    str | None,
    typer.Option(
        "--period",
        help="In how many of the instances due then each control operated, and each exception.",
        metavar="FROM..TO",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")]
Strict = Annotated[bool, typer.Option(help="Exit with 1 unless everything shown is supported or not applicable.")]


def status(
    system: System = None, as_of: AsOf = None, period: Over = None, json: Json = False, strict: Strict = False
) -> None:
    """Show how each control stands, with its evidence and the next action; over a period, how it operated."""
    from affidavit.pipeline import posture

    work = workplace()
    with work.reader() as ledger:
        judged = (
            posture.judge_as_of(ledger, at=past(as_of), view=work.postures)
            if as_of is not None
            else posture.judge(ledger, at=now())
        )
        scopes = _scopes(judged, system)
        document = _document(ledger, judged, scopes)
        if period is not None:
            _add_operation(document, judged, period)
        document["observed_under_a_later_head"] = posture.observed_later(ledger, judged) if as_of is not None else 0
    if json:
        print_json(document)
    else:
        _print(document)
    settled = {"supported", "not applicable"}
    if strict and any(c["status"] not in settled for s in document["scopes"].values() for c in s["controls"]):
        raise typer.Exit(1)


def _scopes(judged: Posture, system: str | None) -> list[str]:
    present = sorted({verdict.scope for verdict in judged.verdicts})
    if system is None:
        return present
    wanted = ORGANISATION_SCOPE if system == ORGANISATION_SCOPE else system_scope(system)
    if wanted not in present:
        known = ", ".join(scope.removeprefix("system:") for scope in present)
        raise UsageError(f"the ledger knows no AI system {system!r}", fix=f"choose one of: {known}")
    return [wanted]


def _document(ledger: Ledger, judged: Posture, scopes: list[str]) -> dict[str, Any]:
    from affidavit.pipeline import posture

    return {
        "as_of": timestamp(judged.at),
        "head": {"origin": judged.head.origin, "size": judged.head.size, "root": judged.head.root.hex()},
        "demonstrations": [asdict(each) for each in judged.state.demonstrations],
        "entries_by_kind": posture.entries_by_kind(ledger, judged.head.size),
        "scopes": {scope: _scope(ledger, judged, scope) for scope in scopes},
    }


def _scope(ledger: Ledger, judged: Posture, scope: str) -> dict[str, Any]:
    from affidavit.pipeline import posture

    verdicts = [verdict for verdict in judged.verdicts if verdict.scope == scope]
    recorded = posture.recorded_statuses(judged, scope)
    differing = [
        {"control": v.control, "recorded": recorded[v.control], "judged": v.status.value}
        for v in verdicts
        if recorded is not None and recorded.get(v.control, v.status.value) != v.status.value
    ]
    return {
        "counts": posture.counts(verdicts),
        "recorded": recorded is not None,
        "differs_from_recorded": differing,
        "in_use": [_in_use(each) for each in posture.versions_in_use(ledger, scope, at=judged.at)],
        "controls": [_control(verdict, judged) for verdict in verdicts],
    }


def _add_operation(document: dict[str, Any], judged: Posture, period: str) -> None:
    from affidavit.pipeline.completeness import operations

    first, dots, last = period.partition("..")
    if not dots:
        raise UsageError(f"{period!r} is no period", where="--period", fix="write 2026-01-01..2026-03-31")
    start, end = beginning(first, option="--period"), parse_time(last, option="--period")
    if start >= end:
        raise UsageError("the period ends before it begins", where="--period", fix="write the earlier day first")
    document["period"] = {"from": timestamp(start), "to": timestamp(end)}
    found = operations(judged.state, at=judged.at, start=start, end=end)
    for scope, each in document["scopes"].items():
        each["operation"] = [_operation(operation) for operation in found.get(scope, ())]


def _operation(operation: Operation) -> dict[str, Any]:
    return {
        "control": operation.control,
        "due": operation.due,
        "kept": operation.kept,
        "exceptions": [
            asdict(lapse) | {"start": timestamp(lapse.start), "end": timestamp(lapse.end) if lapse.end else None}
            for lapse in operation.lapses
        ],
    }


def _in_use(sighted: Sighted) -> dict[str, Any]:
    def look(sighting: Sighting | None) -> dict[str, str | None] | None:
        return {"at": timestamp(sighting.at), "version": sighting.version} if sighting else None

    return {
        "model": sighted.model,
        "alias": sighted.alias,
        "known": sighted.known,
        "before": look(sighted.before),
        "after": look(sighted.after),
        "sentence": sighted.words,
    }


def _control(verdict: Verdict, judged: Posture) -> dict[str, Any]:
    from affidavit.rules import adoption

    standing = judged.state.organisation.organisation
    planned = adoption.plan(standing.value if standing else None, verdict.control)
    return {
        "control": verdict.control,
        "status": verdict.status.value,
        "adoption": {
            "state": planned.state,
            "until": planned.until.isoformat(),
            "overdue": adoption.overdue(planned, judged.at),
        }
        if planned
        else None,
        "sentence": verdict.sentence,
        "not_shown": verdict.not_shown,
        "origin": verdict.origin.value if verdict.origin else None,
        "entries": list(verdict.entries),
        "next_action": verdict.next_action,
        "owner": verdict.owner,
        "valid_until": timestamp(verdict.valid_until) if verdict.valid_until else None,
        "parts": [
            {"check": part.check, "status": part.status.value, "sentence": part.sentence, "entries": list(part.entries)}
            for part in verdict.parts
        ],
    }


def _print(document: dict[str, Any]) -> None:
    for each in document["demonstrations"]:
        text = escape(f"{each['count']} entries of {each['scope']}: {each['text']}")
        out.print(f"[bold yellow]demonstration[/] {text}")
    head = document["head"]
    out.print(f"as of {document['as_of']}, {head['size']} entries, root {head['root'][:16]}…")
    if later := document["observed_under_a_later_head"]:
        out.print(f"not judged: {later} entries observed by then, of which no head was signed until later")
    for scope, each in document["scopes"].items():
        table = Table(title=escape(scope), title_justify="left", title_style="bold", expand=True)
        table.add_column("control", no_wrap=True)
        table.add_column("status", no_wrap=True)
        table.add_column("what the evidence shows, and what to do next", ratio=1)
        table.add_column("owner", no_wrap=True)
        for control in each["controls"]:
            said = Text(control["sentence"])
            if control["status"] == "missing" and (planned := control["adoption"]):
                said.append(f"\n{planned['state']} until {planned['until']}", style="italic")
                said.append(", which is over" if planned["overdue"] else "")
            if control["next_action"]:
                said.append(f"\n→ {control['next_action']}", style="bold")
            table.add_row(control["control"], mark(control["status"]), said, Text(control["owner"]))
        out.print(table)
        _print_operation(each.get("operation", ()))
        out.print("  ".join(f"{mark(status)} {count}" for status, count in each["counts"].items()))
        for used in each["in_use"]:
            out.print(f"  version of {used['model']} in use ({used['alias']}): {used['sentence']}", markup=False)
        if not each["recorded"]:
            out.print("  not assessed yet: nothing was recorded about this posture")
        for change in each["differs_from_recorded"]:
            out.print(
                f"  {change['control']}: recorded then as {change['recorded']}, judged {change['judged']} here",
                markup=False,
            )


def _print_operation(operations: Sequence[dict[str, Any]]) -> None:
    for operation in operations:
        out.print(f"  {operation['control']}: {operation['kept']} of {operation['due']} due instances", markup=False)
        for one in operation["exceptions"]:
            until = f"until {one['end']}" if one["end"] else "and lasts"
            why = f" ({one['why']})" if one["why"] else ""
            found = f"{one['found_by']} {one['index']}" if one["index"] is not None else "nobody"
            out.print(f"    {one['what']} from {one['start']} {until}{why}; found by: {found}", markup=False)

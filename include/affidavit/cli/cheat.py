"""``affidavit cheat``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from affidavit.cli.bundle import verifier
from affidavit.cli.terminal import err, now, out, print_json, settings
from affidavit.errors import ConfigurationError

if TYPE_CHECKING:
    from affidavit.cheat.trial import Outcome

LedgerUrl = Annotated[str | None, typer.Option("--ledger", help="SQLAlchemy URL of the ledger.", metavar="URL")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]

STYLES = {"caught": "green", "caught only with": "yellow", "not detectable": "magenta"}


def cheat(ledger: LedgerUrl = None, json: Json = False) -> None:
    """Try to cheat, on copies: each attack with its defence on and off. The ledger itself is only read."""
    from affidavit.cheat.attacks import ALL
    from affidavit.cheat.trial import exit_code, trial
    from affidavit.ledger import Ledger

    place, outcomes = settings(), []
    with (
        tempfile.TemporaryDirectory(prefix="affidavit-cheat-") as home,
        Ledger.open(ledger or place.ledger_url, blobs=place.blobs_url) as opened,
        err.status("copying") as status,
    ):
        for outcome in trial(opened, ALL, home=Path(home), program=_program(place.project), now=now()):
            outcomes.append(outcome)
            status.update(f"cheating: {len(outcomes)} of {len(ALL)}")
    if json:
        print_json([_document(outcome) for outcome in outcomes])
    else:
        _print(outcomes)
    if code := exit_code(outcomes):
        raise typer.Exit(code)


def _program(project: Path) -> bytes:
    try:
        return verifier(project)
    except ConfigurationError:  # then one attack says that it was not tried
        return b""


def _print(outcomes: list[Outcome]) -> None:
    table = Table(expand=True)
    for name, ratio in (("attack", 3), ("who could", 2), ("result", 2), ("with what, or why not", 6), ("tried on", 2)):
        table.add_column(name, ratio=ratio)
    for outcome in outcomes:
        result = Text(outcome.result.value, style=STYLES.get(outcome.result.value, "bold red"))
        words = (outcome.attack.name, outcome.attack.power.value, result, _with_what(outcome), outcome.ground)
        table.add_row(*(Text(each) if isinstance(each, str) else each for each in words))
    out.print(table)
    out.print("Each attack ran on a copy, with its defence and without; caught is what nothing found without it.")


def _with_what(outcome: Outcome) -> str:
    return outcome.why or "; or ".join(each.defence.value for each in outcome.tried)


def _document(outcome: Outcome) -> dict[str, Any]:
    attack = outcome.attack
    return {
        "attack": attack.name,
        "who_could": attack.power.value,
        "does": attack.does,
        "done": outcome.done,
        "tried_on": outcome.ground,
        "result": outcome.result.value,
        "why": outcome.why,
        "auditor_has": sorted(each.value for each in attack.given),
        "defences": [
            {"defence": each.defence.value, "found_with": each.with_it, "found_without": each.without_it}
            for each in outcome.tried
        ],
    }

"""``affidavit verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from affidavit.cli.terminal import err, out, print_json, settings
from affidavit.errors import ConfigurationError
from affidavit.evidence import timestamp

LedgerUrl = Annotated[str | None, typer.Option("--ledger", help="SQLAlchemy URL of the ledger.", metavar="URL")]
Policy = Annotated[
    Path | None, typer.Option(help="C2SP tlog policy with the keys you trust, got from elsewhere than this ledger.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of sentences.")]


def verify(ledger: LedgerUrl = None, policy: Policy = None, json: Json = False) -> None:
    """Check every entry, derived column, tree node, head and blob; names the first bad object."""
    from affidavit.ledger import Ledger, verification
    from affidavit.tlog.policy import parse_policy

    place = settings()
    trusted = None
    if policy is not None:
        try:
            trusted = parse_policy(policy.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError("cannot be read", where=str(policy), fix="give the path of a policy") from error
    with err.status("verifying"), Ledger.open(ledger or place.ledger_url, blobs=place.blobs_url) as opened:
        found = verification.verify(opened, policy=trusted)
    document: dict[str, Any] = {
        "intact": True,
        "entries": found.entries,
        "demonstrations": dict(found.demonstrations),
        "checkpoint": {
            "origin": found.head.origin,
            "size": found.head.size,
            "root": found.head.root.hex(),
            "time": timestamp(found.head.time),
        },
        "author": found.author,
        "proven": found.proven,
        "signing": found.signing,
        "unanchored_entries": found.unanchored,
    }
    if json:
        print_json(document)
    else:
        for text, count in found.demonstrations.items():
            out.print(f"[bold yellow]demonstration[/] {count} entries: {text}")
        out.print(f"intact: {found.entries} entries under root {found.head.root.hex()}")
        out.print(f"origin: {found.head.origin}, head signed {timestamp(found.head.time)}, {found.signing}")
        out.print(f"author: {found.author}")
        out.print(f"anchoring: {found.unanchored} entries not known to any outsider")
        out.print("Integrity means unchanged since collection; not that what was declared is true, nor complete.")
    if not found.proven:
        raise typer.Exit(1)

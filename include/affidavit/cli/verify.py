"""``affidavit verify``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from affidavit.cli.terminal import err, out, print_json, read_file, settings
from affidavit.errors import UsageError
from affidavit.evidence import timestamp

if TYPE_CHECKING:
    from affidavit.ledger import Verification
    from affidavit.publish.bundle_verification import BundleVerification
    from affidavit.publish.since import Growth
    from affidavit.tlog.note import Note
    from affidavit.tlog.policy import Policy

LedgerUrl = Annotated[str | None, typer.Option("--ledger", help="SQLAlchemy URL of the ledger.", metavar="URL")]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="C2SP tlog policy with the keys you trust, got from elsewhere than this ledger."),
]
SinceFile = Annotated[
    Path | None,
    typer.Option("--since", help="A checkpoint noted at an earlier audit: shows that the head only extended it."),
]
BundleFile = Annotated[
    Path | None, typer.Option("--bundle", help="A bundle (zip or unpacked folder) instead of a ledger.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of sentences.")]


def verify(
    ledger: LedgerUrl = None,
    policy: PolicyFile = None,
    since: SinceFile = None,
    bundle: BundleFile = None,
    json: Json = False,
) -> None:
    """Check every entry, derived column, tree node, head and blob; names the first bad object."""
    from affidavit.tlog.extension import parse_noted
    from affidavit.tlog.policy import parse_policy

    trusted = parse_policy(read_file(policy), where=str(policy)) if policy is not None else None
    noted = parse_noted(read_file(since), where=str(since)) if since is not None else None
    if bundle is not None and ledger is not None:
        raise UsageError("both a ledger and a bundle", where="--bundle", fix="name the one to verify")
    if bundle is not None:
        proven = _bundle(bundle, trusted, noted, json=json)
    else:
        proven = _ledger(ledger, trusted, noted, json=json)
    if not proven:
        raise typer.Exit(1)


def _ledger(url: str | None, policy: Policy | None, noted: Note | None, *, json: bool) -> bool:
    from affidavit.ledger import Ledger, verification
    from affidavit.publish.since import growth

    place = settings()
    grown = None
    with err.status("verifying"), Ledger.open(url or place.ledger_url, blobs=place.blobs_url) as opened:
        found = verification.verify(opened, policy=policy, processes=os.cpu_count() or 1)
        if noted is not None:
            grown = growth(noted, found.head, reader=opened, prover=opened)
    if json:
        print_json(_ledger_document(found, grown))
        return found.proven and not found.uncovered
    _demonstrations(found.demonstrations)
    out.print(f"intact: {found.entries} entries under root {found.head.root.hex()}")
    out.print(f"origin: {found.head.origin}, head signed {timestamp(found.head.time)}, {found.signing}", markup=False)
    if found.uncovered:
        out.print(f"not established: {found.uncovered} entries beyond that head, for which nobody vouches yet")
    if grown is not None:
        out.print(f"since: the {grown.since} entries noted are unchanged; {grown.size - grown.since} were added")
        for kind in grown.added:
            out.print(f"  {kind}: {grown.count(kind)} (entries {grown.indices(kind)})", markup=False)
    out.print(f"author: {found.author}", markup=False)
    out.print(f"anchoring: {found.unanchored} entries not known to any outsider")
    out.print("Integrity means unchanged since collection; not that what was declared is true, nor complete.")
    return found.proven and not found.uncovered


def _ledger_document(found: Verification, grown: Growth | None) -> dict[str, Any]:
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
        "uncovered_entries": found.uncovered,
        "unanchored_entries": found.unanchored,
    }
    if grown is not None:
        added = {
            kind: {"count": grown.count(kind), "runs": [list(run) for run in runs]}
            for kind, runs in grown.added.items()
        }
        document["since"] = {"size": grown.since, "added": added}
    return document


def _bundle(path: Path, policy: Policy | None, noted: Note | None, *, json: bool) -> bool:
    from affidavit.publish.bundle_verification import verify_bundle

    found = verify_bundle(path, policy=policy, since=noted)
    if json:
        print_json(_bundle_document(found))
        return found.proven
    head = found.checkpoint
    _demonstrations(found.demonstrations)
    out.print(f"intact: {len(found.indices)} entries of {head.size} under root {head.root.hex()}")
    out.print(f"origin: {head.origin}, head signed {_time(found.time)}", markup=False)
    out.print(f"claims to hold: {found.claim}; nothing can show that nothing was left out of a bundle", markup=False)
    if found.since is not None:
        out.print(f"since: the {found.since} entries noted are unchanged; {head.size - found.since} were added")
    out.print(f"author: {found.author}", markup=False)
    out.print("Integrity means unchanged since collection; not that what was declared is true, nor complete.")
    return found.proven


def _bundle_document(found: BundleVerification) -> dict[str, Any]:
    head = found.checkpoint
    return {
        "intact": True,
        "entries": list(found.indices),
        "kinds": dict(found.kinds),
        "blobs": found.blobs,
        "demonstrations": dict(found.demonstrations),
        "checkpoint": {
            "origin": head.origin,
            "size": head.size,
            "root": head.root.hex(),
            "time": _time(found.time),
        },
        "claims_to_hold": found.claim,
        "since": found.since,
        "author": found.author,
        "proven": found.proven,
    }


def _demonstrations(counts: Mapping[str, int]) -> None:
    for text, count in counts.items():
        out.print("[bold yellow]demonstration[/]", end=" ")
        out.print(f"{count} entries: {text}", markup=False)


def _time(seconds: int) -> str:
    try:
        return timestamp(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError):
        return f"at an impossible time ({seconds})"

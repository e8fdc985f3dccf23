"""``affidavit verify``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from affidavit.cli.terminal import complain, err, now, out, print_json, read_file, settings
from affidavit.errors import AffidavitError, UsageError
from affidavit.evidence import timestamp

if TYPE_CHECKING:
    from affidavit.pipeline.anchoring import Outside
    from affidavit.pipeline.verifying import Examined
    from affidavit.projections.anchoring import Anchoring
    from affidavit.projections.erasures import Erased
    from affidavit.publish.bundle_verification import BundleVerification
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
AuthoritiesFile = Annotated[
    Path | None,
    typer.Option("--authorities", help="Roots (PEM) of the time stamp authorities you trust, got from elsewhere."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of sentences.")]


def verify(
    ledger: LedgerUrl = None,
    policy: PolicyFile = None,
    since: SinceFile = None,
    bundle: BundleFile = None,
    authorities: AuthoritiesFile = None,
    json: Json = False,
) -> None:
    """Check every entry, derived column, tree node, head and blob; names the first bad object."""
    from affidavit.tlog.extension import parse_noted
    from affidavit.tlog.policy import parse_policy

    trusted = parse_policy(read_file(policy), where=str(policy)) if policy is not None else None
    noted = parse_noted(read_file(since), where=str(since)) if since is not None else None
    if bundle is not None and ledger is not None:
        raise UsageError("both a ledger and a bundle", where="--bundle", fix="name the one to verify")
    if bundle is not None and authorities is not None:
        raise UsageError("a bundle says nothing of time stamps", where="--authorities", fix="verify the whole ledger")
    try:
        if bundle is not None:
            proven = _bundle(bundle, trusted, noted, json=json)
        else:
            roots = read_file(authorities) if authorities is not None else None
            proven = _ledger(ledger, (trusted, roots), noted, json=json)
    except AffidavitError as error:
        if error.exit_code != 1:
            raise
        complain(error)  # locked, or out of reach: 1 would say that it is intact
        raise typer.Exit(2) from error
    if not proven:
        raise typer.Exit(1)


def _ledger(url: str | None, trust: tuple[Policy | None, bytes | None], noted: Note | None, *, json: bool) -> bool:
    from affidavit.ledger import Ledger
    from affidavit.pipeline.verifying import examine

    place, (policy, authorities) = settings(), trust
    with err.status("verifying"), Ledger.open(url or place.ledger_url, blobs=place.blobs_url) as opened:
        done = examine(opened, policy=policy, noted=noted, authorities=authorities, processes=os.cpu_count() or 1)
    found, grown = done.found, done.grown
    if json:
        print_json({**_ledger_document(done), **_outside_document(done.anchoring)})
        return done.established
    _demonstrations(found.demonstrations)
    out.print(f"intact: {found.entries} entries under root {found.head.root.hex()}")
    out.print(f"origin: {found.head.origin}, head signed {timestamp(found.head.time)}, {found.signing}", markup=False)
    for each in found.erased:
        out.print(f"blob {each.blob}: {each.words}", markup=False)
    for each in found.lingering:
        out.print(f"blob {each.blob}: erasure recorded, its bytes are still there; run 'affidavit erase --expired'")
    if found.erased:
        out.print(f"erased: {len(found.erased)} blobs, {len(found.lingering)} of them still to be removed")
    if found.uncovered:
        out.print(f"not established: {found.uncovered} entries beyond that head, for which nobody vouches yet")
    if grown is not None:
        out.print(f"since: the {grown.since} entries noted are unchanged; {grown.size - grown.since} were added")
        for kind in grown.added:
            out.print(f"  {kind}: {grown.count(kind)} (entries {grown.indices(kind)})", markup=False)
    out.print(f"author: {done.author}", markup=False)
    _say_anchoring(done.anchoring, *_about_the_ledger(done.anchoring))
    out.print("Integrity means unchanged since collection; not that what was declared is true, nor complete.")
    return done.established


def _say_anchoring(found: Anchoring, lag: int, records: str = "", oldest: str = "") -> None:
    if found.since is not None:
        by = ", ".join(found.by)
        out.print(f"anchoring: {found.size} entries known to {by} since {timestamp(found.since)}", markup=False)
    ahead = f"{_counted(lag, 'minute')} as of the head's own time"
    out.print(f"anchoring: {found.unanchored} entries not known to any outsider{records}; {ahead}{oldest}")
    if found.witnesses:
        each = (f"{name} cosigned {f'{size} entries' if size else 'nothing'}" for name, size in found.witnesses)
        out.print(f"witnesses of the policy: {', '.join(each)}", markup=False)
    for key in found.ignored:
        out.print(f"ignored: a line under the head by {key}, which the policy does not name", markup=False)
    for doubt in found.doubts:
        out.print(f"not established: {doubt}", markup=False)


def _about_the_ledger(found: Outside) -> tuple[int, str, str]:
    records = f", {found.records} of them only record anchors" if found.records else ""
    oldest = f"; the oldest has stood for {_counted(found.minutes(now()), 'minute')}" if found.oldest else ""
    return found.lag_minutes, records, oldest


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _outside_document(found: Outside) -> dict[str, Any]:
    document = _anchoring_document(found, found.lag_minutes)
    document["anchoring"] |= {
        "unanchored_records_of_anchors": found.records,
        "unanchored_minutes": found.minutes(now()),
    }
    return document


def _anchoring_document(found: Anchoring, lag: int) -> dict[str, Any]:
    return {
        "unanchored_entries": found.unanchored,
        "anchoring": {
            "unanchored_minutes_at_head": lag,
            "size": found.size,
            "since": timestamp(found.since) if found.since else None,
            "by": list(found.by),
            "witnesses": dict(found.witnesses),
            "ignored": list(found.ignored),
            "doubts": list(found.doubts),
        },
    }


def _ledger_document(done: Examined) -> dict[str, Any]:
    found, grown = done.found, done.grown
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
        "author": done.author,
        "established": done.established,
        "signing": found.signing,
        "uncovered_entries": found.uncovered,
        "erased": [{**_erased(each), "bytes_still_there": each in found.lingering} for each in found.erased],
    }
    if grown is not None:
        added = {
            kind: {"count": grown.count(kind), "runs": [list(run) for run in runs]}
            for kind, runs in grown.added.items()
        }
        document["since"] = {"size": grown.since, "added": added}
    return document


def _erased(each: Erased) -> dict[str, Any]:
    return {
        "blob": each.blob,
        "at": each.at,
        "reason": each.reason,
        "entry": each.index,
        "decided_in": each.decided,
        "decided_by": each.by,
    }


def _bundle(path: Path, policy: Policy | None, noted: Note | None, *, json: bool) -> bool:
    from affidavit.publish.bundle_verification import verify_bundle

    found = verify_bundle(path, policy=policy, since=noted)
    if json:
        print_json({**_bundle_document(found), **_anchoring_document(found.anchoring, found.lag_minutes)})
        return found.established
    head = found.checkpoint
    _demonstrations(found.demonstrations)
    out.print(f"intact: {len(found.indices)} entries of {head.size} under root {head.root.hex()}")
    out.print(f"origin: {head.origin}, head signed {_time(found.time)}", markup=False)
    out.print(f"claims to hold: {found.claim}; nothing can show that nothing was left out of a bundle", markup=False)
    for each in found.erased:
        out.print(f"blob {each.blob}: {each.words}", markup=False)
    if found.since is not None:
        out.print(f"since: the {found.since} entries noted are unchanged; {head.size - found.since} were added")
    out.print(f"author: {found.author}", markup=False)
    _say_anchoring(found.anchoring, found.lag_minutes)
    out.print("Integrity means unchanged since collection; not that what was declared is true, nor complete.")
    return found.established


def _bundle_document(found: BundleVerification) -> dict[str, Any]:
    head = found.checkpoint
    return {
        "intact": True,
        "entries": list(found.indices),
        "kinds": dict(found.kinds),
        "blobs": found.blobs,
        "erased": [_erased(each) for each in found.erased],
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
        "established": found.established,
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

"""``affidavit erase``."""

from __future__ import annotations

from typing import Annotated

import typer

from affidavit.cli.terminal import now, out, workplace
from affidavit.errors import UsageError

Digest = Annotated[str | None, typer.Argument(help="SHA-256 of a blob that an entry names.", metavar="DIGEST")]
Reason = Annotated[str, typer.Option("--reason", help="The ground: one word, never a text about a person.")]
DecidedBy = Annotated[
    str, typer.Option("--decided-by", help="Pseudonym of the person who decided.", metavar="PSEUDONYM")
]
Expired = Annotated[bool, typer.Option("--expired", help="Erase what the declared retention makes due.")]


def erase(digest: Digest = None, reason: Reason = "", decided_by: DecidedBy = "", expired: Expired = False) -> None:
    """Erase a blob for ever: the log keeps its digest, and says who decided and why."""
    from affidavit.pipeline import erasing

    if expired == (digest is not None):
        raise UsageError("what should be erased?", fix="give the digest of one blob, or --expired")
    if digest is not None:
        done = erasing.erase(workplace(), digest, reason=reason, by=decided_by, now=now())
        out.print(f"{digest}: {done.words}", markup=False)
        out.print("Its bytes are gone here. Backups, and bundles that were handed out, may still hold them.")
        return
    if reason or decided_by:
        raise UsageError("retention needs no reason and no person", where="--expired", fix="leave them out")
    found = erasing.erase_expired(workplace(), now=now())
    for each in (*found.completed, *found.erased):
        out.print(f"{each.blob}: {each.words}", markup=False)
    for blob, hold in found.held.items():
        out.print(f"{blob}: kept, the legal hold {hold!r} wins over its retention", markup=False)
    out.print(f"{len(found.erased)} erased, {len(found.completed)} completed, {len(found.held)} kept by a legal hold")

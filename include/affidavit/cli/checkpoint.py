"""``affidavit checkpoint``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from affidavit.cli.terminal import settings

LedgerUrl = Annotated[str | None, typer.Option("--ledger", help="SQLAlchemy URL of the ledger.", metavar="URL")]


def checkpoint(ledger: LedgerUrl = None) -> None:
    """Print the newest signed head, to be noted: at the next audit it shows that history was only extended."""
    from affidavit.ledger import Ledger
    from affidavit.tlog import cosignature
    from affidavit.tlog.note import Note

    place = settings()
    with Ledger.open(ledger or place.ledger_url, blobs=place.blobs_url) as opened:
        head = opened.head()
        cosignature.verify(Note.parse(head.note), opened.keys.at(head.size))
    sys.stdout.write(head.note)

"""``affidavit init``."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from affidavit.cli.terminal import now, out, workplace
from affidavit.errors import LedgerMissing, NoteError, UsageError
from affidavit.pipeline.steps import pool
from affidavit.tlog.note import ED25519, SigningKey, VerifierKey

if TYPE_CHECKING:
    from affidavit.pipeline.workplace import Workplace

Recovery = Annotated[
    str | None,
    typer.Option(
        metavar="VKEY",
        help="Public recovery key (C2SP vkey), made elsewhere. Without it one is made and shown once, on a terminal.",
    ),
]


def init(recovery: Recovery = None) -> None:
    """Make the ledger, its signing key, and pools.json for Airflow; shows the recovery key, once.

    Where there is a ledger that this key signs, only pools.json is written anew.
    """
    work = workplace()
    if _stands(work):
        if recovery:
            fix = "leave it out; a ledger names its recovery key when it is made"
            raise UsageError("there is a ledger already", where="--recovery", fix=fix)
        file = _write_pools(work)
        out.print(f"there is a ledger already; pools.json is written anew: {file}", markup=False)
        return
    # Off a terminal what is printed lands in a log, where a private key must not be: then none is made.
    made = _recovery_key() if not recovery and sys.stdout.isatty() else None
    public = made.public if made else _given(recovery) if recovery else None
    with work.create_ledger(now=now(), recovery=public) as ledger:
        head = ledger.head()
    file = _write_pools(work)
    out.print(f"ledger  {work.settings.shown_ledger_url}")
    out.print(f"origin  {head.origin}")
    out.print(f"key     {work.settings.key_file} (signing takes place inside the writing process)")
    out.print(f"pools   {file}: [bold]airflow pools import {file}[/]")
    if public is None:
        out.print("recovery none: give --recovery, or run this on a terminal, to pin a key for when this one is lost")
    else:
        out.print(f"recovery {public.text}", markup=False)
    if made:
        out.print("[bold]Write this down, keep it offline, and show it to nobody; it is stored nowhere:[/]")
        out.print(made.text, soft_wrap=True, markup=False, highlight=False)


def _stands(work: Workplace) -> bool:
    """Whether there is a ledger that the key signs; a key alone is what a creation that failed left behind."""
    if not work.settings.key_file.exists():
        return False
    try:
        with work.writer() as ledger:
            ledger.head()
    except LedgerMissing:
        return False
    return True


def _write_pools(work: Workplace) -> Path:
    pools = {
        pool(table.connection): {
            "slots": 2,
            "description": "Tables read at once by evidence tasks",
            "include_deferred": False,
        }
        for system in work.loaded().systems.values()
        for table in system.tables
    }
    file = work.settings.key_file.parent / "pools.json"
    file.write_text(json.dumps(pools, indent=2) + "\n", encoding="utf-8")
    return file


def _recovery_key() -> SigningKey:
    return SigningKey(f"affidavit.invalid/recovery/{secrets.token_hex(8)}", ED25519, secrets.token_bytes(32))


def _given(text: str) -> VerifierKey:
    try:
        key = VerifierKey.parse(text)
    except NoteError as error:
        raise UsageError(error.problem, where="--recovery", fix="give the public key, name+id+key") from error
    if key.algorithm != ED25519:
        raise UsageError("not a key for plain notes", where="--recovery", fix="give an Ed25519 key of type 1")
    return key

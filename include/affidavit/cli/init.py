"""``affidavit init``."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from affidavit.cli.terminal import now, out, read_file, workplace
from affidavit.errors import LedgerMissing, NoteError, UsageError
from affidavit.evidence.shapes import MAX_TEXT
from affidavit.tlog.note import ED25519, SigningKey, VerifierKey
from affidavit.tlog.policy import NONE, parse_policy

if TYPE_CHECKING:
    from affidavit.pipeline.workplace import Workplace

Recovery = Annotated[
    str | None,
    typer.Option(
        metavar="VKEY",
        help="Public recovery key (C2SP vkey), made elsewhere. Without it one is made and shown once, on a terminal.",
    ),
]
Quorum = Annotated[
    Path | None,
    typer.Option(
        "--recovery-quorum",
        metavar="FILE",
        help="C2SP policy with the witnesses (no log) whose quorum may replace the key as well.",
    ),
]


def init(recovery: Recovery = None, recovery_quorum: Quorum = None) -> None:
    """Make the ledger, its signing key, and pools.json for Airflow; shows the recovery key, once.

    Where there is a ledger that this key signs, only pools.json is written anew.
    """
    work = workplace()
    if _stands(work):
        if recovery or recovery_quorum:
            fix = "leave it out; a ledger names who may replace its key when it is made"
            where = "--recovery" if recovery else "--recovery-quorum"
            raise UsageError("there is a ledger already", where=where, fix=fix)
        file = _write_pools(work)
        out.print(f"there is a ledger already; pools.json is written anew: {file}", markup=False)
        return
    # Off a terminal what is printed lands in a log, where a private key must not be: then none is made.
    made = _recovery_key() if not recovery and sys.stdout.isatty() else None
    public = made.public if made else _given(recovery) if recovery else None
    quorum = _quorum(recovery_quorum) if recovery_quorum else None
    with work.create_ledger(now=now(), recovery=public, quorum=quorum) as ledger:
        head, where = ledger.head(), ledger.entry(0).statement.facts["signing"]
    file = _write_pools(work)
    out.print(f"ledger  {work.settings.shown_ledger_url}")
    out.print(f"origin  {head.origin}")
    out.print(
        f"key     {work.settings.signer_url or work.settings.key_file} (signing takes place {where})", markup=False
    )
    out.print(f"pools   {file}: [bold]airflow pools import {file}[/]")
    if public is not None:
        out.print(f"recovery {public.text}", markup=False)
    elif quorum is None:
        out.print("recovery none: give --recovery, or run this on a terminal, to pin a key for when this one is lost")
    if quorum is not None:
        out.print(f"recovery by the quorum in {recovery_quorum}", markup=False)
    if made:
        out.print("[bold]Write this down, keep it offline, and show it to nobody; it is stored nowhere:[/]")
        out.print(made.text, soft_wrap=True, markup=False, highlight=False)


def _stands(work: Workplace) -> bool:
    """Whether there is a ledger that the key signs; a key alone is what a creation that failed left behind."""
    if work.settings.signer_url is None and not work.settings.key_file.exists():
        return False
    try:
        with work.writer() as ledger:
            ledger.head()
    except LedgerMissing:
        return False
    return True


def _write_pools(work: Workplace) -> Path:
    from affidavit.inventory.steps import pool, steps_of, steps_of_organisation

    loaded = work.loaded()
    steps = [step for system in loaded.systems.values() for step in steps_of(system)]
    if loaded.organisation:
        steps += steps_of_organisation(loaded.organisation)
    pools = {
        pool(step.warehouse): {
            "slots": 2,
            "description": "Tables read at once by evidence tasks",
            "include_deferred": False,
        }
        for step in steps
        if step.warehouse
    }
    file = work.settings.key_file.parent / "pools.json"
    file.parent.mkdir(parents=True, exist_ok=True)
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


def _quorum(file: Path) -> str:
    data = read_file(file)
    policy = parse_policy(data, where=str(file))
    if policy.logs or policy.quorum == NONE or len(data) > MAX_TEXT:
        problem = "it names a log, or asks for no witness, or is too long"
        fix = "write witness, group and quorum lines, in at most 8,000 characters"
        raise UsageError(problem, where="--recovery-quorum", fix=fix)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError("not UTF-8", where="--recovery-quorum", fix="write the file anew") from error

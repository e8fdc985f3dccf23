"""``affidavit rotate-key``."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from affidavit.cli.terminal import err, now, out, read_file, workplace
from affidavit.errors import UsageError

Request = Annotated[
    Path | None, typer.Option(help="Make a new key, and write into this file what must be authorised.", metavar="FILE")
]
Authorise = Annotated[
    Path | None, typer.Option(help="Authorise the request in this file, and print the authorisation.", metavar="FILE")
]
RecoveryKey = Annotated[
    Path | None,
    typer.Option(help="With --authorise: file of the recovery key. Needs no ledger, so do it offline.", metavar="FILE"),
]
Witness = Annotated[
    list[str] | None,
    typer.Option(help="With --authorise: a witness of the quorum that entry 0 pins; once for each.", metavar="URL"),
]
Apply = Annotated[
    Path | None, typer.Option(help="Put the new key in place, by the authorisation in this file.", metavar="FILE")
]
NewRecoveryKey = Annotated[
    Path | None, typer.Option(help="Make a recovery key in this file, offline; print its public key.", metavar="FILE")
]


def rotate_key(
    request: Request = None,
    authorise: Authorise = None,
    recovery_key: RecoveryKey = None,
    witness: Witness = None,
    apply: Apply = None,
    new_recovery_key: NewRecoveryKey = None,
) -> None:
    """Replace the log's key, lost, stolen or old: request, have it authorised by whom entry 0 pins, apply."""
    if sum(each is not None for each in (request, authorise, apply, new_recovery_key)) != 1:
        fix = "give one of --request, --authorise, --apply and --new-recovery-key"
        raise UsageError("it has three steps, one at a time", where="rotate-key", fix=fix)
    if (authorise is not None) != ((recovery_key is not None) ^ bool(witness)):
        fix = "give --authorise with --recovery-key FILE, or with --witness URL for each witness"
        raise UsageError("a request is authorised by one of the two that entry 0 may pin", where="rotate-key", fix=fix)
    if request is not None:
        _request(request)
    elif authorise is not None:
        _authorise(authorise, recovery_key, witness or [])
    elif apply is not None:
        _apply(apply)
    elif new_recovery_key is not None:
        from affidavit.pipeline import rotating

        name = f"affidavit.invalid/recovery/{secrets.token_hex(8)}"
        out.print(rotating.new_recovery_key(new_recovery_key, name).text, soft_wrap=True, markup=False)


def _request(file: Path) -> None:
    from affidavit.pipeline import rotating

    asked = rotating.request(workplace(), file)
    out.print(f"new key {asked.meant.new.text}", markup=False)
    out.print(f"request {file}: after the head of {asked.meant.after.size} entries", markup=False)
    if asked.recovery:
        out.print(f"offline: affidavit rotate-key --authorise {file} --recovery-key KEY > authorised.txt", markup=False)
    if asked.consent is not None:
        out.print("or send the request to the witnesses of the quorum, and let each add to its policy:", markup=False)
        out.print(f"log {asked.consent.text}", markup=False)
        out.print(f"then: affidavit rotate-key --authorise {file} --witness URL > authorised.txt", markup=False)
    out.print("at last: affidavit rotate-key --apply authorised.txt", markup=False)


def _authorise(file: Path, recovery_key: Path | None, witnesses: list[str]) -> None:
    from affidavit.pipeline import rotating

    meant = rotating.parse(read_file(file), where=str(file))
    if recovery_key is not None:
        text = rotating.by_recovery(meant, recovery_key)
    else:
        text = rotating.by_witnesses(workplace(), meant, file, witnesses, now=now())
    err.print(f"authorised, after the head of {meant.after.size} entries of {meant.old.name}:", markup=False)
    err.print(f"  {meant.old.text}\n  is replaced by\n  {meant.new.text}", markup=False)
    sys.stdout.write(text)


def _apply(file: Path) -> None:
    from affidavit.pipeline import rotating

    index, key = rotating.apply(workplace(), read_file(file).decode("utf-8", "replace"), now=now())
    out.print(f"from entry {index} on heads are signed with {key.text}", markup=False)
    out.print("Give it to auditors and witnesses; after a theft they must no longer trust the old one.")

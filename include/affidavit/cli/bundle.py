"""``affidavit bundle``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import affidavit
from affidavit.cli.terminal import out, read_file, workplace
from affidavit.errors import ConfigurationError
from affidavit.evidence import ORGANISATION_SCOPE, system_scope

Out = Annotated[Path, typer.Option("--out", help="The archive to write.", metavar="FILE")]
Scope = Annotated[
    str | None, typer.Option(help="Every entry about one AI system, or about 'organisation'.", metavar="SYSTEM")
]
Entries = Annotated[str | None, typer.Option(help="Entries by index: 3,7-9.", metavar="LIST")]
Since = Annotated[
    Path | None, typer.Option(help="A checkpoint that the receiver noted: adds the proof that the head extends it.")
]

VERIFIER = "verifier/affidavit_verify.py"
"""Where the stand-alone verifier lies in a checkout of the source, and in a project that was given a copy."""


def bundle(out_: Out, scope: Scope = None, entries: Entries = None, since: Since = None) -> None:
    """Put entries, their proofs, the signed head and the blobs they name into one archive; by default every entry."""
    from affidavit.publish.bundle import Selection, write_bundle
    from affidavit.tlog.extension import parse_noted

    noted = parse_noted(read_file(since), where=str(since)) if since is not None else None
    if scope is not None and scope != ORGANISATION_SCOPE:
        scope = system_scope(scope)
    selection = Selection.of(scope=scope, entries=entries)
    work = workplace()
    program = verifier(work.settings.project)
    with work.reader() as ledger:
        made = write_bundle(out_, reader=ledger, prover=ledger, selection=selection, verifier=program, since=noted)
    out.print(f"bundle  {out_}: {made.entries} of {made.head.size} entries, {made.blobs} blobs", markup=False)
    out.print(f"sha256  {made.sha256}")
    out.print(
        f"Whoever receives it runs a verifier and a policy of their own: affidavit_verify.py {out_.name}", markup=False
    )


def verifier(project: Path) -> bytes:
    """The stand-alone verifier: of this checkout, or the copy that a project was given."""
    for place in (Path(affidavit.__file__).resolve().parents[2], project):
        if (place / VERIFIER).is_file():
            return read_file(place / VERIFIER)
    raise ConfigurationError(
        "a bundle carries a copy of the stand-alone verifier, and it is not here",
        where=str(project / VERIFIER),
        fix="put that file of Affidavit's source there",
    )

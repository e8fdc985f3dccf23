"""The ``affidavit`` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from affidavit.cli import (
    adopt,
    allowlist,
    anchor,
    assess,
    bundle,
    calendar,
    challenge,
    cheat,
    checkpoint,
    collect,
    decisions,
    doctor,
    document,
    erase,
    export_dsse,
    init,
    lineage,
    measures,
    plan,
    rebuild,
    record,
    rotate_key,
    show,
    signer,
    soa,
    status,
    suite,
    verify,
    witness,
)
from affidavit.cli.terminal import complain
from affidavit.errors import AffidavitError
from affidavit.settings import quiet

app = typer.Typer(
    help="Tamper-evident ISO/IEC 42001 control evidence. Integrity means unchanged since collection, not true.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("init")(init.init)
app.command("collect")(collect.collect)
app.command("assess")(assess.assess)
app.command("status")(status.status)
app.command("calendar")(calendar.calendar)
app.command("soa")(soa.soa)
app.command("verify")(verify.verify)
app.command("show")(show.show)
app.command("decisions")(decisions.decisions)
app.command("lineage")(lineage.lineage)
app.command("measures")(measures.measures)
app.command("plan")(plan.plan)
app.command("adopt")(adopt.adopt)
app.command("suggest-allowlist")(allowlist.suggest_allowlist)
app.add_typer(suite.app, name="suite")
app.add_typer(document.app, name="document")
app.add_typer(record.app, name="record")
app.command("doctor")(doctor.doctor)
app.command("rebuild")(rebuild.rebuild)
app.command("checkpoint")(checkpoint.checkpoint)
app.command("bundle")(bundle.bundle)
app.command("erase")(erase.erase)
app.command("challenge")(challenge.challenge)
app.command("cheat")(cheat.cheat)
app.command("export-dsse")(export_dsse.export_dsse)
app.command("rotate-key")(rotate_key.rotate_key)
app.command("anchor")(anchor.anchor)
app.command("signer")(signer.signer)
app.command("witness")(witness.witness)


def answer(arguments: Sequence[str]) -> int:
    """Answer one command line; gives its exit code. An error of ours is one message on standard error."""
    quiet(os.environ)
    try:
        app(list(arguments), prog_name="affidavit")
    except AffidavitError as error:
        complain(error)
        return error.exit_code
    except SystemExit as stop:
        if not isinstance(stop.code, int | None):
            raise
        return stop.code or 0
    return 0


def run() -> None:
    """Answer the command line of this process, and end it."""
    code = answer(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # DuckDB's Python binding, beside Great Expectations, prints some fifty lines while the interpreter is torn down.
    # Everything is closed and flushed by now, so leave without that.
    os._exit(code)

"""The ``affidavit`` command."""

from __future__ import annotations

import os
import sys

import typer

from affidavit.cli import allowlist, assess, collect, doctor, init, plan, rebuild, show, status, verify
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
app.command("verify")(verify.verify)
app.command("show")(show.show)
app.command("plan")(plan.plan)
app.command("suggest-allowlist")(allowlist.suggest_allowlist)
app.command("doctor")(doctor.doctor)
app.command("rebuild")(rebuild.rebuild)


def run() -> None:
    """Run the command line; an error of ours is one message on standard error and its own exit code."""
    quiet(os.environ)
    try:
        app()
    except AffidavitError as error:
        complain(error)
        sys.exit(error.exit_code)

"""``affidavit doctor``."""

from __future__ import annotations

import typer

from affidavit.cli.terminal import out, workplace


def doctor() -> None:
    """Check packages, inventory, connections, key and ledger; each finding comes with its fix."""
    from affidavit.pipeline import checkup
    from affidavit.rules.registry import count

    problems = 0
    for finding in checkup.examine(workplace()):
        if finding.problem:
            problems += 1
            out.print(f"✖ {finding.what}: {finding.problem}", markup=False)
            out.print(f"  fix: {finding.fix}", markup=False)
        else:
            out.print(f"✔ {finding.what}", markup=False)
    out.print(count(problems, "problem") if problems else "no problems")
    if problems:
        raise typer.Exit(1)

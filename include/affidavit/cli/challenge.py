"""``affidavit challenge``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from affidavit.cli.terminal import now, out, workplace
from affidavit.errors import UsageError


class Planted(StrEnum):
    """What may be planted."""

    MISSING = "missing"
    SIGN = "sign"
    REPEATED = "repeated"


System = Annotated[str, typer.Argument(help="Id of an AI system.", metavar="SYSTEM")]
BadTable = Annotated[str, typer.Option("--bad-table", help="Table whose suite is challenged.", metavar="DATASET")]
DefectOption = Annotated[Planted | None, typer.Option("--defect", help="What is planted; drawn at random if left out.")]
Column = Annotated[str | None, typer.Option("--column", help="Column that gets it.", metavar="COLUMN")]
Through = Annotated[
    str | None,
    typer.Option("--through", help="Connection to the same warehouse that may create a table.", metavar="CONNECTION"),
]


def challenge(
    system: System,
    bad_table: BadTable,
    defect: DefectOption = None,
    column: Column = None,
    through: Through = None,
) -> None:
    """Plant a defect in a copy of a table, and record whether the control caught it; exit with 1 if it did not."""
    from affidavit.pipeline import challenging
    from affidavit.warehouse.canary import Defect

    if (defect is None and column is not None) or (defect == Planted.REPEATED and column is not None):
        raise UsageError("a column without a defect that it could get", where="--column", fix="leave it out")
    if defect not in {None, Planted.REPEATED} and column is None:
        raise UsageError(f"{defect} needs the column that gets it", where="--defect", fix="name it with --column")
    wanted = Defect(defect.value, column) if defect else None
    planted, found = challenging.challenge(workplace(), system, bad_table, defect=wanted, through=through, now=now)
    where = f" in {planted.column}" if planted.column else ""
    if found.caught:
        tests = ", ".join(found.failed)
        out.print(f"{planted.kind}{where}: caught after {found.seconds:.1f} s by {tests}", markup=False)
        return
    out.print(f"{planted.kind}{where}: not caught; the suite of {bad_table} expects nothing of the kind", markup=False)
    raise typer.Exit(1)

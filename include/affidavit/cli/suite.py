"""``affidavit suite``."""

from __future__ import annotations

from typing import Annotated

import typer

from affidavit.cli.terminal import out, workplace

app = typer.Typer(help="Expectation suites.", no_args_is_help=True, rich_markup_mode=None)

System = Annotated[str, typer.Argument(help="Id of an AI system.", metavar="SYSTEM")]
Dataset = Annotated[str, typer.Argument(help="Id of one of its tables.", metavar="DATASET")]


@app.callback()
def suite() -> None:
    """Expectation suites."""


@app.command()
def draft(system: System, dataset: Dataset) -> None:
    """Write a starting suite for a table from its profile. It is refused until a reviewer has gone through it."""
    from affidavit.pipeline.suites import draft_suite

    file = draft_suite(workplace(), system, dataset)
    out.print(
        f"{file} written. Its bounds come from the data that it would judge: nobody has reviewed them.", markup=False
    )
    out.print("Until the key 'drafted' is gone from each expectation, the suite and its AI systems are refused.")

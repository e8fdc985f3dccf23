"""``affidavit measures``."""

from __future__ import annotations

from importlib.metadata import entry_points

import typer

from affidavit.cli.terminal import out
from affidavit.errors import ConfigurationError


def measures() -> None:
    """Say of each measure that an installed package offers whether it keeps the contract; exit with 1 if one does not.

    Each is tried on made-up rows. Nothing of the project is read, and nothing is written.
    """
    from affidavit.measure.custom import GROUP, loaded

    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    broken = False
    for point in points:
        package = f" ({point.dist.name} {point.dist.version})" if point.dist else ""
        try:
            tasks = ", ".join(loaded(point).tasks)
        except ConfigurationError as error:
            broken = True
            out.print(f"{point.name}{package}: breaks the contract: {error.problem}", markup=False, soft_wrap=True)
        else:
            out.print(f"{point.name}{package}: keeps the contract, of {tasks}", markup=False, soft_wrap=True)
    if not points:
        out.print(f"No installed package offers a measure: there is no entry point of the group {GROUP}.", markup=False)
    if broken:
        raise typer.Exit(1)

"""``affidavit anchor``."""

from __future__ import annotations

import typer

from affidavit.cli.terminal import complain, err, now, out, workplace
from affidavit.evidence import timestamp


def anchor() -> None:
    """Hand the ledger's head to the witnesses, time stamp authorities and copies that the organisation declares."""
    from affidavit.pipeline import anchoring

    work = workplace()
    with err.status("anchoring"):
        done = anchoring.anchor(work, now=now())
    for each in done.anchored:
        out.print(f"{each.means}  {each.anchor}: {each.where}, {timestamp(each.time)}", markup=False)
    for name in done.current:
        out.print(f"current  {name}: nothing moved since it was handed the head", markup=False)
    if not (done.anchored or done.current or done.failed):
        out.print("no anchors: include/organisation.yaml declares none, so no outsider knows any head")
    for _, error in done.failed:
        complain(error)
    if (last := anchoring.worst(done.failed)) is not None:
        raise typer.Exit(last.exit_code)

"""``affidavit rebuild``."""

from __future__ import annotations

from affidavit.cli.terminal import out, workplace


def rebuild() -> None:
    """Compute every derived column and tree node again from the leaves, which alone are data."""
    with workplace().writer() as ledger:
        mended = ledger.rebuild()
    out.print(f"rebuilt from the leaves: {mended} rows mended; run [bold]affidavit verify[/]")

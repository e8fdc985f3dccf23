"""``affidavit init``."""

from __future__ import annotations

import json

from affidavit.cli.terminal import now, out, workplace
from affidavit.pipeline.steps import pool


def init() -> None:
    """Make the ledger, its signing key, and pools.json for Airflow."""
    work = workplace()
    systems = work.loaded().systems.values()
    with work.create_ledger(now=now()) as ledger:
        head = ledger.head()
    pools = {
        pool(table.connection): {
            "slots": 2,
            "description": "Tables read at once by evidence tasks",
            "include_deferred": False,
        }
        for system in systems
        for table in system.tables
    }
    file = work.settings.key_file.parent / "pools.json"
    file.write_text(json.dumps(pools, indent=2) + "\n", encoding="utf-8")
    out.print(f"ledger  {work.settings.shown_ledger_url}")
    out.print(f"origin  {head.origin}")
    out.print(f"key     {work.settings.key_file} (signing takes place inside the writing process)")
    out.print(f"pools   {file}: [bold]airflow pools import {file}[/]")

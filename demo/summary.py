"""The posture, read back from the ledger by the same commands that any reader has.

Nothing is counted here: every number comes from ``affidavit status --json`` and ``affidavit verify --json``.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from affidavit.cli.terminal import STATUS_MARKS, mark
from affidavit.errors import IntegrityError, SourceGarbled, SourceUnavailable
from demo.layout import Layout

Document = dict[str, Any]

SYSTEM = "system:"
INTACT = {0, 1}
"""Exit codes of a ledger that verifies; 1 because nobody outside has given us a policy that names its author."""


def read(layout: Layout, *, environment: Mapping[str, str]) -> Document:
    """Verify the ledger, judge it, and merge both answers.

    Raises ``IntegrityError`` where the ledger does not verify, ``SourceUnavailable`` or ``SourceGarbled`` where a
    command does not answer, or where the ledger keeps growing between the two.
    """
    for _ in range(3):
        verified = _ask(layout, "verify", environment)
        status = _ask(layout, "status", environment)
        if verified["checkpoint"]["size"] == status["head"]["size"]:
            return merge(verified, status, layout=layout)
    raise SourceUnavailable(
        "the ledger is being written to", where=str(layout.ledger), fix="wait for the DAGs, then try again"
    )


def merge(verified: Document, status: Document, *, layout: Layout) -> Document:
    """The summary, from what ``affidavit verify --json`` and ``affidavit status --json`` say about the same head."""
    counts = {scope: each["counts"] for scope, each in status["scopes"].items()}
    systems = {scope.removeprefix(SYSTEM): each for scope, each in counts.items() if scope.startswith(SYSTEM)}
    return {
        "systems": sorted(systems),
        "entries": verified["entries"],
        "entries_by_kind": status["entries_by_kind"],
        "controls": systems,
        "organisation": {scope: each for scope, each in counts.items() if not scope.startswith(SYSTEM)}.get(
            "organisation", {}
        ),
        "checkpoint": verified["checkpoint"],
        "intact": verified["intact"],
        "author": verified["author"],
        "demonstrations": verified["demonstrations"],
        "as_of": status["as_of"],
        "paths": {
            "ledger": str(layout.ledger),
            "blobs": str(layout.blobs),
            "site": str(layout.site),
            "data_docs": str(layout.data_docs),
        },
    }


def write(summary: Document, path: Path) -> None:
    """Store the summary for machines."""
    path.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(summary: Document, console: Console) -> None:
    """Print the summary for people: what is scripted first, then controls by status."""
    for text, entries in summary["demonstrations"].items():
        console.print(f"[bold yellow]demonstration[/] {entries} entries: {escape(text)}")
    columns = {**summary["controls"], "organisation": summary["organisation"]}
    table = Table(title="Controls and clauses by status", title_justify="left", title_style="bold")
    table.add_column("status")
    for name in columns:
        table.add_column(name, justify="right")
    for status in STATUS_MARKS:
        if any(counts.get(status) for counts in columns.values()):
            table.add_row(mark(status), *(str(counts.get(status, 0)) for counts in columns.values()))
    table.add_section()
    table.add_row("all", *(str(sum(counts.values())) for counts in columns.values()))
    console.print(table)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(summary["entries_by_kind"].items()))
    checkpoint = summary["checkpoint"]
    console.print(f"The ledger is intact: {summary['entries']} entries ({kinds}).")
    console.print(
        f"Head: size {checkpoint['size']}, root {checkpoint['root'][:16]}…, origin {checkpoint['origin']}.",
        markup=False,
    )
    console.print(f"Author: {summary['author']}.", markup=False)


def _ask(layout: Layout, command: str, environment: Mapping[str, str]) -> Document:
    done = subprocess.run(
        [str(layout.affidavit), command, "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=layout.root,
        env=dict(environment),
        timeout=120,
    )
    where = f"affidavit {command} --json"
    if command == "verify" and done.returncode not in INTACT:
        raise IntegrityError("the ledger does not verify", where=where, fix=done.stderr.strip()[-2000:])
    try:
        answer: Document = json.loads(done.stdout)
    except ValueError as error:
        raise SourceGarbled(
            f"exit code {done.returncode}, and no JSON", where=where, fix=done.stderr.strip()[-2000:]
        ) from error
    return answer

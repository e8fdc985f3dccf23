"""``python -m demo run|up|down``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from affidavit.errors import AffidavitError
from demo import story
from demo.layout import Layout

TAIL = 30
WIDTH = 400


def main(arguments: list[str]) -> int:
    """Run one command; returns its exit code: 0 fine, 130 interrupted, else the error's own."""
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="The demo: real servers, real data, on this machine."
    )
    parser.add_argument("command", choices=["run", "up", "down"], help="run and stop; run and leave running; stop")
    command = parser.parse_args(arguments).command
    console = Console(highlight=False, soft_wrap=True)
    layout = Layout.of(Path(__file__).resolve().parents[1], bin=Path(sys.executable).parent)
    try:
        if command == "down":
            story.stop(layout, console)
        else:
            story.play(layout, console, environ=os.environ, leave=command == "up")
    except KeyboardInterrupt:
        console.print("Interrupted; nothing is left running.")
        return 130
    except AffidavitError as error:
        complain(error, console)
        return error.exit_code
    return 0


def complain(error: AffidavitError, console: Console) -> None:
    """Print an error, and the end of the log it names."""
    log = Path(error.where)
    if log.suffix == ".log" and log.is_file():
        lines = log.read_text(errors="replace").splitlines()[-TAIL:]
        console.print(f"[dim]… {escape(error.where)}[/dim]")
        for line in lines:
            console.print(f"[dim]  {escape(readable(line))}[/dim]")
    console.print(f"[bold red]error[/] {escape(error.where)}: {escape(error.problem)}")
    console.print(f"[bold]fix[/]   {escape(error.fix)}")


def readable(line: str) -> str:
    """A log line for people: of Airflow's JSON lines the event and the exception's own words."""
    try:
        fields = json.loads(line)
        causes = [f"{cause['exc_type']}: {cause['exc_value']}" for cause in fields.get("error_detail") or []]
        text = " | ".join([f"{fields.get('level', '')} {fields['event']}".strip(), *causes])
    except (ValueError, KeyError, TypeError, AttributeError):
        text = line
    return text[:WIDTH]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

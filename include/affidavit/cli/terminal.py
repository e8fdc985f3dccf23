"""What commands share: the workplace, the clock, and how things are printed."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from affidavit.errors import AffidavitError, ConfigurationError, UsageError
from affidavit.settings import Settings

if TYPE_CHECKING:
    from affidavit.pipeline.workplace import Workplace

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

STATUS_MARKS = {
    "supported": ("✔", "green"),
    "failing": ("✖", "red"),
    "accepted": ("◐", "yellow"),
    "stale": ("◷", "yellow"),
    "missing": ("○", "magenta"),
    "not yet due": ("·", "dim"),
    "undetermined": ("?", "cyan"),
    "awaiting judgement": ("✎", "blue"),
    "not applicable": ("–", "dim"),
}
"""A shape and a colour beside each word: a status is never colour alone."""


def now() -> datetime:
    """The clock of the command line."""
    return datetime.now(UTC)


def workplace() -> Workplace:
    """The workplace of the project in the current directory, with connections from the environment."""
    from affidavit.inventory import from_environment
    from affidavit.pipeline.workplace import Workplace

    return Workplace(settings(), from_environment(os.environ))


def settings() -> Settings:
    """Settings from the environment, for the project in the current directory."""
    return Settings.read(os.environ, Path.cwd())


def read_file(path: Path) -> bytes:
    """The bytes of a file that somebody named. Raises ``ConfigurationError`` naming it."""
    try:
        if path.is_fifo():  # which would be waited for without end
            raise ConfigurationError("a pipe", where=str(path), fix="give the path of a file")
        return path.read_bytes()
    except OSError as error:
        problem = f"cannot be read ({error.strerror or type(error).__name__})"
        raise ConfigurationError(problem, where=str(path), fix="give the path of a file that may be read") from error


def complain(error: AffidavitError) -> None:
    """Print an error: what is wrong and where, then the fix."""
    head = f"{error.where}: {error.problem}" if error.where else error.problem
    err.print(f"[bold red]error[/] {escape(head)}", markup=True)
    if error.fix:
        err.print(f"[bold]fix[/]   {escape(error.fix)}", markup=True)


def print_json(value: Any) -> None:
    """Machine-readable output: one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def mark(status: str) -> str:
    """A status as word and shape, in rich markup."""
    shape, colour = STATUS_MARKS[status]
    return f"[{colour}]{shape} {status}[/]"


def parse_time(text: str, *, option: str = "--as-of") -> datetime:
    """``2026-03-14`` (the end of that day, UTC) or an ISO time; without a zone it is UTC."""
    try:
        if len(text) == len("2026-03-14"):
            day = datetime.fromisoformat(text).date()
            return datetime.combine(day, time.min, UTC) + timedelta(days=1) - timedelta(milliseconds=1)
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is not a time", where=option, fix="write 2026-03-14 or 2026-03-14T12:00:00Z"
        ) from error


def beginning(text: str, *, option: str) -> datetime:
    """As :func:`parse_time`, but of a day its beginning."""
    moment = parse_time(text, option=option)
    return moment - timedelta(days=1) + timedelta(milliseconds=1) if len(text) == len("2026-03-14") else moment


def past(text: str) -> datetime:
    """As :func:`parse_time`, of a time that has come."""
    moment = parse_time(text)
    if moment > now():
        raise UsageError(f"{text} has not come yet", where="--as-of", fix="choose a time in the past")
    return moment

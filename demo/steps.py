"""What the reader sees while the demo runs: one line per step, with its seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

Note = Callable[[str], None]
"""Says how far a step is; the last note stays beside the finished step."""


class Steps:
    """Shows steps on a console: a spinner while one runs, a line when it is done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the first step."""
        return time.monotonic() - self._began

    @contextmanager
    def step(self, title: str) -> Iterator[Note]:
        """One step. Whatever it raises passes through, after its line says that it did not succeed."""
        began = time.monotonic()
        last = ""
        with self.console.status(escape(title)) as status:

            def note(text: str) -> None:
                nonlocal last
                last = text
                status.update(f"{escape(title)} [dim]{escape(text)}[/dim]")

            try:
                yield note
            except BaseException:
                self._line("[red]✗[/red]", began, title, last)
                raise
        self._line("[green]✓[/green]", began, title, last)

    def _line(self, mark: str, began: float, title: str, note: str) -> None:
        took = f"{time.monotonic() - began:5.1f} s"
        self.console.print(f"{mark} {took}  {escape(title)}" + (f" [dim]{escape(note)}[/dim]" if note else ""))

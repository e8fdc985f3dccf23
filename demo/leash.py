"""Holds one server on a leash: whoever holds the other end of our standard input keeps it alive.

    python leash.py COMMAND ARGUMENT...

The leash leads a session of its own; the server and all that it starts live in it. When the command ends, when we are
told to stop (SIGTERM), or when standard input closes because the demo died, however it died (SIGKILL leaves no time
for a clean-up), the whole session is ended. The word ``stay`` on standard input lets the server outlive the demo.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from types import FrameType

import psutil

GRACE_SECONDS = 10.0
"""Between asking a session to end and ending it."""

POLL_SECONDS = 0.1


def members(session: int) -> list[int]:
    """Processes of a session that still run, its leader excluded."""
    found = []
    for pid in psutil.pids():
        # A process may go between the listing and the question; a zombie has gone already.
        with contextlib.suppress(OSError, psutil.Error):
            if pid != session and os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found


def end_session(session: int, *, grace: float = GRACE_SECONDS) -> None:
    """End every process of a session but its leader: asked first, killed after ``grace`` seconds.

    Returns when none is left.
    """
    _signal(members(session), signal.SIGTERM)
    deadline = time.monotonic() + grace
    while left := members(session):
        if time.monotonic() > deadline:
            _signal(left, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def hold(command: list[str]) -> int:
    """Run ``command`` until it ends or the leash is let go; returns its exit code, 0 if we ended it."""
    told_to_stop = False

    def on_term(_signal: int, _frame: FrameType | None) -> None:
        nonlocal told_to_stop
        told_to_stop = True

    signal.signal(signal.SIGTERM, on_term)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    held = True
    while child.poll() is None and not told_to_stop:
        ready, _, _ = select.select([0] if held else [], [], [], POLL_SECONDS)
        if ready and os.read(0, 16) != b"stay\n":
            break
        held = held and not ready
    code = child.poll() or 0
    end_session(os.getsid(0))
    # As shells say it: ended by signal 9 is 137.
    return code if code >= 0 else 128 - code


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(hold(sys.argv[1:]))

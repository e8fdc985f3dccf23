"""Servers of the demo: each starts in a session of its own, is watched while it is needed, and stops for certain."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from affidavit.errors import SourceUnavailable, UsageError
from demo import leash

POLL_SECONDS = 0.25
STOP_SECONDS = leash.GRACE_SECONDS + 10


def free_ports(count: int) -> list[int]:
    """Different loopback ports on which nobody listens now."""
    with contextlib.ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def answers(port: int) -> bool:
    """Whether anybody listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Server:
    """One server, by its leash's process id and start (an id alone may be somebody else's by now).

    A ``job`` is expected to end by itself, with 0.
    """

    name: str
    pid: int
    began: float
    log: Path
    job: bool

    @property
    def alive(self) -> bool:
        """Whether the very process that we started still runs."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.began and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def listens_on(self, port: int) -> bool:
        """Whether a process of this server, and nobody else's, answers on a loopback port."""
        for pid in leash.members(self.pid):
            with contextlib.suppress(psutil.Error):
                for connection in psutil.Process(pid).net_connections("tcp"):
                    if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                        return True
        return False


class Servers:
    """The demo's servers, recorded in a file so that a later ``down`` finds them.

    Servers live no longer than the process that started them, unless ``leave`` is called.
    """

    def __init__(self, record: Path, *, cwd: Path) -> None:
        self._record = record
        self._cwd = cwd
        self._leashes: dict[Server, subprocess.Popen[bytes]] = {}
        self._left = False

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path, job: bool = False
    ) -> Server:
        """Start a server; its output goes to ``log``. Returns at once."""
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-P", leash.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=dict(env),
                cwd=self._cwd,
            )
        server = Server(name, process.pid, psutil.Process(process.pid).create_time(), log, job)
        self._leashes[server] = process
        self._write()
        return server

    def named(self, name: str) -> Server:
        """The server of that name."""
        return next(server for server in self._leashes if server.name == name)

    def finish(self, job: Server, *, seconds: float) -> None:
        """Wait until a job has ended with 0. Raises ``SourceUnavailable`` if it does not."""
        self.wait_for(f"the end of {job.name}", lambda: not job.alive, seconds=seconds, log=job.log)
        self.check()

    def wait_for(self, what: str, condition: Callable[[], bool], *, seconds: float, log: Path) -> None:
        """Wait until ``condition`` holds, while every server lives.

        Raises ``SourceUnavailable`` naming the log to read, when time is up or a server ended.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise SourceUnavailable(
                    f"{what} did not happen within {seconds:.0f} s", where=str(log), fix="read this log, then try again"
                )
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raise ``SourceUnavailable`` if a server ended by itself, or a job ended badly."""
        for server, process in self._leashes.items():
            if (code := process.poll()) is not None and (code or not server.job):
                raise SourceUnavailable(
                    f"{server.name} ended by itself (exit code {code})",
                    where=str(server.log),
                    fix="mend what this log says, then try again",
                )

    def leave(self) -> None:
        """Let every server outlive this process; ``stop_recorded`` finds them."""
        for server, process in self._leashes.items():
            assert process.stdin is not None
            if not server.job:
                process.stdin.write(b"stay\n")
            process.stdin.close()
        self._left = True

    def stop(self) -> None:
        """Stop every server and all that they started; returns when nothing is left. Those that were left stay."""
        if self._left:
            return
        _stop(list(self._leashes))
        for process in self._leashes.values():
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
        self._leashes.clear()
        self._record.unlink(missing_ok=True)

    def _write(self) -> None:
        text = json.dumps([asdict(server) for server in self._leashes], indent=2, default=str)
        self._record.touch(mode=0o600)
        self._record.write_text(text + "\n")


def stop_recorded(record: Path) -> list[str]:
    """Stop the servers that an earlier process left running; returns their names, none if there is nothing to stop."""
    if not record.exists():
        return []
    try:
        servers = [Server(**fields) for fields in json.loads(record.read_text())]
    except (ValueError, TypeError) as error:
        raise UsageError(
            "not a record of servers", where=str(record), fix="stop the servers by hand and delete it"
        ) from error
    running = [server for server in servers if server.alive]
    _stop(running)
    record.unlink()
    return [server.name for server in running]


def _stop(servers: Sequence[Server]) -> None:
    for server in servers:
        if server.alive:
            os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for server in servers:
        while server.alive and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS / 5)
        # Its leash ends a session by itself; what is left here has lost its leash, or its leash hangs.
        leash.end_session(server.pid, grace=0)
        if server.alive:
            os.kill(server.pid, signal.SIGKILL)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a checkout for one demo at a time, for as long as this process lives.

    Raises ``UsageError`` if another process holds it. ``path`` is any directory of the checkout; nothing is written.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                "a demo is running from this checkout", where=str(path), fix="wait for it, or end it with Ctrl-C"
            ) from error
        yield
    finally:
        os.close(handle)

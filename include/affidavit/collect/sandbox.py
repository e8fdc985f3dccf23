"""A model served by MLflow's own scoring server, in a process that can reach nothing of ours.

A model's file runs code when it is loaded. It is therefore loaded by another process, which
:mod:`affidavit.collect.confine` walls in; a Unix socket that was opened here is the only way between the two. What
was in force is measured from inside, and where a secret could be reached nothing is served.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from affidavit.collect import confine
from affidavit.collect.rest import Api
from affidavit.errors import AffidavitError, ConfigurationError, SourceUnavailable, UsageError
from affidavit.inventory import Connection

START_SECONDS = 300.0
"""How long a model may take until it is loaded."""

MAX_ANSWER = 16 * 2**20
"""Most bytes of one answer."""

_WHERE = "the scoring process"
_FREE_IDS = range(61_184, 65_520)
"""User ids that systemd, too, gives to passing services (``DynamicUser``)."""

_FAILED = re.compile(rb"^(?:[A-Za-z_]+\.)*([A-Za-z_]{1,60}(?:Error|Exception))\b", re.MULTILINE)


@dataclass(frozen=True)
class Limits:
    """Most that it may use: seconds of processor time, bytes of memory, bytes of a file, processes and threads."""

    cpu_seconds: int = 600
    memory: int = 8 * 2**30
    file_size: int = 64 * 2**20
    processes: int = 256


@dataclass(frozen=True)
class Isolation:
    """What was found in force, from inside the process, before it loaded anything.

    ``user``: it runs under a user id that no other process has. ``root``: it has a file system of its own that holds
    nothing of ours. ``network``: a port of this machine could not be reached, since it has no network. ``secrets`` is
    the number of files and sockets of ours that were tried, each in vain, as was the environment of every other
    process; where one of them can be reached, nothing is served.
    """

    user: bool
    root: bool
    network: bool
    secrets: int

    @property
    def text(self) -> str:
        """In words."""
        lacks = {
            "not isolated by user": self.user,
            "not isolated by file system": self.root,
            "not isolated from the network": self.network,
        }
        missing = [words for words, there in lacks.items() if not there]
        return "; ".join(missing) or "isolated by user, by file system and from the network"


class Sandbox:
    """A place for one model, and the process that serves it: fill :attr:`model`, then :meth:`start`.

    ``secrets`` are files, directories and sockets that it must not reach, each of which we can (keys, the signer's
    socket, Airflow's database); a file and a socket of ours are always among them. All is gone with the block.
    """

    def __init__(self, *, secrets: Sequence[Path], limits: Limits | None = None, seconds: float = 60.0) -> None:
        self._secrets = tuple(secrets)
        self._limits = limits or Limits()
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if sys.platform != "linux":
            raise ConfigurationError("models are served on Linux only", where=_WHERE, fix="name a scoring endpoint")
        self._place = Path(tempfile.mkdtemp(prefix="affidavit-"))
        self._place.chmod(0o711)  # so that another user reaches its model, and sees nothing else
        for name in ("model", "root", "scratch", "private"):
            (self._place / name).mkdir()
        (self._place / "private").chmod(0o700)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()  # the leash
            self._process.wait()
        shutil.rmtree(self._place, ignore_errors=True)

    @property
    def model(self) -> Path:
        """An empty directory for the model's files."""
        return self._place / "model"

    @property
    def _socket(self) -> Path:
        return self._place / "private" / "socket"

    def start(self) -> tuple[Api, Isolation]:
        """Serve the model: how to ask it, and what keeps it from us.

        Raises ``ConfigurationError`` where it could reach a secret, or no walls can be built here, and
        ``SourceUnavailable`` where the model cannot be loaded within :data:`START_SECONDS`.
        """
        for each in (each for each in self._secrets if not each.exists()):
            raise UsageError("there is no such file, so that nobody could reach it", where=str(each))
        for path in self.model.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.model.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as port, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._socket))
            listener.listen()
            self._process = self._spawn(listener, port.getsockname()[1])
            isolation = self._report(self._process)
        api = self._api(self._seconds)
        with self._api(START_SECONDS) as starting:
            try:
                starting.ping("/ping")
            except SourceUnavailable as error:
                raise self._broken(error) from error
        return api, isolation

    def _api(self, seconds: float) -> Api:
        connection = Connection("of this model", "http", host="localhost", extra={"timeout": seconds})
        return Api(connection, product="scoring process", socket=self._socket, limit=MAX_ANSWER)

    def _spawn(self, listener: socket.socket, port: int) -> subprocess.Popen[bytes]:
        uid = _free_id() if os.getuid() == 0 else None
        if uid is not None:
            os.chown(self._place / "scratch", uid, uid)
        (self._place / "canary").touch(0o600)
        plan = {
            "uid": uid,
            "listen": listener.fileno(),
            "port": port,
            "root": str(self._place / "root"),
            "model": str(self.model),
            "scratch": str(self._place / "scratch"),
            "readable": _interpreter(),
            "secrets": [str(each) for each in (*self._secrets, self._place / "canary", self._socket)],
            "limits": {
                "CPU": self._limits.cpu_seconds,
                "AS": self._limits.memory,
                "FSIZE": self._limits.file_size,
                "NPROC": self._limits.processes,
                "NOFILE": 1024,
            },
            "command": [sys.executable, "-P", "-m", "uvicorn", "--fd", str(confine.LISTENING), "--no-access-log", _APP],
            "env": _environment(self._seconds),
        }
        with (self._place / "private" / "log").open("wb") as log:
            return subprocess.Popen(  # noqa: S603  (our own file, no shell)
                [sys.executable, "-I", "-S", confine.__file__, json.dumps(plan)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={},
                pass_fds=(listener.fileno(),),
                start_new_session=True,
            )

    def _report(self, process: subprocess.Popen[bytes]) -> Isolation:
        assert process.stdout is not None
        with process.stdout as answer:
            found: dict[str, Any] = json.loads(_line(answer) or '{"failed": "nothing was reported"}')
        fix = "serve the model at an endpoint and name that, or run as root or where namespaces of users are allowed"
        if problem := found.get("failed"):
            raise ConfigurationError(f"no walls can be built here ({problem})", where=_WHERE, fix=fix)
        if reached := found["reached"]:
            problem = f"it could reach {reached[0]}, and {len(reached) - 1} more that it must not"
            raise ConfigurationError(problem, where=_WHERE, fix=fix)
        return Isolation(
            user=found["uid"] != os.getuid(),
            root=found["namespaces"] != "none",
            network=not found["network"],
            secrets=len(self._secrets) + 2,
        )

    def _broken(self, error: AffidavitError) -> SourceUnavailable:
        """Why the model could not be loaded: the name of an exception, since the log may hold anything."""
        with (self._place / "private" / "log").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 65_536))
            names = _FAILED.findall(log.read())
        name = names[-1].decode() if names else error.problem
        fix = (
            "see that this environment has what the model's requirements.txt asks for, and that the model can be loaded"
        )
        return SourceUnavailable(f"the model could not be loaded ({name})", where=_WHERE, fix=fix)


_APP = "mlflow.pyfunc.scoring_server.app:app"
"""What ``mlflow models serve`` itself gives to uvicorn."""


def _environment(seconds: float) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "{scratch}",
        "TMPDIR": "{scratch}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": str(int(seconds) + 1),
        "__pyfunc_model_path__": "{model}",
    }


def _interpreter() -> list[str]:
    """Where this Python and its packages are."""
    packages = [each for each in sys.path if each.endswith(("site-packages", "dist-packages"))]
    found = [sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent.parent), *packages]
    return sorted({each for each in found if each.startswith("/") and each != "/"})


def _free_id() -> int:
    """A user id that no account and no process has."""
    import pwd

    taken = {each.pw_uid for each in pwd.getpwall()}
    for each in Path("/proc").glob("[0-9]*"):
        try:
            taken.add(each.stat().st_uid)
        except OSError:
            continue  # it has ended
    return secrets.choice([each for each in _FREE_IDS if each not in taken])


def _line(answer: IO[bytes]) -> bytes:
    ready, _, _ = select.select([answer], [], [], START_SECONDS)
    return answer.readline() if ready else b""

"""Run one command where it can reach nothing of ours: started by its file's path, with the standard library alone.

It holds the command on a leash: whatever the command started ends when it ends, when our standard input closes, or when
whoever started us is gone. Before the command runs, each of the given secrets is tried from inside; what could be
reached is written to the report, and the command does not run.

1. Namespaces of its own where the kernel lends them: mounts, processes, network, IPC.
2. In them a root of its own, read-only: the interpreter, the system's libraries and the model, and a small scratch.
3. Limits on processor time, memory, processes, files; no core dump.
4. A user id that nobody else has, where we are root; no groups, no capabilities, no new privileges.
5. The secrets, the environment of whoever started us, and its network are tried.
6. The command, with no other environment and no other descriptor than one listening socket.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

LISTENING = 3
"""The descriptor on which the command finds its socket."""

REFUSED = 3
"""Exit code: a secret could be reached, or the walls could not be built, and the command did not run."""

MODEL, SCRATCH = "/scoring/model", "/scoring/scratch"
"""Where the command finds its model and may write, with a root of its own."""

_NEWNS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_SPACES = _NEWNS | _NEWIPC | _NEWPID | _NEWNET
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 0x20, 0x1000, 0x4000, 0x40000
_KEPT = 2 | 4 | 8 | 1024 | 2048  # flags of a mount that a namespace of users may not take away
_PDEATHSIG, _NO_NEW_PRIVS, _SUBREAPER = 1, 38, 36
_DETACH = 2
_CAPABILITIES_V3 = 0x20080522
_DEVICES = ("null", "zero", "full", "random", "urandom")
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32"),
    *("/etc/ld.so.cache", "/etc/ssl", "/etc/localtime", "/etc/alternatives"),
)

_libc = ctypes.CDLL(None, use_errno=True)


def hold(plan: dict[str, Any]) -> int:
    """Run the plan's command until it ends or the leash is let go; its exit code as shells say it.

    Standard input is the leash, standard output takes the report (one line of JSON), standard error is the log.
    """
    if plan["listen"] != LISTENING:
        os.dup2(plan["listen"], LISTENING)
        os.close(plan["listen"])
    _call("prctl", _SUBREAPER, 1, 0, 0, 0)
    spaces = _unshare()
    child = os.fork()
    if child == 0:
        _inside(plan, spaces)
    os.close(LISTENING)
    os.dup2(2, 1)
    ended = os.pidfd_open(child)
    select.select([0, ended], [], [])
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    _bury()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _bury() -> None:
    """End what the command left behind. Without a namespace of processes, orphans become our children."""
    while True:
        for each in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(each.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                    os.kill(int(each.parent.name), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _unshare() -> str:
    """Namespaces: made as ``root``, in one of a ``user`` who is root of nothing, or ``none``."""
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        return "root" if _libc.unshare(_SPACES) == 0 else "none"
    if _libc.unshare(_SPACES | _NEWUSER) != 0:
        return "none"
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path("/proc/self", name).write_text(text)
    return "user"


def _inside(plan: dict[str, Any], spaces: str) -> NoReturn:
    found: dict[str, Any] = {"namespaces": spaces, "reached": []}
    places = {"model": plan["model"], "scratch": plan["scratch"]}
    try:
        os.setsid()
        os.dup2(os.open("/dev/null", os.O_RDWR), 0)
        if spaces != "none":
            _build(plan)
            places = {"model": MODEL, "scratch": SCRATCH}
        os.chdir(places["scratch"])
        _limit(plan["limits"])
        _drop(plan["uid"])
        found |= _tried(plan)
    except OSError as error:
        found["failed"] = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    os.write(1, json.dumps(found).encode() + b"\n")
    if found.get("failed") or found["reached"]:
        os._exit(REFUSED)
    os.dup2(2, 1)
    environment = {name: value.format(**places) for name, value in plan["env"].items()}
    try:
        os.execve(plan["command"][0], plan["command"], environment)  # noqa: S606  (no shell is the point)
    finally:
        os._exit(127)


def _build(plan: dict[str, Any]) -> None:
    """A root of its own, of which nothing but the scratch can be written; the old one is gone from it."""
    root = plan["root"]
    _call("mount", None, b"/", None, _REC | _PRIVATE, None)
    _call("mount", b"tmpfs", root.encode(), b"tmpfs", _NOSUID | _NODEV, b"mode=0755,size=256m")
    for path in _apart([*_SYSTEM, *plan["readable"]]):
        if Path(path).is_symlink():
            Path(root + path).parent.mkdir(parents=True, exist_ok=True)
            Path(root + path).symlink_to(Path(path).readlink())
        else:
            _bind(path, root + path)
    _bind(plan["model"], root + MODEL)
    for name in _DEVICES:
        _bind(f"/dev/{name}", f"{root}/dev/{name}", writable=True)
    for name, mode in ((SCRATCH, 0o700), ("/dev/shm", 0o700), ("/proc", 0o555)):  # noqa: S108
        Path(root + name).mkdir(parents=True)
        Path(root + name).chmod(mode)
        if plan["uid"] is not None and mode == 0o700:
            os.chown(root + name, plan["uid"], plan["uid"])
    with contextlib.suppress(OSError):  # not where the system hides a part of its own /proc: then there is none
        _call("mount", b"proc", f"{root}/proc".encode(), b"proc", _NOSUID | _NODEV | _NOEXEC, None)
    Path(root, "old").mkdir()
    os.chdir(root)
    _call("pivot_root", b".", b"old")
    os.chdir("/")
    _call("umount2", b"/old", _DETACH)
    Path("/old").rmdir()


def _apart(paths: list[str]) -> list[str]:
    """Those that are there, without what lies in another of them."""
    there = sorted({path for path in paths if os.path.lexists(path)})
    whole = [path for path in there if not Path(path).is_symlink()]
    return [path for path in there if not any(path != other and path.startswith(f"{other}/") for other in whole)]


def _bind(source: str, target: str, *, writable: bool = False) -> None:
    if Path(source).is_dir():
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()
    _call("mount", source.encode(), target.encode(), None, _BIND | _REC, None)
    if not writable:
        flags = os.statvfs(source).f_flag & _KEPT
        _call("mount", None, target.encode(), None, _BIND | _REMOUNT | _RDONLY | _NOSUID | _NODEV | flags, None)


def _limit(limits: dict[str, int]) -> None:
    for name, most in {**limits, "CORE": 0}.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(kind, (most, most))


def _drop(uid: int | None) -> None:
    """Leave every right behind, for good. What is executed next can be traced by its own user alone."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("prctl", _PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _tried(plan: dict[str, Any]) -> dict[str, Any]:
    """What can be reached from here: facts, whatever was meant to be in force."""
    others = (str(each) for each in Path("/proc").glob("[0-9]*/environ") if each.parent.name != str(os.getpid()))
    network = socket.socket()
    network.settimeout(5)
    return {
        "uid": os.getuid(),
        "reached": [path for path in [*plan["secrets"], *others] if _reached(path)],
        "network": network.connect_ex(("127.0.0.1", plan["port"])) == 0,
    }


def _reached(path: str) -> bool:
    try:
        if Path(path).is_dir():
            next(Path(path).iterdir(), None)
            return True
        if Path(path).is_socket():
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
            return True
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True


def _call(name: str, *arguments: Any) -> None:
    """A function of the C library. Raises ``OSError``, naming it."""
    words = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    if getattr(_libc, name)(*words) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)


if __name__ == "__main__":
    sys.exit(hold(json.loads(sys.argv[1])))

"""What a confined command can reach, tried by small programs; ``test_sandbox.py`` tries it with models."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from affidavit.collect import confine

PYTHON = shutil.which("python3", path="/usr/local/bin:/usr/bin")
"""One that every user may start: ours may be in somebody's home."""

OTHER = 61_000 + secrets.randbelow(100)
NO_NAMESPACES = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"]
AS_OTHER = ["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups", "--"]
NEVER = 'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --inh-caps=-all --ambient-caps=-all -- "$@"'
WITHOUT = [*AS_OTHER, "unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", NEVER, "sh"]

pytestmark = pytest.mark.skipif(
    os.getuid() != 0 or PYTHON is None, reason="only root can become the users of these tests, who need a Python"
)


@pytest.fixture
def place():
    """Below the temporary directory, since others may not enter pytest's."""
    # And not in memory: the confined have a /dev/shm of their own.
    with tempfile.TemporaryDirectory(prefix="affidavit-test-", dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        for name in ("model", "root", "scratch"):
            (home / name).mkdir()
            (home / name).chmod(0o777)
        (home / "model" / "MLmodel").write_text("flavors: {}\n")
        (home / "key").write_text("hunter2")
        (home / "key").chmod(0o600)
        (home / "open").write_text("hunter2")
        (home / "open").chmod(0o644)
        yield home


@pytest.fixture
def run(place):
    """Runs a program confined: what was reported, what it printed, and how it ended."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(place / "socket"))
        (place / "socket").chmod(0o600)
        listener.listen()
        port = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def start(code, *, uid=OTHER, tried=("key", "socket"), limits=None, prefix=(), readable=()):
            owner = 0 if uid else OTHER
            for name in ("key", "socket"):
                os.chown(place / name, owner, owner)
            (place / "confine.py").write_bytes(Path(confine.__file__).read_bytes())
            plan = {
                "uid": uid,
                "listen": listener.fileno(),
                "port": port.getsockname()[1],
                "root": str(place / "root"),
                "model": str(place / "model"),
                "scratch": str(place / "scratch"),
                "readable": list(readable),
                "secrets": [str(place / name) for name in tried],
                "limits": {"NOFILE": 256, **(limits or {})},
                "command": [PYTHON, "-I", "-S", "-c", code],
                "env": {"HOME": "{scratch}", "MODEL": "{model}"},
            }
            log = stack.enter_context((place / "log").open("w+b"))
            process = subprocess.Popen(
                [*prefix, PYTHON, "-I", "-S", str(place / "confine.py"), json.dumps(plan)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={"PATH": os.environ["PATH"], "AIRFLOW_CONN_BANK": "hunter2"},
                pass_fds=(listener.fileno(),),
            )
            stack.callback(process.wait)
            stack.callback(process.stdin.close)
            stack.callback(process.stdout.close)
            return Run(process, log)

        yield start


class Run:
    def __init__(self, process, log):
        self.process, self._log = process, log
        self.report = json.loads(process.stdout.readline())

    @property
    def printed(self):
        self._log.seek(0)
        return self._log.read().decode()

    def end(self):
        self.process.wait(60)
        return self.printed.strip()


LOOK = """
import json, os, socket, sys
def attempt(act):
    try:
        return act() or True
    except OSError as error:
        return type(error).__name__
def connect():
    with socket.socket() as client: client.connect(("127.0.0.1", %(port)d))
def status():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
    return {name: fields[name].strip() for name in ("CapEff", "CapPrm", "NoNewPrivs", "Uid", "Groups")}
print(json.dumps({
    "key": attempt(lambda: open("%(place)s/key").read()),
    "listing": attempt(lambda: os.listdir("%(place)s")),
    "environ": sorted(os.environ),
    "fds": sorted(int(each) for each in os.listdir("/proc/self/fd")),
    "processes": [each for each in os.listdir("/proc") if each.isdigit()],
    "status": status(),
    "root": sorted(os.listdir("/")),
    "model": sorted(os.listdir(os.environ["MODEL"])),
    "spoil": attempt(lambda: open(os.environ["MODEL"] + "/x", "w").close()),
    "scratch": attempt(lambda: open(os.environ["HOME"] + "/x", "w").close()),
    "prefix": attempt(lambda: open(sys.base_prefix + "/x", "w").close()),
    "become": attempt(lambda: os.setuid(0)),
}))
"""


def look(run, place, **how):
    found = run(LOOK % {"place": place, "port": 1}, **how)
    text = found.end()
    return found.report, json.loads(text.splitlines()[-1])


WAYS = {
    "as root": {},
    "as another user": {"uid": None, "prefix": AS_OTHER},
}


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_with_namespaces_nothing_of_ours_is_there_whoever_we_are(run, place, how):
    report, found = look(run, place, **how)
    assert report == {
        "namespaces": "root" if how == {} else "user",
        "uid": OTHER,
        "reached": [],
        "network": False,
    }
    assert (found["key"], found["listing"]) == ("FileNotFoundError", "FileNotFoundError")
    assert set(found["environ"]) <= {"HOME", "MODEL", "LC_CTYPE"}
    shown = {"bin", "dev", "etc", "lib", "lib32", "lib64", "proc", "sbin", "scoring", "usr"}
    assert set(found["root"]) <= shown, "and the old root is not below the new one"
    assert found["processes"] == ["1"], "it sees itself alone"
    assert {0, 1, 2, 3}.issuperset(set(found["fds"]) - {max(found["fds"])}), "and has nothing else open"
    assert (found["model"], found["spoil"]) == (["MLmodel"], "OSError")
    assert (found["scratch"], found["become"]) in {(True, "PermissionError"), (True, "OSError")}
    assert found["prefix"] in {"OSError", "PermissionError"}
    assert found["status"]["NoNewPrivs"] == "1"
    assert int(found["status"]["CapEff"], 16) == int(found["status"]["CapPrm"], 16) == 0


def test_without_namespaces_another_user_still_keeps_it_from_the_key_and_the_report_says_what_is_missing(run, place):
    report, found = look(run, place, prefix=NO_NAMESPACES)
    assert report == {"namespaces": "none", "uid": OTHER, "reached": [], "network": True}
    assert found["key"] == "PermissionError"
    assert found["status"]["Groups"] == ""
    assert int(found["status"]["CapEff"], 16) == 0


def test_the_control_run_as_the_same_user_without_namespaces_reaches_the_key_and_the_command_is_not_run(run, place):
    found = run("print('I ran')", uid=None, prefix=WITHOUT)
    assert found.report["namespaces"] == "none"
    assert {str(place / "key"), str(place / "socket")} < set(found.report["reached"])
    assert any(path.endswith("/environ") for path in found.report["reached"]), "environments of other processes, too"
    assert (found.end(), found.process.returncode) == ("", confine.REFUSED)


@pytest.mark.parametrize("tried", ["open", "model"])
def test_a_secret_that_anybody_may_read_is_reached_without_namespaces(run, place, tried):
    found = run("print('I ran')", prefix=NO_NAMESPACES, tried=[tried])
    assert (found.report["reached"], found.end()) == ([str(place / tried)], "")
    assert run("print('I ran')", tried=[tried]).report["reached"] == []


def test_a_secret_beside_the_packages_is_reached_even_with_namespaces(run, place):
    packages = place / "packages"
    packages.mkdir()
    (packages / "airflow.db").write_text("hunter2")
    found = run("print('I ran')", tried=["packages/airflow.db"], readable=[str(packages)])
    assert (found.report["reached"], found.end()) == ([str(packages / "airflow.db")], "")


def test_walls_that_cannot_be_built_end_it(run, place):
    shutil.rmtree(place / "root")
    found = run("print('I ran')")
    assert "mount" in found.report["failed"]
    assert (found.end(), found.process.returncode) == ("", confine.REFUSED)


LIMITS = {
    "processor time": ("while True: pass", {"CPU": 1}, signal.SIGKILL),
    "memory": ("x = bytearray(2**30)", {"AS": 2**29}, 1),
    "a file": ("with open('big', 'wb', 0) as file:\n while file.write(bytes(2**20)): pass", {"FSIZE": 2**20}, 1),
    "processes": ("import os\nwhile True: os.fork() or os.read(os.pipe()[0], 1)", {"NPROC": 20}, 1),
}


@pytest.mark.parametrize(("code", "limits", "end"), LIMITS.values(), ids=LIMITS)
def test_each_limit_ends_it(run, code, limits, end):
    found = run(code, limits=limits)
    found.end()
    assert found.process.returncode == (128 + end if isinstance(end, signal.Signals) else end)


LITTER = """
import os
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        os.fork()
        while True: os.read(os.pipe()[0], 1)
print("ready", flush=True)
os.read(os.pipe()[0], 1) if %r else None
"""


@pytest.mark.parametrize("prefix", [[], NO_NAMESPACES], ids=["namespaces", "none"])
@pytest.mark.parametrize("waits", [True, False], ids=["let go", "ends by itself"])
def test_nothing_is_left_of_what_it_started(run, prefix, waits):
    found = run(LITTER % waits, prefix=prefix, uid=OTHER + 100)
    found.process.stdin.close() if waits else None
    found.end()
    left = [each for each in Path("/proc").glob("[0-9]*") if _owner(each) == OTHER + 100]
    assert left == []


def _owner(process):
    try:
        return process.stat().st_uid
    except OSError:
        return None

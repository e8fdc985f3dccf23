"""A log that grows, its heads, and real servers on real sockets."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from affidavit.tlog import cosignature, proofs
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.note import COSIGNATURE, Note, SigningKey
from affidavit.tlog.tree import Frontier, Node
from affidavit.witness.server import Role, Server, listening
from affidavit.witness.state import Memory

NOON = 1_773_489_600
ORIGIN = "log.example/ledger"


class Log:
    """A log in memory, by the package's own tree; ``fork`` makes another history from a size on."""

    def __init__(self, size: int = 0, *, origin: str = ORIGIN, seed: bytes = b"k" * 32) -> None:
        self.key = SigningKey(origin, COSIGNATURE, seed)
        self.leaves: list[bytes] = []
        self.nodes: dict[Node, bytes] = {}
        self.roots = [Frontier().root()]
        self.edge = Frontier()
        self.grow(size)

    def grow(self, to: int, *, text: str = "entry") -> "Log":
        for index in range(len(self.leaves), to):
            digest = leaf_hash(f"{text} {index}".encode())
            self.leaves.append(digest)
            self.nodes[(0, index)] = digest
            self.nodes.update(self.edge.append(digest))
            self.roots.append(self.edge.root())
        return self

    def read(self, nodes):
        return [self.nodes[node] for node in nodes]

    def fork(self, at: int, to: int) -> "Log":
        return Log(at, origin=self.key.name, seed=self.key.seed).grow(to, text="another")

    def body(self, size: int) -> str:
        return Checkpoint(self.key.name, size, self.roots[size]).text

    def note(self, size: int, *, time: int = NOON) -> str:
        body = self.body(size)
        return Note(body, (cosignature.cosign(body, self.key, time=time),)).whole

    def proof(self, old: int, new: int) -> list[bytes]:
        return proofs.prove_consistency(self, size1=old, size2=new) if old else []


@dataclass
class Clock:
    """A clock that a test sets, in POSIX seconds."""

    time: int = NOON

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)


@dataclass
class Home:
    """Where one witness, or signer, lives."""

    path: Path
    key: SigningKey = field(default_factory=lambda: SigningKey("witness.example/1", COSIGNATURE, b"w" * 32))
    clock: Clock = field(default_factory=Clock)

    @property
    def folder(self) -> Path:
        return self.path / "state"

    def memory(self) -> Memory:
        return Memory.open(self.folder, self.key) if self.folder.exists() else Memory.create(self.folder, self.key)

    @contextmanager
    def serving(self, *logs, signer: bool = False, listen: str = "http://127.0.0.1:0") -> Iterator[str]:
        """Serve in a thread; gives the URL."""
        own = self.key.public if signer else None
        role = Role(self.memory(), (own,) if own else tuple(log.key.public for log in logs), self.clock, own)
        with Server(role, listening(listen)) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield server.url
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture
def log() -> Log:
    return Log(40)


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def signer_home(tmp_path, log) -> Home:
    """A signer's: its key is the log's own."""
    return Home(tmp_path, key=log.key)


@pytest.fixture
def log_of() -> Callable[..., Log]:
    return Log

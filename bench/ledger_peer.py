"""``ledger-peer``: durable appends one after another, against pymerkle's ``SqliteTree``, a peer that also keeps a tree.

The peer is installed for the measurement into an environment of its own (with uv), because it is nothing that the
project needs; where it cannot be had, there is no figure. It stores leaves and their hashes without signature, stream
or time. Ours appends the same number of entries in batches, as collectors do.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from bench import ledgers
from bench.ledgers import BATCH
from bench.measurement import ROUNDS, Measurement, NotComparable

BOUND = 0.5
ENTRIES = 8 * BATCH
PEER = "pymerkle==6.1.0"

PROBE = """
import json, sys
from time import perf_counter
from pymerkle import SqliteTree
path, entries, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with SqliteTree(path) as tree:
    tree.append_entry(b"first")
    start = perf_counter()
    for number in range(entries):
        tree.append_entry(number.to_bytes(8, "big") + bytes(size - 8))
    print(json.dumps(perf_counter() - start))
"""


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`ROUNDS` rounds, in turns, on SQLite files."""
    entries = BATCH if quick else ENTRIES
    with tempfile.TemporaryDirectory(prefix="affidavit-bench-") as folder:
        python = _environment(Path(folder))
        with ledgers.opened(f"sqlite:///{folder}/ledger.db") as ledger:
            number = iter(range(1_000_000))
            ledger.append(ledgers.batch(next(number)), now=ledgers.NOW)  # fills caches
            size = len(ledger.entry(1).leaf)
            rounds = []
            for turn in range(ROUNDS):
                batches = [ledgers.batch(next(number)) for _ in range(entries // BATCH)]
                start = perf_counter()
                for batch in batches:
                    ledger.append(batch, now=ledgers.NOW)
                ours = perf_counter() - start
                rounds.append((ours, _peer(python, f"{folder}/peer{turn}.db", entries, size)))
    ours, peer = (median(side) for side in zip(*rounds, strict=True))
    sizes = {"entries": entries, "bytes": size, "rounds": ROUNDS, "ours_per_second": entries / ours}
    return Measurement("ledger-peer", ours, peer, "seconds", BOUND, sizes | {"peer_per_second": entries / peer})


def _environment(folder: Path) -> Path:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise NotComparable(f"{PEER} cannot be had: there is no uv")
    python = folder / "venv" / "bin" / "python"
    for arguments in (
        ["venv", "--quiet", "--python", sys.executable, str(folder / "venv")],
        ["pip", "install", "--quiet", "--python", str(python), PEER],
    ):
        done = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotComparable(f"{PEER} cannot be had: {done.stderr[-500:]}")
    return python


def _peer(python: Path, path: str, entries: int, size: int) -> float:
    done = subprocess.run(
        [str(python), "-c", PROBE, path, str(entries), str(size)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotComparable(f"the peer failed: {done.stderr[-2_000:]}")
    seconds: float = json.loads(done.stdout)
    return seconds

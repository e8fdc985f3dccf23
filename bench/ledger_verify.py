"""``ledger-verify``: verifying a whole ledger, against the bare loop that reads, hashes and decodes the same rows.

Both sides run in a fresh process, so that their peak memory can be seen; ours uses as many processes as there are
processors, and counts the memory of all of them. The bare loop is one ``SELECT *`` with the driver alone, SHA-256 and
``json.loads`` of each leaf. Of SQLite and Postgres the worse is the figure. Beside it stand the ratio of one process
alone, in a ledger of a tenth of the size, and what the memory of the whole is to that of the tenth: at most 1.2.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median

from bench import ledgers
from bench.ledgers import BATCH
from bench.measurement import ROUNDS, Measurement, NotComparable

BOUND = 2.0
MEMORY = 1.2
ENTRIES = 1_000_000
PROCESSES = len(os.sched_getaffinity(0))

OURS = """
import json, resource, sys
from time import perf_counter
from affidavit.ledger import Ledger, verify
url, blobs, processes = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Ledger.open(url, blobs=blobs) as ledger:
    start = perf_counter()
    entries = verify(ledger, processes=processes).entries
    seconds = perf_counter() - start
used = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({"seconds": seconds, "entries": entries, "kib": used[0] + (processes - 1) * used[1]}))
"""

BARE = """
import hashlib, json, sys
from time import perf_counter
url, query = sys.argv[1], 'SELECT * FROM entries ORDER BY "index"'
if url.startswith("sqlite"):
    import sqlite3
    rows = sqlite3.connect(url.removeprefix("sqlite:///")).cursor()
else:
    import psycopg
    rows = psycopg.connect(url.replace("+psycopg", "")).cursor("all", binary=True)
    rows.itersize = 1000
start = perf_counter()
rows.execute(query)
entries = 0
for row in rows:
    hashlib.sha256(b"\\x00" + row[1]).digest()
    json.loads(row[1])
    entries += 1
print(json.dumps({"seconds": perf_counter() - start, "entries": entries}))
"""


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`ROUNDS` rounds, in turns; memory first at a tenth of the size."""
    entries = ENTRIES // 50 if quick else ENTRIES
    with ledgers.databases() as urls:
        return ledgers.worse([_one(name, url, entries) for name, url in urls.items()])


def _one(name: str, url: str, entries: int) -> Measurement:
    with ledgers.opened(url) as ledger:
        place = (url, ledger.place().blobs, str(PROCESSES))
        for number in range(entries // 10 // BATCH):
            ledger.append(ledgers.batch(number), now=ledgers.NOW)
        small = _run(OURS, *place)["kib"]
        alone = [(_run(OURS, *place[:2], "1"), _run(BARE, url)) for _ in range(ROUNDS)]
        for number in range(entries // 10 // BATCH, entries // BATCH):
            ledger.append(ledgers.batch(number), now=ledgers.NOW)
        rounds = [(_run(OURS, *place), _run(BARE, url)) for _ in range(ROUNDS)]
    for ours, bare in rounds:
        if ours["entries"] != bare["entries"]:
            raise NotComparable(f"{ours['entries']} entries verified, {bare['entries']} read")
    memory = median(ours["kib"] for ours, _ in rounds) / small
    if memory > MEMORY and entries == ENTRIES:
        raise NotComparable(f"{name}: ten times the entries take {memory:.2f} times the memory, more than {MEMORY}")
    ours_seconds, bare_seconds = _seconds(rounds)
    one, bare_one = _seconds(alone)
    sizes = {"entries": rounds[0][0]["entries"], "rounds": ROUNDS, "processes": PROCESSES}
    found = {f"ratio_{name}": ours_seconds / bare_seconds, f"ratio_{name}_one_process": one / bare_one}
    found |= {f"memory_{name}": memory, f"mib_{name}": small / 1024}
    return Measurement("ledger-verify", ours_seconds, bare_seconds, "seconds", BOUND, sizes | found)


def _seconds(rounds: list[tuple[dict[str, float], dict[str, float]]]) -> list[float]:
    """The median of each side."""
    return [median(each["seconds"] for each in side) for side in zip(*rounds, strict=True)]


def _run(code: str, *arguments: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotComparable(done.stderr[-2_000:])
    found: dict[str, float] = json.loads(done.stdout)
    return found

"""``ledger-append``: durable batches of statements, against what no ledger can do without, done bare.

Ours is :meth:`affidavit.ledger.Ledger.append`, everything included. Bare are, for the same statements: writing them as
RFC 8785, their SHA-256 (leaf, tree node, stream, facts, identity), inserting the same rows with the driver alone, and
one COMMIT. Of SQLite and Postgres the worse is the figure.
"""

from __future__ import annotations

import hashlib
from statistics import median
from time import perf_counter

from affidavit.evidence import dumps
from bench import ledgers
from bench.ledgers import BATCH, Bare
from bench.measurement import ROUNDS, Measurement

BOUND = 2.0
BATCHES = 40


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`ROUNDS` rounds; each does as many batches on both sides, in turns."""
    batches = 4 if quick else BATCHES
    with ledgers.databases() as urls:
        return ledgers.worse([_one(name, url, batches) for name, url in urls.items()])


def _one(name: str, url: str, batches: int) -> Measurement:
    with ledgers.opened(url) as ledger, Bare.beside(url) as bare:
        number = iter(range(1_000_000))
        ledger.append(ledgers.batch(next(number)), now=ledgers.NOW)  # fills caches
        rounds = []
        for _ in range(ROUNDS):
            ours = other = 0.0
            for _ in range(batches):
                drafts = ledgers.batch(next(number))
                size = ledger.head().size
                start = perf_counter()
                ledger.append(drafts, now=ledgers.NOW)
                middle = perf_counter()
                rows = bare.rows(ledger, size)
                documents = [draft.statement.document for draft in drafts]
                again = perf_counter()
                _prepare(documents)
                bare.insert(rows)
                ours, other = ours + middle - start, other + perf_counter() - again
            rounds.append((ours, other))
    each = batches * BATCH
    sizes = {"statements": each, "batch": BATCH, "rounds": ROUNDS, "bytes": len(rows.entries[-1][1])}
    ours, other = (median(side) for side in zip(*rounds, strict=True))
    rate = {f"statements_per_second_{name}": each / ours}
    return Measurement("ledger-append", ours, other, "seconds", BOUND, sizes | rate | {f"ratio_{name}": ours / other})


def _prepare(documents: list[dict[str, object]]) -> None:
    for document in documents:
        leaf = dumps(document)
        hashlib.sha256(b"\x00" + leaf).digest()
        hashlib.sha256(b"\x01" + bytes(64)).digest()
        hashlib.sha256(leaf[-200:]).digest()
        hashlib.sha256(leaf).digest()
        hashlib.sha256(bytes(120)).digest()

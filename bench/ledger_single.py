"""``ledger-single``: one durable append of one statement, against a bare COMMIT of the same rows.

Ours is :meth:`affidavit.ledger.Ledger.append` with its signed head; the other inserts the same rows with the driver
alone in one transaction. Both are given a statement that is made: its canonical JSON and digests take
``statement_seconds`` more, which ``ledger-append`` counts on both sides. Of SQLite and Postgres the worse is the
figure.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter

from bench import ledgers
from bench.ledgers import Bare
from bench.measurement import ROUNDS, Measurement

BOUND = 2.0
APPENDS = 300


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`ROUNDS` rounds, each of the median of as many appends on both sides, in turns."""
    appends = 20 if quick else APPENDS
    with ledgers.databases() as urls:
        return ledgers.worse([_one(name, url, appends) for name, url in urls.items()])


def _one(name: str, url: str, appends: int) -> Measurement:
    with ledgers.opened(url) as ledger, Bare.beside(url) as bare:
        number = iter(range(1_000_000))
        ledger.append([ledgers.draft(next(number))], now=ledgers.NOW)  # fills caches
        rounds, making = [], []
        for _ in range(ROUNDS):
            ours, other = [], []
            for _ in range(appends):
                draft = ledgers.draft(next(number))
                start = perf_counter()
                _ = (draft.statement.stream, draft.statement.facts_digest)
                making.append(perf_counter() - start)
                size = ledger.head().size
                start = perf_counter()
                ledger.append([draft], now=ledgers.NOW)
                middle = perf_counter()
                rows = bare.rows(ledger, size)
                again = perf_counter()
                bare.insert(rows)
                ours.append(middle - start)
                other.append(perf_counter() - again)
            rounds.append((median(ours), median(other)))
    sizes = {
        "appends": appends,
        "rounds": ROUNDS,
        "bytes": len(rows.entries[-1][1]),
        "statement_seconds": median(making),
    }
    ours_median, other_median = (median(side) for side in zip(*rounds, strict=True))
    ratio = {f"ratio_{name}": ours_median / other_median}
    return Measurement("ledger-single", ours_median, other_median, "seconds", BOUND, sizes | ratio)

"""``ledger-proof``: proofs in a ledger of 1,000,000 entries, against those in one of 1,000; SQL reads are counted.

Nothing is kept between proofs. Of SQLite and Postgres the worse is
the figure.
"""

from __future__ import annotations

import random
from statistics import median
from time import perf_counter

import sqlalchemy as sa

from affidavit.ledger import Ledger
from bench import ledgers
from bench.ledgers import BATCH
from bench.measurement import ROUNDS, Measurement, NotComparable

BOUND = 3.0
SMALL, LARGE = 1_000, 1_000_000
PROOFS = 100
MOST_READS = 2


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`ROUNDS` rounds of as many inclusion and consistency proofs, at both sizes in turns."""
    with ledgers.databases() as urls:
        return ledgers.worse([_one(name, url, LARGE // 50 if quick else LARGE) for name, url in urls.items()])


def _one(name: str, url: str, entries: int) -> Measurement:
    chance = random.Random(20261121)
    with ledgers.opened(url) as writer:
        sizes = [_grown(writer, size) for size in (SMALL, entries)]
        with Ledger.open(url, blobs=writer.place().blobs) as ledger:
            reads: list[str] = []
            sa.event.listen(ledger._engine, "before_cursor_execute", lambda *args: reads.append(args[2]))  # noqa: SLF001
            rounds = [[_proofs(ledger, size, reads, chance) for size in sizes] for _ in range(ROUNDS)]
    small, large = (median(side) for side in zip(*rounds, strict=True))
    counts = {"small": sizes[0], "large": sizes[1], "proofs": 2 * PROOFS, "reads_at_most": MOST_READS}
    return Measurement("ledger-proof", large, small, "seconds", BOUND, counts | {f"ratio_{name}": large / small})


def _grown(ledger: Ledger, entries: int) -> int:
    start = ledger.head().size // BATCH
    for number in range(start, max(start + 1, entries // BATCH)):
        ledger.append(ledgers.batch(number), now=ledgers.NOW)
    return ledger.head().size


def _proofs(ledger: Ledger, size: int, reads: list[str], chance: random.Random) -> float:
    places = [chance.randrange(1, size) for _ in range(PROOFS)]
    start = perf_counter()
    for place in places:
        for prove in (ledger.prove_inclusion, ledger.prove_consistency):
            reads.clear()
            prove(place, size)
            asked = sum(statement.startswith("SELECT") for statement in reads)
            if asked > MOST_READS:
                raise NotComparable(f"a proof took {asked} reads")
    return perf_counter() - start

"""``posture-fold``: folding 10,000 new entries into a state, against the bare loop that reads and decodes them.

The state holds 100,000 entries already; what came before must not count. ``growth`` is the same over an empty state.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter

from affidavit.ledger import Ledger
from affidavit.projections import State
from bench import ledgers
from bench.ledgers import BATCH
from bench.measurement import ROUNDS, Measurement

BOUND = 3.0
BEFORE, NEW = 100_000, 10_000


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`ROUNDS` rounds, in turns: over what came before, over nothing, and the bare loop."""
    before, new = (BEFORE // 50, NEW // 20) if quick else (BEFORE, NEW)
    with ledgers.folder() as home, ledgers.opened(f"sqlite:///{home}/ledger.db") as ledger:
        for number in range(-(-(before + new) // BATCH)):
            ledger.append(ledgers.batch(number), now=ledgers.NOW)
        rounds = [_round(ledger, before, before + new) for _ in range(ROUNDS)]
    bare, folded, alone = (median(side) for side in zip(*rounds, strict=True))
    sizes = {"before": before, "new": new, "ratio_over_nothing": alone / bare}
    return Measurement("posture-fold", folded, bare, "seconds", BOUND, sizes)


def _round(ledger: Ledger, start: int, stop: int) -> tuple[float, float, float]:
    grown, empty = State(), State()
    for entry in ledger.entries(0, start):
        grown.apply(entry)
    return _decode(ledger, start, stop), _fold(grown, ledger, start, stop), _fold(empty, ledger, start, stop)


def _decode(ledger: Ledger, start: int, stop: int) -> float:
    begun = perf_counter()
    for entry in ledger.entries(start, stop):
        _ = entry.statement
    return perf_counter() - begun


def _fold(state: State, ledger: Ledger, start: int, stop: int) -> float:
    begun = perf_counter()
    for entry in ledger.entries(start, stop):
        state.apply(entry)
    return perf_counter() - begun

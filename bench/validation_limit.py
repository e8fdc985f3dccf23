"""``validation-limit``: a suite of 20 expectations that a table fulfils, against the same aggregates written by hand.

By hand it is one statement, or two; the other side is the faster of them (see :mod:`bench.validations`). Of DuckDB and
Postgres the worse is the figure.
"""

from __future__ import annotations

from bench import validations
from bench.measurement import Measurement

BOUND = 1.7


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`~bench.measurement.ROUNDS` rounds, all sides in turns."""
    return validations.compare("validation-limit", bound=BOUND, failing=False, against_default=False, quick=quick)

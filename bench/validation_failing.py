"""``validation-failing``: as ``validation-clean``, of a suite of which three expectations fail.

Ours keeps counts and no examples, so it looks for none; the other side looks for 20 of each expectation, as it does by
default.
"""

from __future__ import annotations

from bench import validations
from bench.measurement import Measurement

BOUND = 0.7


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`~bench.measurement.ROUNDS` rounds, all sides in turns."""
    return validations.compare("validation-failing", bound=BOUND, failing=True, against_default=True, quick=quick)

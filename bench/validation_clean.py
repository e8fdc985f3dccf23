"""``validation-clean``: a suite of 20 expectations that a table fulfils, against Great Expectations' default.

The other side validates as it does by default: over its own data source (DuckDB has none that works, see
:mod:`bench.gx_default`), counting each kind of thing by a query and looking for examples. Beside each ratio stands the
time of the same aggregates written by hand. Of DuckDB and Postgres the worse is the figure.
"""

from __future__ import annotations

from bench import validations
from bench.measurement import Measurement

BOUND = 0.65


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`~bench.measurement.ROUNDS` rounds, all sides in turns."""
    return validations.compare("validation-clean", bound=BOUND, failing=False, against_default=True, quick=quick)

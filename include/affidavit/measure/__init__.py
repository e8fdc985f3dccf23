"""Statistics over arrays or aggregates: performance, fairness, drift, robustness, threats to data. Pure.

Nothing here reads a source: what is measured comes in as counts or arrays, with the seed of whatever is drawn at
random, and goes out as :class:`Estimate`, each with the number of rows behind it. What cannot be judged says why and
has no value, so that no number looks fine by accident.
"""

from affidavit.measure.estimate import Estimate, cannot

__all__ = ["Estimate", "cannot"]

"""Great Expectations, imported late, quiet, and without a word to anybody."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def load() -> None:
    """Import Great Expectations (seconds; the second time nothing), and register the expectations of our own.

    Its usage data is switched off first. Its loggers are silenced, since they print hundreds of lines at import and
    quote statements and values at each failure; what went wrong reaches the reader as one of our own errors.
    """
    # Where a release sends usage data, it reads this while it is imported; there is no other way to say it.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)
    with quiet():
        import great_expectations.expectations
        import great_expectations.render  # noqa: F401

        import affidavit.quality.expectations  # noqa: F401


@contextmanager
def quiet() -> Iterator[None]:
    """Drop Great Expectations' warnings: they are about its own future, not about a table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

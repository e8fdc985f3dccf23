"""What keeps a failure of ours out of somebody else's training run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from affidavit.errors import AffidavitError

_LOG = logging.getLogger("affidavit.training")


@contextmanager
def harmless(what: str) -> Iterator[None]:
    """Turn any error inside into one warning: ``what``, why, and the fix. Interrupts and exits pass through.

    Of an error that is not ours only the class is named, since its text could quote rows or a password; at level
    DEBUG the log has all of it.
    """
    try:
        yield
    except AffidavitError as error:
        _LOG.warning("%s, and the run goes on: %s", what, error.text)
    except Exception as error:
        _LOG.warning(
            "%s, and the run goes on: %s. Fix: set the logger affidavit.training to DEBUG to see all of it",
            what,
            type(error).__name__,
        )
        _LOG.debug("the error in full", exc_info=True)

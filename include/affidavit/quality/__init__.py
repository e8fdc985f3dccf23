"""Great Expectations, kept in one room: suites run inside a warehouse snapshot, Data Docs drawn from stored results.

Nothing here imports Great Expectations before a suite is run or a page is drawn; :func:`load` does it beforehand, for
a parent process whose forks inherit it.
"""

from affidavit.quality.docs import render
from affidavit.quality.gx import load
from affidavit.quality.validation import Failure, Validation, validate

__all__ = ["Failure", "Validation", "load", "render", "validate"]

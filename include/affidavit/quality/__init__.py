"""Great Expectations, kept in one room: suites run inside a warehouse snapshot, Data Docs drawn from stored results.

Expectations of our own stand in :mod:`~affidavit.quality.expectations`, beside Great Expectations' in any suite.
Nothing here imports Great Expectations before a suite is run or a page is drawn; :func:`load` does it beforehand, for
a parent process whose forks inherit it.
"""

from affidavit.quality.docs import render
from affidavit.quality.due import Due
from affidavit.quality.examples import Examples, examples_of
from affidavit.quality.gx import load
from affidavit.quality.validation import Failure, Validation, validate

__all__ = ["Due", "Examples", "Failure", "Validation", "examples_of", "load", "render", "validate"]

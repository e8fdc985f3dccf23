import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def _limited(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def no_file_beyond():
    """As on a disk with a quota: no file of this process grows beyond so many bytes, as long as it is entered."""
    return _limited

"""Collecting while others write; ``make nightly`` does a thousand of these."""

import pytest

from tests.collect.interleavings import missed_and_repeated

BLOCKS = 10


def test_no_run_is_missed_or_repeated_whatever_is_written_between_requests(mlflow, monkeypatch):
    missed, repeated = missed_and_repeated(mlflow, monkeypatch, looks=24, seed=4)
    # The control: if plain paging were as exact, this would test nothing.
    assert missed > 0
    assert repeated > 0


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(BLOCKS))
def test_no_run_is_missed_or_repeated_in_a_thousand_looks(mlflow, monkeypatch, seed):
    missed, repeated = missed_and_repeated(mlflow, monkeypatch, looks=1_000 // BLOCKS, seed=seed)
    assert missed > 0
    assert repeated > 0

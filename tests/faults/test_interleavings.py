"""A thousand looks at MLflow, each with random writes between its requests."""

import pytest

from tests.collect.interleavings import missed_and_repeated

BLOCKS = 10


@pytest.mark.parametrize("seed", range(BLOCKS))
def test_no_run_is_missed_or_repeated_in_a_thousand_looks(mlflow, monkeypatch, seed):
    missed, repeated = missed_and_repeated(mlflow, monkeypatch, looks=1_000 // BLOCKS, seed=seed)
    assert missed > 0
    assert repeated > 0

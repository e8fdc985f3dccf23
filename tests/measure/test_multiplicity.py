"""Adjusted p-values: Holm's own words as the oracle, and the level that holds for all tests together."""

import numpy as np
import pytest

from affidavit.measure.multiplicity import holm


def stepwise(p_values, level):
    """Which are rejected, by the procedure as it is told: from the smallest on, until one is not."""
    rejected = set()
    for step, position in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[position] > level / (len(p_values) - step):
            break
        rejected.add(position)
    return rejected


def test_what_is_at_most_a_level_is_what_the_procedure_rejects():
    random = np.random.default_rng(5)
    for _ in range(300):
        p_values = list(random.choice([0.001, 0.004, 0.02, 0.3, 1.0, *random.random(3)], random.integers(0, 9)))
        for level in (0.01, 0.05, 0.2):
            adjusted = holm(p_values)
            assert {n for n, each in enumerate(adjusted) if each <= level} == stepwise(p_values, level)


def test_they_keep_their_places_and_never_exceed_one():
    assert holm([0.5, 0.01, 0.04]) == pytest.approx([0.5, 0.03, 0.08])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(wrong):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, wrong])

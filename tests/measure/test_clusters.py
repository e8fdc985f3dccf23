"""Intervals cover what they say: simulated with a seed, a slice every day and the whole at night."""

import numpy as np
import pytest
from scipy import stats

from affidavit.measure import clusters

NIGHTLY = pytest.mark.nightly

SLACK = {600: 0.02, 5_000: 0.0}
"""What so few repeats may be off by chance: two standard deviations of a share of 95 %."""


def covered_quantile(q, n, repeats):
    random = np.random.default_rng([7, int(q * 1000), n])
    truth, hits, given = np.exp(stats.norm.ppf(q)), 0, 0
    for _ in range(repeats):
        _, ends = clusters.quantile(random.lognormal(size=n), q)
        if ends is not None:
            given += 1
            hits += ends[0] <= truth <= ends[1]
    assert given == repeats
    return hits / repeats


def covered_ratio(n, share, alike, repeats):
    """Calls of a trace fail by the trace's own chance: beta-binomial, with correlation ``alike`` inside a trace."""
    random, hits = np.random.default_rng([7, n, int(share * 1000)]), 0
    a, b = share * (1 - alike) / alike, (1 - share) * (1 - alike) / alike
    for _ in range(repeats):
        calls = 1 + random.poisson(2, size=n)
        failed = random.binomial(calls, random.beta(a, b, size=n))
        found = clusters.ratio(failed.astype(float), calls.astype(float))
        hits += found.low <= share <= found.high
    return hits / repeats


@pytest.mark.parametrize(
    ("q", "n", "repeats"),
    [
        (0.5, 40, 600),
        (0.95, 120, 600),
        *(pytest.param(q, n, 5_000, marks=NIGHTLY) for q in (0.5, 0.95) for n in (80, 400, 3_000)),
        *(pytest.param(0.99, n, 5_000, marks=NIGHTLY) for n in (368, 500, 3_000)),
    ],
)
def test_intervals_of_percentiles_cover_them_as_often_as_they_say(q, n, repeats):
    assert 0.93 - SLACK[repeats] <= covered_quantile(q, n, repeats) <= 0.97 + SLACK[repeats]


@pytest.mark.parametrize(
    ("n", "share", "alike", "repeats"),
    [
        (200, 0.2, 0.7, 600),
        *(
            pytest.param(n, share, alike, 5_000, marks=NIGHTLY)
            for n, share in ((60, 0.5), (150, 0.2), (300, 0.1))
            for alike in (0.02, 0.3, 0.7)
        ),
    ],
)
def test_intervals_of_shares_of_calls_cover_them_although_calls_hang_together(n, share, alike, repeats):
    assert 0.93 - SLACK[repeats] <= covered_ratio(n, share, alike, repeats) <= 0.97 + SLACK[repeats]


@pytest.mark.parametrize("alike", [pytest.param(each, marks=NIGHTLY) for each in (0.02, 0.3, 0.7)])
def test_where_few_traces_hit_intervals_err_on_the_wide_side(alike):
    assert covered_ratio(60, 0.02, alike, 3_000) >= 0.93


def test_independent_calls_have_wilson_s_interval_nearly():
    hits = np.array([1.0] * 40 + [0.0] * 160)
    ours, theirs = clusters.ratio(hits, np.ones(200)), stats.binomtest(40, 200).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=2e-3)


def test_a_percentile_of_equal_values_is_that_value():
    value, ends = clusters.quantile(np.full(100, 3.0), 0.95)
    assert (value, ends) == (3.0, (3.0, 3.0))


@pytest.mark.parametrize(("q", "least"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_a_percentile_has_an_interval_from_the_first_sample_that_can_have_one(q, least):
    # The largest of n values lies below the quantile with probability q ** n, the smallest above it with (1 - q) ** n.
    assert max(q, 1 - q) ** least <= clusters.TAIL < max(q, 1 - q) ** (least - 1)
    values = np.arange(least, dtype=float)
    assert clusters.quantile(values, q)[1] is not None
    assert clusters.quantile(values[:-1], q)[1] is None


def test_a_difference_of_shares_has_newcombe_s_interval():
    # The example of Newcombe (1998), table II, row (a): 56/70 against 48/80.
    found = clusters.difference(clusters.proportion(56, 70), clusters.proportion(48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="two of them"):
        clusters.ratio(np.array([0.0, 1.0]), np.array([0.0, 3.0]))

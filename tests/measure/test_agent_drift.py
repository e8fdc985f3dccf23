"""Drift of an agent: found where it is, and silent where nothing moved, however the calls of a trace hang together."""

import numpy as np
import pytest
from scipy import stats

from affidavit.measure import agent_drift as drift
from affidavit.measure.traces import ToolUse, Trace

TOOLS = ("a", "b", "c")


def window(seed, n=120, *, shift=0.0, errors=0.1):
    """Traces that stick to one tool each, mostly: calls that hang together."""
    random, made = np.random.default_rng(seed), []
    for _ in range(n):
        weights = random.dirichlet(np.array([1, 1, 1 + 6 * shift]) * 0.5)
        calls = random.multinomial(1 + random.poisson(3), weights)
        bad = random.random() < errors
        used = tuple(ToolUse(t, int(k), int(k) if bad else 0) for t, k in zip(TOOLS, calls, strict=True) if k)
        seconds = float(random.lognormal(shift, 0.5))
        tokens = int(random.integers(100, 900))
        made.append(Trace(bool(random.random() < 0.1), seconds, tokens, tokens // 3, len(calls), used, refused=False))
    return made


def compared(old, new, **options):
    found = drift.agent_drift(old, new, tools=TOOLS, **{"seed": 3, **options})
    return {(each.measure, each.about): each for each in found}


def p_values(found):
    return [each.value for (name, _), each in found.items() if name.endswith("_p_value") and each.value is not None]


def test_the_statistics_are_scipy_s():
    old, new = window(1), window(2, 150, shift=0.3)
    found, seconds = compared(old, new), [np.array([each.seconds for each in side]) for side in (old, new)]
    theirs = stats.ks_2samp(*seconds)
    assert found["ks_statistic", "latency"].value == pytest.approx(theirs.statistic, abs=1e-12)
    distance = stats.wasserstein_distance(*seconds) / stats.iqr(seconds[0])
    assert found["wasserstein_distance", "latency"].value == pytest.approx(distance, abs=1e-9)
    assert found["ks_statistic", "latency"].n == 270


def test_p_values_are_adjusted_for_how_many_they_are():
    found = compared(window(1), window(2, shift=1.0))
    # By itself it would be the least that the draws can show.
    assert found["total_variation_distance_p_value", "tool_mix"].value > 1.5 / (drift.DRAWS + 1)


def test_another_mix_of_tools_and_slower_answers_are_found():
    found = compared(window(1), window(2, shift=1.0))
    assert found["total_variation_distance", "tool_mix"].value > 0.2
    assert found["total_variation_distance_p_value", "tool_mix"].value < 0.05
    assert found["ks_statistic_p_value", "latency"].value < 0.05


def test_more_errors_of_tools_are_found():
    found = compared(window(1), window(2, errors=0.4))
    effect = found["tool_error_rate_difference", None]
    assert effect.low > 0
    assert found["tool_error_rate_difference_p_value", None].value < 0.05


def test_the_same_traces_twice_are_no_drift():
    same = window(1)
    found = compared(same, same)
    assert found["total_variation_distance", "tool_mix"].value == 0
    assert set(p_values(found)) == {1.0}


@pytest.mark.parametrize("repeats", [30, pytest.param(1_000, marks=pytest.mark.nightly)])
def test_windows_alike_raise_a_false_alarm_no_oftener_than_they_may(repeats, monkeypatch):
    monkeypatch.setattr(drift, "DRAWS", 499)
    alarms = sum(min(p_values(compared(window(2 * n, 60), window(2 * n + 1, 60)))) < 0.05 for n in range(repeats))
    # The chance of more than this many at the nominal level is below one in a thousand.
    assert alarms <= stats.binom.ppf(0.999, repeats, 0.05)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (29, 100), (100, 29), (0, 100)])
def test_too_few_traces_in_either_window_are_not_compared(old, new):
    assert all(each.value is None and each.why for each in compared(window(1, old), window(2, new)).values())


def test_what_never_varies_has_no_distance_and_no_drift():
    same = [Trace(failed=False, seconds=1.0, steps=2, tools=(ToolUse("a", 1, 0),))] * 50
    found = compared(same, same)
    assert found["wasserstein_distance", "latency"].why.startswith("the middle half of the baseline is one value")
    assert found["ks_statistic", "latency"].value == 0
    moved = compared(same, [Trace(failed=False, seconds=2.0, steps=2, tools=(ToolUse("b", 1, 0),))] * 50)
    assert moved["ks_statistic", "latency"].value == 1
    assert moved["total_variation_distance", "tool_mix"].value == 1


def test_the_answer_depends_on_the_seed_alone():
    old, new = window(1), window(2)
    assert compared(old, new) == compared(old[::-1], new[::-1])

"""What an agent's traces come to: against counts made by hand, against SciPy, and where nothing may be concluded."""

import numpy as np
import pytest
from scipy import stats

from affidavit.measure.agents import agent_measures
from affidavit.measure.traces import Assessment, ToolUse, Trace

TOOLS = ("look_up", "search")


def measured(traces, **options):
    return {(each.measure, each.about): each for each in agent_measures(traces, tools=TOOLS, **options)}


def traces(n, **facts):
    return [Trace(**facts)] * n


def test_shares_of_calls_and_errors_are_those_counted_by_hand():
    used = (ToolUse("look_up", 3, 1), ToolUse("other", 1, 0))
    found = measured([*traces(30, tools=used), *traces(10, tools=()), *traces(5, tools=None)])
    assert found["tool_call_share", "look_up"].value == pytest.approx(0.75)
    assert found["tool_call_share", "search"].value == 0
    assert found["tool_call_share", "other"].value == pytest.approx(0.25)
    assert found["tool_call_share", "look_up"].n == 120
    assert found["tool_error_rate", None].value == pytest.approx(0.25)
    assert found["tool_error_rate", "look_up"].value == pytest.approx(1 / 3)
    assert found["tool_error_rate", "search"].value is None


def test_a_proportion_of_traces_has_wilson_s_interval():
    found = measured([*traces(7, failed=True), *traces(43, failed=False), *traces(9)])["trace_error_rate", None]
    theirs = stats.binomtest(7, 50).proportion_ci(method="wilson")
    assert (found.value, found.n) == (0.14, 50)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_percentiles_are_numpy_s_and_a_sample_too_small_for_one_has_no_interval():
    seconds = np.random.default_rng(1).lognormal(size=200)
    found = measured([Trace(seconds=float(each)) for each in seconds])
    for q, name in ((0.5, "latency_p50"), (0.95, "latency_p95"), (0.99, "latency_p99")):
        assert found[name, None].value == pytest.approx(np.quantile(seconds, q), abs=1e-12)
    assert found["latency_p95", None].low < found["latency_p95", None].value < found["latency_p95", None].high
    assert found["latency_p99", None].low is None


def test_one_source_that_denies_is_enough_and_who_said_what_is_kept_apart():
    human, judge = (
        Assessment("groundedness", positive, source) for positive, source in ((False, "human"), (True, "llm_judge"))
    )
    found = measured([*traces(40, assessments=(human, judge)), *traces(40, assessments=(judge,)), *traces(20)])
    assert found["groundedness_assessed_share", None].value == pytest.approx(0.8)
    assert found["groundedness", None].value == pytest.approx(0.5)
    assert (found["groundedness", "human"].value, found["groundedness", "human"].n) == (0, 40)
    assert (found["groundedness", "llm_judge"].value, found["groundedness", "llm_judge"].n) == (1, 80)
    assert found["groundedness", "code"].why == "no trace was assessed"


def test_feedback_counts_only_from_people():
    code, person = Assessment("feedback", True, "code"), Assessment("feedback", False, "human")
    found = measured([*traces(40, assessments=(code,)), *traces(40, assessments=(person,))])
    positive = found["human_feedback_positive_share", None]
    assert (positive.value, positive.n) == (0, 40)
    assert found["human_feedback_assessed_share", None].value == 0.5


def test_a_refusal_that_anybody_saw_is_one_and_silence_is_none():
    said = Assessment("refusal", True, "llm_judge")
    found = measured([*traces(20, refused=False, assessments=(said,)), *traces(20, refused=False), *traces(50)])
    assert (found["refusal_rate", None].value, found["refusal_rate", None].n) == (0.5, 40)


def test_a_loop_is_as_many_calls_alike_as_are_asked_for():
    some = [*traces(10, tools=(ToolUse("search", 3, 0, 3),)), *traces(30, tools=(ToolUse("search", 3, 0, 2),))]
    assert measured(some)["loop_rate", None].value == 0.25
    assert measured(some, loop_from=2)["loop_rate", None].value == 1
    assert measured(some, loop_from=4)["loop_rate", None].value == 0


@pytest.mark.parametrize("n", [0, 1, 29])
def test_too_few_traces_are_not_judged_and_none_is_no_zero(n):
    whole = Trace(False, 1.0, 1, 1, 1, (ToolUse("search", 1, 0),), False, (Assessment("groundedness", True, "human"),))
    for each in measured([whole] * n).values():
        assert each.value is None
        assert each.why


def test_traces_that_say_nothing_have_no_measure_that_looks_fine():
    found = measured(traces(100))
    assert {key for key, each in found.items() if each.value is not None} == {
        ("groundedness_assessed_share", None),
        ("human_feedback_assessed_share", None),
    }
    assert found["latency_p50", None].why == "no trace carries its latency"


def test_every_measure_is_named_once_and_in_an_order_of_its_own():
    order = [(each.measure, each.about) for each in agent_measures([], tools=TOOLS)]
    assert len(set(order)) == len(order)
    assert order == [(each.measure, each.about) for each in agent_measures(traces(50, failed=True), tools=TOOLS)]


def test_one_trace_with_very_many_calls_does_not_pass_for_many_traces():
    quiet = [Trace(tools=(ToolUse("search", 1, n % 5 == 0),)) for n in range(100)]
    found = measured([*quiet, Trace(tools=(ToolUse("search", 10_000, 10_000),))])["tool_error_rate", None]
    assert found.value == pytest.approx(10_020 / 10_100)
    # Nearly all calls are one trace's: nothing is known of another's.
    assert found.low < 0.4

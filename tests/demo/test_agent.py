"""The scripted help desk writes real traces; what is collected and measured is what the script counted itself."""

import json
from datetime import UTC, datetime

import pytest

from affidavit.collect.traces import look_at_traces
from affidavit.inventory import Connection
from affidavit.inventory.agents import Agent
from affidavit.measure.agent_drift import agent_drift
from affidavit.measure.agents import agent_measures
from demo import agent as help_desk
from tests.conftest import Mlflow
from tests.demo.traces import scripted

# MLflow's client writes each trace by a request of its own.
pytestmark = pytest.mark.nightly

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
SEED = 42001
TRACES = 40


def declared(experiment: str) -> Agent:
    return Agent.model_validate(
        {
            "id": "help-desk",
            "connection": "tracking",
            "experiment": experiment,
            "tools": list(help_desk.TOOLS),
            "assessments": {"groundedness": {"name": "groundedness"}, "feedback": {"name": "helpful"}},
            "baseline": {"since": "2025-01-06", "until": "2025-01-13"},
        }
    )


def connection(server: Mlflow) -> Connection:
    host, port = server.url.removeprefix("http://").split(":")
    return Connection("tracking", "http", host=host, port=int(port))


@pytest.fixture(scope="module")
def worked(mlflow: Mlflow) -> tuple[Agent, tuple[help_desk.Tally, ...]]:
    """A small help desk's work, on the server."""
    return declared("help-desk"), scripted(mlflow.url, "help-desk", seed=SEED, traces=TRACES, now=NOW)


def test_what_is_measured_is_what_the_script_counted(mlflow, worked):
    agent, tallies = worked
    look = look_at_traces(agent, connection(mlflow), now=NOW)
    assert look.baseline is not None
    for window, tally in zip((look.baseline, look.window), tallies, strict=True):
        assert (window.enumerated, window.unfinished, window.unread) == (tally.traces, 0, 0)
        found = {(each.measure, each.about): each for each in agent_measures(window.finished, tools=agent.tools)}
        calls = sum(tally.calls.values())
        for tool in help_desk.TOOLS:
            assert found["tool_call_share", tool].value == pytest.approx(tally.calls[tool] / calls)
        assert found["tool_call_share", "other"].value == pytest.approx(tally.calls[help_desk.UNLISTED] / calls)
        assert found["tool_error_rate", None].value == pytest.approx(sum(tally.errors.values()) / calls)
        assert found["trace_error_rate", None].value == pytest.approx(tally.failed / tally.traces)
        assert found["refusal_rate", None].value == pytest.approx(tally.refused / tally.traces)
        assert found["loop_rate", None].value == pytest.approx(tally.looped / tally.traces)
        assert found["groundedness", "code"].value == pytest.approx(tally.grounded["code", True] / tally.traces)
        assert found["groundedness", "human"].why == "no trace was assessed"
        assert found["human_feedback_assessed_share", None].value == pytest.approx(tally.feedback.total() / TRACES)
        assert sorted(trace.seconds for trace in window.finished) == pytest.approx(sorted(tally.seconds))
        assert sorted(trace.input_tokens for trace in window.finished) == sorted(tally.input_tokens)
        assert sorted(trace.steps for trace in window.finished) == sorted(tally.steps)


def test_small_pages_give_the_same_traces(mlflow, worked):
    agent, _ = worked
    whole, small = (look_at_traces(agent, connection(mlflow), now=NOW, page_size=size) for size in (500, 4))
    assert small.cursor == whole.cursor
    assert sorted(small.window.finished, key=repr) == sorted(whole.window.finished, key=repr)
    assert look_at_traces(agent, connection(mlflow), now=NOW, cursor=whole.cursor).recheck.replaced == 0


def test_nothing_that_was_said_and_no_unlisted_name_is_in_what_is_collected(mlflow, worked):
    agent, _ = worked
    look = look_at_traces(agent, connection(mlflow), now=NOW)
    assert look.window.enumerated == TRACES
    told = repr(look)
    for secret in ("application {", "Application ", "question", "answer", help_desk.UNLISTED, "As scripted", "tr-"):
        assert secret not in told, secret
    json.dumps(look.cursor)


def test_a_second_window_that_uses_tools_differently_is_told_from_the_first(mlflow, worked):
    agent, _ = worked
    look = look_at_traces(agent, connection(mlflow), now=NOW)
    moved = agent_drift(look.baseline.finished, look.window.finished, tools=agent.tools, seed=1)
    found = {(each.measure, each.about): each for each in moved}
    assert found["total_variation_distance_p_value", "tool_mix"].value < 0.05
    assert found["ks_statistic_p_value", "latency"].value < 0.05
    assert found["wasserstein_distance", "latency"].value > 0.2
    assert found["ks_statistic_p_value", "input_tokens"].value > 0.05

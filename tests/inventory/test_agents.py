"""What an agent's file may say, and what it may not."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from affidavit.inventory.agents import Agent

AGENT = {"id": "help-desk", "connection": "tracking", "experiment": "help-desk", "tools": ["look_up", "search"]}


def test_a_window_is_the_whole_days_before_the_look_wherever_it_is_taken():
    agent = Agent.model_validate({**AGENT, "window_days": 2})
    noon = datetime(2026, 3, 14, 12, tzinfo=UTC)
    end = datetime(2026, 3, 14, tzinfo=UTC)
    assert (agent.window(noon).start, agent.window(noon).end) == (end - timedelta(days=2), end)
    elsewhere = noon.astimezone(datetime.strptime("+1300", "%z").tzinfo)
    assert elsewhere.day == 15
    assert agent.window(elsewhere) == agent.window(noon)


def test_a_baseline_is_its_first_day_up_to_the_day_after_its_last():
    agent = Agent.model_validate({**AGENT, "baseline": {"since": "2026-01-01", "until": "2026-01-08"}})
    assert agent.baseline.period.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert agent.baseline.period.end == datetime(2026, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tools": ["search", "search"]}, "a second tool 'search'"),
        ({"tools": ["other"]}, "'other' stands for tools that are not listed"),
        ({"tools": [f"t{n}" for n in range(51)]}, "at most 50"),
        ({"baseline": {"since": "2026-01-08", "until": "2026-01-08"}}, "ends before it begins"),
        ({"baseline": {"since": "2025-01-01", "until": "2026-02-02"}}, "more than 400 days together"),
        ({"assessments": {"refusal": {"name": "x"}, "feedback": {"name": "x"}}}, "a second meaning"),
        ({"assessments": {"feedback": {"name": "x", "at_least": float("nan")}}}, "finite"),
        ({"assessments": {"toxicity": {"name": "x"}}}, "Extra inputs"),
        ({"window_days": 0}, "greater than"),
        ({"loop_from": 1}, "greater than"),
        ({"fewest": 29}, "greater than"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        Agent.model_validate({**AGENT, **wrong})

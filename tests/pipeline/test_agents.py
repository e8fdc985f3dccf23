"""Agents through the whole house: real traces become one statement, and the same traces again become none."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import requests

from affidavit.errors import SourceError
from affidavit.inventory.agents import OTHER
from affidavit.pipeline import collection
from affidavit.pipeline.checkup import examine
from affidavit.pipeline.plan import plan
from demo import agent as help_desk
from tests.conftest import Mlflow
from tests.demo.traces import scripted
from tests.pipeline.conftest import MIDNIGHT, system

TRACES = 40
WINDOW = {"from": "2026-03-07T00:00:00.000Z", "to": "2026-03-14T00:00:00.000Z"}
SUBJECT = "affidavit://measurements/help-desk/agents"


@pytest.fixture(scope="module")
def desk(mlflow: Mlflow) -> tuple[str, tuple[help_desk.Tally, ...]]:
    """An experiment with the help desk's traces of the baseline and the week before ``MIDNIGHT``, and its tallies."""
    experiment = f"help-desk-{uuid.uuid4().hex[:8]}"
    return experiment, scripted(mlflow.url, experiment, seed=7, traces=TRACES, now=MIDNIGHT)


def agent(experiment, **changes):
    return {
        "id": "help-desk",
        "connection": "tracking",
        "experiment": experiment,
        "tools": list(help_desk.TOOLS),
        "assessments": {"groundedness": {"name": "groundedness"}},
        "baseline": {"since": "2025-01-06", "until": "2025-01-13"},
        **changes,
    }


@pytest.fixture
def declare(project, desk):
    def declaring(**changes):
        project.declare(**system("loans", project.tracking.name, agents=[agent(desk[0], **changes)]))

    return declaring


def measurements(project):
    return [e for e in project.entries("measurement") if e.statement.facts["family"] == "agents"]


def results(entry):
    return {(each["measure"], each["about"]): each for each in entry.statement.facts["results"]}


def said_late(project, experiment):
    """Somebody assesses a trace of the window, days after it."""
    url = project.tracking.url
    found = requests.get(
        f"{url}/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": experiment}, timeout=30
    ).json()["experiment"]["experiment_id"]
    where = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": found}}
    ask = {"locations": [where], "max_results": 1, "order_by": ["attributes.timestamp_ms DESC"]}
    [trace] = requests.post(f"{url}/api/3.0/mlflow/traces/search", json=ask, timeout=30).json()["traces"]
    given = {
        "assessment_name": "groundedness",
        "source": {"source_type": "HUMAN", "source_id": "anna"},
        "feedback": {"value": False},
    }
    answer = requests.post(
        f"{url}/api/3.0/mlflow/traces/{trace['trace_id']}/assessments", json={"assessment": given}, timeout=30
    )
    answer.raise_for_status()


def test_what_the_script_did_is_one_statement_about_its_window(project, desk, declare):
    declare()
    project.collect()
    [entry] = measurements(project)
    statement, facts, (before, now) = entry.statement, entry.statement.facts, desk[1]
    assert (statement.subject.name, statement.origin.value) == (SUBJECT, "recorded")
    assert statement.header["effective"] == WINDOW
    assert (facts["source"], facts["rows"], facts["version"], facts["fingerprint"]) == ("help-desk", TRACES, None, None)
    found = results(entry)
    assert found["trace_error_rate", None]["value"] == pytest.approx(now.failed / now.traces)
    assert found["tool_call_share", OTHER]["value"] == pytest.approx(now.calls[help_desk.UNLISTED] / now.calls.total())
    mix = [
        each.calls[tool] / each.calls.total() for each in (before, now) for tool in (*help_desk.TOOLS, "send_letter")
    ]
    distance = sum(abs(a - b) for a, b in zip(mix[:4], mix[4:], strict=True)) / 2
    assert found["total_variation_distance", "tool_mix"]["value"] == pytest.approx(distance)
    assert facts["settings"]["baseline"] == f"2025-01-06 up to 2025-01-13, {TRACES} traces"
    # Only the assessment that the file lists is looked at: what people said of the answers is counted alone.
    feedback = {"now": now.feedback.total(), "before": before.feedback.total()}
    named = "assessments under names that the file does not list"
    assert facts["left_out"] == {named: feedback["now"], f"baseline: {named}": feedback["before"]}
    looked = project.entries("collection")[-1].statement.facts["collectors"]["agent:help-desk"]
    assert {key: looked[key] for key in ("window", "enumerated", "read", "new", "unchanged", "withheld")} == {
        "window": WINDOW,
        "enumerated": 2 * TRACES,
        "read": 2 * TRACES,
        "new": 1,
        "unchanged": 0,
        "withheld": sum(feedback.values()),
    }
    assert looked["notice_delay_seconds"] is None
    assert len(looked["cursor"]["days"]) == 14


def test_nothing_that_was_said_is_in_the_ledger_or_in_the_report(project, declare):
    declare()
    project.collect()
    [entry] = measurements(project)
    with project.workplace.reader() as ledger:
        report = ledger.blob(entry.statement.facts["details"]["digest"]["sha256"]).decode(errors="replace")
    told = json.dumps([each.statement.facts for each in project.entries()]) + report
    for secret in ("Application", "question", "Nobody may be told", help_desk.UNLISTED, "As scripted", "tr-"):
        assert secret not in told, secret
    assert "Tools called" in report


def test_the_same_traces_again_add_nothing_and_a_late_assessment_is_told_until_the_window_moves(project, desk, declare):
    declare(thresholds=[{"measure": "trace_error_rate", "at_most": 0.5}])
    project.collect()
    size = project.size()
    project.now += timedelta(hours=1)
    project.collect()
    assert project.size() == size
    said_late(project, desk[0])
    for _ in range(2):  # what was told once is told of this window at every look, so the second adds nothing
        project.now += timedelta(hours=1)
        project.collect()
        _, entry = measurements(project)
        assert entry.statement.facts["settings"]["since the last look"] == (
            "days with other assessments or states: 1; assessments that came late: 1 (of 14 days that both looks read)"
        )
    assert project.size() == size + 2  # the measurement and its collection
    project.tomorrow()
    project.collect()
    assert "since the last look" not in measurements(project)[-1].statement.facts["settings"]


@pytest.mark.parametrize(
    ("baseline", "why"),
    [
        (None, "no baseline is declared"),
        ({"since": "2026-03-01", "until": "2026-03-08"}, "the window still reaches into the baseline"),
    ],
)
def test_without_a_baseline_drift_is_not_tested_and_says_why(project, declare, baseline, why):
    declare(baseline=baseline)
    project.collect()
    [entry] = measurements(project)
    found = results(entry)
    for name in (
        ("total_variation_distance", "tool_mix"),
        ("ks_statistic", "latency"),
        ("refusal_rate_difference", None),
    ):
        assert (found[name]["value"], found[name]["why"]) == (None, f"not tested: {why}")
    assert found["trace_error_rate", None]["value"] is not None
    assert project.entries("collection")[-1].statement.facts["collectors"]["agent:help-desk"]["read"] == TRACES


@pytest.mark.parametrize("change", ["dropped", "moved"])
def test_an_agent_that_nobody_let_go_is_looked_at_where_it_was(project, desk, declare, change):
    declare()
    project.collect()
    moved = [agent("nowhere")] if change == "moved" else []
    project.declare(**system("loans", project.tracking.name, agents=moved))
    project.tomorrow()
    project.collect()
    looked = project.entries("collection")[-1].statement.facts["collectors"]["agent:help-desk"]
    assert looked["enumerated"] > TRACES


def test_an_agent_that_moved_away_for_good_keeps_nothing_from_being_recorded(project, declare, serve_nothing):
    project.connections["desk"] = project.tracking.url
    declare(connection="desk")
    project.collect()
    project.connections["desk"] = serve_nothing
    declare(connection="tracking")
    project.tomorrow()
    done = project.collect()
    assert [each.partition(":")[2].partition(":")[0] for each in done.unread] == ["help-desk"]
    assert "agent:help-desk" not in project.entries("collection")[-1].statement.facts["collectors"]


@pytest.fixture
def serve_nothing():
    return "http://127.0.0.1:1"


def test_traces_that_cannot_be_had_are_an_error_of_that_system_alone(project, declare, serve_nothing):
    project.connections["desk"] = serve_nothing
    declare(connection="desk")
    project.declare(**system("cards", project.tracking.name))
    size = project.size()
    with pytest.raises(SourceError, match="MLflow desk"):
        project.collect()
    assert project.size() == size
    project.collect("cards")
    assert {each.statement.scope for each in project.entries()[size:]} == {"system:cards"}


def test_an_experiment_that_is_not_there_is_named_by_collection_and_doctor(project):
    project.declare(**system("loans", project.tracking.name, agents=[agent("nowhere")]))
    with pytest.raises(SourceError, match="correct the experiment of agent 'help-desk'"):
        project.collect()
    problems = {each.what: each.problem for each in examine(project.workplace) if each.problem}
    assert "no experiment 'nowhere'" in problems["traces of agent help-desk of loans"]


def test_the_doctor_finds_the_traces_and_the_plan_costs_what_the_look_does(project, declare):
    declare()
    assert "traces of agent help-desk of loans" in {
        each.what for each in examine(project.workplace) if not each.problem
    }
    [expected] = [each for each in plan(project.workplace, "loans", now=project.now) if each.step == "agent:help-desk"]
    assert (expected.source.partition("/traces/")[0], expected.entries) == ("mlflow://tracking", 1)
    assert f"{2 * TRACES} traces to read" in expected.basis
    # The experiment, a page for each window, and for each the spans of 40 traces together.
    assert expected.requests == 1 + 2 + 2


def test_a_look_at_an_agent_reads_the_traces_of_its_window_and_of_its_baseline(project, declare):
    visit = collection.Visit("loans", collection.slot_of(project.workplace, "loans", project.now), project.now)
    declare()
    look = collection.look(project.workplace, visit, "agent:help-desk", now=project.now)
    assert look.enumerated == 2 * TRACES
    assert datetime(2026, 3, 7, tzinfo=UTC) == look.window.start

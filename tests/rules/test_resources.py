"""What training took supports a control only where the run of the version in use says both how long and of what."""

import pytest

from affidavit.rules import Status
from tests.projections.story import DAY, Story, result, told

HOME = "mlflow://tracking/models/loans"
TOOK = [("training_time_total", 12.5), ("cpu_utilization_percentage_max", 93.0)]


def resources(story: Story, *results, **changes):
    facts = {"source": HOME, "fingerprint": None, "stream": "1", **changes}
    story.measured("resources", results=list(results), **facts)
    story.collection()
    return story


def asked(part, story):
    return part(story, "resources_recorded/1")


def test_time_and_use_of_a_processor_support(part):
    found = asked(part, resources(told(), *TOOK))
    assert (found.status, found.origin) == (Status.SUPPORTED, "recorded")


def test_a_graphics_processor_will_do(part):
    found = asked(part, resources(told(), TOOK[0], ("gpu_utilization_percentage_max", 0.0)))
    assert found.status is Status.SUPPORTED


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ([], "does not say how long it took"),
        ([("training_time_total", None), TOOK[1]], "does not say how long it took"),
        ([("training_time_total", 0.0), TOOK[1]], "does not say how long it took"),
        (TOOK[:1], "records no use of a processor"),
        ([TOOK[0], ("cpu_utilization_percentage_max", None)], "records no use of a processor"),
        (
            [TOOK[0], ("disk_usage_percentage_max", 4.0), ("runs_with_system_metrics", 1)],
            "records no use of a processor",
        ),
    ],
)
def test_a_run_that_says_only_half_of_it_never_supports(part, results, says):
    found = asked(part, resources(told(), *results))
    assert found.status is Status.MISSING
    assert says in found.sentence


def test_the_next_action_names_what_to_switch_on(part):
    assert "mlflow.enable_system_metrics_logging()" in asked(part, resources(told(), *TOOK[:1])).next_action


def test_the_latest_look_counts(part):
    story = resources(resources(told(), *TOOK), result("training_time_total", None), TOOK[1])
    assert asked(part, story).status is Status.MISSING


@pytest.mark.parametrize(
    "changes",
    [
        {"stream": "7", "version": "7"},
        {"source": "mlflow://elsewhere/models/loans"},
        {"canary": True},
    ],
)
def test_what_another_version_took_or_a_challenge_is_no_evidence(part, changes):
    found = asked(part, resources(told(), *TOOK, **changes))
    assert (found.status, found.sentence) == (
        Status.MISSING,
        "What the run of loans version 1 took was never looked at.",
    )


def test_nobody_looks_any_more(part):
    story = resources(told(), *TOOK)
    story.now += 9 * DAY
    assert asked(part, story).status is Status.STALE


def test_no_version_in_use_is_no_evidence_whatever_was_measured(part):
    story = resources(told(), *TOOK)
    story.alias(None)
    story.collection()
    assert asked(part, story).status is Status.MISSING

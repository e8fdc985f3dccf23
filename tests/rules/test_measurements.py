"""What was measured counts where it is of the rows and the version in use; a threshold where it was there before."""

import pytest

from affidavit.evidence import Origin
from affidavit.rules import Status
from tests.projections.story import DAY, STEPS, Story, result, system

RECALL = {"measure": "recall", "at_least": 0.7}
RATIO = {"measure": "selection_rate_ratio", "at_least": 0.8}


def predictions(*thresholds, **changes):
    [table] = system()["predictions"]
    measured = {
        "task": "binary",
        "model": "loans",
        "classes": ["no", "yes"],
        "positive": "yes",
        "cut": 0.5,
        "thresholds": thresholds,
    }
    return [{**table, "measured": {**measured, **changes}}]


def told_before(*thresholds, **changes):
    """Thresholds stood for a whole collection before the run was seen; its rows are measured the day after."""
    story = Story()
    story.declare(predictions=predictions(*thresholds, **changes))
    story.snapshot("scored", "0")
    story.collection()
    story.now += DAY
    return measured_now(story)


def measured_now(story, **changes):
    story.model()
    story.snapshot("scored")
    story.measured(**changes)
    story.collection()
    return story


def measured(part, story, *families):
    return part(story, "measured/1", families=list(families or ["performance"]))


def met(part, story, *families):
    return part(story, "thresholds_met/1", families=list(families or ["performance"]))


def test_what_was_measured_on_the_rows_of_the_version_in_use_supports(part):
    found = measured(part, told_before())
    assert found.status is Status.SUPPORTED
    assert found.origin == "recorded"


def test_where_nothing_is_declared_to_be_measured_evidence_is_missing(part):
    story = Story()
    story.declare()
    story.measured()
    story.collection()
    for ask in (measured, met):
        found = ask(part, story)
        assert (found.status, found.entries) == (Status.MISSING, ())


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        (lambda s: s.snapshot("scored", "2"), Status.STALE, "has changed since its performance was measured"),
        (lambda s: s.alias(None), Status.UNDETERMINED, "is unknown"),
        (lambda s: s.measured(version=None), Status.STALE, "a version that nobody knows"),
        (lambda s: s.measured(version="7"), Status.STALE, "of version 7; in use is loans version 1"),
        (lambda s: s.measured(model="cards"), Status.STALE, "in use is loans version 1"),
        (lambda s: s.measured(fingerprint=None), Status.STALE, "has changed"),
        (lambda s: s.measured(results=[("recall", None)]), Status.UNDETERMINED, "too few rows"),
        (lambda s: s.measured(results=[]), Status.UNDETERMINED, "nothing was measured"),
        (lambda s: s.snapshot("scored", consistency="moved while read"), Status.UNDETERMINED, "while it was read"),
    ],
)
def test_what_is_of_other_rows_or_of_another_version_never_supports(part, change, status, says):
    story = told_before(RECALL)
    change(story)
    story.collection()
    found = measured(part, story)
    assert found.status is status
    assert says in found.sentence
    assert met(part, story).status is status


def test_each_family_has_to_be_there(part):
    found = measured(part, told_before(), "performance", "drift")
    assert found.status is Status.MISSING
    assert "Drift of scored was never measured" in found.sentence
    assert "Name the reference" in found.next_action


def test_a_canary_is_no_evidence(part):
    story = told_before(RECALL)
    story.measured("fairness", canary=True)
    story.collection()
    assert measured(part, story, "fairness").status is Status.MISSING


def test_nobody_looks_any_more(part):
    story = told_before(RECALL)
    story.now += 9 * DAY
    assert {measured(part, story).status, met(part, story).status} == {Status.STALE}


def test_a_threshold_that_stood_before_and_is_met_supports_and_attempts_are_told(part):
    story = told_before(RECALL)
    story.measured(version="0", thresholds="a" * 64)
    story.measured()
    story.collection()
    found = met(part, story)
    assert found.status is Status.SUPPORTED
    assert "0 other runs of its experiment and 1 measured version, against 1 set of thresholds" in found.sentence


def test_a_threshold_that_is_missed_fails(part):
    story = told_before({**RECALL, "at_least": 0.9})
    found = met(part, story)
    assert found.status is Status.FAILING
    assert "recall is 0.8; at least 0.9 is demanded: not met." in found.sentence


def test_without_a_threshold_for_a_family_evidence_is_missing(part):
    found = met(part, told_before(RECALL), "fairness")
    assert found.status is Status.MISSING
    assert "No threshold is set for fairness of scored" in found.sentence


def test_a_threshold_for_what_nobody_measured_is_not_met(part):
    assert met(part, told_before(RATIO), "fairness").status is Status.MISSING
    story = told_before(RATIO)
    story.measured("fairness", results=[("selection_rate", 0.3)])
    story.collection()
    found = met(part, story, "fairness")
    assert found.status is Status.UNDETERMINED
    assert "was not measured" in found.sentence


def test_a_group_that_is_too_small_is_not_passed_over(part):
    story = told_before({**RECALL, "each_group_of": ["sex"]}, groups={"sex": ["f", "m"]})
    groups = [result("recall", 0.9, group={"sex": "f"}), result("recall", None, group={"sex": "m"})]
    story.measured("fairness", results=groups)
    story.collection()
    assert met(part, story, "fairness").status is Status.UNDETERMINED


def test_what_no_leaf_had_room_for_may_miss_it(part):
    story = told_before(RECALL)
    story.measured(results_omitted=2)
    story.collection()
    found = met(part, story)
    assert found.status is Status.UNDETERMINED
    assert "2 results of it stand in the report alone" in found.sentence


def fixed_in_the_same_collection(story):
    story.declare(predictions=predictions(RECALL))
    measured_now(story)


def fixed_while_nobody_looked_for_runs(story):
    story.declare(predictions=predictions(RECALL))
    story.collection(steps=("declarations", "table:scored"))
    story.now += DAY
    measured_now(story)


def fixed_in_a_gap(story):
    story.declare(predictions=predictions(RECALL))
    story.collection(gap="nobody looked")
    story.now += DAY
    measured_now(story)


def fixed_after_the_run_was_seen(story):
    story.declare(predictions=predictions())
    story.collection()
    story.now += DAY
    story.model()
    story.collection()
    story.now += DAY
    story.declare(predictions=predictions(RECALL))
    story.collection()
    story.now += DAY
    measured_now(story)


def raised_after_the_run_was_seen(story):
    story.declare(predictions=predictions({**RECALL, "at_least": 0.6}))
    story.collection()
    story.now += DAY
    story.model()
    story.declare(predictions=predictions(RECALL))
    story.collection()
    story.now += DAY
    measured_now(story)


LATE = (
    fixed_in_the_same_collection,
    fixed_while_nobody_looked_for_runs,
    fixed_in_a_gap,
    fixed_after_the_run_was_seen,
    raised_after_the_run_was_seen,
)


@pytest.mark.parametrize("tell", LATE)
def test_a_threshold_that_is_not_shown_to_precede_the_run_never_supports(part, tell):
    story = Story()
    tell(story)
    found = met(part, story)
    assert found.status is Status.UNDETERMINED
    assert "not shown to precede" in found.sentence


def test_a_run_that_claims_a_later_start_is_judged_by_when_it_was_seen(part):
    story = Story()
    story.declare(predictions=predictions(RECALL))
    story.run(trained=story.now + 3 * DAY)
    measured_now(story)
    assert "not shown to precede" in met(part, story).sentence


AGENT = {"id": "helpdesk", "connection": "tracking", "experiment": "helpdesk", "tools": ["search"]}
SLOW = {"measure": "latency_p95", "at_most": 2.0}


def of_agent(*, collected=True, value=1.5, thresholds=(SLOW,)):
    story = Story()
    story.declare(agents=[{**AGENT, "thresholds": list(thresholds)}])
    if collected:
        story.collection(steps=("declarations", "agent:helpdesk"))
        story.now += DAY
    changes = {"source": "helpdesk", "model": None, "version": None, "fingerprint": None}
    story.measured("agents", results=[("latency_p95", value)], **changes)
    story.collection(steps=("declarations", "agent:helpdesk"))
    return story


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({}, Status.SUPPORTED, "Every threshold is met"),
        ({"value": 2.5}, Status.FAILING, "latency_p95 is 2.5"),
        ({"value": None}, Status.UNDETERMINED, "too few rows"),
        ({"collected": False}, Status.UNDETERMINED, "not shown to precede"),
        ({"thresholds": ()}, Status.MISSING, "No threshold is set for agents of helpdesk"),
    ],
)
def test_an_agent_is_judged_by_what_was_asked_before_it_was_measured(part, changes, status, says):
    found = met(part, of_agent(**changes), "performance", "agents")
    assert found.status is status
    assert says in found.sentence


def test_an_agent_that_nobody_measured_is_missing(part):
    story = Story()
    story.declare(agents=[AGENT])
    story.collection(steps=("declarations", "agent:helpdesk"))
    assert measured(part, story, "agents").status is Status.MISSING
    assert measured(part, of_agent(), "agents").status is Status.SUPPORTED


def test_a_lower_threshold_waits_and_the_old_one_still_judges(part):
    story = told_before({**RECALL, "at_least": 0.9})
    story.declare(predictions=predictions(RECALL))
    story.collection()
    assert met(part, story).status is Status.FAILING


def test_a_threshold_that_is_dropped_still_judges(part):
    story = told_before({**RECALL, "at_least": 0.9})
    story.declare(predictions=predictions())
    story.collection()
    assert met(part, story).status is Status.FAILING


ASKED = {"key": "id", "features": ["income"], "serve": True}


def asked_again(agreement, *thresholds, **changes):
    """The version in use was asked about its rows again, and the results of that are as told."""
    story = told_before(RECALL, *thresholds, **ASKED)
    low = {"low": agreement - 0.02, "high": min(1.0, agreement + 0.02)}
    results = [result("score_agreement", agreement, **low)]
    story.measured("agreement", results=results, origin=Origin.REPERFORMED, **changes)
    story.collection(steps=(*STEPS, "model:scored"))
    return story


def test_answers_that_were_given_again_are_said_to_be_confirmed_and_stay_recorded(part):
    story = asked_again(0.99)
    found = measured(part, story)
    assert found.status is Status.SUPPORTED
    assert "are confirmed by asking about 100 rows again" in found.sentence
    assert found.origin == "recorded"
    [agreement] = [e.index for e in story.entries if e.statement.origin == Origin.REPERFORMED]
    assert agreement in found.entries


def test_where_nobody_asked_that_is_said(part):
    found = measured(part, told_before())
    assert found.status is Status.SUPPORTED
    assert "Nobody asked the version about rows of scored again: recorded." in found.sentence


@pytest.mark.parametrize("agreement", [0.5, 0.96])
def test_answers_that_the_version_does_not_give_support_nothing_that_rests_on_them(part, agreement):
    found = measured(part, asked_again(agreement))
    assert found.status is Status.UNDETERMINED
    assert f"gives the recorded answer to {agreement:.1%} of them" in found.sentence
    assert found.origin == "recorded"


def test_a_threshold_for_the_agreement_says_how_much_is_enough(part):
    lenient = {"measure": "score_agreement", "at_least": 0.5}
    assert measured(part, asked_again(0.6, lenient)).status is Status.SUPPORTED
    assert measured(part, asked_again(0.4, lenient)).status is Status.UNDETERMINED


@pytest.mark.parametrize(
    "changes", [{"state": "2"}, {"version": "7"}, {"fingerprint": None}, {"canary": True}, {"model": "cards"}]
)
def test_an_agreement_of_other_rows_or_of_another_version_confirms_nothing(part, changes):
    found = measured(part, asked_again(0.99, **changes))
    assert "confirmed" not in found.sentence
    assert "Nobody asked the version" in found.sentence


def test_questions_are_due_of_whoever_asks_them(part):
    story = told_before(RECALL, **ASKED)
    story.measured("robustness", results=[("flip_rate", 0.1)], origin=Origin.REPERFORMED)
    story.collection()
    assert measured(part, story, "robustness").status is Status.NOT_YET_DUE
    story.collection(steps=(*STEPS, "model:scored"))
    assert measured(part, story, "robustness").status is Status.SUPPORTED


def test_what_nobody_asked_for_cannot_be_judged_and_says_why(part):
    story = told_before()
    reason = {"why": "not tested: the file does not say how a version is asked"}
    untested = [
        {**result("flip_rate", None), **reason},
        {**result("accuracy_change", None), "why": "not tested: no key"},
    ]
    story.measured("not-tested", results=untested, model=None, version=None)
    story.collection()
    found = measured(part, story, "performance", "robustness")
    assert found.status is Status.UNDETERMINED
    assert "Robustness of scored cannot be judged: not tested: the file does not say how" in found.sentence
    assert "no key" not in found.sentence
    # Of a family that it does not name it says nothing.
    assert measured(part, story, "membership").status is Status.MISSING


@pytest.mark.parametrize("later", [True, False])
def test_of_what_was_tested_and_what_was_not_the_later_counts(part, later):
    story = told_before()
    tell = [
        lambda: story.measured("robustness", results=[("flip_rate", 0.1)]),
        lambda: story.measured("not-tested", results=[("flip_rate", None)], model=None, version=None),
    ]
    for say in tell if later else reversed(tell):
        say()
    story.collection()
    expected = Status.UNDETERMINED if later else Status.SUPPORTED
    assert measured(part, story, "robustness").status is expected


def test_measures_of_other_packages_are_judged_where_they_are_named_and_nowhere_else(part):
    assert measured(part, told_before(), "performance", "custom").status is Status.SUPPORTED
    cost = {"measure": "cost_of_errors", "at_most": 0.4}
    story = told_before(cost, custom=["cost_of_errors"], key="id")
    assert measured(part, story, "custom").status is Status.MISSING
    story.measured("custom", results=[("cost_of_errors", 0.3)])
    assert measured(part, story, "custom").status is Status.SUPPORTED
    assert met(part, story, "custom").status is Status.SUPPORTED
    story.measured("custom", state="1", results=[("cost_of_errors", 0.5)])
    assert met(part, story, "custom").status is Status.FAILING

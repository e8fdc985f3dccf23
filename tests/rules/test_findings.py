"""Each status that findings lead to."""

from datetime import timedelta

import pytest

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE, kinds
from affidavit.projections import fold, needs
from affidavit.projections.need import OPTIONS
from affidavit.rules import Status
from tests.projections.story import DAY, PEOPLE, SCOPE, decide, digest, told

CHECK = "findings_triaged/1"
PATIENCE = timedelta(days=catalogue.load().policy.triage_days)


@pytest.fixture
def story():
    return told(people=PEOPLE)


def assess(story, status, *, scope=SCOPE, **others):
    found = {"A.7.4": status, **others}
    facts = {
        "controls": {control: {"status": each, "origin": None} for control, each in found.items()},
        "rules": digest("rules"),
        "catalogue": digest("catalogue"),
    }
    return story.say(kinds.ASSESSMENT, f"affidavit://assessments/{scope}", facts, scope=scope)


def triage(story, option, *, by="p-1", role="ml-lead"):
    state = fold(story.entries)
    for need in needs(state, (), at=story.now, catalogue=catalogue.load()):
        if need.type == "finding":
            decide(story, need, by=by, option=option, held=[role])


def test_where_nothing_was_assessed_nothing_is_known(story, part):
    assert part(story, CHECK).status is Status.MISSING
    assert part(story, CHECK, scope=ORGANISATION_SCOPE).status is Status.MISSING


def test_nothing_that_fails_supports_and_an_ended_finding_is_counted(story, part):
    assess(story, "missing")
    assert part(story, CHECK).status is Status.SUPPORTED
    assess(story, "failing")
    story.now += DAY
    assess(story, "supported")
    assert "1 finding ended" in part(story, CHECK).sentence


def test_a_finding_waits_for_somebody_and_then_fails(story, part):
    assess(story, "failing")
    opened = story.now
    story.now = opened + PATIENCE - timedelta(seconds=1)
    outcome = part(story, CHECK)
    assert (outcome.status, outcome.valid_until) == (Status.AWAITING, opened + PATIENCE)
    story.now = opened + PATIENCE
    outcome = part(story, CHECK, scope=ORGANISATION_SCOPE)
    assert outcome.status is Status.FAILING
    assert "A.7.4 of loans" in outcome.sentence


@pytest.mark.parametrize("option", OPTIONS["finding"])
def test_whatever_a_person_says_of_it_the_finding_was_looked_at(story, part, option):
    assess(story, "failing")
    triage(story, option)
    story.now += 2 * PATIENCE
    outcome = part(story, CHECK)
    assert outcome.status is Status.SUPPORTED
    assert f"p-1 answered {option!r}" in outcome.sentence


def test_one_that_nobody_looked_at_is_not_made_good_by_one_that_somebody_did(story, part):
    assess(story, "failing")
    triage(story, OPTIONS["finding"][0])
    story.now += DAY
    assess(story, "failing", **{"A.2.2": "failing"})
    story.now += PATIENCE
    outcome = part(story, CHECK)
    assert outcome.status is Status.FAILING
    assert "A.2.2 of loans" in outcome.sentence


def test_a_finding_of_another_system_is_no_finding_of_this_one(story, part):
    assess(story, "missing")
    assess(story, "failing", scope="system:other")
    story.now += 2 * PATIENCE
    assert part(story, CHECK).status is Status.SUPPORTED

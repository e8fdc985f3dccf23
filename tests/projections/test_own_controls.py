"""A control of the organisation's own is asked like any other that only a person can judge."""

import pytest

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.projections import fold, needs
from affidavit.projections.own_controls import OWN, with_own_controls
from affidavit.rules import Status, judge
from tests.projections.story import DAY, PEOPLE, Story, decide, told

CATALOGUE = catalogue.load()
RED_TEAM = {"id": "red-team", "title": "Red team", "question": "Was every release attacked?", "owner": "ml-lead"}
BREAKS = {"id": "breaks", "title": "Breaks", "question": "Does everybody rest?", "owner": "data-owner"}
ABLE = {**PEOPLE, "p-3": {"competence": ["red-team"]}}


def owning(*controls, **changes) -> Story:
    story = told(people=ABLE)
    story.now += DAY
    story.declare_organisation(own_controls=list(controls or (RED_TEAM,)), **changes)
    return story


def of(story: Story, control="red-team"):
    found = judge(fold(story.entries), at=story.now, catalogue=CATALOGUE)
    return next((verdict for verdict in found if verdict.control == control), None)


def asked(story: Story, kind="judgement"):
    state = fold(story.entries)
    verdicts = judge(state, at=story.now, catalogue=CATALOGUE)
    found = needs(state, verdicts, at=story.now, catalogue=CATALOGUE)
    return [need for need in found if need.type == kind and (kind != "judgement" or need.title.startswith("red-team"))]


def test_it_waits_for_a_competent_person_and_names_its_own_owner():
    verdict = of(owning(owners={"4": "governance-lead"}))
    assert (verdict.status, verdict.scope, verdict.owner) == (Status.AWAITING, ORGANISATION_SCOPE, "ml-lead")
    assert "Was every release attacked" in verdict.sentence
    [need] = asked(owning())
    assert (need.title, need.question) == ("red-team Red team", RED_TEAM["question"])
    assert need.roles == ("competence:red-team",)


@pytest.mark.parametrize(
    ("by", "option", "status"),
    [
        ("p-3", "adequate", Status.SUPPORTED),
        ("p-3", "not adequate", Status.FAILING),
        ("p-2", "adequate", Status.AWAITING),
    ],
)
def test_only_the_answer_of_a_competent_person_counts(by, option, status):
    story = owning()
    [need] = asked(story)
    story.now += DAY
    decide(story, need, by=by, option=option)
    assert of(story).status is status


def test_the_question_that_was_answered_stands_until_another_one_is_approved():
    story = owning()
    [need] = asked(story)
    story.now += DAY
    decide(story, need, by="p-3")
    story.now += DAY
    story.declare_organisation(own_controls=[RED_TEAM | {"question": "Was it attacked at all?"}])
    assert of(story).status is Status.SUPPORTED
    story.declare_organisation(own_controls=[RED_TEAM | {"title": "Attacks"}])
    assert of(story).status is Status.SUPPORTED


def test_one_that_fails_is_accepted_by_whoever_owns_it():
    story = owning()
    [need] = asked(story)
    story.now += DAY
    decide(story, need, by="p-3", option="not adequate")
    story.now += DAY
    until = {"control": "red-team", "until": "2026-06-30", "why": "The team is being hired."}
    story.declare_organisation(own_controls=[RED_TEAM], exceptions=[until])
    assert of(story).status is Status.FAILING
    [need] = asked(story, "exception")
    assert need.roles == ("ml-lead",)
    story.now += DAY
    decide(story, need, by="p-1")
    assert of(story).status is Status.ACCEPTED


def test_one_that_is_taken_away_is_asked_until_that_is_approved():
    story = owning()
    story.now += DAY
    story.declare_organisation()
    assert of(story).status is Status.AWAITING


def test_they_stand_behind_the_catalogue_by_id_however_they_are_declared():
    for order in ((RED_TEAM, BREAKS), (BREAKS, RED_TEAM)):
        items = [*with_own_controls(CATALOGUE, fold(owning(*order).entries).organisation)]
        assert [item.id for item in items[-2:]] == ["breaks", "red-team"]
        assert {item.area for item in items[-2:]} == {OWN}
        assert items[:-2] == [*CATALOGUE]
    assert with_own_controls(CATALOGUE, fold([]).organisation) is CATALOGUE

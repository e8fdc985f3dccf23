"""A finding is one for as long as a requirement fails, and a person is asked about it once."""

from datetime import timedelta

import pytest

from affidavit import catalogue
from affidavit.evidence import kinds
from affidavit.projections import fold, needs
from affidavit.projections.findings import RECURS, finding_needs, findings, triaged
from affidavit.projections.need import NONCONFORMITY, UNFOUNDED
from tests.projections.story import DAY, PEOPLE, SCOPE, decide, told

RULES = {"rules": "0" * 64, "catalogue": "0" * 64}


@pytest.fixture
def story():
    story = told(people=PEOPLE)
    story.declare_organisation(owners={"10.2": "governance-lead", "A.7": "data-owner"})
    return story


def assess(story, status="failing", *, after=DAY, beside="missing"):
    """An assessment that records how A.7.4 stands (None: not at all), and another control ``beside``."""
    story.now += after
    every = {"A.7.4": status, "A.2.2": beside}
    found = {control: {"status": said, "origin": None} for control, said in every.items() if said}
    return story.say(kinds.ASSESSMENT, f"affidavit://assessments/{SCOPE}", {"controls": found, **RULES})


def scope_of(story):
    return fold(story.entries).scope(SCOPE)


def asked(story):
    state = fold(story.entries)
    every = needs(state, (), at=story.now, catalogue=catalogue.load())
    return [need for need in every if need.type == "finding"]


def test_what_fails_over_fifty_assessments_is_one_finding_that_is_asked_about_once(story):
    first = assess(story)
    ids = set()
    for number in range(49):
        assess(story, beside=("stale", "missing")[number % 2])
        ids |= {need.id for need in asked(story)}
    [found] = findings(scope_of(story))
    assert (found.control, found.index, found.ended, found.spells) == ("A.7.4", first.index, None, 1)
    assert len(ids) == 1
    assert sum(entry.statement.kind == "assessment" for entry in story.entries) == 50


@pytest.mark.parametrize(
    "status", ["accepted", "stale", "missing", "undetermined", "awaiting judgement", "not yet due"]
)
def test_what_does_not_show_that_it_works_again_ends_nothing(story, status):
    assess(story)
    assess(story, status)
    assert [each.ended for each in findings(scope_of(story))] == [None]
    assess(story)
    assert [each.spells for each in findings(scope_of(story))] == [1]


@pytest.mark.parametrize("status", ["supported", "not applicable", None])
def test_a_finding_ends_where_it_is_seen_to(story, status):
    assess(story)
    assess(story, status)
    [found] = findings(scope_of(story))
    assert found.ended == story.now
    assert asked(story) == []


def test_one_good_run_between_two_bad_ones_is_the_same_finding(story):
    assess(story)
    [before] = asked(story)
    assess(story, "supported")
    assess(story, after=RECURS)
    [found] = findings(scope_of(story))
    assert (found.ended, found.spells) == (None, 2)
    assert [need.id for need in asked(story)] == [before.id]


def test_what_fails_again_long_after_is_another_finding(story):
    assess(story)
    [before] = asked(story)
    assess(story, "supported")
    assess(story, after=RECURS + timedelta(seconds=1))
    first, second = findings(scope_of(story))
    assert (first.spells, second.spells, second.ended) == (1, 1, None)
    assert [need.id for need in asked(story)] != [before.id]


def test_who_answers_for_improvement_says_what_it_amounts_to(story):
    assess(story)
    [need] = asked(story)
    assert (need.roles, need.options[0]) == (("governance-lead",), NONCONFORMITY)
    [finding] = findings(scope_of(story))
    assert triaged(scope_of(story), finding) is None
    decide(story, need, option=UNFOUNDED, by="p-1", held=["ml-lead"])
    assert triaged(scope_of(story), finding) is None, "another role's answer"
    [again] = asked(story)
    decide(story, again, option=UNFOUNDED, by="p-3", held=["governance-lead"])
    assert triaged(scope_of(story), finding).option == UNFOUNDED
    assert asked(story) == []


def test_without_an_owner_of_improvement_the_owner_of_the_system_is_asked():
    story = told(people=PEOPLE)
    assess(story)
    state = fold(story.entries)
    [need] = finding_needs(state.organisation.organisation.value, state.scope(SCOPE))
    assert need.roles == ("ml-lead",)
    assert next(finding_needs(None, state.scope(SCOPE))).roles == ("ml-lead",)

import pytest

from affidavit import catalogue
from affidavit.errors import ConfigurationError
from affidavit.evidence import Origin
from affidavit.projections import State
from affidavit.rules import Status
from affidavit.rules.checks import CHECKS, run
from affidavit.rules.registry import Outcome, check, some, together, weakest
from affidavit.rules.view import ScopeView
from tests.projections.story import FIRST, Story


def empty() -> ScopeView:
    return ScopeView("system:x", State(), catalogue.load().policy)


def test_every_check_that_the_catalogue_names_exists_and_takes_its_parameters():
    for item in catalogue.load():
        for call in item.parts:
            assert set(call.params) <= CHECKS[call.check].params, item.id


def test_every_check_is_asked_by_some_requirement():
    asked = {call.check for item in catalogue.load() for call in item.parts}
    assert asked | {"question_answered/1", "question_answered/2"} == set(CHECKS)


def test_names_are_numbered():
    assert all(name.rpartition("/")[2].isdigit() for name in CHECKS)


def test_an_unknown_check_names_those_there_are():
    with pytest.raises(ConfigurationError, match="suites_passed/1"):
        run("suites_passed/9", empty(), {}, FIRST)


def test_an_unknown_parameter_is_refused():
    with pytest.raises(ConfigurationError, match="'tolerance'"):
        run("suites_passed/1", empty(), {"tolerance": 3}, FIRST)


def test_a_name_is_given_once():
    with pytest.raises(ConfigurationError, match="suites_passed/1"):
        check("suites_passed/1")(lambda *_: Outcome(Status.SUPPORTED, ""))


def test_a_part_is_as_strong_as_its_weakest_evidence(part):
    story = Story()
    story.declare()
    story.suite()
    story.model()
    story.snapshot("train")
    story.snapshot("test")
    story.collection()
    assert part(story, "lineage_complete/1").origin is Origin.RECORDED
    assert weakest([]) is None


def test_a_total_takes_its_worst_and_the_earliest_end():
    late, early = FIRST.replace(hour=9), FIRST.replace(hour=8)
    outcomes = [
        Outcome(Status.SUPPORTED, "fine", valid_until=late),
        Outcome(Status.STALE, "old", next_action="look", valid_until=early),
        Outcome(Status.FAILING, "broken", next_action="mend"),
        Outcome(Status.FAILING, "broken", next_action="mend"),
    ]
    total = together(outcomes, "all fine")
    assert total == Outcome(Status.FAILING, "broken old", (), "mend", early)
    assert together(outcomes[:1], "all fine").sentence == "all fine"


def test_a_total_of_nothing_is_missing():
    assert together([], "all fine").status is Status.MISSING


def test_names_are_shown_in_part_and_counted():
    assert some("abcde") == "a, b, c and 2 more"
    assert len(some(["x" * 100_000])) < 200

from dataclasses import replace
from datetime import timedelta

import pytest

from affidavit import catalogue, rules
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.projections import fold, needs
from affidavit.projections.own_controls import OWN
from affidavit.rules import Status
from affidavit.rules.applicability import (
    FAILS,
    NO_OWNER,
    NO_REASON,
    UNDECIDED,
    Change,
    cells,
    differences,
    statement_of_applicability,
)
from tests.projections.papers import PEOPLE
from tests.projections.story import DAY, Story, decide, told

CONTROLS = catalogue.load().controls
EVERY = {item.id: {"reason": "Our risks demand it.", "risks": ["r-1"]} for item in CONTROLS}
OWNERS = {f"A.{area}": "governance-lead" for area in range(2, 11)} | {"6": "governance-lead"}
RED_TEAM = {"id": "red-team", "title": "Red team", "question": "Was every release attacked?", "owner": "ml-lead"}
FULL = {"included": EVERY, "owners": OWNERS, "people": PEOPLE}
EXCLUDED = {"A.10.4": {"why": "We have no customers."}}


def rows(story):
    state = fold(story.entries)
    verdicts = rules.judge(state, at=story.now, catalogue=catalogue.load())
    return {row.control: row for row in statement_of_applicability(state, verdicts, catalogue.load())}


def declared(story=None, **changes):
    story = story or Story()
    story.declare_organisation(**{**FULL, **changes})
    story.declare()
    return story


def decided(story, kind, **answer):
    found = needs(fold(story.entries), (), at=story.now, catalogue=catalogue.load())
    [need] = [need for need in found if need.type == kind]
    decide(story, need, **{"by": "p-3", **answer})


def excluding(control="A.10.4"):
    story = declared()
    story.now += DAY
    return declared(story, excluded={control: {"why": "We have no customers."}})


def test_every_control_of_annex_a_and_of_its_own_has_one_row_and_no_clause_has():
    found = rows(declared(own_controls=[RED_TEAM]))
    assert list(found) == [*(item.id for item in CONTROLS), "red-team"]
    assert all(row.applicable and row.reason and row.owner and not row.flags for row in [*found.values()][:-1])
    own = found["red-team"]
    assert (own.title, own.area, own.owner, own.status) == ("Red team", OWN, "ml-lead", "awaiting judgement")


def test_what_is_judged_in_each_ai_system_says_how_it_stands_there():
    found = rows(told())
    assert set(found["A.6.2.5"].systems) == {"loans"}
    assert found["A.6.2.5"].status == found["A.6.2.5"].systems["loans"]
    assert found["A.2.2"].systems == {}


def test_a_control_without_reason_or_owner_is_flagged():
    found = rows(declared(included={}, owners={}))
    assert set(found["A.2.2"].flags) == {NO_REASON, NO_OWNER}


def test_an_exclusion_counts_once_somebody_decided_on_it():
    story = excluding()
    row = rows(story)["A.10.4"]
    assert (row.applicable, row.flags) == (True, (UNDECIDED,))
    decided(story, "exclusion")
    row = rows(story)["A.10.4"]
    assert (row.applicable, row.reason, row.risks) == (False, "We have no customers.", ())
    assert row.status == "not applicable"


@pytest.mark.parametrize("answer", [{"option": "reject"}, {"by": "p-99"}, {"details": None}])
def test_an_answer_that_allows_nothing_leaves_the_control_in(answer):
    story = excluding()
    decided(story, "exclusion", **answer)
    assert rows(story)["A.10.4"].applicable


def failing(story):
    """The same story with a version in use that its run's deletion makes fail A.6.2.5."""
    return {control for control, row in rows(story).items() if row.status == "failing"}


def test_to_leave_out_what_fails_is_flagged_before_and_after_the_decision():
    story = told()
    story.alias("2")
    story.version("2", status="FAILED_REGISTRATION")
    story.now += timedelta(hours=1)
    fails = sorted(failing(story))
    assert fails, "the story has a control that fails"
    story.declare_organisation(**FULL)
    story.now += timedelta(hours=1)
    story.declare_organisation(**FULL, excluded={fails[0]: {"why": "It is in the way."}})
    row = rows(story)[fails[0]]
    assert (row.applicable, set(row.flags)) == (True, {UNDECIDED, FAILS})
    decided(story, "exclusion")
    row = rows(story)[fails[0]]
    assert (row.applicable, row.flags) == (False, (FAILS,))


def test_differences_name_control_field_and_both_values():
    before, after = rows(declared()).values(), [*rows(declared(own_controls=[RED_TEAM])).values()]
    after[0] = replace(after[0], owner="board")
    changes = differences(before, after)
    assert changes[0] == Change("A.2.2", "owner", "governance-lead", "board")
    assert {change.control for change in changes[1:]} == {"red-team"}
    assert Change("red-team", "title", "", "Red team") in changes
    assert differences(after, before)[-1] == Change("red-team", "control", "Red team", "")
    assert differences(before, before) == ()


def test_a_row_is_told_in_text():
    row = rows(declared())["A.2.2"]
    assert cells(row)[:6] == ("A.2.2", "AI policy", row.area, "yes", "Our risks demand it.", "r-1")


def stated(part, story):
    return part(story, "applicability_stated/1", scope=ORGANISATION_SCOPE)


def test_a_statement_that_is_whole_is_supported(part):
    found = stated(part, declared())
    assert (found.status, found.sentence) == (
        Status.SUPPORTED,
        "38 of 38 controls apply, each with its reason and its owner.",
    )


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"included": {"A.2.2": EVERY["A.2.2"]}}, Status.MISSING, "No reason is given why 37 controls apply: A.2.3"),
        ({"owners": {}}, Status.MISSING, "No role answers for 38 controls: A.2.2"),
        ({"included": EVERY | {"A.99.1": EVERY["A.2.2"]}}, Status.FAILING, "for what is no control: A.99.1."),
        ({"included": EVERY | {"6.1.3": EVERY["A.2.2"]}}, Status.FAILING, "for what is no control: 6.1.3."),
        ({"excluded": {"A.10.9": {"why": "Not there."}}}, Status.FAILING, "for what is no control: A.10.9."),
    ],
)
def test_a_statement_that_is_there_and_wrong_is_not_supported(part, changes, status, said):
    found = stated(part, declared(**changes))
    assert found.status is status
    assert said in found.sentence


def test_an_exclusion_that_waits_keeps_the_statement_from_being_supported(part):
    story = excluding()
    assert stated(part, story).status is Status.AWAITING
    decided(story, "exclusion")
    found = stated(part, story)
    assert (found.status, found.sentence) == (
        Status.SUPPORTED,
        "37 of 38 controls apply, each with its reason and its owner.",
    )


def test_without_an_organisation_nothing_is_stated(part):
    story = Story()
    story.declare()
    assert stated(part, story).status is Status.MISSING

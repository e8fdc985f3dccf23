from datetime import timedelta

import pytest

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE, Origin, kinds
from affidavit.inventory import Organisation
from affidavit.projections import fold, needs
from affidavit.rules import Status
from affidavit.rules.horizon import WatchedMoment
from affidavit.rules.records import _operates
from tests.projections import keeping, papers
from tests.projections.keeping import ACTION, BOOKS, RISK, collect, kept, record
from tests.projections.story import DAY, SCOPE, Story, decide, organisation, system

EACH = {
    "risks_scored/1": "risks",
    "risk_actions_done/1": "risk-actions",
    "changes_planned/1": "planned-changes",
    "audits_held/1": "audits",
    "improvements_measured/1": "improvements",
}


@pytest.fixture
def asked(part):
    return lambda story, check, **rest: part(story, check, scope=ORGANISATION_SCOPE, **rest)


def changed(kind, **changes):
    """The good records, one of them changed; None takes a field out."""
    name, row = keeping.FIRST_ROWS[kind]
    story = kept(kind)
    record(story, kind, name, {k: v for k, v in {**row, **changes}.items() if v is not None})
    return story


@pytest.mark.parametrize("check", EACH)
def test_good_records_support_it_as_weakly_as_they_are_declared(check, asked):
    found = asked(kept(), check)
    assert (found.status, found.origin) == (
        Status.SUPPORTED,
        Origin.DECLARED if "changes" not in check else Origin.OBSERVED,
    )
    assert found.valid_until


@pytest.mark.parametrize("check", EACH)
def test_without_a_book_nothing_supports_it(check, asked):
    story = Story()
    keeping.declare(story, books=[])
    for kind, (name, row) in keeping.FIRST_ROWS.items():
        record(story, kind, name, row)
    collect(story)
    found = asked(story, check)
    assert found.status is Status.MISSING
    assert "No book of" in found.sentence, "records of a book that nobody declares count for nothing"


@pytest.mark.parametrize(("check", "kind"), EACH.items())
def test_a_book_that_was_not_read_supports_nothing(check, kind, asked):
    story = kept()
    for _ in range(4):
        story.now += DAY
        collect(story, read=[each for each in keeping.FIRST_ROWS if each != kind])
    found = asked(story, check)
    assert found.status is Status.STALE
    assert f"book:{kind}" in found.sentence


@pytest.mark.parametrize("check", [each for each in EACH if each != "changes_planned/1"])
def test_an_empty_book_supports_nothing(check, asked):
    kind = EACH[check]
    assert asked(kept(kind), check).status in {Status.MISSING, Status.FAILING}
    story = kept()
    name, row = keeping.FIRST_ROWS[kind]
    record(story, kind, name, row, withdrawn=True)
    assert asked(story, check).status in {Status.MISSING, Status.FAILING}, "a row that is gone is no record"


RISKS = [
    ({"likelihood": None}, Status.FAILING, "is not scored"),
    ({"consequence": None}, Status.FAILING, "is not scored"),
    ({"owner": "gone"}, Status.FAILING, "which nobody holds"),
    ({"controls": None}, Status.FAILING, "neither treated by any control nor accepted"),
    ({"controls": ["A.5.2", "own-7"]}, Status.FAILING, "treated by own-7, which does not apply"),
    ({"controls": None, "state": "accepted"}, Status.SUPPORTED, "accepted"),
    ({"reviewed": "2025-09-01"}, Status.STALE, "was to be reviewed by 2026-03-01"),
    ({"reviewed": None, "identified": "2025-03-05"}, Status.STALE, "was to be reviewed by 2025-09-05"),
    ({"state": "closed"}, Status.MISSING, "No risk that is not closed is recorded of loans"),
    ({"scope": ["organisation"]}, Status.MISSING, "is recorded of loans"),
]


@pytest.mark.parametrize(("changes", "status", "words"), RISKS)
def test_a_risk_is_judged_by_what_its_row_says(changes, status, words, asked):
    found = asked(changed("risks", **changes), "risks_scored/1")
    assert found.status is status
    assert words in found.sentence


def test_a_control_that_was_left_out_treats_nothing(asked):
    story = kept()
    excluded = {"A.5.2": {"why": "Not ours."}}
    story.now += timedelta(hours=1)
    keeping.declare(story, excluded=excluded)
    assert asked(story, "risks_scored/1").status is Status.SUPPORTED, "an exclusion waits for its approval"

    standing = Organisation.model_validate(organisation(excluded=excluded))
    assert not _operates(standing, "A.5.2")
    assert _operates(standing, "A.6.2.5")


def test_every_system_has_a_risk_of_its_own(asked):
    story = kept()

    facts = {"file": "include/systems/cards.yaml", "system": system(id="cards")}
    story.say(kinds.SYSTEM, "affidavit://systems/cards", facts, scope="system:cards", origin=Origin.DECLARED)
    found = asked(story, "risks_scored/1")
    assert (found.status, "is recorded of cards" in found.sentence) == (Status.MISSING, True)
    record(story, "risks", "r-2", {**RISK, "scope": ["cards"]})
    assert asked(story, "risks_scored/1").status is Status.SUPPORTED


def test_a_book_of_the_system_itself_counts_as_well(asked):
    story = kept("risks")
    story.declare(books=[{**BOOKS[0], "id": "own"}])
    row = {field: value for field, value in RISK.items() if field != "scope"}
    facts = {"book": "own", "kind": "risks", "record": "r-1"}
    made = record(Story(), "risks", "r-1", row, scope=SCOPE).statement.facts | facts

    story.say(kinds.RECORD, "affidavit://records/own/r-1", made, origin=Origin.DECLARED)
    story.collection(steps=("declarations", "book:own"))
    assert asked(story, "risks_scored/1").status is Status.SUPPORTED


ACTIONS = [
    ({"done": None, "effect": None, "due": "2026-03-01"}, {"state": "open"}, Status.FAILING, "was due on 2026-03-01"),
    ({"done": None, "effect": None, "due": "2026-03-02"}, {"state": "open"}, Status.SUPPORTED, "none overdue"),
    ({"effect": None}, {"state": "open"}, Status.FAILING, "does not say to what effect"),
    ({"risk": ["r-2"]}, {"state": "open"}, Status.FAILING, "The risk r-1 is open, and no action treats it"),
    ({"risk": ["r-2"]}, {"state": "accepted"}, Status.SUPPORTED, "1 risk accepted"),
    ({"effect": "none"}, {}, Status.FAILING, "no action that is done and had an effect"),
    ({}, {"residual_likelihood": 5}, Status.FAILING, "is 20 after its treatment and was 16 before"),
    ({}, {"residual_likelihood": None}, Status.FAILING, "has no residual risk"),
]


@pytest.mark.parametrize(("action", "risk", "status", "words"), ACTIONS)
def test_what_is_done_about_a_risk_is_judged_by_both_rows(action, risk, status, words, asked):
    story = kept("risks", "risk-actions")
    record(story, "risks", "r-1", {k: v for k, v in {**RISK, **risk}.items() if v is not None})
    record(story, "risk-actions", "ra-1", {k: v for k, v in {**ACTION, **action}.items() if v is not None})
    found = asked(story, "risk_actions_done/1")
    assert found.status is status
    assert words in found.sentence


def test_an_action_falls_due_by_itself(asked):
    story = changed("risk-actions", done=None, effect=None)
    record(story, "risks", "r-1", {**RISK, "state": "open"})
    found = asked(story, "risk_actions_done/1")
    assert found.status is Status.SUPPORTED
    assert found.valid_until is not None
    late = asked(story, "risk_actions_done/1", at=found.valid_until.replace(month=4, day=2))
    assert (late.status, "was due on 2026-04-01" in late.sentence) == (Status.FAILING, True)


def test_what_was_made_weaker_is_named_for_ninety_days(asked):
    story = kept()
    story.now += timedelta(hours=1)
    weaker = record(story, "risks", "r-1", {**RISK, "likelihood": 2, "residual_likelihood": 1, "review_months": 12})
    found = asked(story, "risks_scored/1")
    assert found.status is Status.SUPPORTED
    assert "Made weaker in the last 90 days: r-1 had its likelihood lowered from 4 to 2" in found.sentence
    assert "every 12 months, not every 6" in found.sentence
    assert weaker.index in found.entries
    record(story, "risks", "r-2", {**RISK, "state": "open"})
    record(story, "risks", "r-2", {**RISK, "state": "open"}, withdrawn=True)
    assert "and 1 more" in asked(story, "risks_scored/1").sentence
    story.now += timedelta(days=91)
    collect(story)
    assert "Made weaker" not in asked(story, "risks_scored/1").sentence


def test_a_plan_counts_only_if_the_ledger_held_it_before_the_change(asked):
    def story_of(*steps):
        story = kept("planned-changes")
        papers.look(story, "a")
        story.now += timedelta(hours=1)
        for step in steps:
            step(story)
        return asked(story, "changes_planned/1")

    def change(story):
        papers.look(story, "b", "2")

    def plan(story, **changes):
        row = {**keeping.PLAN, **changes}
        record(story, "planned-changes", "pc-1", {k: v for k, v in row.items() if v is not None})

    def withdraw(story):
        record(story, "planned-changes", "pc-1", keeping.PLAN, withdrawn=True)

    found = story_of(plan, change)
    assert (found.status, "1 change in the last 90 days" in found.sentence) == (Status.SUPPORTED, True)
    for steps, words in (
        ((change,), "no plan was recorded"),
        ((change, plan), "recorded only after it"),
        ((plan, withdraw, change), "withdrawn before"),
        ((lambda s: plan(s, items=["other"]), change), "no plan was recorded"),
        ((lambda s: plan(s, what="deployment"), change), "no plan was recorded"),
        ((lambda s: plan(s, approved_by=None), change), "nobody had approved the plan"),
        ((lambda s: plan(s, approved_by=None), change, plan), "nobody had approved the plan"),
        ((lambda s: plan(s, approved_by="p-3"), change), "approved by p-3, who holds governance-lead, its owner"),
        ((lambda s: plan(s, items=["other"]), change, plan), "recorded only after it"),
    ):
        found = story_of(*steps)
        assert (found.status, words in found.sentence) == (Status.FAILING, True), (words, found.sentence)
    assert story_of(plan, change, withdraw).status is Status.SUPPORTED, "it was there when it was to be"


def test_a_plan_of_the_organisation_says_which_system_it_is_about(asked):
    for items, status in (
        (["schedule"], Status.FAILING),
        (["cards:schedule"], Status.FAILING),
        (["loans:schedule"], Status.SUPPORTED),
    ):
        story = kept("planned-changes")
        record(story, "planned-changes", "pc-1", {**keeping.PLAN, "what": "gate", "items": items})
        story.now += timedelta(hours=1)
        story.declare(schedule="@monthly")
        found = needs(fold(story.entries), (), at=story.now, catalogue=catalogue.load())
        [need] = [each for each in found if each.type == "loosening"]
        story.now += timedelta(hours=2)
        decide(story, need, by="p-1")
        assert asked(story, "changes_planned/1").status is status, items


@pytest.mark.parametrize("check", EACH)
def test_until_when_an_answer_stands_is_known_so_that_views_can_keep_it(check, asked):
    story = kept()
    papers.look(story, "a")
    story.now += timedelta(hours=1)
    papers.look(story, "b", "2")
    for kind, (name, row) in keeping.FIRST_ROWS.items():
        record(story, kind, name, row, withdrawn=kind == "risks")
    moment = WatchedMoment.of(story.now)
    asked(story, check, at=moment)
    assert not moment.unwatched
    assert moment.horizon > story.now


def test_a_change_of_long_ago_is_asked_for_no_plan(asked):
    story = kept("planned-changes")
    papers.look(story, "a")
    papers.look(story, "b", "2")
    assert asked(story, "changes_planned/1").status is Status.FAILING
    story.now += timedelta(days=91)
    collect(story)
    assert asked(story, "changes_planned/1").status is Status.SUPPORTED


AUDITS = [
    (
        {"held": None, "reported": None, "planned": "2026-03-01"},
        Status.FAILING,
        "planned for 2026-03-01 and is not held",
    ),
    ({"reported": None}, Status.FAILING, "is not reported"),
    ({"auditor": "p-3"}, Status.FAILING, "p-3, who audits in ia-1, holds governance-lead"),
    ({"auditor": "p-1"}, Status.FAILING, "holds ml-lead"),
    ({"criteria": ["A.7.4"]}, Status.UNDETERMINED, "Nobody answers for A.7.4"),
    ({"held": None, "reported": None, "planned": "2026-06-01"}, Status.NOT_YET_DUE, "planned for 2026-06-01"),
    ({"held": "2025-02-28", "reported": "2025-03-01"}, Status.STALE, "more than 12 months ago"),
]


@pytest.mark.parametrize(("changes", "status", "words"), AUDITS)
def test_an_audit_is_judged_by_its_days_and_its_auditor(changes, status, words, asked):
    story = changed("audits", **changes)
    found = asked(story, "audits_held/1")
    assert found.status is status
    assert found.valid_until is None or found.valid_until > story.now
    assert words in found.sentence


IMPROVEMENTS = [
    ({"figure_before": None}, Status.FAILING, "does not say by figures"),
    ({"figure_after": None}, Status.FAILING, "does not say by figures"),
    ({"unit": None}, Status.FAILING, "does not say by figures"),
    ({"figure_after": 12.5}, Status.FAILING, "made nothing better: 12.5 hours before, 12.5 after"),
    ({"better": "higher"}, Status.FAILING, "made nothing better"),
    ({"closed": None, "due": "2026-03-01"}, Status.FAILING, "was due on 2026-03-01 and is not closed"),
    ({"closed": None, "due": "2026-06-01"}, Status.NOT_YET_DUE, "No improvement was finished yet"),
    ({"closed": "2025-02-28"}, Status.STALE, "No improvement was finished since 2025-02-28"),
]


@pytest.mark.parametrize(("changes", "status", "words"), IMPROVEMENTS)
def test_an_improvement_is_judged_by_its_figures(changes, status, words, asked):
    found = asked(changed("improvements", **changes), "improvements_measured/1")
    assert found.status is status
    assert words in found.sentence


def test_a_record_that_its_kind_does_not_allow_is_kept_aside():

    story = kept()
    before = len(fold(story.entries).aside)
    record(story, "risks", "r-9", {**RISK, "likelihood": 9})
    draft_facts = {**record(Story(), "risks", "r-8", RISK).statement.facts, "record": "r-7"}

    story.say(kinds.RECORD, "affidavit://records/risks/r-8", draft_facts, scope=ORGANISATION_SCOPE)
    aside = fold(story.entries).aside[before:]
    assert [each.why for each in aside] == [
        "a record whose 'likelihood' is none that its kind of book has",
        "a record under the name of another",
    ]

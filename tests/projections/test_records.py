"""Records as they stand, what was made weaker, and the changes that a plan is due for."""

from datetime import timedelta

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.projections import fold, needs
from affidavit.projections.records import Record, effects, records_of, weakened
from tests.projections import keeping, papers
from tests.projections.keeping import ACTION, RISK, kept, record
from tests.projections.story import DAY, PEOPLE, SCOPE, Story, decide, told

CATALOGUE = catalogue.load()


def of_organisation(story, kind="risks"):
    return records_of(fold(story.entries).organisation, kind)


def changed_to(story):
    [risk] = of_organisation(story)
    return [change.words.rpartition(" (entry")[0] for change in weakened(risk)]


def needs_of(story, kind):
    return [n for n in needs(fold(story.entries), (), at=story.now, catalogue=CATALOGUE) if n.type == kind]


def seen(story, scope=SCOPE):
    found = effects(fold(story.entries).scope(scope), at=story.now, within=90 * DAY)
    return [(each.item, each.entry.index, each.deployment) for each in found]


def test_a_record_is_told_by_all_its_entries_and_as_of_any_of_them():
    story = kept("risks")
    first = record(story, "risks", "r-1", {**RISK, "state": "open"})
    last = record(story, "risks", "r-1", RISK, withdrawn=True)
    [risk] = of_organisation(story)
    assert (risk.id, risk.withdrawn, risk.about, risk.entries) == ("r-1", True, "loans", (first, last))
    earlier = risk.before(last.index)
    assert isinstance(earlier, Record)
    assert (earlier.word("state"), earlier.withdrawn) == ("open", False)
    assert risk.before(first.index) is None


def test_what_makes_less_of_a_record_is_told_and_what_makes_more_of_it_is_not():
    weaker = {
        "had its likelihood lowered from 4 to 1": {"likelihood": 1},
        "had its consequence lowered from 4 to none": {"consequence": None},
        "is reviewed every 12 months, not every 6": {"review_months": 12},
        "was accepted": {"state": "accepted"},
        "names A.6.2.5 no more": {"controls": ["A.5.2"]},
    }
    for words, change in weaker.items():
        story = kept()
        record(story, "risks", "r-1", {k: v for k, v in {**RISK, **change}.items() if v is not None})
        assert changed_to(story) == [f"r-1 {words}"]
        record(story, "risks", "r-1", RISK)
        assert changed_to(story) == [f"r-1 {words}"], "what is put right makes nothing weaker"
    more = {"controls": [*RISK["controls"], "9"]}
    for stronger in ({"likelihood": 5}, {"review_months": 1}, {"state": "closed"}, more):
        story = kept()
        record(story, "risks", "r-1", {**RISK, **stronger})
        assert changed_to(story) == []


def test_a_closed_risk_may_go_and_an_open_one_is_missed():
    story = kept()
    record(story, "risks", "r-1", RISK, withdrawn=True)
    assert changed_to(story) == ["r-1 was withdrawn while it was open"]
    story = kept()
    record(story, "risks", "r-1", {**RISK, "state": "closed"})
    record(story, "risks", "r-1", {**RISK, "state": "closed"}, withdrawn=True)
    assert changed_to(story) == []


def test_what_is_put_off_is_told():
    story = kept("risk-actions")
    record(story, "risk-actions", "ra-1", ACTION)
    record(story, "risk-actions", "ra-1", {**ACTION, "due": "2026-03-01"})
    record(story, "risk-actions", "ra-1", {**ACTION, "due": "2027-03-01"})
    [action] = of_organisation(story, "risk-actions")
    [change] = weakened(action)
    assert change.words.startswith("ra-1 was put off from 2026-03-01 to 2027-03-01")


def test_only_records_of_a_declared_book_of_that_kind_count():
    story = kept()
    assert [risk.id for risk in of_organisation(story)] == ["r-1"]
    other = [{"id": "risks", "kind": "audits", "file": "records/risks.yaml"}]
    fresh = Story()
    keeping.declare(fresh, books=other)
    record(fresh, "risks", "r-1", RISK)
    assert of_organisation(fresh) == ()
    assert of_organisation(fresh, "audits") == ()


def test_an_approved_weakening_is_a_change_from_its_approval_on():
    story = Story()
    story.declare_organisation(people=PEOPLE)
    story.declare()
    story.now += DAY
    story.declare(schedule="@monthly")
    assert seen(story) == [], "what waits has not changed"
    story.now += timedelta(hours=2)
    [need] = needs_of(story, "loosening")
    entry = decide(story, need)
    assert seen(story) == [("schedule", entry.index, False)]


def test_an_approved_version_is_a_deployment_and_a_rejected_one_is_none():
    for option, expected in (("approve", 1), ("reject", 0)):
        story = told(people=PEOPLE)
        story.now += timedelta(hours=2)
        [need] = needs_of(story, "deployment")
        entry = decide(story, need, option=option)
        assert seen(story) == [("loans/1", entry.index, True)] * expected


def test_a_document_changes_when_its_file_becomes_another_one():
    story = Story()
    papers.declare(story)
    papers.look(story, "a")
    papers.look(story, None)
    papers.look(story, "a")
    assert seen(story, ORGANISATION_SCOPE) == []
    changed = papers.look(story, "b", "2")
    assert seen(story, ORGANISATION_SCOPE) == [("policy", changed.index, False)]
    story.now += 91 * DAY
    assert seen(story, ORGANISATION_SCOPE) == []

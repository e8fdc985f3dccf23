"""Each status that records of nonconformities lead to."""

import pytest

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.projections import fold
from affidavit.projections.findings import findings, triaged
from affidavit.projections.need import CORRECTION, NONCONFORMITY
from affidavit.rules import Status
from tests.projections.keeping import NONCONFORMITY as GOOD
from tests.projections.keeping import collect, kept, record
from tests.projections.story import DAY, SCOPE
from tests.rules.test_findings import PATIENCE, assess, triage

CHECK = "nonconformities_treated/1"
KIND = "nonconformities"


@pytest.fixture
def asked(part):
    return lambda story: part(story, CHECK, scope=ORGANISATION_SCOPE)


def told(**changes):
    """One record, good but for the changes; None takes a field out."""
    story = kept(KIND)
    record(story, KIND, "nc-1", {k: v for k, v in {**GOOD, **changes}.items() if v is not None})
    return story


def later(story, days):
    for _ in range(days):
        story.now += DAY
        collect(story)
    return story


def test_one_that_was_closed_after_its_effect_was_seen_supports(asked):
    outcome = asked(told())
    assert outcome.status is Status.SUPPORTED
    assert "1 closed" in outcome.sentence


OPEN = {"closed": None, "closed_by": None}
WRONG = {
    "nobody graded it": ({"graded_by": None}, "is graded minor by nobody"),
    "no cause": ({"cause_in": None}, "similar cases were not looked for"),
    "no similar cases": ({"similar": None, **OPEN}, "similar cases were not looked for"),
    "closed by nobody": ({"closed_by": None}, "was closed by nobody"),
    "closed by its owner": ({"closed_by": "p-1"}, "was closed by p-1, who holds ml-lead, its owner"),
    "closed too early": ({"closed": "2026-02-18"}, "was closed 29 days after it was acted on, not 30"),
    "no such finding": ({"findings": ["A.7.4@9999"]}, "names A.7.4@9999, which is no finding"),
    "overdue": ({"acted": None, **OPEN}, "was due on 2026-02-01, and nobody has acted"),
}


@pytest.mark.parametrize(("changes", "words"), WRONG.values(), ids=WRONG)
def test_what_it_takes_to_close_one(asked, changes, words):
    outcome = asked(told(**changes))
    assert outcome.status is Status.FAILING
    assert words in outcome.sentence


def test_one_that_is_not_due_yet_supports_until_its_day_is_over(asked):
    story = told(acted=None, due="2026-03-04", **OPEN)
    assert asked(story).status is Status.SUPPORTED
    assert asked(later(story, 3)).status is Status.FAILING


def test_one_that_was_acted_on_is_to_be_closed_some_time_after_its_effect_could_be_seen(asked):
    story = told(acted="2026-02-28", effective_days=1, **OPEN)
    assert asked(story).status is Status.SUPPORTED
    outcome = asked(later(story, catalogue.load().policy.triage_days + 1))
    assert outcome.status is Status.FAILING
    assert "was to be seen by 2026-03-02" in outcome.sentence


class TestOfAFinding:
    def failing(self, option=NONCONFORMITY):
        story = kept()
        assess(story, "failing")
        triage(story, option, by="p-3", role="governance-lead")
        scope = fold(story.entries).scope(SCOPE)
        [finding] = findings(scope)
        assert triaged(scope, finding).option == option
        return story, finding

    def test_a_finding_that_is_a_nonconformity_wants_a_record_within_a_fortnight(self, asked):
        story, finding = self.failing()
        outcome = asked(story)
        assert outcome.status is Status.NOT_YET_DUE
        assert finding.name in outcome.next_action
        outcome = asked(later(story, PATIENCE.days))
        assert outcome.status is Status.FAILING
        assert f"called the finding {finding.name} a nonconformity, and no record names it" in outcome.sentence

    def test_a_finding_that_is_none_wants_no_record(self, asked):
        story, _ = self.failing(CORRECTION)
        assert asked(later(story, PATIENCE.days)).status is Status.SUPPORTED

    def closed(self, story, finding, *, days):
        """Acted on today; the requirement works from tomorrow on, and the record is closed ``days`` after today."""
        row = {**GOOD, "findings": [finding.name], "opened": str(story.now.date()), "due": str(story.now.date())}
        row |= {"acted": str(story.now.date()), "effective_days": 5}
        later(story, 1)
        assess(story, "supported")
        closed = story.now - DAY + days * DAY
        later(story, days)
        record(story, KIND, "nc-2", {**row, "closed": str(closed.date())})
        return story

    def test_one_passing_run_closes_nothing(self, asked):
        story, finding = self.failing()
        outcome = asked(self.closed(story, finding, days=5))
        assert outcome.status is Status.FAILING
        assert f"was closed before A.7.4 of {SCOPE} had worked for 5 days" in outcome.sentence

    def test_it_is_closed_once_its_requirement_has_worked_for_the_whole_period(self, asked):
        story, finding = self.failing()
        assert asked(self.closed(story, finding, days=6)).status is Status.SUPPORTED

    def test_what_fails_again_opens_it_again(self, asked):
        story, finding = self.failing()
        self.closed(story, finding, days=6)
        assess(story, "failing")
        outcome = asked(story)
        assert outcome.status is Status.FAILING
        assert "is closed, and A.7.4 of system:loans fails" in outcome.sentence

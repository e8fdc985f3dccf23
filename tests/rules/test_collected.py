"""Each status of the checks of the looking itself."""

from datetime import timedelta

import pytest

from affidavit.evidence import ORGANISATION_SCOPE, Period, kinds
from affidavit.rules import Status
from tests.projections.story import DAY, FIRST, SCOPE, Story, first_day, second_day, told

MIDNIGHT = FIRST.replace(minute=0)
both = pytest.mark.parametrize("check", ["collection_fresh/1", "slots_complete/1"])


def declared() -> Story:
    story = Story()
    story.declare()
    return story


@both
def test_a_slot_collected_on_time_supports(part, check):
    outcome = part(first_day(), check)
    assert outcome.status is Status.SUPPORTED
    assert outcome.valid_until == MIDNIGHT + 2 * DAY


@both
def test_a_scope_without_a_declaration_is_missing(part, check):
    story = Story()
    story.collection()
    assert part(story, check).status is Status.MISSING


@both
def test_a_declared_system_is_not_yet_due_then_missing(part, check):
    story = declared()
    assert part(story, check).status is Status.NOT_YET_DUE
    due = part(story, check).valid_until
    assert part(story, check, at=due - timedelta(seconds=1)).status is Status.NOT_YET_DUE
    late = part(story, check, at=due)
    assert late.status is Status.MISSING
    assert "2026-03-03 00:00Z" in late.sentence


@both
def test_evidence_ages_past_the_grace(part, check):
    story = first_day()
    assert part(story, check, at=MIDNIGHT + 2 * DAY - timedelta(seconds=1)).status is Status.SUPPORTED
    late = part(story, check, at=MIDNIGHT + 2 * DAY)
    assert late.status is Status.STALE
    assert "(2 slots)" in late.sentence


@both
def test_another_systems_collection_counts_for_nothing(part, check):
    story = declared()
    story.collection(scope="system:cards")
    assert part(story, check).status is Status.NOT_YET_DUE


@both
def test_a_slot_of_the_future_counts_for_nothing(part, check):
    story = declared()
    story.collection(slot=Period(MIDNIGHT + DAY, MIDNIGHT + 2 * DAY))
    assert part(story, check).status is Status.NOT_YET_DUE
    assert part(story, check, at=MIDNIGHT + 3 * DAY).status is Status.MISSING


@both
def test_a_collection_that_looked_at_nothing_counts_for_nothing(part, check):
    story = declared()
    story.collection(steps=())
    assert part(story, check).status is Status.NOT_YET_DUE


@both
def test_a_recorded_gap_is_no_look(part, check):
    story = declared()
    story.collection(gap="not collected in time")
    assert part(story, check, at=MIDNIGHT + 3 * DAY).status is Status.MISSING


@both
def test_a_loosened_schedule_does_not_buy_time(part, check):
    story = first_day()
    story.declare(schedule="@monthly")
    assert part(story, check, at=MIDNIGHT + 2 * DAY).status is Status.STALE


def test_an_absent_slot_stays_visible_after_collecting_goes_on(part):
    story = first_day()
    story.now = FIRST + 3 * DAY
    story.collection()
    assert part(story, "collection_fresh/1").status is Status.SUPPORTED
    outcome = part(story, "slots_complete/1")
    assert outcome.status is Status.MISSING
    assert "2 of the latest 4 due slots" in outcome.sentence
    assert "2026-03-04 00:00Z (nothing recorded)" in outcome.sentence


WEEK = Period(MIDNIGHT - DAY, MIDNIGHT + 6 * DAY)
"""The first slot of ``@weekly``: from Sunday to Sunday."""


def weekly_after(story: Story) -> Story:
    """The next look is a week later, for the slot of a week."""
    story.now = FIRST + 6 * DAY
    story.collection(slot=WEEK)
    return story


def test_an_unapproved_slower_schedule_leaves_the_days_between_missing(part):
    story = first_day()
    story.declare(schedule="@weekly")
    outcome = part(weekly_after(story), "slots_complete/1")
    assert outcome.status is Status.MISSING
    # The first day's look, and the week's look for its last day; the newest due slot is that one.
    assert outcome.sentence.startswith("2 of the latest 7 due slots were collected")
    assert "2026-03-07 00:00Z (nothing recorded)" in outcome.sentence


def test_taking_the_slower_schedule_back_does_not_fill_the_days_between(part):
    story = first_day()
    story.declare(schedule="@weekly")
    weekly_after(story).declare()
    assert part(story, "slots_complete/1").status is Status.MISSING


def test_a_week_that_was_collected_while_weeks_were_due_is_one_slot(part):
    story = Story()
    story.declare(schedule="@weekly")
    weekly_after(story).declare(schedule="@daily")
    outcome = part(story, "slots_complete/1")
    assert outcome.status is Status.SUPPORTED
    assert "(1 of 1)" in outcome.sentence


def at_six(story: Story, days: int) -> None:
    """Go on to six o'clock some days later, and collect the day that ends then."""
    story.now = FIRST + days * DAY + timedelta(hours=6)
    six = MIDNIGHT + days * DAY + timedelta(hours=6)
    story.collection(slot=Period(six - DAY, six))


def moved_to_six() -> Story:
    """Three days are collected at midnight; the third time the new schedule is there, and then it is six o'clock."""
    story = first_day()
    story.now += DAY
    story.collection()
    story.now += DAY
    story.declare(schedule="0 6 * * *")
    six = MIDNIGHT + DAY + timedelta(hours=6)
    story.collection(slot=Period(six - DAY, six))  # the latest slot of the new schedule ended yesterday
    for days in (2, 3, 4):
        at_six(story, days)
    return story


def test_a_schedule_that_moved_blames_no_slot_of_the_one_before(part):
    outcome = part(moved_to_six(), "slots_complete/1")
    assert outcome.status is Status.SUPPORTED, outcome.sentence


def test_a_slot_that_was_due_before_the_schedule_moved_stays_missing(part):
    story = first_day()
    story.now += 2 * DAY
    story.collection()
    story.declare(schedule="0 6 * * *")
    at_six(story, 2)
    outcome = part(story, "slots_complete/1")
    assert outcome.status is Status.MISSING
    assert "2026-03-03 00:00Z (nothing recorded)" in outcome.sentence
    assert "06:00Z" not in outcome.sentence


def test_a_week_that_was_collected_before_anything_was_declared_covers_its_last_day(part):
    story = weekly_after(Story())
    story.declare()
    outcome = part(story, "slots_complete/1")
    assert outcome.status is Status.MISSING
    assert outcome.sentence.startswith("1 of the latest 7 due slots")


def test_a_gap_is_named_with_its_reason(part):
    story = first_day()
    story.now = FIRST + 2 * DAY
    gap = story.collection(gap="paused", slot=Period(MIDNIGHT, MIDNIGHT + DAY))
    story.collection()
    outcome = part(story, "slots_complete/1")
    assert outcome.status is Status.MISSING
    assert "2026-03-03 00:00Z (paused)" in outcome.sentence
    assert gap.index in outcome.entries


def test_a_gap_beyond_the_window_is_history(part):
    story = first_day()
    story.now = FIRST + 2 * DAY
    story.collection()
    assert part(story, "slots_complete/1").status is Status.MISSING
    for _ in range(30):
        story.now += DAY
        story.collection()
    assert part(story, "slots_complete/1").status is Status.SUPPORTED


def test_asked_about_the_organisation_every_system_counts(part):
    story = told()
    assert part(story, "collection_fresh/1", scope=ORGANISATION_SCOPE).status is Status.SUPPORTED
    story.collection(scope="system:cards")
    outcome = part(story, "collection_fresh/1", scope=ORGANISATION_SCOPE)
    assert outcome.status is Status.MISSING
    assert outcome.sentence.startswith("cards: ")


def test_an_organisation_without_ai_systems_is_missing_them(part):
    story = Story()
    story.collect_organisation()
    assert part(story, "collection_fresh/1", scope=ORGANISATION_SCOPE).status is Status.MISSING


class TestUnreconciled:
    CHECK = "unreconciled_none/1"
    scopes = pytest.mark.parametrize("scope", [ORGANISATION_SCOPE, SCOPE])

    @scopes
    def test_nothing_unclaimed_supports(self, part, scope):
        assert part(told(), self.CHECK, scope=scope).status is Status.SUPPORTED

    @scopes
    @pytest.mark.parametrize("what", ["experiments", "registered_models", "dags"])
    def test_something_unclaimed_fails_and_is_named(self, part, scope, what):
        story = told()
        story.unreconciled(**{what: ["shadow"]})
        outcome = part(story, self.CHECK, scope=scope)
        assert outcome.status is Status.FAILING
        assert "shadow" in outcome.sentence

    @scopes
    def test_what_nobody_looked_at_leaves_it_open(self, part, scope):
        story = told()
        story.unreconciled(not_looked_at=["dags"])
        outcome = part(story, self.CHECK, scope=scope)
        assert outcome.status is Status.UNDETERMINED
        assert "dags" in outcome.sentence

    @scopes
    def test_unclaimed_beats_not_looked_at(self, part, scope):
        story = told()
        story.unreconciled(experiments=["shadow"], not_looked_at=["dags"])
        assert part(story, self.CHECK, scope=scope).status is Status.FAILING

    @scopes
    def test_no_reconciliation_is_missing(self, part, scope):
        story = told()
        story.entries = [e for e in story.entries if e.statement.kind != "unreconciled"]
        bare = Story()
        for entry in story.entries:
            bare.leaf(entry.leaf)
        assert part(bare, self.CHECK, scope=scope, at=story.now).status is Status.MISSING

    @scopes
    def test_a_look_at_no_server_at_all_is_no_look(self, part, scope):
        story = told()
        story.now += DAY
        story.collection(scope=ORGANISATION_SCOPE, steps=("unreconciled",), unchanged=0)
        late = story.now + DAY
        assert part(story, self.CHECK, scope=scope, at=late).status is Status.STALE
        story.collection(scope=ORGANISATION_SCOPE, steps=("unreconciled",), unchanged=1)
        assert part(story, self.CHECK, scope=scope, at=late).status is Status.SUPPORTED

    @scopes
    def test_the_server_of_the_system_is_the_one_that_counts(self, part, scope):
        story = told()
        story.declare(mlflow={"connection": "elsewhere", "experiments": ["loans"], "registered_models": ["loans"]})
        assert part(story, self.CHECK, scope=scope).status is Status.SUPPORTED  # another server is a weakening
        fresh = Story()
        fresh.collect_organisation()
        fresh.unreconciled("elsewhere")
        fresh.entries = [e for e in fresh.entries if e.statement.subject.name != "affidavit://unreconciled/tracking"]
        bare = Story()
        bare.declare()
        for entry in fresh.entries:
            bare.leaf(entry.leaf)
        assert part(bare, self.CHECK, scope=scope).status is Status.MISSING

    @scopes
    def test_a_reconciliation_in_a_systems_own_scope_does_not_count(self, part, scope):
        story = Story()
        story.declare()
        story.declare_organisation()
        story.collection(scope=ORGANISATION_SCOPE, steps=("unreconciled",))
        facts = {"experiments": [], "registered_models": [], "dags": [], "not_looked_at": []}
        story.say(kinds.UNRECONCILED, "affidavit://unreconciled/tracking", facts)
        assert part(story, self.CHECK, scope=scope).status is Status.MISSING

    @scopes
    def test_it_ages_with_the_organisations_collection(self, part, scope):
        story = second_day(first_day())
        assert part(story, self.CHECK, scope=scope, at=FIRST + 4 * DAY).status is Status.STALE

    @scopes
    def test_an_organisation_not_yet_collected_is_not_yet_due(self, part, scope):
        story = Story()
        story.declare()
        story.declare_organisation()
        story.unreconciled()
        assert part(story, self.CHECK, scope=scope).status is Status.NOT_YET_DUE

    def test_without_systems_there_is_nothing_to_reconcile_with(self, part):
        story = Story()
        story.collect_organisation()
        assert part(story, self.CHECK, scope=ORGANISATION_SCOPE).status is Status.MISSING


@both
def test_a_gap_that_claims_to_have_looked_is_no_look(part, check):
    story = declared()
    facts = {**first_day().collection().statement.facts, "gap": "not collected in time"}
    story.say(kinds.COLLECTION, "affidavit://collections/loans", facts)
    assert part(story, check).status is Status.NOT_YET_DUE


def test_the_grace_does_not_cover_a_gap_that_is_recorded(part):
    story = first_day()
    story.now = FIRST + DAY
    assert part(story, "slots_complete/1").status is Status.SUPPORTED
    story.collection(gap="paused")
    assert part(story, "slots_complete/1").status is Status.MISSING

"""Each status of the checks of declarations, records that nobody keeps, and questions for a person."""

import pytest

from affidavit.evidence import ORGANISATION_SCOPE, kinds
from affidavit.rules import Status
from tests.projections.story import DAY, FIRST, SCOPE, Story, first_day, organisation, told


def test_a_record_that_nobody_keeps_is_missing_whatever_else_there_is(part):
    story = told()
    story.unknown(predicate_type="urn:affidavit:document:v1")
    outcome = part(story, "needs_record/1", record="the AI policy", next_action="Write it")
    assert outcome.status is Status.MISSING
    assert outcome.sentence == "Nothing records the AI policy."
    assert outcome.next_action == "Write it"
    assert outcome.entries == ()


@pytest.mark.parametrize(("ready", "status"), [(True, Status.AWAITING), (False, Status.NOT_YET_DUE)])
def test_a_question_waits_for_its_records_and_then_for_a_person(part, ready, status):
    outcome = part(told(), "question_answered/1", question="Whether it fits.", ready=ready)
    assert outcome.status is status
    assert "Whether it fits" in outcome.next_action


class TestOwners:
    CHECK = "owners_held/1"

    def ask(self, part, story, **rest):
        return part(story, self.CHECK, scope=ORGANISATION_SCOPE, **rest)

    def test_roles_that_somebody_holds_support(self, part):
        assert self.ask(part, told()).status is Status.SUPPORTED

    def test_without_an_organisation_it_is_missing(self, part):
        story = Story()
        story.declare()
        assert self.ask(part, story).status is Status.MISSING

    def test_without_an_ai_system_it_is_missing(self, part):
        story = Story()
        story.declare_organisation()
        assert self.ask(part, story).status is Status.MISSING

    def test_a_role_that_nobody_holds_is_missing_its_holder(self, part):
        story = Story()
        roles = {**organisation()["roles"], "ml-lead": {"title": "ML lead", "holders": []}}
        story.declare_organisation(roles=roles)
        story.declare()
        outcome = self.ask(part, story)
        assert outcome.status is Status.MISSING
        assert "ml-lead" in outcome.sentence

    def test_an_owner_that_is_no_role_fails(self, part):
        story = Story()
        story.declare_organisation()
        story.declare(owner="nobody")
        outcome = self.ask(part, story)
        assert outcome.status is Status.FAILING
        assert "system loans" in outcome.sentence

    def test_an_organisation_in_a_systems_scope_does_not_count(self, part):
        story = Story()
        story.declare()
        facts = {"file": "x", "organisation": organisation(), "systems": ["loans"]}
        story.say(kinds.ORGANISATION, "affidavit://organisations/bank", facts, scope=SCOPE)
        assert self.ask(part, story).status is Status.MISSING


class TestSystemsDeclared:
    CHECK = "systems_declared/1"

    def test_declared_systems_support(self, part):
        assert part(told(), self.CHECK, scope=ORGANISATION_SCOPE).status is Status.SUPPORTED

    def test_none_is_missing(self, part):
        assert part(Story(), self.CHECK, scope=ORGANISATION_SCOPE).status is Status.MISSING

    def test_evidence_of_a_system_that_nobody_declared_leaves_it_open(self, part):
        story = told()
        story.collection(scope="system:cards")
        outcome = part(story, self.CHECK, scope=ORGANISATION_SCOPE)
        assert outcome.status is Status.UNDETERMINED
        assert "system:cards" in outcome.sentence


class TestLoosenings:
    CHECK = "loosenings_decided/1"

    def test_a_change_that_weakens_nothing_supports(self, part):
        story = told()
        story.declare(title="Loans, large and small")
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.SUPPORTED
        assert outcome.sentence.startswith("1 change ")

    def test_a_weakening_waits_and_is_named(self, part):
        story = told()
        story.declare(schedule="@monthly")
        for scope in (SCOPE, ORGANISATION_SCOPE):
            outcome = part(story, self.CHECK, scope=scope)
            assert outcome.status is Status.AWAITING
            assert "include/systems/loans.yaml schedule" in outcome.sentence

    def test_a_weakening_that_is_taken_back_waits_no_more(self, part):
        story = told()
        story.declare(schedule="@monthly")
        story.declare()
        assert part(story, self.CHECK).status is Status.SUPPORTED

    def test_the_holder_of_the_role_that_owns_a_system_does_not_change_unapproved(self, part):
        story = told()
        roles = {**organisation()["roles"], "ml-lead": {"title": "ML lead", "holders": ["p-9"]}}
        story.declare_organisation(roles=roles, owners={})
        assert part(story, self.CHECK, scope=ORGANISATION_SCOPE).status is Status.AWAITING
        assert "p-9" not in str(part(story, self.CHECK, scope=ORGANISATION_SCOPE).sentence)

    def test_with_nothing_declared_it_is_missing(self, part):
        story = Story()
        story.collection()
        assert part(story, self.CHECK).status is Status.MISSING


class TestDroppedSystem:
    checks = pytest.mark.parametrize("check", ["loosenings_decided/1", "systems_declared/1"])

    def dropped(self) -> Story:
        story = told()
        story.now += DAY
        story.collect_organisation(systems=())
        return story

    @checks
    @pytest.mark.parametrize("scope", [SCOPE, ORGANISATION_SCOPE])
    def test_a_file_that_is_gone_fails_and_is_named_with_what_to_do(self, part, check, scope):
        story = self.dropped()
        outcome = part(story, check, scope=scope)
        assert outcome.status is Status.FAILING
        assert "include/systems/loans.yaml is gone" in outcome.sentence
        assert "its obligations stand" in outcome.sentence
        assert "retirement of loans" in outcome.next_action
        assert story.latest[story.declare_organisation(systems=()).statement.stream].index in outcome.entries

    def test_a_weakening_beside_it_is_named_too(self, part):
        story = self.dropped()
        story.declare(schedule="@monthly")
        outcome = part(story, "loosenings_decided/1")
        assert outcome.status is Status.FAILING
        assert "include/systems/loans.yaml schedule" in outcome.sentence

    @checks
    def test_a_file_that_is_back_at_the_next_look_supports(self, part, check):
        story = self.dropped()
        story.now += DAY
        story.collect_organisation()
        assert part(story, check).status is Status.SUPPORTED

    @checks
    def test_a_system_that_is_newer_than_the_organisations_look_is_not_gone(self, part, check):
        story = Story()
        story.collect_organisation(systems=())
        story.now += DAY / 24
        story.declare()
        assert part(story, check).status is Status.SUPPORTED

    @checks
    def test_a_system_that_came_and_went_between_two_looks_is_named_though_they_found_the_same(self, part, check):
        story = Story()
        story.collect_organisation(systems=())
        story.now += DAY / 24
        story.declare()
        story.now += DAY
        story.collect_organisation(systems=())
        assert part(story, check).status is Status.FAILING

    @checks
    def test_a_gap_of_the_organisation_is_no_look_at_the_files(self, part, check):
        story = Story()
        story.collect_organisation(systems=())
        story.now += DAY / 24
        story.declare()
        story.now += DAY
        story.collection(scope=ORGANISATION_SCOPE, gap="paused")
        assert part(story, check).status is Status.SUPPORTED

    def test_another_system_that_is_gone_is_not_this_ones_failure(self, part):
        story = told()
        facts = story.declare().statement.facts
        cards = {**facts["system"], "id": "cards"}
        story.say(kinds.SYSTEM, "affidavit://systems/cards", {**facts, "system": cards}, scope="system:cards")
        story.now += DAY
        story.collect_organisation()
        assert part(story, "loosenings_decided/1").status is Status.SUPPORTED
        outcome = part(story, "loosenings_decided/1", scope=ORGANISATION_SCOPE)
        assert outcome.status is Status.FAILING
        assert "cards.yaml" in outcome.sentence

    def test_every_verdict_of_the_system_says_so(self, verdicts):
        sentences = [v.sentence for (scope, _), v in verdicts(self.dropped()).items() if scope == SCOPE]
        assert all("id in include/systems/loans.yaml" in sentence for sentence in sentences)


class TestDeclaredThingsFound:
    CHECK = "declared_things_found/1"

    def test_what_is_declared_and_found_supports(self, part):
        assert part(told(), self.CHECK).status is Status.SUPPORTED

    def test_an_undeclared_system_is_missing(self, part):
        story = Story()
        story.collection()
        assert part(story, self.CHECK).status is Status.MISSING

    def test_what_was_not_found_is_named(self, part):
        outcome = part(first_day(), self.CHECK)
        assert outcome.status is Status.MISSING
        assert "experiment loans, model loans" in outcome.sentence

    def test_a_run_that_a_task_claims_does_not_show_that_an_experiment_exists(self, part):
        story = first_day()
        story.say(kinds.MODEL_RUN, "airflow://theirs/train", story.run().statement.facts)
        story.entries.pop(-2)
        assert "experiment loans" in part(story, self.CHECK).sentence

    def test_what_another_system_has_does_not_count(self, part):
        story = first_day()
        story.run()
        facts = story.version().statement.facts
        story.declare(mlflow={"connection": "tracking", "experiments": ["loans"], "registered_models": ["loans", "b"]})
        story.say(
            kinds.MODEL_VERSION, "mlflow://tracking/models/b/versions/1", {**facts, "model": "b"}, scope="system:b"
        )
        assert "model b." in part(story, self.CHECK).sentence

    def test_what_was_found_long_ago_is_stale(self, part):
        assert part(told(), self.CHECK, at=FIRST + 5 * DAY).status is Status.STALE

    def test_what_was_found_and_never_collected_in_a_slot_is_not_yet_due(self, part):
        story = Story()
        story.collect_tables()
        story.model()
        assert part(story, self.CHECK).status is Status.NOT_YET_DUE

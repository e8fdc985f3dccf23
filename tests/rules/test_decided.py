"""Each status that people's decisions lead to."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.projections import fold, needs
from affidavit.projections.asking import judgement_subjects
from affidavit.projections.need import Need
from affidavit.rules import Status, judge
from tests.projections.story import DAY, PEOPLE, SCOPE, Story, decide, result, told

CATALOGUE = catalogue.load()
TREE = {"files": 1, "bytes": 1, "moved": 0}


def staffed() -> Story:
    story = told(people=PEOPLE)
    story.now += timedelta(hours=1)
    return story


def asked(story, kind, scope=SCOPE):
    state = fold(story.entries)
    verdicts = judge(state, at=story.now, catalogue=CATALOGUE)
    found = needs(state, verdicts, at=story.now, catalogue=CATALOGUE)
    return [need for need in found if (need.type, need.scope) == (kind, scope)]


class TestVersionApproved:
    CHECK = "version_in_use_approved/1"

    def approve(self, story, version="1", **changes):
        need = next(need for need in asked(story, "deployment") if need.title.endswith(f"version {version}"))
        return decide(story, need, **changes)

    def use(self, story, version, **changes):
        """Another version, registered a day later and put to use."""
        story.now += DAY
        stamp = story.now.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        story.version(version, created_at=stamp, **changes)
        story.alias(version)

    def test_nobody_asked_is_missing(self, part):
        outcome = part(staffed(), self.CHECK)
        assert outcome.status is Status.MISSING
        assert "nobody decided on loans version 1" in outcome.sentence

    def test_approved_by_who_answers_for_it_supports(self, part):
        story = staffed()
        entry = self.approve(story)
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.SUPPORTED
        assert "p-1 answered 'approve'" in outcome.sentence
        assert "after it was in use" in outcome.sentence
        assert entry.index in outcome.entries
        assert asked(story, "deployment") == []

    def test_rejected_and_in_use_fails(self, part):
        story = staffed()
        self.approve(story, option="reject")
        assert part(story, self.CHECK).status is Status.FAILING

    def test_approved_by_somebody_else_is_missing(self, part):
        story = staffed()
        self.approve(story, by="p-2")
        assert part(story, self.CHECK).status is Status.MISSING

    def test_proposed_it_is_asked_before_it_is_in_use(self, part):
        story = staffed()
        self.approve(story)
        story.version("2", created_at="2026-03-09T00:00:00.000Z")
        self.approve(story, "2")
        story.now += DAY
        story.alias("2")
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.SUPPORTED
        assert "after it was in use" not in outcome.sentence

    def test_with_other_artifacts_than_were_approved_it_is_stale(self, part):
        story = staffed()
        story.version("1", artifacts={**TREE, "sha256": "a" * 64})
        self.approve(story)
        story.version("1", artifacts={**TREE, "sha256": "b" * 64})
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.STALE
        assert "other artifacts" in outcome.sentence
        assert len(asked(story, "deployment")) == 1

    def test_rolled_back_to_at_once_with_approval_owed(self, part):
        story = staffed()
        self.approve(story)
        self.use(story, "2")
        assert part(story, self.CHECK).status is Status.MISSING
        story.now += timedelta(hours=1)
        story.alias("1")
        assert part(story, self.CHECK).status is Status.NOT_YET_DUE
        late = story.now + timedelta(hours=25)
        assert part(story, self.CHECK, at=late).status is Status.FAILING
        [need] = [each for each in asked(story, "deployment") if each.title.endswith("version 1")]
        assert need.round == 1
        decide(story, need)
        assert part(story, self.CHECK).status is Status.SUPPORTED

    def test_a_version_that_was_never_approved_cannot_be_rolled_back_to(self, part):
        story = staffed()
        self.use(story, "2")
        story.alias("1")
        assert part(story, self.CHECK).status is Status.MISSING

    def test_a_decision_within_another_envelope_than_is_declared_does_not_count(self, part):
        story = staffed()
        [need] = asked(story, "deployment")
        story.declare(envelope={"measures": {"recall": {"at_least": 0.1}}})
        decide(story, need)
        assert part(story, self.CHECK).status is Status.MISSING


class TestEnvelope:
    CHECK = TestVersionApproved.CHECK
    ENVELOPE = {"measures": {"recall": {"at_least": 0.7}}, "data": {"population_stability_index": {"at_most": 0.2}}}  # noqa: RUF012

    def retrained(self, *, recall=0.8, drift=0.1, envelope=ENVELOPE):
        story = staffed()
        story.declare(envelope=envelope)
        TestVersionApproved().approve(story)
        TestVersionApproved().use(story, "2")
        if recall is not None:
            story.measured(version="2", results=[("recall", recall)])
        if drift is not None:
            results = [result("population_stability_index", drift, about=column) for column in ("age", "income")]
            story.measured("drift", version="2", results=results)
        return story

    def test_inside_the_approval_carries_over_and_says_why(self, part):
        story = self.retrained()
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.SUPPORTED
        assert "carries over to loans version 2: recall was 0.8, at least 0.7" in outcome.sentence
        assert asked(story, "deployment") == []

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"recall": 0.6}, "recall was 0.6, not at least 0.7"),
            ({"drift": 0.3}, "population_stability_index was 0.3"),
            ({"recall": None}, "recall was not measured"),
            ({"drift": None}, "population_stability_index was not measured"),
        ],
    )
    def test_outside_it_is_stale_and_asked_anew(self, part, changes, why):
        story = self.retrained(**changes)
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.STALE
        assert why in outcome.sentence
        assert len(asked(story, "deployment")) == 1

    def test_once_outside_it_stays_outside(self, part):
        story = self.retrained()
        story.measured(version="2", results=[("recall", 0.5)])
        story.measured(version="2", results=[("recall", 0.9)])
        assert part(story, self.CHECK).status is Status.STALE

    def test_without_an_envelope_nothing_carries_over(self, part):
        assert part(self.retrained(envelope=None), self.CHECK).status is Status.MISSING

    def test_it_carries_over_to_the_next_version_and_no_further(self, part):
        story = self.retrained()
        TestVersionApproved().use(story, "3")
        story.measured(version="3", results=[("recall", 0.8)])
        assert part(story, self.CHECK).status is Status.MISSING

    def test_a_canary_is_no_measurement(self, part):
        story = self.retrained(recall=None)
        story.measured(version="2", results=[("recall", 0.9)], canary=True)
        assert part(story, self.CHECK).status is Status.STALE


class TestQuestions:
    CHECK = "question_answered/2"
    QUESTION = "Whether it fits."

    class Machine:
        """A part that the machine judged."""

        def __init__(self, check="suites_passed/1", status=Status.SUPPORTED):
            self.check, self.status = check, status

    def need(self, parts, control="A.7.4"):
        return Need(
            type="judgement",
            scope=SCOPE,
            title=control,
            question=self.QUESTION,
            subjects=judgement_subjects(control, self.QUESTION, parts),
            options=("adequate", "not adequate"),
            roles=(f"competence:{control}",),
        )

    def ask(self, part, story, parts, **rest):
        return part(story, self.CHECK, control="A.7.4", question=self.QUESTION, parts=parts, **rest)

    def test_it_waits_for_its_records_and_then_for_a_person(self, part):
        missing = (self.Machine(status=Status.MISSING),)
        assert self.ask(part, staffed(), missing).status is Status.NOT_YET_DUE
        assert self.ask(part, staffed(), (self.Machine(),)).status is Status.AWAITING

    def test_a_competent_person_supports_it_for_a_year(self, part):
        story, parts = staffed(), (self.Machine(),)
        decide(story, self.need(parts), by="p-2")
        outcome = self.ask(part, story, parts)
        assert outcome.status is Status.SUPPORTED
        assert outcome.valid_until == story.now.replace(year=2027)
        late = self.ask(part, story, parts, at=outcome.valid_until)
        assert (late.status, "lapsed" in late.sentence) == (Status.STALE, True)

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"by": "p-1"}, "did not hold competence:A.7.4"),
            ({"by": "p-2", "details": None}, "no reasons"),
            ({"by": "p-2", "requested_by": "p-2"}, "asked for the decision"),
        ],
    )
    def test_who_is_not_competent_or_gives_no_reasons_leaves_it_waiting(self, part, changes, why):
        story, parts = staffed(), (self.Machine(),)
        decide(story, self.need(parts), **changes)
        outcome = self.ask(part, story, parts)
        assert outcome.status is Status.AWAITING
        assert why in outcome.sentence

    def test_not_adequate_fails_until_it_is_judged_again(self, part):
        story, parts = staffed(), (self.Machine(),)
        decide(story, self.need(parts), by="p-2", option="not adequate")
        outcome = self.ask(part, story, parts)
        assert outcome.status is Status.FAILING
        assert "Mend" in outcome.next_action
        decide(story, self.need(parts), by="p-2", **{"try": 2})
        assert self.ask(part, story, parts).status is Status.SUPPORTED

    def test_another_check_than_was_judged_is_stale(self, part):
        story, parts = staffed(), (self.Machine(),)
        decide(story, self.need(parts), by="p-2")
        outcome = self.ask(part, story, (self.Machine("suites_passed/2"),))
        assert outcome.status is Status.STALE
        assert "has changed since" in outcome.sentence

    def test_the_author_of_what_is_judged_does_not_judge_it(self, part):
        story, parts = staffed(), (self.Machine(),)
        decide(story, replace(self.need(parts), authors=("p-2",)), by="p-2")
        outcome = self.ask(part, story, parts)
        assert outcome.status is Status.AWAITING
        assert "p-2 wrote what is decided on" in outcome.sentence

    def test_the_need_of_a_control_is_what_its_answer_is_found_by(self):
        story = staffed()
        state = fold(story.entries)
        item = CATALOGUE.get("A.7.4")
        parts = (self.Machine(), self.Machine("question_answered/2", Status.AWAITING))
        verdict = Judged(item.id, SCOPE, parts, ())
        [need] = [n for n in needs(state, [verdict], at=story.now, catalogue=CATALOGUE) if n.type == "judgement"]
        assert need.subjects == judgement_subjects(item.id, item.question, parts[:1])
        decide(story, need, by="p-2")
        latest = max(fold(story.entries).scope(SCOPE).decisions[need.topic], key=lambda each: each.entry.index)
        assert latest.counts


@dataclass
class Judged:
    control: str
    scope: str
    parts: tuple
    entries: tuple


class TestExclusion:
    def excluded(self, control="A.6.2.5"):
        story = staffed()
        owners = {"6": "governance-lead", "A.6": "ml-lead"}
        story.declare_organisation(people=PEOPLE, owners=owners, excluded={control: {"why": "No model of ours."}})
        return story

    def test_undecided_it_changes_nothing(self, verdicts):
        verdict = verdicts(self.excluded())[SCOPE, "A.6.2.5"]
        assert verdict.status is not Status.NOT_APPLICABLE

    def decided(self, story, by="p-3"):
        return decide(story, asked(story, "exclusion", ORGANISATION_SCOPE)[0], by=by)

    def test_decided_the_control_is_not_applicable_and_says_why(self, verdicts):
        story = self.excluded()
        entry = self.decided(story)
        verdict = verdicts(story)[SCOPE, "A.6.2.5"]
        assert verdict.status is Status.NOT_APPLICABLE
        assert verdict.sentence.startswith(f"Excluded, as entry {entry.index} decided: No model of ours.")
        assert entry.index in verdict.entries

    def test_excluding_what_fails_is_flagged(self, verdicts):
        story = self.excluded("A.7.4")
        story.look_at_table("train", "2", failed=("expect_column_mean_to_be_between:group",))
        assert verdicts(story)[SCOPE, "A.7.4"].status is Status.FAILING
        self.decided(story)
        verdict = verdicts(story)[SCOPE, "A.7.4"]
        assert verdict.status is Status.NOT_APPLICABLE
        assert "is failing" in verdict.sentence

    def test_taken_back_it_is_judged_at_once(self, verdicts):
        story = self.excluded()
        self.decided(story)
        story.declare_organisation(people=PEOPLE, owners={"6": "governance-lead", "A.6": "ml-lead"})
        assert verdicts(story)[SCOPE, "A.6.2.5"].status is not Status.NOT_APPLICABLE


class TestException:
    UNTIL = date(2026, 4, 1)

    def failing(self, until=None):
        story = staffed()
        exception = {"control": "A.7.4", "until": until or str(self.UNTIL), "why": "The source is being mended."}
        story.declare(exceptions=[exception])
        story.look_at_table("train", "2", failed=("expect_column_mean_to_be_between:group",))
        return story

    def test_a_failure_is_accepted_until_its_day_and_never_supported(self, verdicts):
        story = self.failing()
        assert verdicts(story)[SCOPE, "A.7.4"].status is Status.FAILING
        decide(story, asked(story, "exception")[0])
        verdict = verdicts(story)[SCOPE, "A.7.4"]
        assert verdict.status is Status.ACCEPTED
        assert "accepted until 2026-04-01" in verdict.sentence
        assert verdict.valid_until.date() <= self.UNTIL
        after = datetime(2026, 4, 2, 0, 1, tzinfo=UTC)
        late = verdicts(story, at=after)[SCOPE, "A.7.4"]
        assert late.status is not Status.ACCEPTED

    def test_the_day_after_it_fails_again(self, verdicts):
        story = self.failing(until="2026-03-03")
        decide(story, asked(story, "exception")[0])
        assert verdicts(story)[SCOPE, "A.7.4"].status is Status.ACCEPTED
        late = verdicts(story, at=datetime(2026, 3, 4, 0, 1, tzinfo=UTC))[SCOPE, "A.7.4"]
        assert late.status is Status.FAILING
        assert "Its exception ended on 2026-03-03." in late.sentence

    def test_what_does_not_fail_is_not_accepted(self, verdicts):
        story = self.failing()
        decide(story, asked(story, "exception")[0])
        story.look_at_table("train", "3")
        assert verdicts(story)[SCOPE, "A.7.4"].status not in {Status.ACCEPTED, Status.FAILING}

"""Verdicts over whole ledgers."""

from dataclasses import asdict

import pytest

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE, Circumstances, Origin
from affidavit.projections import State, fold
from affidavit.rules import WORST_FIRST, Status, judge, worst
from tests.projections.story import DAY, FIRST, SCOPE, TABLES, Story, digest, first_day, organisation, told

NEVER_BETTER = {Status.MISSING, Status.NOT_YET_DUE}


def stories() -> dict[str, Story]:
    failing = told()
    failing.validation("train", failed=("a",))
    loosened = told()
    loosened.declare(schedule="@monthly")
    undeclared = Story()
    undeclared.model()
    late = told()
    late.now += 9 * DAY
    return {
        "empty": Story(),
        "first day": first_day(),
        "told": told(),
        "failing": failing,
        "loosened": loosened,
        "undeclared": undeclared,
        "late": late,
    }


each_story = pytest.mark.parametrize("story", stories().values(), ids=stories())


def test_every_requirement_is_judged_once_where_it_belongs(verdicts):
    found = verdicts(told())
    for item in catalogue.load():
        scope = ORGANISATION_SCOPE if item.scope in {"organisation", "supplier"} else SCOPE
        assert (scope, item.id) in found
    assert len(found) == 70


@each_story
def test_a_total_is_never_better_than_its_worst_part(verdicts, story):
    for verdict in verdicts(story).values():
        assert verdict.parts
        statuses = [part.status for part in verdict.parts]
        assert verdict.status is worst(statuses)
        assert (verdict.status is Status.FAILING) == (Status.FAILING in statuses)
        assert all(WORST_FIRST.index(verdict.status) <= WORST_FIRST.index(status) for status in statuses)


@each_story
def test_every_verdict_says_what_it_shows_and_what_to_do(verdicts, story):
    for verdict in verdicts(story).values():
        supported = sum(part.status is Status.SUPPORTED for part in verdict.parts)
        assert verdict.sentence.startswith(f"{supported} of ")
        assert "For a person to judge" in verdict.not_shown
        assert verdict.next_action or verdict.status is Status.SUPPORTED
        assert set(verdict.entries) == {index for part in verdict.parts for index in part.entries}
        assert "complian" not in str(asdict(verdict)).lower()


def test_the_catalogue_and_the_checks_never_promise_compliance():
    for item in catalogue.load():
        assert "complian" not in str(asdict_slots(item)).lower()


def asdict_slots(item):
    return [getattr(item, name) for name in type(item).__dataclass_fields__]


def test_of_an_empty_ledger_everything_is_missing_or_not_yet_due():
    found = judge(State(), at=FIRST, catalogue=catalogue.load())
    assert {verdict.scope for verdict in found} == {ORGANISATION_SCOPE}
    assert all(verdict.status is Status.MISSING for verdict in found)
    assert {part.status for verdict in found for part in verdict.parts} <= NEVER_BETTER
    assert all(verdict.valid_until is None and verdict.owner == "" for verdict in found)


def test_of_unknown_kinds_alone_nothing_is_better(verdicts):
    story, known = Story(), told()
    for entry in known.entries:
        story.unknown(predicate_type=entry.statement.predicate_type + "9", like=draft_of(entry))
    assert len(fold(story.entries).aside) == len(story.entries)
    assert {verdict.status for verdict in verdicts(story, at=known.now).values()} == {Status.MISSING}


def draft_of(entry):
    from affidavit.evidence import Draft

    return Draft.of(entry.statement)


def test_the_scope_of_a_system_without_a_declaration_is_judged_and_shows_nothing(verdicts):
    story = Story()
    story.model()
    for table in TABLES:
        story.look_at_table(table)
    story.collection()
    mine = [verdict for (scope, _), verdict in verdicts(story).items() if scope == SCOPE]
    assert mine
    assert {verdict.status for verdict in mine} == {Status.MISSING}


class TestDataQuality:
    """A.7.4, which evidence alone can support."""

    def test_tables_that_passed_support_it(self, verdicts):
        verdict = verdicts(told())[SCOPE, "A.7.4"]
        assert verdict.status is Status.SUPPORTED
        assert verdict.sentence.startswith("4 of 4 parts supported.")
        assert verdict.next_action == ""
        assert "A.7.2" in verdict.not_shown

    def test_it_rests_on_every_table(self, verdicts):
        story = told()
        rest = set(verdicts(story)[SCOPE, "A.7.4"].entries)
        for kind in ("dataset-snapshot", "validation", "suite-declaration"):
            assert {entry.index for entry in story.entries if entry.statement.kind == kind} <= rest

    @pytest.mark.parametrize("table", TABLES)
    def test_data_that_failed_and_is_in_use_fails_it(self, verdicts, table):
        story = told()
        story.validation(table, failed=("expect_a",))
        verdict = verdicts(story)[SCOPE, "A.7.4"]
        assert verdict.status is Status.FAILING
        assert "expect_a" in verdict.sentence

    @pytest.mark.parametrize("table", TABLES)
    def test_one_changed_table_makes_it_stale(self, verdicts, table):
        story = told()
        story.snapshot(table, "2")
        assert verdicts(story)[SCOPE, "A.7.4"].status is Status.STALE

    @pytest.mark.parametrize("table", TABLES)
    def test_one_validation_against_another_suite_makes_it_stale(self, verdicts, table):
        story = told()
        story.validation(table, suite=digest("another"))
        assert verdicts(story)[SCOPE, "A.7.4"].status is Status.STALE

    def test_it_turns_stale_when_nobody_looks(self, verdicts):
        story = told()
        until = verdicts(story)[SCOPE, "A.7.4"].valid_until
        assert verdicts(story, at=until)[SCOPE, "A.7.4"].status is Status.STALE

    def test_without_its_tables_it_is_missing(self, verdicts):
        story = Story()
        story.declare()
        story.collection()
        assert verdicts(story)[SCOPE, "A.7.4"].status is Status.MISSING


def test_a_requirement_for_people_waits_for_them_at_best():
    for item in catalogue.load():
        if item.automation != "machine":
            continue
        assert all(not call.check.startswith("question_answered/") for call in item.parts)
    machine = {item.id for item in catalogue.load() if item.automation == "machine"}
    for story in stories().values():
        for verdict in judge(fold(story.entries), at=story.now, catalogue=catalogue.load()):
            asked = verdict.parts[-1].check == "question_answered/2"
            assert asked == (verdict.control not in machine)
            assert not (asked and verdict.status is Status.SUPPORTED)


def test_once_the_records_are_there_a_hybrid_awaits_judgement():
    """With the records that nobody keeps yet left out of the question."""
    from dataclasses import replace

    whole = catalogue.load()
    asked = whole.get("A.7.2")
    left_out = {"needs_record/1", "register_reconciled/1", "document_kept/1"}
    parts = tuple(call for call in asked.parts if call.check not in left_out)
    short = replace(whole, clauses=(), controls=(replace(asked, parts=parts),))
    story = told()
    (verdict,) = judge(fold(story.entries), at=story.now, catalogue=short)
    assert verdict.status is Status.AWAITING
    assert verdict.sentence.startswith("2 of 3 parts supported. Nobody has judged yet")


def test_the_owner_is_the_nearest_role_that_the_organisation_names(verdicts):
    found = verdicts(told())
    assert found[SCOPE, "A.7.4"].owner == "ml-lead"
    assert found[SCOPE, "A.7.5"].owner == "data-owner"
    assert found[SCOPE, "A.4.2"].owner == "ml-lead", "the system's owner, where the organisation names none"
    assert found[ORGANISATION_SCOPE, "4.3"].owner == "governance-lead"
    assert found[ORGANISATION_SCOPE, "A.2.2"].owner == ""


def test_a_weakening_without_approval_is_said_with_every_verdict_of_its_scope(verdicts):
    story = told()
    story.declare(schedule="@monthly")
    found = verdicts(story)
    assert found[SCOPE, "A.7.4"].status is Status.SUPPORTED
    for (scope, _), verdict in found.items():
        assert ("schedule in include/systems/loans.yaml" in verdict.sentence) == (scope == SCOPE)
        if scope == SCOPE:
            assert verdict.sentence.endswith("the old obligation stands.")


def test_a_shadow_experiment_fails_scope_and_resources(verdicts):
    story = told()
    story.unreconciled(experiments=["shadow"])
    found = verdicts(story)
    assert found[ORGANISATION_SCOPE, "4.3"].status is Status.FAILING
    assert found[SCOPE, "A.4.2"].status is Status.FAILING
    assert "shadow" in found[SCOPE, "A.4.2"].sentence


def test_a_verdict_is_as_strong_as_the_weakest_evidence_it_needs(verdicts):
    found = verdicts(told())
    assert found[SCOPE, "A.4.3"].origin is Origin.RECORDED
    assert found[SCOPE, "A.7.5"].origin is Origin.DECLARED, "which table holds the answers is what somebody wrote"
    assert found[SCOPE, "A.6.2.6"].origin is Origin.OBSERVED
    assert found[SCOPE, "A.7.4"].origin is Origin.DECLARED, "its suites are what somebody wrote"
    assert found[SCOPE, "A.5.5"].origin is None


def test_what_was_known_then_does_not_depend_on_what_came_later():
    """Judged live after each entry, and again from the prefix of the whole ledger."""
    story = told()
    story.now += DAY
    story.look_at_table("train", "2", failed=("a",))
    story.alias("2")
    story.declare_organisation(roles={**organisation()["roles"], "new": {"title": "New", "holders": []}})
    whole, live, state = catalogue.load(), [], State()
    for entry in story.entries:
        state.apply(entry)
        if entry.index % 4 == 0:
            live.append((entry.index, judge(state, at=moment_of(entry), catalogue=whole)))
    for index, then in live:
        prefix = story.entries[: index + 1]
        assert judge(fold(prefix), at=moment_of(prefix[-1]), catalogue=whole) == then


def moment_of(entry):
    from affidavit.evidence import moment

    return moment(entry.statement.observed_at)


def test_judging_does_not_change_the_state():
    story = told()
    state = fold(story.entries)
    judge(state, at=story.now, catalogue=catalogue.load())
    assert state == fold(story.entries)


def test_what_is_staged_is_known_by_text_and_scope():
    story = Story(demonstration="scripted")
    story.declare()
    story.suite()
    story.demonstration = None
    story.declare_organisation()
    (marked,) = fold(story.entries).demonstrations
    assert (marked.text, marked.scope, marked.count) == ("scripted", SCOPE, 2)
    assert Circumstances(FIRST).demonstration is None

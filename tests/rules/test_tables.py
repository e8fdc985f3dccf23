"""Each status of the checks of tables; above all where there is evidence and it is wrong."""

from typing import Any

import pytest

from affidavit.evidence import kinds
from affidavit.inventory import Suite
from affidavit.rules import Status
from tests.projections.story import (
    DAY,
    FIRST,
    SCORED,
    STEPS,
    SUITE,
    TABLES,
    Story,
    digest,
    first_day,
    second_day,
    system,
    told,
)

TABLE_CHECKS = (
    "tables_observed/1",
    "relations_unchanged/1",
    "suites_in_force/1",
    "tables_validated/1",
    "suites_passed/1",
    "representativeness_expected/1",
)
OTHER = "system:cards"


def loose() -> Suite:
    return Suite.model_validate({**SUITE.model_dump(mode="json"), "expectations": [SUITE.expectations[0]]})


@pytest.mark.parametrize("check", [*TABLE_CHECKS, "failed_data_kept_out/1"])
def test_with_everything_there_it_is_supported(part, check):
    outcome = part(told(), check)
    assert outcome.status is Status.SUPPORTED
    assert outcome.entries


@pytest.mark.parametrize("check", [*TABLE_CHECKS, "failed_data_kept_out/1"])
def test_of_a_declaration_alone_nothing_is_supported(part, check):
    story = Story()
    story.declare()
    assert part(story, check).status is Status.MISSING


@pytest.mark.parametrize("check", TABLE_CHECKS)
def test_without_a_declaration_evidence_of_tables_counts_for_nothing(part, check):
    story = Story()
    story.suite()
    for table in TABLES:
        story.look_at_table(table)
    story.collection()
    assert part(story, check).status is Status.MISSING


@pytest.mark.parametrize("check", [*TABLE_CHECKS, "failed_data_kept_out/1"])
def test_evidence_of_another_ai_system_counts_for_nothing(part, check):
    story = Story()
    story.declare()
    story.suite(scope=OTHER)
    for table in TABLES:
        story.snapshot(table, scope=OTHER)
        story.validation(table, scope=OTHER)
    story.collection(scope=OTHER)
    story.collection()
    assert part(story, check).status is Status.MISSING


def test_an_empty_table_shows_nothing(part):
    story = told()
    story.snapshot("test", "2", rows=0)
    assert part(story, "tables_observed/1").status is Status.UNDETERMINED


ABOUT_ROWS = sorted({*TABLE_CHECKS, "failed_data_kept_out/1"} - {"suites_in_force/1"})


@pytest.mark.parametrize("check", ABOUT_ROWS)
def test_a_table_that_moved_while_it_was_read_is_undetermined_until_a_look_holds(part, check):
    story = told()
    story.snapshot("train", "2", consistency=kinds.MOVED)
    outcome = part(story, check)
    assert (outcome.status, "moved while" in outcome.sentence) == (Status.UNDETERMINED, True)
    story.look_at_table("train", "2")
    assert "moved while" not in part(story, check).sentence


@pytest.mark.parametrize(
    ("check", "table"),
    [("training_fingerprint_stands/1", "train"), ("holdout_distinct/1", "test"), ("lineage_ahead/1", "scored")],
)
def test_a_table_that_moved_while_it_was_read_supports_nothing_about_a_model_either(part, check, table):
    story = told()
    assert part(story, check).status is Status.SUPPORTED
    for state in ("1", "2"):
        story.snapshot(table, state, consistency=kinds.MOVED)
    outcome = part(story, check)
    assert (outcome.status, "moved while" in outcome.sentence) == (Status.UNDETERMINED, True)


def test_a_swapped_view_stays_a_finding_while_its_rows_move(part):
    story = told()
    story.snapshot("train", "2", relation=view("other rows"))
    story.snapshot("train", "3", consistency=kinds.MOVED)
    assert part(story, "relations_unchanged/1").status is Status.FAILING


AGEING = ["tables_observed/1", "relations_unchanged/1", "tables_validated/1", "suites_passed/1"]


@pytest.mark.parametrize("check", AGEING)
def test_what_is_no_longer_looked_at_turns_stale(part, check):
    outcome = part(told(), check, at=FIRST + 4 * DAY)
    assert outcome.status is Status.STALE
    assert "2026-03-04 00:00Z" in outcome.sentence


@pytest.mark.parametrize("check", AGEING)
def test_it_is_good_until_the_grace_is_over_and_no_longer(part, check):
    until = part(told(), check).valid_until
    assert part(told(), check, at=until - DAY / 1000).status is Status.SUPPORTED
    assert part(told(), check, at=until).status is Status.STALE


def test_a_look_that_brought_no_fact_of_the_table_is_none(part):
    story = first_day()
    story.now = FIRST + 4 * DAY
    story.collection(unchanged=0)
    assert part(story, "tables_observed/1").status is Status.STALE


def test_only_the_asked_uses_are_judged(part):
    story = told()
    story.validation("test", failed=("a",))
    assert part(story, "suites_passed/1", uses=["prediction"]).status is Status.SUPPORTED
    assert part(story, "suites_passed/1", uses=["test"]).status is Status.FAILING
    outcome = part(story, "suites_passed/1", uses=["production"])
    assert outcome.status is Status.MISSING
    assert "declared for production" in outcome.sentence


def test_a_table_that_names_no_suite_is_missing_one(part):
    story = told()
    scored = {k: v for k, v in system()["predictions"][0].items() if k != "suite"}
    story.declare(predictions=[{**scored, "id": "more", "table": "more"}, system()["predictions"][0]])
    outcome = part(story, "suites_in_force/1")
    assert outcome.status is Status.MISSING
    assert "more names no suite" in outcome.sentence


def test_a_suite_of_another_name_is_not_the_suite(part):
    story = Story()
    story.declare()
    story.suite(Suite.model_validate({**SUITE.model_dump(mode="json"), "name": "cards"}))
    assert part(story, "suites_in_force/1").status is Status.MISSING


def test_a_validation_of_an_older_state_is_stale(part):
    story = told()
    story.snapshot("train", "2")
    for check in ("tables_validated/1", "suites_passed/1"):
        outcome = part(story, check)
        assert outcome.status is Status.STALE
        assert "train has changed since" in outcome.sentence


def test_a_validation_against_another_suite_is_stale(part):
    story = told()
    story.validation("train", suite=digest("another"))
    for check in ("tables_validated/1", "suites_passed/1"):
        outcome = part(story, check)
        assert outcome.status is Status.STALE
        assert "another suite" in outcome.sentence


def test_a_loosened_suite_is_not_the_one_in_force(part):
    story = told()
    story.suite(loose())
    assert part(story, "tables_validated/1").status is Status.SUPPORTED
    assert part(story, "representativeness_expected/1").status is Status.SUPPORTED
    story.validation("train", suite=loose().digest)
    assert part(story, "tables_validated/1").status is Status.STALE


def test_a_validation_without_a_snapshot_is_missing_the_table(part):
    story = first_day()
    bare = Story()
    for entry in story.entries:
        if entry.statement.kind != "dataset-snapshot":
            bare.leaf(entry.leaf)
    assert part(bare, "tables_validated/1").status is Status.MISSING


def test_that_a_validation_took_place_does_not_depend_on_its_result(part):
    story = told()
    story.validation("train", failed=("a",))
    assert part(story, "tables_validated/1").status is Status.SUPPORTED


def test_a_failed_validation_fails_and_names_what_failed(part):
    story = told()
    story.validation("test", failed=("expect_a", "expect_b", "expect_c", "expect_d"))
    outcome = part(story, "suites_passed/1")
    assert outcome.status is Status.FAILING
    assert "test failed 4 expectations: expect_a, expect_b, expect_c and 1 more" in outcome.sentence


def test_a_suite_without_an_expectation_of_representativeness_is_missing_it(part):
    story = Story()
    story.declare()
    story.suite(loose())
    outcome = part(story, "representativeness_expected/1")
    assert outcome.status is Status.MISSING
    assert "expectations/loans.yaml" in outcome.next_action


@pytest.mark.parametrize("check", ["suites_passed/1", "failed_data_kept_out/1"])
@pytest.mark.parametrize("table", ["train", "test"])
def test_tests_that_had_nothing_to_judge_support_nothing_and_fail_nothing(part, check, table):
    story = told()
    story.validation(table, warned=("expect_a:b",))
    outcome = part(story, check)
    assert (outcome.status, "expect_a:b" in outcome.sentence) == (Status.UNDETERMINED, True)
    story.validation(table, warned=("expect_a:b",), failed=("expect_c:d",))
    assert part(story, check).status is Status.FAILING


class TestRepresentativeness:
    CHECK = "representativeness_expected/1"
    MEAN = SUITE.expectations[1].test

    def test_data_that_is_not_as_expected_fails_and_the_expectation_is_named(self, part):
        story = told()
        story.validation("train", failed=(self.MEAN,))
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.FAILING
        assert self.MEAN in outcome.sentence

    def test_a_warning_is_no_pass(self, part):
        story = told()
        story.validation("train", warned=(self.MEAN,))
        assert part(story, self.CHECK).status is Status.UNDETERMINED

    def test_another_expectation_that_failed_is_not_this_questions(self, part):
        story = told()
        story.validation("train", failed=(SUITE.expectations[0].test,))
        assert part(story, self.CHECK).status is Status.SUPPORTED

    def test_test_data_does_not_answer_for_training_data(self, part):
        story = told()
        story.validation("test", failed=(self.MEAN,))
        assert part(story, self.CHECK).status is Status.SUPPORTED

    def test_what_was_expected_and_not_evaluated_leaves_it_open(self, part):
        story = told()
        facts = {**story.validation("train").statement.facts, "passedTests": []}
        story.say(kinds.VALIDATION, TABLES["train"], facts, sha256=digest("train 1"))
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.UNDETERMINED
        assert self.MEAN in outcome.sentence

    def test_expected_and_never_validated_is_missing(self, part):
        story = Story()
        story.declare()
        story.suite()
        story.snapshot("train")
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.MISSING
        assert "never validated" in outcome.sentence

    def test_a_pass_of_an_older_state_is_stale(self, part):
        story = told()
        story.snapshot("train", "2")
        assert part(story, self.CHECK).status is Status.STALE

    def test_it_ages_with_the_validation(self, part):
        outcome = part(told(), self.CHECK)
        assert outcome.valid_until
        assert part(told(), self.CHECK, at=outcome.valid_until).status is Status.STALE

    def test_the_label_alone_shows_nothing(self, part):
        rows = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 0}}
        suite = Suite.model_validate(
            {"name": "loans", "description": "d", "expectations": [{**rows, "quality": "representativeness"}]}
        )
        story = Story()
        story.declare()
        story.suite(suite)
        story.snapshot("train")
        facts = {**story.validation("train", suite=suite.digest).statement.facts, "passedTests": [rows["type"]]}
        story.say(kinds.VALIDATION, TABLES["train"], facts, sha256=digest("train 1"))
        story.collection()
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.MISSING
        assert rows["type"] in outcome.sentence


def input_named(name: str) -> dict[str, Any]:
    return {"name": name, "context": None, "source_digest": "", "fingerprint": None, "rows": None}


class TestFailedDataKeptOut:
    CHECK = "failed_data_kept_out/1"

    def test_training_data_that_failed_and_is_in_use_fails(self, part):
        story = told()
        story.validation("train", failed=("expect_a",))
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.FAILING
        assert "loans version 1 is in use and was trained on bank/loans_train" in outcome.sentence
        assert "expect_a" in outcome.sentence

    def test_hold_out_data_that_failed_fails(self, part):
        story = told()
        story.validation("test", failed=("a",))
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.FAILING
        assert "evaluated on" in outcome.sentence

    def test_scored_rows_that_failed_are_in_use_and_fail(self, part):
        story = told()
        story.validation("scored", failed=("a",))
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.FAILING
        assert "Its rows are in use" in outcome.sentence

    def test_a_later_bad_state_that_nothing_was_trained_on_was_caught(self, part):
        story = told()
        story.look_at_table("train", "2", failed=("a",))
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.SUPPORTED
        assert "train failed and was kept out" in outcome.sentence

    def test_a_later_good_state_does_not_mend_what_was_trained_on_a_bad_one(self, part):
        story = told()
        story.validation("train", failed=("a",))
        story.look_at_table("train", "2")
        assert part(story, self.CHECK).status is Status.FAILING

    @pytest.mark.parametrize("withdrawn", [True, False])
    def test_a_failed_table_is_not_kept_out_because_nothing_is_in_use(self, part, withdrawn):
        story = first_day()
        if withdrawn:
            story.alias(None)
        story.validation("train", failed=("a",))
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.FAILING
        assert "Nothing shows that it was kept out" in outcome.sentence

    def test_an_alias_that_was_withdrawn_leaves_nothing_in_use(self, part):
        story = first_day()
        story.alias(None)
        assert part(story, self.CHECK).status is Status.SUPPORTED

    def test_an_alias_that_was_never_recorded_leaves_it_open_whatever_passed(self, part):
        outcome = part(first_day(), self.CHECK)
        assert outcome.status is Status.UNDETERMINED
        assert "nothing recorded says where the alias 'champion' of loans points" in outcome.sentence
        assert "in_use_alias" in outcome.next_action

    def test_a_misspelt_alias_hides_no_version_trained_on_bad_data(self, part):
        told_wrong = {"connection": "tracking", "experiments": ["loans"], "registered_models": ["loans"]}
        story = Story()
        story.declare(mlflow={**told_wrong, "in_use_alias": "champoin"})
        story.suite()
        story.look_at_table("train", failed=("a",))
        story.model()
        for table in TABLES:
            story.look_at_table(table, "2")
        story.collection()
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.UNDETERMINED
        assert "champoin" in outcome.sentence

    def test_a_bad_state_is_not_kept_out_where_the_trail_has_a_gap(self, part):
        story = told()
        story.run(inputs=[*story.run().statement.facts["inputs"], input_named("laptop.csv")])
        assert part(story, self.CHECK).status is Status.UNDETERMINED
        story.look_at_table("train", "2", failed=("a",))
        assert part(story, self.CHECK).status is Status.FAILING

    def test_a_registry_that_nobody_looks_at_any_more_is_stale(self, part):
        story = told()
        story.now += 3 * DAY
        story.collection(steps=tuple(step for step in STEPS if step != "mlflow-models"))
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.STALE
        assert "mlflow-models" in outcome.sentence

    def test_a_pass_of_other_rows_under_the_digest_that_failed_mends_nothing(self, part):
        story = first_day()
        story.model()
        story.validation("train", failed=("expect_a",))
        second_day(story)
        story.validation("train", carried=3)
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.FAILING
        assert "trained on bank/loans_train, which failed 1 expectation: expect_a" in outcome.sentence

    def test_a_state_validated_only_while_partitions_were_carried_over_leaves_it_open(self, part):
        story = told()
        story.snapshot("train", "0")
        story.edge("train", "0")
        story.validation("train", "0", carried=3)
        story.look_at_table("train")
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.UNDETERMINED
        assert "3 partitions of it had been read earlier" in outcome.sentence
        assert "rotation of 1" in outcome.next_action
        story.validation("train", "0")
        assert part(story, self.CHECK).status is Status.SUPPORTED

    def test_a_state_that_failed_one_suite_passes_by_another_that_came_into_force(self, part):
        story = told()
        story.validation("train", suite=digest("before"), failed=("expect_a",))
        story.validation("train")
        assert part(story, self.CHECK).status is Status.SUPPORTED

    def test_a_state_that_was_never_validated_leaves_it_open(self, part):
        story = told()
        story.snapshot("train", "0")
        story.edge("train", "0")
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.UNDETERMINED
        assert "never validated" in outcome.sentence

    def test_a_version_without_lineage_leaves_it_open(self, part):
        story = first_day()
        story.run()
        story.version()
        story.alias()
        assert part(second_day(story), self.CHECK).status is Status.UNDETERMINED

    def test_a_system_that_names_no_model_leaves_it_open(self, part):
        story = Story()
        story.declare(mlflow={"connection": "tracking", "experiments": ["loans"]})
        story.suite()
        for table in TABLES:
            story.look_at_table(table)
        assert part(story, self.CHECK).status is Status.UNDETERMINED

    def test_a_table_that_was_never_validated_is_missing(self, part):
        story = Story()
        story.declare()
        story.model()
        assert part(story, self.CHECK).status is Status.MISSING

    def test_rolling_back_to_a_version_trained_on_good_data_mends_it(self, part):
        story = told()
        story.validation("train", failed=("a",))
        story.alias("0")
        story.version("0", run="mlflow://tracking/runs/r0")
        story.say(
            kinds.MODEL_RUN,
            "mlflow://tracking/runs/r0",
            {
                **story.run().statement.facts,
                "inputs": [{"name": "scored", "context": None, "source_digest": "", "fingerprint": None, "rows": None}],
            },
        )
        facts = {**story.edge("train").statement.facts}
        facts |= {
            "from": {"name": SCORED, "digest": digest("scored 1")},
            "to": {"name": "mlflow://tracking/runs/r0", "digest": None},
        }
        story.say(kinds.LINEAGE_EDGE, "affidavit://lineage/other", facts)
        assert part(story, self.CHECK).status is Status.SUPPORTED


def view(definition: str) -> dict[str, Any]:
    return {"kind": "view", "sha256": digest(definition)}


def test_a_view_swapped_under_the_same_name_is_named_with_the_entries_between_which_it_was(part):
    story = told()
    entries = [story.snapshot("train", "1", relation=view(text)) for text in ("all rows", "all rows", "good rows")]
    told_before = part(story, "relations_unchanged/1")
    assert told_before.status is Status.FAILING  # it was a table at first
    assert "Under the name loans_train stands a view of the definition" in told_before.sentence
    assert "at first it was a table" in told_before.sentence
    assert entries[-1].index in told_before.entries


def test_a_definition_that_was_put_back_is_supported_again(part):
    story = Story()
    story.declare()
    for table in TABLES:
        story.look_at_table(table)
    story.collection()
    first = part(story, "relations_unchanged/1")
    story.snapshot("train", "2", relation=view("other rows"))
    swapped = part(story, "relations_unchanged/1")
    story.snapshot("train", "1")
    assert [outcome.status for outcome in (first, swapped, part(story, "relations_unchanged/1"))] == [
        Status.SUPPORTED,
        Status.FAILING,
        Status.SUPPORTED,
    ]


def test_of_a_name_that_nobody_asked_about_nothing_is_supported(part):
    story = Story()
    story.declare()
    for table in TABLES:
        story.snapshot(table, relation=None)
    outcome = part(story, "relations_unchanged/1")
    assert outcome.status is Status.MISSING
    assert "never recorded" in outcome.sentence

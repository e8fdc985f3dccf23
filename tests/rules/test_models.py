"""Each status of the checks of the version in use; above all where there is evidence and it is wrong."""

from datetime import timedelta

import pytest

from affidavit.evidence import Origin, Period, kinds
from affidavit.rules import Status
from tests.projections.story import (
    DAY,
    FIRST,
    NONE_WITHHELD,
    RUN,
    STEPS,
    TEST,
    TRAIN,
    TRAINED,
    Story,
    digest,
    first_day,
    second_day,
    told,
)

HOUR = timedelta(hours=1)
NEEDS = ["params", "metrics", "commit", "environment", "inputs", "signature", "description"]
CHECKS = {
    "version_in_use_resolved/1": {},
    "run_recorded/1": {"needs": NEEDS},
    "lineage_complete/1": {},
    "lineage_ahead/1": {},
    "training_data_validated/1": {},
    "training_fingerprint_stands/1": {},
    "holdout_distinct/1": {},
}
every = pytest.mark.parametrize(("check", "params"), CHECKS.items())


@every
def test_with_everything_there_it_is_supported(part, check, params):
    outcome = part(told(), check, **params)
    assert outcome.status is Status.SUPPORTED
    assert outcome.entries
    assert outcome.valid_until


@every
def test_without_a_declaration_it_is_missing(part, check, params):
    story = Story()
    story.model()
    assert part(story, check, **params).status is Status.MISSING


@every
def test_a_system_that_names_no_model_is_missing_one(part, check, params):
    story = Story()
    story.declare(mlflow={"connection": "tracking", "experiments": ["loans"]})
    story.model()
    assert "no registered model" in part(story, check, **params).sentence
    assert part(story, check, **params).status is Status.MISSING


@every
def test_without_an_alias_nothing_is_in_use(part, check, params):
    story = second_day(first_day())
    story.run()
    story.version()
    outcome = part(story, check, **params)
    assert outcome.status is Status.MISSING
    assert outcome.status is not Status.SUPPORTED


@every
def test_an_alias_that_was_taken_away_leaves_nothing_in_use(part, check, params):
    story = told()
    story.alias(None)
    assert part(story, check, **params).status is Status.MISSING


@every
def test_an_alias_of_another_server_or_model_does_not_count(part, check, params):
    story = second_day(first_day())
    story.run()
    story.version()
    for subject, model in (
        ("mlflow://other/models/loans@champion", "loans"),
        ("mlflow://tracking/models/x@champion", "x"),
    ):
        story.say(kinds.MODEL_ALIAS, subject, {"model": model, "alias": "champion", "version": "1"})
    assert part(story, check, **params).status is Status.MISSING


@every
def test_an_unknown_kind_that_looks_like_the_alias_does_not_count(part, check, params):
    story = second_day(first_day())
    story.run()
    story.version()
    facts = {"model": "loans", "alias": "champion", "version": "1"}
    draft = story.draft(kinds.MODEL_ALIAS, "mlflow://tracking/models/loans@champion", facts)
    story.unknown(predicate_type="urn:affidavit:model-alias:v2", like=draft)
    assert part(story, check, **params).status is Status.MISSING


@every
def test_a_version_that_is_not_recorded_is_missing(part, check, params):
    story = told()
    story.alias("2")
    outcome = part(story, check, **params)
    assert outcome.status is Status.MISSING
    assert "version 2 is in use and not recorded" in outcome.sentence


@every
def test_a_version_without_a_run_is_missing_it(part, check, params):
    story = told()
    story.version(run=None)
    assert part(story, check, **params).status is Status.MISSING


@every
def test_what_is_no_longer_looked_at_turns_stale(part, check, params):
    assert part(told(), check, at=FIRST + 5 * DAY, **params).status is Status.STALE


@every
def test_a_collection_without_the_registry_does_not_keep_it_fresh(part, check, params):
    story = told()
    story.now += 4 * DAY
    story.collection(steps=("mlflow-runs",))
    assert part(story, check, **params).status is Status.STALE


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "FAILED"}, "its run is failed"),
        ({"status": "RUNNING"}, "its run is running"),
        ({"lifecycle": "deleted"}, "its run is deleted"),
        ({"lifecycle": "gone"}, "its run is gone"),
    ],
)
def test_a_version_in_use_from_a_run_that_is_not_good_fails(part, changes, words):
    story = told()
    story.run(**changes)
    outcome = part(story, "version_in_use_resolved/1")
    assert outcome.status is Status.FAILING
    assert words in outcome.sentence


@pytest.mark.parametrize("changes", [{"status": "FAILED_REGISTRATION"}, {"lifecycle": "gone"}])
def test_a_version_in_use_that_is_not_ready_or_not_there_fails(part, changes):
    story = told()
    story.version(**changes)
    assert part(story, "version_in_use_resolved/1").status is Status.FAILING


@pytest.mark.parametrize(
    ("need", "run", "version"),
    [
        ("params", {"params": {}}, {}),
        ("metrics", {"metrics": {}}, {}),
        ("metrics", {"metrics": {"auc": "float:nan"}}, {}),
        ("commit", {"source": {"commit": None, "dirty": None}}, {}),
        ("inputs", {"inputs": []}, {}),
        ("environment", {}, {"environment": False}),
        ("signature", {}, {"signature": False}),
        ("description", {}, {"described": False}),
    ],
)
def test_what_the_run_does_not_record_is_named(part, need, run, version):
    story = told()
    story.run(**run)
    story.version(**version)
    outcome = part(story, "run_recorded/1", needs=NEEDS)
    assert outcome.status is Status.MISSING
    assert f"records no {need}." in outcome.sentence
    rest = [other for other in NEEDS if other != need]
    assert part(story, "run_recorded/1", needs=rest).status is Status.SUPPORTED


def test_params_that_were_withheld_are_recorded_all_the_same(part):
    story = told()
    story.run(params={}, withheld={**NONE_WITHHELD, "params": 2})
    assert part(story, "run_recorded/1", needs=["params"]).status is Status.SUPPORTED


def test_a_commit_that_does_not_hold_the_code_fails(part):
    story = told()
    story.run(source={"commit": "9c1e", "dirty": True})
    assert part(story, "run_recorded/1", needs=["commit"]).status is Status.FAILING


class TestLineage:
    CHECK = "lineage_complete/1"

    def test_an_input_that_leads_nowhere_is_named(self, part):
        story = told()
        inputs = story.run().statement.facts["inputs"]
        story.run(
            inputs=[
                *inputs,
                {"name": "laptop.csv", "context": None, "source_digest": "", "fingerprint": None, "rows": None},
            ]
        )
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.MISSING
        assert "'laptop.csv'" in outcome.sentence

    def test_a_run_that_was_only_evaluated_on_something_is_not_traced(self, part):
        story = told()
        story.edge("train", relation="evaluated on")
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.MISSING
        assert "trained on" in outcome.sentence

    def test_an_edge_of_another_ai_system_does_not_count(self, part):
        story = second_day(first_day())
        story.run()
        story.version()
        story.alias()
        for table in ("train", "test"):
            story.edge(table, scope="system:cards")
        assert part(story, self.CHECK).status is Status.MISSING

    def test_an_edge_to_another_run_does_not_count(self, part):
        story = second_day(first_day())
        story.run()
        story.version()
        story.alias()
        facts = {**told().edge("train").statement.facts, "to": {"name": RUN + "0", "digest": None}}
        story.say(kinds.LINEAGE_EDGE, "affidavit://lineage/x", facts)
        assert part(story, self.CHECK).status is Status.MISSING

    def test_a_fingerprint_that_no_snapshot_has_contradicts(self, part):
        story = told()
        story.edge("train", "forged")
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.UNDETERMINED
        assert "no snapshot of bank/loans_train" in outcome.sentence

    def test_a_run_that_read_other_rows_contradicts(self, part):
        story = told()
        inputs = story.run().statement.facts["inputs"]
        story.run(inputs=[{**inputs[0], "rows": 60}, inputs[1]])
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.UNDETERMINED
        assert "60 rows" in outcome.sentence
        assert "has 100" in outcome.sentence


class TestLineageAhead:
    CHECK = "lineage_ahead/1"

    def test_a_logged_model_that_is_not_the_runs_is_named(self, part):
        story = told()
        story.version(logged_model="mlflow://tracking/models/m-1")
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.MISSING
        assert "does not name the logged model" in outcome.sentence
        story.run(outputs=[{"name": "mlflow://tracking/models/m-1", "digest": digest("m-1")}])
        assert part(story, self.CHECK).status is Status.SUPPORTED

    def test_scored_rows_that_nobody_looked_at_are_named(self, part):
        story = Story()
        story.declare()
        story.snapshot("train")
        story.model()
        story.collection()
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.MISSING
        assert "the table scored of scored rows was never looked at" in outcome.sentence

    def test_which_of_two_models_scored_the_rows_is_not_guessed(self, part):
        story = told()
        tracking = {"connection": "tracking", "experiments": ["loans"], "registered_models": ["loans", "more"]}
        story.declare(mlflow=tracking)
        assert part(story, self.CHECK).status is Status.MISSING


class TestPreparationTold:
    CHECK = "preparation_told/1"
    STEP, RAW = "openlineage://jobs/etl/fill", "warehouse://bank/raw"

    def tell(self, story, relation, source, target, *, ended=TRAINED - HOUR, wrote=None, collector="openlineage"):
        facts = {
            "relation": relation,
            "from": {"name": source, "digest": None},
            "to": {"name": target, "digest": wrote},
            "basis": f"OpenLineage, at {ended}",
        }
        name = f"affidavit://lineage/{source}->{target}"
        rest = {"origin": Origin.RECORDED, "collector": collector, "effective": Period(ended - HOUR, ended)}
        story.say(kinds.LINEAGE_EDGE, name, facts, **rest)

    def prepared(self, **wrote):
        story = told()
        self.tell(story, "read by", self.RAW, self.STEP)
        self.tell(story, "wrote", self.STEP, TRAIN, **wrote)
        story.collection(steps=(*STEPS, "openlineage"))
        return story

    def test_jobs_that_told_what_they_read_and_wrote_support_it(self, part):
        outcome = part(self.prepared(), self.CHECK)
        assert outcome.status is Status.SUPPORTED
        assert outcome.origin is Origin.RECORDED

    def test_a_job_that_ended_after_training_began_filled_nothing_that_it_read(self, part):
        story = self.prepared(ended=TRAINED + HOUR)
        assert part(story, self.CHECK).status is Status.MISSING
        assert part(self.prepared(ended=TRAINED), self.CHECK).status is Status.SUPPORTED

    def test_a_job_that_ran_again_afterwards_had_run_before(self, part):
        story = self.prepared()
        self.tell(story, "wrote", self.STEP, TRAIN, ended=TRAINED + DAY, wrote=digest("train 2"))
        assert part(story, self.CHECK).status is Status.SUPPORTED

    def test_a_training_run_whose_start_is_not_shown_comes_after_nothing(self, part):
        story = self.prepared()
        story.run(trained=None, metrics={})
        assert part(story, self.CHECK).status is Status.UNDETERMINED

    def test_a_fingerprint_that_a_job_told_must_be_that_of_what_was_read(self, part):
        assert part(self.prepared(wrote=digest("train 1")), self.CHECK).status is Status.SUPPORTED
        outcome = part(self.prepared(wrote=digest("train 0")), self.CHECK)
        assert outcome.status is Status.UNDETERMINED
        assert "is not what loans version 1 was trained on" in outcome.sentence

    def test_what_somebody_else_says_of_a_job_does_not_count(self, part):
        assert part(self.prepared(collector="claim"), self.CHECK).status is Status.MISSING

    def test_nothing_told_is_missing(self, part):
        outcome = part(told(), self.CHECK)
        assert outcome.status is Status.MISSING
        assert "No job told that it filled bank/loans_train" in outcome.sentence

    def test_a_job_that_filled_another_table_does_not_count(self, part):
        story = told()
        self.tell(story, "read by", self.RAW, self.STEP)
        self.tell(story, "wrote", self.STEP, TEST)
        story.collection(steps=(*STEPS, "openlineage"))
        assert part(story, self.CHECK).status is Status.MISSING

    def test_a_job_that_names_nothing_that_it_read_is_named(self, part):
        story = told()
        self.tell(story, "wrote", self.STEP, TRAIN)
        self.tell(story, "read by", self.RAW, self.STEP + "2")
        story.collection(steps=(*STEPS, "openlineage"))
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.MISSING
        assert self.STEP in outcome.sentence

    def test_events_that_nobody_reads_any_more_are_stale(self, part):
        story = self.prepared()
        at = FIRST + 9 * DAY
        story.now = at
        story.collection()
        assert part(story, self.CHECK, at=at).status is Status.STALE


class TestTrainingDataValidated:
    CHECK = "training_data_validated/1"

    def test_validated_only_after_training_is_not_shown(self, part):
        story = told()
        story.run(trained=FIRST - timedelta(hours=1))
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.UNDETERMINED
        assert "is not shown" in outcome.sentence

    def test_a_run_without_times_is_not_shown(self, part):
        story = told()
        story.run(trained=None)
        assert part(story, self.CHECK).status is Status.UNDETERMINED

    def test_a_validation_that_had_nothing_to_judge_shows_nothing(self, part):
        story = told()
        story.validation("train", warned=("expect_a:b",))
        outcome = part(story, self.CHECK)
        assert (outcome.status, "expect_a:b" in outcome.sentence) == (Status.UNDETERMINED, True)

    def test_a_run_that_claims_to_start_after_it_was_seen_is_not_shown(self, part):
        story = told()
        run = story.run(trained=story.now + timedelta(days=300))
        assert run.statement.header["effective"]["from"] > run.statement.observed_at
        assert part(story, self.CHECK).status is Status.UNDETERMINED

    def test_failed_data_fails(self, part):
        story = told()
        story.validation("train", failed=("a",))
        assert part(story, self.CHECK).status is Status.FAILING

    def test_a_validation_of_another_state_does_not_count(self, part):
        story = told()
        story.snapshot("train", "0")
        story.edge("train", "0")
        assert part(story, self.CHECK).status is Status.MISSING


class TestTrainingFingerprintStands:
    CHECK = "training_fingerprint_stands/1"

    def test_a_table_that_changed_since_turns_stale(self, part):
        story = told()
        story.snapshot("train", "2")
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.STALE
        assert "has changed since loans version 1 was trained" in outcome.sentence

    def test_a_table_that_changed_back_stands_again(self, part):
        story = told()
        story.snapshot("train", "2")
        story.snapshot("train", "1")
        assert part(story, self.CHECK).status is Status.SUPPORTED

    def test_a_fingerprint_that_no_snapshot_has_is_undetermined(self, part):
        story = told()
        story.edge("train", "forged")
        assert part(story, self.CHECK).status is Status.UNDETERMINED


class TestHoldoutDistinct:
    CHECK = "holdout_distinct/1"

    def test_trying_on_the_training_data_fails(self, part):
        story = told()
        facts = {**story.edge("test", relation="evaluated on").statement.facts}
        facts["from"] = {"name": facts["from"]["name"], "digest": story.edge("train").statement.facts["from"]["digest"]}
        story.say(kinds.LINEAGE_EDGE, "affidavit://lineage/copy", facts)
        assert part(story, self.CHECK).status is Status.FAILING

    def test_two_states_of_one_table_leave_it_open(self, part):
        story = told()
        facts = {**story.edge("train", "2").statement.facts, "relation": "evaluated on"}
        story.edge("train")
        story.say(kinds.LINEAGE_EDGE, "affidavit://lineage/again", facts)
        assert part(story, self.CHECK).status is Status.UNDETERMINED

    def test_without_hold_out_data_it_is_missing(self, part):
        story = Story()
        story.declare()
        story.snapshot("train")
        story.run()
        story.version()
        story.alias()
        story.edge("train")
        story.collection()
        outcome = part(story, self.CHECK)
        assert outcome.status is Status.MISSING
        assert "hold-out" in outcome.sentence

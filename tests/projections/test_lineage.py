from affidavit.evidence import kinds, timestamp
from affidavit.projections import fold, graph, in_use
from affidavit.projections.lineage import EVALUATED_ON, TRAINED_ON, doubts, gaps
from tests.projections.story import DAY, NONE_WITHHELD, SCOPE, TRAIN, Story, digest, first_day, told


def scope_of(story: Story):
    return fold(story.entries).scope(SCOPE)


def test_what_is_in_use_is_what_the_alias_points_at_now():
    story = told()
    (used,) = in_use(scope_of(story))
    assert (used.model, used.version_name, used.label) == ("loans", "1", "loans version 1")
    assert [edge.relation for edge in used.training] == [TRAINED_ON]
    story.alias("2")
    (used,) = in_use(scope_of(story))
    assert (used.version_name, used.version, used.run, used.inputs) == ("2", None, None, ())


def test_an_undeclared_system_has_nothing_in_use():
    story = Story()
    story.model()
    assert in_use(scope_of(story)) == ()


def test_each_missing_edge_is_named():
    story = first_day()
    assert "where the alias 'champion' of loans points" in missing(story)
    story.alias(None)
    assert "points at no version" in missing(story)
    story.alias()
    assert "in use and not recorded" in missing(story)
    story.version()
    assert "leads to no recorded run" in missing(story)
    story.run(inputs=[])
    assert "names no dataset input" in missing(story)
    story.run()
    assert "the input 'train'" in missing(story)
    assert "the input 'test'" in missing(story)
    story.edge("test", relation=EVALUATED_ON)
    assert "the input 'test'" not in missing(story)
    assert "no input of loans version 1 is recorded as trained on" in missing(story)
    story.edge("train")
    assert missing(story) == ""


def missing(story: Story) -> str:
    return "; ".join(each.words for each in graph(scope_of(story)).missing)


def test_a_table_is_known_by_its_id_its_name_and_its_uri():
    for name in ("train", "loans_train", TRAIN):
        story = told()
        story.run(
            inputs=[{"name": name, "context": "training", "source_digest": "", "fingerprint": None, "rows": None}]
        )
        assert missing(story) == ""


def test_an_edge_to_a_table_that_is_not_declared_does_not_account_for_an_input():
    story = told()
    facts = dict(story.edge("train").statement.facts)
    story.run(inputs=[{"name": "elsewhere", "context": None, "source_digest": "", "fingerprint": None, "rows": None}])
    story.say(
        kinds.LINEAGE_EDGE,
        "affidavit://lineage/elsewhere",
        {**facts, "from": {"name": "warehouse://bank/elsewhere", "digest": digest("x")}},
    )
    assert "'elsewhere'" in missing(story)


def test_doubts_are_apart_from_gaps():
    story = told()
    story.edge("train", "forged")
    (used,) = in_use(scope_of(story))
    assert gaps(scope_of(story), used) == ()
    assert "no snapshot of bank/loans_train" in doubts(scope_of(story), used)[0]
    assert missing(story)


LOGGED = "mlflow://tracking/models/m-1"


def tree(state: str) -> dict:
    return {"files": 3, "bytes": 9, "moved": 0, "sha256": digest(state)}


def test_artifacts_that_are_other_than_an_earlier_look_found_them_are_a_doubt_that_stays():
    story = told()
    story.version(artifacts=tree("first"))
    assert missing(story) == ""
    before = story.now
    story.now += DAY
    story.version(artifacts=tree("second"))
    doubt = f"the artifacts of loans version 1 were overwritten after {timestamp(before)}"
    assert missing(story) == doubt
    story.version(artifacts=tree("second"), described=False)
    assert missing(story) == doubt, "saying so once more mends nothing"


def test_artifacts_that_are_other_than_at_the_run_are_a_doubt_also_once_the_run_is_read_again():
    story = told()
    story.run(outputs=[{"name": LOGGED, "digest": digest("first")}])
    story.version(artifacts=tree("second"), logged_model=LOGGED)
    assert "were overwritten after" in missing(story)
    story.run(outputs=[{"name": LOGGED, "digest": digest("second")}])
    assert "were overwritten after" in missing(story)
    story.version(artifacts=tree("third"), logged_model="mlflow://tracking/models/m-2")
    (used,) = in_use(scope_of(story))
    assert doubts(scope_of(story), used) == (), "another model, whose artifacts nobody saw otherwise"


def test_artifacts_that_moved_while_they_were_read_are_a_doubt_and_unread_ones_none():
    story = told()
    moved = {"files": 3, "bytes": 2, "moved": 2, "sha256": None}
    story.version(artifacts=moved)
    assert missing(story) == "2 of the artifacts of loans version 1 changed while they were read"
    story.version(artifacts=None)
    assert missing(story) == ""


def test_inputs_that_no_entry_could_hold_are_a_gap():
    story = told()
    story.run(withheld={**NONE_WITHHELD, "inputs": 70})
    assert missing(story) == "70 more inputs of loans version 1 are not recorded: more than an entry holds"


def test_rows_that_the_run_did_not_tell_are_no_doubt():
    story = told()
    inputs = [{**item, "rows": None} for item in story.run().statement.facts["inputs"]]
    story.run(inputs=inputs)
    (used,) = in_use(scope_of(story))
    assert doubts(scope_of(story), used) == ()

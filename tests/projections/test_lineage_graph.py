from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.evidence import Origin, kinds
from affidavit.projections import Node, State, Thing, fold, graph
from affidavit.projections.lineage import EVALUATED_ON, POINTS_AT, PRODUCED, READ_BY, TRAINED_ON, WROTE
from affidavit.projections.lineage_graph import LOGGED, REGISTERED_AS, SCORED, STOOD_AS, Graph
from tests.projections.story import DAY, RUN, SCOPE, TEST, TRAIN, Story, digest, first_day, told
from tests.projections.story import SCORED as SCORED_TABLE

VERSION = "mlflow://tracking/models/loans/versions/1"
ALIAS = "mlflow://tracking/models/loans@champion"
LOGGED_MODEL = "mlflow://tracking/models/m-1"
RAW = "warehouse://bank/loans_raw"
STEP = "openlineage://jobs/clean"


def drawn(story: Story) -> Graph:
    return graph(fold(story.entries).scope(SCOPE))


def edge(story: Story, relation: str, source: str, target: str, *, by: str | None = None) -> None:
    facts = {
        "relation": relation,
        "from": {"name": source, "digest": by},
        "to": {"name": target, "digest": None},
        "basis": "told by a job",
    }
    subject = f"affidavit://lineage/{source}->{target}".replace("\0", "")  # no name of a subject holds NUL
    story.say(kinds.LINEAGE_EDGE, subject, facts, origin=Origin.RECORDED)


def whole() -> Story:
    """Told, with a logged model and a step that filled the training table."""
    story = told()
    tree = {"files": 3, "bytes": 9, "moved": 0, "sha256": digest("model")}
    story.run(outputs=[{"name": LOGGED_MODEL, "digest": digest("model")}])
    story.version(artifacts=tree, logged_model=LOGGED_MODEL)
    edge(story, READ_BY, RAW, STEP)
    edge(story, WROTE, STEP, TRAIN, by=digest("event"))
    return story


def test_the_trail_reaches_from_the_source_table_to_the_scored_rows_with_a_digest_on_each_edge():
    found = drawn(whole())
    assert {(each.relation, each.source, each.target): each.sha256 for each in found.edges} == {
        (READ_BY, Node(RAW), Node(STEP)): subject(found, READ_BY),
        (WROTE, Node(STEP), Node(TRAIN)): digest("event"),
        (STOOD_AS, Node(TRAIN), Node(TRAIN, digest("train 1"))): digest("train 1"),
        (STOOD_AS, Node(TEST), Node(TEST, digest("test 1"))): digest("test 1"),
        (STOOD_AS, Node(SCORED_TABLE), Node(SCORED_TABLE, digest("scored 1"))): digest("scored 1"),
        (TRAINED_ON, Node(TRAIN, digest("train 1")), Node(RUN)): digest("train 1"),
        (EVALUATED_ON, Node(TEST, digest("test 1")), Node(RUN)): digest("test 1"),
        (LOGGED, Node(RUN), Node(LOGGED_MODEL)): digest("model"),
        (REGISTERED_AS, Node(LOGGED_MODEL), Node(VERSION)): digest("model"),
        (PRODUCED, Node(RUN), Node(VERSION)): digest("model"),
        (POINTS_AT, Node(VERSION), Node(ALIAS)): subject(found, POINTS_AT),
        (SCORED, Node(ALIAS), Node(SCORED_TABLE)): digest("scored 1"),
    }
    assert found.missing == ()
    assert {(node.name, node.thing) for node in found.nodes} == {
        *((table, Thing.TABLE) for table in (RAW, TRAIN, TEST, SCORED_TABLE)),
        *((table, Thing.SNAPSHOT) for table in (TRAIN, TEST, SCORED_TABLE)),
        (STEP, Thing.STEP),
        (RUN, Thing.RUN),
        (LOGGED_MODEL, Thing.LOGGED_MODEL),
        (VERSION, Thing.VERSION),
        (ALIAS, Thing.ALIAS),
    }


def subject(found: Graph, relation: str) -> str:
    (each,) = (each for each in found.edges if each.relation == relation)
    return each.entry.statement.subject.sha256


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({}, "100 rows at this look (all rows)"),
        ({"coverage": "1 of 2 partitions read now"}, "100 rows at this look (1 of 2 partitions read now)"),
        ({"consistency": kinds.MOVED}, "changed while it was read"),
        ({"origin": Origin.RECORDED}, "a task said so"),
    ],
)
def test_a_state_of_a_table_rests_on_what_its_entry_says_and_on_no_more(entry, says):
    story = told()
    story.snapshot("train", "2", **entry)
    last = next(each for each in drawn(story).edges if each.target == Node(TRAIN, digest("train 2")))
    assert says in last.basis


def test_it_resolves_in_both_directions():
    found = drawn(whole())
    assert found.in_use == (Node(ALIAS),)
    back = [each.source for each in found.upstream(found.in_use)]
    assert back[0] == Node(VERSION), "the nearest first"
    assert {Node(TRAIN, digest("train 1")), Node(TRAIN), Node(STEP), Node(RAW)} <= set(back)
    ahead = {each.target for each in found.downstream(found.named(RAW))}
    assert {Node(TRAIN, digest("train 1")), Node(RUN), Node(ALIAS), Node(SCORED_TABLE)} <= ahead
    assert not {each.target for each in found.downstream(found.named(TEST))} & {Node(TRAIN), Node(RAW)}


def test_each_node_knows_the_entry_that_is_about_it():
    found = drawn(whole())
    kind = {node.name: found.about[node].statement.kind for node in found.nodes if node in found.about}
    assert (kind[RUN], kind[VERSION], kind[ALIAS]) == ("model-run", "model-version", "model-alias")
    assert found.about[Node(TRAIN, digest("train 1"))].statement.subject.sha256 == digest("train 1")
    assert Node(RAW) not in found.about, "nobody looked at it"


def test_a_recorded_edge_from_run_to_version_is_not_drawn_twice():
    story = told()
    facts = {
        "relation": PRODUCED,
        "from": {"name": RUN, "digest": digest("run")},
        "to": {"name": VERSION, "digest": digest("tree")},
        "basis": "the registry names the run",
    }
    entry = story.say(kinds.LINEAGE_EDGE, f"affidavit://lineage/{RUN}->{VERSION}", facts)
    (produced,) = (each for each in drawn(story).edges if each.relation == PRODUCED)
    assert (produced.entry, produced.sha256) == (entry, digest("tree"))


def test_states_that_nothing_rests_on_are_left_out_but_the_latest():
    story = told()
    for state in ("2", "3"):
        story.now += DAY
        story.snapshot("train", state)
    states = [node.sha256 for node in drawn(story).named(TRAIN)]
    assert sorted(filter(None, states)) == sorted([digest("train 1"), digest("train 3")])


def test_what_is_missing_is_named_with_the_ends_that_are_known():
    story = whole()
    story.run(outputs=[])
    (missing,) = drawn(story).missing
    assert (missing.source, missing.target) == (Node(RUN), Node(LOGGED_MODEL))
    assert "does not name the logged model" in missing.words
    story = first_day()
    (missing,) = drawn(story).missing
    assert (missing.source, missing.target) == (None, Node(ALIAS))
    assert Node(ALIAS) in drawn(story).nodes, "drawn, although nobody ever saw it"


def test_a_forged_fingerprint_leaves_the_table_and_its_state_apart():
    story = told()
    story.edge("train", "forged")
    found = drawn(story)
    (missing,) = found.missing
    assert (missing.source, missing.target) == (Node(TRAIN), Node(TRAIN, digest("train forged")))
    assert not [each for each in found.edges if each.target == missing.target]


def test_with_two_models_nothing_says_which_of_them_scored_the_table():
    story = told()
    tracking = {"connection": "tracking", "experiments": ["loans"], "registered_models": ["loans", "more"]}
    story.declare(mlflow=tracking)
    found = drawn(story)
    assert SCORED not in {each.relation for each in found.edges}
    assert "nothing recorded says whether loans scored the table scored" in [each.words for each in found.missing]


def test_an_alias_points_at_a_version_on_its_own_server():
    story = whole()
    version = dict(story.version().statement.facts)
    elsewhere = "mlflow://other/models/loans"
    story.say(kinds.MODEL_VERSION, f"{elsewhere}/versions/1", {**version, "run": None, "logged_model": None})
    story.alias("1")
    facts = {"model": "loans", "alias": "champion", "version": "1"}
    story.say(kinds.MODEL_ALIAS, f"{elsewhere}@champion", facts, origin=Origin.RECORDED)
    pointing = {(e.source.name, e.target.name) for e in drawn(story).edges if e.relation == POINTS_AT}
    assert pointing == {(VERSION, ALIAS), (f"{elsewhere}/versions/1", f"{elsewhere}@champion")}


def test_loops_end():
    story = whole()
    edge(story, READ_BY, SCORED_TABLE, STEP)
    found = drawn(story)
    for node in found.nodes:
        for edges in (found.upstream([node]), found.downstream([node])):
            assert len(set(map(id, edges))) == len(edges)
    assert {each.target for each in found.downstream([Node(RUN)])} >= {Node(STEP), Node(RUN)}


def test_a_trail_of_10_000_edges_is_walked_to_its_end():
    story = Story()
    tables = [f"warehouse://bank/t{number}" for number in range(10_001)]
    for source, target in pairwise(tables):
        edge(story, "copied to", source, target)
    found = drawn(story)
    assert len(found.edges) == 10_000
    assert len(found.upstream([Node(tables[-1])])) == len(found.downstream([Node(tables[0])])) == 10_000
    assert found.upstream([Node(tables[-1])])[-1].source == Node(tables[0])


MOVES = {
    "snapshot": lambda story: story.snapshot("train", str(len(story.entries))),
    "same snapshot": lambda story: story.snapshot("test"),
    "alias": lambda story: story.alias(),
    "no alias": lambda story: story.alias(None),
    "run": lambda story: story.run(),
    "version": lambda story: story.version(),
    "edge": lambda story: story.edge("train", str(len(story.entries))),
    "step": lambda story: edge(story, WROTE, STEP, TRAIN, by=digest(str(len(story.entries)))),
    "loop": lambda story: edge(story, READ_BY, TRAIN, STEP),
    "declare": lambda story: story.declare(),
    "unknown": lambda story: story.unknown(),
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(MOVES)), max_size=14))
def test_as_of_any_prefix_it_is_what_a_fold_of_that_prefix_alone_gives(moves: list[str]):
    story = Story()
    story.declare()
    for move in moves:
        MOVES[move](story)
    state, as_it_went = State(), []
    for entry in story.entries:
        state.apply(entry)
        as_it_went.append(graph(state.scope(SCOPE)))
    for size, then in enumerate(as_it_went, start=1):
        assert then == graph(fold(story.entries[:size]).scope(SCOPE))
        ends = {node for each in then.edges for node in (each.source, each.target)}
        assert ends <= set(then.nodes)
        assert {each.entry.index for each in then.edges} <= set(range(size))


@pytest.mark.parametrize("walk", ["upstream", "downstream"])
def test_of_a_node_that_is_not_there_nothing_is_known(walk: str):
    assert getattr(drawn(whole()), walk)([Node("warehouse://bank/nothing")]) == ()

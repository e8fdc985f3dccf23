"""The page of an AI system: its lineage, drawn and as a table."""

import itertools
import re

import pytest

from affidavit import catalogue
from affidavit.evidence import kinds
from affidavit.pages.layers import BOX, layout
from affidavit.pages.lineage import DRAWN, GHOSTS, LISTED, SystemPage, system_page
from affidavit.pages.posture import Posture
from affidavit.pages.render import render
from affidavit.projections import Graph, fold, graph
from affidavit.projections.lineage import READ_BY, WROTE
from affidavit.projections.reader import Head
from tests.pages.examples import NOTHING_DUE
from tests.pages.markup import Markup
from tests.pages.test_hostile import CORPUS, harmless, named
from tests.projections.story import RUN, SCOPE, SCORED, TRAIN, Story, digest, first_day
from tests.projections.test_lineage_graph import LOGGED_MODEL, RAW, STEP, edge, whole


def page_of(story: Story, title: str = "Loans") -> SystemPage:
    state = fold(story.entries)
    posture = Posture(
        verdicts=(),
        catalogue=catalogue.load(),
        head=Head("o", len(story.entries), bytes(32), story.now, ""),
        at=story.now,
        demonstrations=(),
        entries={},
        titles={SCOPE: title},
        validations=(),
        lineages={SCOPE: graph(state.scope(SCOPE))},
        completeness=NOTHING_DUE,
    )
    return system_page(posture, SCOPE)


def drawn(story: Story) -> Markup:
    return Markup(render(page_of(story)))


def lineage_of(story: Story) -> Graph:
    return graph(fold(story.entries).scope(SCOPE))


def test_the_page_is_well_made_and_each_node_leads_to_its_entry():
    story = whole()
    page, known = drawn(story), lineage_of(story)
    assert page.faults() == []
    boxes = page_of(story).picture.boxes
    assert len(boxes) == len(known.nodes)
    for box in boxes:
        assert box.href == f"../entries/{box.index}.html"
        assert box.href in page.addresses
    about = {node.name: known.about[node].index for node in known.nodes if node.name == RUN}
    assert [box.index for box in boxes if box.thing == "model run"] == [about[RUN]]


def test_every_edge_is_drawn_with_its_digest_and_listed_with_its_grounds():
    story = whole()
    page, text = page_of(story), drawn(story).text
    for each in lineage_of(story).edges:
        assert f"{each.sha256[:8]}…{each.sha256[-6:]}" in text
        assert each.basis in text
    # The run leads to the version by way of the logged model, so that edge is listed only.
    assert len(page.picture.arrows) == len(page.edges) - 1
    assert "1 fingerprint of training tables" in page.answer


def test_what_is_missing_is_dashed_and_named_and_the_answer_says_so():
    story = whole()
    inputs = story.run().statement.facts["inputs"]
    laptop = {"name": "laptop.csv", "context": None, "source_digest": "", "fingerprint": None, "rows": None}
    story.run(outputs=[], inputs=[*inputs, laptop])
    page, markup = page_of(story), drawn(story)
    assert "has gaps: 2 places" in page.answer
    assert "no edge that ought to be recorded is missing" not in markup.text
    named = markup.text.partition("Missing or contradicted ")[2]
    assert named.startswith("the input 'laptop.csv' of loans version 1 leads to no declared table the run of")
    gaps = [arrow.label for arrow in page.picture.arrows if arrow.missing]
    assert gaps == ["missing (1)", "missing (2)"]
    assert [a["class"] for a in markup.all("path") if a.get("class") in {"gap", "edge"}].count("gap") == 2
    assert [box.label for box in page.picture.boxes if not box.href] == ["laptop.csv"]


def test_an_edge_that_evidence_contradicts_is_dashed_and_keeps_its_name():
    story = whole()
    inputs = story.run().statement.facts["inputs"]
    outputs = [{"name": LOGGED_MODEL, "digest": digest("model")}]
    story.run(outputs=outputs, inputs=[{**inputs[0], "rows": 60}, inputs[1]])
    (arrow,) = (arrow for arrow in page_of(story).picture.arrows if arrow.missing)
    assert arrow.label == "trained on (1)"


def test_before_anything_is_in_use_nothing_looks_whole():
    page = page_of(first_day())
    assert "lacks an edge" in page.answer
    assert [box.label for box in page.picture.boxes if not box.href] == ["loans@champion", "nothing recorded"]
    undeclared = Story()
    undeclared.declare(mlflow={"connection": "tracking", "experiments": ["loans"]}, predictions=[])
    page = page_of(undeclared)
    assert "No registered model is declared" in page.answer
    assert page.picture is None
    assert "Nothing to draw yet" in drawn(undeclared).text


def test_a_loop_and_a_step_that_reads_what_it_writes_are_drawn():
    story = whole()
    edge(story, READ_BY, SCORED, STEP)
    edge(story, READ_BY, TRAIN, STEP)
    edge(story, "copied", RAW, RAW)
    page = page_of(story)
    assert drawn(story).faults() == []
    assert sum(arrow.label == READ_BY for arrow in page.picture.arrows) == 3


def test_a_lineage_too_large_to_draw_says_how_much_is_left_out():
    story = whole()
    for number in range(LISTED + 50):
        edge(story, READ_BY, f"warehouse://bank/raw_{number}", STEP)
    page, text = page_of(story), drawn(story).text
    assert len(page.picture.boxes) == DRAWN
    assert {"loans@champion", "r1"} <= {box.label for box in page.picture.boxes}
    assert page.picture.more > 0
    assert f"{page.picture.more} more nodes had no room" in text
    assert len(page.edges) == LISTED
    assert f"{page.more} more edges" in text


def test_more_gaps_than_a_drawing_holds_are_listed_and_never_take_over_the_page():
    story = whole()
    inputs = story.run().statement.facts["inputs"]
    strange = [{**inputs[0], "name": f"elsewhere {number}.csv"} for number in range(LISTED + 50)]
    story.run(outputs=[], inputs=[*inputs, *strange])
    page, text = page_of(story), drawn(story).text
    assert len(page.picture.boxes) <= DRAWN + GHOSTS
    assert len(page.missing) == LISTED
    assert f"{LISTED + 51} places" in page.answer
    assert "And 51 more" in text
    assert "nothing recorded" not in [box.label for box in page.picture.boxes], "their names are known"


def hostile(text: str) -> str:
    """The page with ``text`` wherever a source or a job could have put it."""
    story = whole()
    name = text[:2000]
    edge(story, READ_BY, name, STEP)
    edge(story, WROTE, name, TRAIN)
    entry = story.entries[-1]
    facts = {**entry.statement.facts, "relation": name, "basis": name, "from": {"name": "job", "digest": None}}
    story.say(kinds.LINEAGE_EDGE, f"affidavit://lineage/{named(name)}", facts)
    inputs = story.run().statement.facts["inputs"]
    story.run(inputs=[*inputs, {**inputs[0], "name": name}])
    return render(page_of(story, title=text))


@pytest.mark.parametrize("name", CORPUS)
def test_it_shows_what_sources_carry_and_does_nothing(name: str):
    harmless(hostile(CORPUS[name]), hostile("harmless name"))


def crossing(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return abs(first[0] - second[0]) < BOX[0] and abs(first[1] - second[1]) < BOX[1]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [(0, 1), (1, 2), (2, 3)],
        [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5)],
        [(0, 1), (1, 2), (2, 0), (2, 2)],
        [(a, b) for a in range(6) for b in range(6)],
        [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (0, 5), (5, 4)],
    ],
)
def test_boxes_never_cover_each_other_and_lines_run_from_box_to_box(lines):
    laid = layout(6, lines)
    assert not [pair for pair in itertools.combinations(laid.boxes, 2) if crossing(*pair)]
    assert set(laid.lines) == {line for line in lines if line[0] != line[1]}
    for (source, target), points in laid.lines.items():
        for box, point in ((source, points[0]), (target, points[-1])):
            x, y = laid.boxes[box]
            assert x <= point[0] <= x + BOX[0]
            assert point[1] in {y, y + BOX[1]}
    for x, y in laid.boxes:
        assert 0 <= x <= laid.width - BOX[0]
        assert 0 <= y <= laid.height - BOX[1]


def test_a_trail_without_loops_runs_downwards():
    laid = layout(5, [(4, 3), (3, 2), (2, 1), (1, 0), (4, 0)])
    assert [y for _, y in laid.boxes] == sorted((y for _, y in laid.boxes), reverse=True)


def test_the_drawing_needs_no_script_and_no_style_of_its_own():
    html = render(page_of(whole()))
    drawing = re.search(r"<svg class=\"lineage\".*?</svg>", html, re.DOTALL)
    assert drawing is not None
    assert "style=" not in drawing[0]
    assert "script" not in drawing[0]

"""The report of one measurement: in order, in one file, and the same each time."""

import subprocess
import sys
from dataclasses import replace

import pytest

from affidavit.evidence import Origin
from affidavit.pages.figures import Figure
from affidavit.pages.render import assets, render
from affidavit.pages.report import Action, Attempt, Conditions, Judged, report_page
from affidavit.rules.thresholds import Met
from tests.pages.markup import Markup
from tests.pages.measurements import NOON, TOO_FEW, measurement, page_with, recall
from tests.pages.test_hostile import CORPUS, harmless

STYLE = f"<style>\n{assets()['site.css'].decode()}\n</style>"


def read(*figures: Figure, **changed: object) -> Markup:
    return Markup(render(page_with(*figures, **changed)))


@pytest.fixture(scope="module")
def page(drawn: dict[str, Figure]) -> Markup:
    return read(*drawn.values())


def test_it_is_one_file_without_script_and_without_an_address(page: Markup):
    assert [fault for fault in page.faults() if fault != "<style>"] == []
    assert page.all("script") == page.all("link") == page.all("img") == page.all("a")[1:] == []
    assert all(address.startswith("#") for address in page.addresses)
    assert ":root {" in page.html


def test_the_same_measurement_has_the_same_bytes(drawn: dict[str, Figure]):
    assert render(page_with(*drawn.values())) == render(page_with(*drawn.values()))


def test_the_order_is_the_answer_the_numbers_what_to_do_the_charts_and_the_facts(page: Markup):
    text = page.text.partition("Demonstration.")[2]  # the banner stands before everything but the style
    parts = ["Of 3 thresholds, 1 is not met", "Thresholds", "Numbers over all rows", "What to do next", "Charts"]
    parts += ["All numbers", "How it was measured", "What was not tested", "Attempts so far"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("outcomes", "answer"),
    [
        ([Met.MET], "The one threshold is met."),
        ([Met.MET] * 4, "Each of 4 thresholds is met."),
        ([Met.MET, Met.CANNOT], "Of 2 thresholds, 1 cannot be judged and 1 is met."),
        ([Met.NOT_MET], "Of 1 threshold, 1 is not met, and none is met."),
        ([Met.CANNOT, Met.CANNOT], "Of 2 thresholds, 2 cannot be judged, and none is met."),
        ([], "No threshold is set, so nothing here is judged: of 5 numbers, 2 could not be measured."),
    ],
)
def test_who_stops_after_the_answer_is_not_misled(outcomes: list[Met], answer: str):
    assert page_with(thresholds=[Judged("t", met, "why") for met in outcomes]).answer == answer


def test_thresholds_stand_worst_first_with_word_and_shape(page: Markup):
    badges = page.html.split('<table class="thresholds">')[1].split("</table>")[0]
    words = [badges.index(word) for word in (">not met<", ">cannot be judged<", ">met<")]
    assert words == sorted(words)
    shapes = [badges.index(f"#shape-{shape}") for shape in ("failing", "undetermined", "supported")]
    assert shapes == sorted(shapes)
    assert "badge supported" not in badges  # only a verdict is green


def test_every_number_is_there_with_its_rows_or_with_why_it_is_not(page: Markup):
    for said in (
        "race = few",
        TOO_FEW,
        "an infinite score",
        "class one",
        "recorded by the party under test",
        "20260314",
    ):
        assert said in page.text
    assert page.text.count("no owner named") == 1


def test_a_number_shows_its_exact_value_on_demand():
    page = read(estimates=[replace(recall(0.8), value=0.79996)])
    assert {(a["value"], a["title"]) for a in page.all("data")} >= {("0.79996", "0.79996")}


def test_what_is_not_there_says_so():
    bare = Conditions("m", Origin.REPERFORMED, ())
    nothing: dict[str, object] = dict.fromkeys(("thresholds", "estimates", "actions", "not_tested", "attempts"), ())
    page = read(**nothing, conditions=bare, demonstration="")
    assert [fault for fault in page.faults() if fault != "<style>"] == []
    for said in ("No threshold is set", "Nothing was measured", "asks for nothing"):
        assert said in page.text
    assert "What nobody asked for was not tested either" in page.text
    assert "first attempt that the ledger knows" in page.text
    assert "Demonstration." not in page.text
    assert page.all("figure") == []


def test_attempts_are_counted():
    tries = [Attempt(NOON, f"version {n}", "not met") for n in range(14)]
    page = read(attempts=tries)
    assert "This is attempt 15;" in page.text
    assert "version 3" in page.text


def test_a_chart_that_has_nothing_to_draw_says_why():
    page = read(Figure("Tools called", "No call of a tool was recorded.", "", 0, 0, (), page_with().facts))
    assert "No call of a tool was recorded." in page.text
    assert [a for a in page.all("svg") if a.get("role") == "img"] == []


def test_each_drawing_has_a_title_and_a_description_of_its_own(drawn: dict[str, Figure], page: Markup):
    named = [a["aria-labelledby"].split() for a in page.all("svg") if a.get("role") == "img"]
    assert len(named) == len(drawn)
    ids = page.attribute("id")
    assert all(ids.count(each) == 1 for pair in named for each in pair)
    twice = read(drawn["groups"], drawn["groups"])
    assert [fault for fault in twice.faults() if fault != "<style>"] == []


def hostile(text: str, *figures: Figure) -> str:
    """A report that carries ``text`` wherever somebody else could have put it."""
    pairs = ((text[:5000], text),)
    table = replace(figures[0].table, columns=("a",), rows=((page_with(subject=text).subject,),))
    whole = measurement(
        replace(figures[0], table=table, title=text, description=text),
        what=text,
        subject=text,
        scope=f"system:{text}",
        thresholds=[Judged(text, Met.NOT_MET, text)],
        estimates=[replace(recall(0.5), about=text, group=pairs), replace(recall(None), why=text)],
        actions=[Action(text, text)],
        conditions=Conditions(text, Origin.RECORDED, pairs),
        not_tested=[text],
        attempts=[Attempt(NOON, text, text)],
        demonstration=text,
    )
    return render(report_page(whole))


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS)
def test_a_hostile_name_is_shown_and_does_nothing(drawn: dict[str, Figure], text: str):
    # The style is the site's own; what is looked for here is any other.
    html, like = (hostile(each, drawn["tool_mix"]).replace(STYLE, "") for each in (text, "harmless name"))
    harmless(html, like)
    assert len(html) < 300_000


def test_pages_load_no_library_for_drawing():
    """A site is built, a command line starts and a DAG file is parsed without Altair, and without the extra measure."""
    script = "import sys, affidavit.pages.render; print({'altair', 'vl_convert', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

"""Charts: what is drawn is what was measured, nothing is dropped, and nothing that a name says does anything."""

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from affidavit.measure import Estimate, cannot
from affidavit.pages import charts, distributions, plot
from affidavit.pages.figures import Figure, Histogram, Limit, Point, Table
from affidavit.pages.text import Name
from affidavit.rules.thresholds import Met
from tests.pages.measurements import TOO_FEW, drawings, judged, many, recall
from tests.pages.test_hostile import CORPUS, FORBIDDEN

EVERY = ["groups", "drift", "paired", "over_time", "score_distribution", "calibration", "tool_mix"]


def shapes(figure: Figure) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(f"<svg>{figure.drawing}</svg>").iter())


def texts(figure: Figure) -> list[str]:
    return [shape.text for shape in shapes(figure) if shape.tag == "text" and shape.text]


def marks(figure: Figure, met: Met | None) -> int:
    """How many marks of an outcome are drawn: by its shape alone, whatever its colour."""
    commands = "".join(c for c in plot.MARKS[met].path if c.isalpha()).upper()
    drawn = ["".join(c for c in shape.get("d", "") if c.isalpha()).upper() for shape in shapes(figure)]
    return drawn.count(commands)


def test_the_same_numbers_are_drawn_with_the_same_bytes(drawn: dict[str, Figure]):
    assert drawings() == drawn


def test_a_fresh_process_draws_the_same_bytes(drawn: dict[str, Figure]):
    script = "from tests.pages.measurements import drawings; print(drawings()['groups'].drawing)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == drawn["groups"].drawing


@pytest.mark.parametrize("chart", EVERY)
def test_a_drawing_has_no_ids_no_colours_of_its_own_and_no_font(drawn: dict[str, Figure], chart: str):
    figure = drawn[chart]
    for shape in shapes(figure):
        assert not {"id", "class", "style", "font-family", "href"} & set(shape.attrib)
        assert all(
            value == "none" or value.startswith("var(--") for key, value in shape.items() if key in ("fill", "stroke")
        )
    assert figure.width < 1000
    assert figure.table.rows


def test_outcomes_differ_in_shape_and_not_in_colour_alone():
    paths = [key.path for key in plot.MARKS.values()]
    assert len(set(paths)) == len(paths) == len(Met) + 1


def test_each_group_is_drawn_with_its_outcome_and_its_rows(drawn: dict[str, Figure]):
    figure = drawn["groups"]
    assert [marks(figure, met) for met in (Met.MET, Met.NOT_MET, Met.CANNOT, None)] == [1, 1, 1, 0]
    assert {"race = a", "race = few", "n = 240", "n = 12", "at least 0.8", TOO_FEW} <= set(texts(figure))
    assert [key.words for key in figure.keys] == [
        "threshold not met",
        "cannot be judged",
        "threshold met",
        "95 % interval",
        "threshold",
    ]


def test_values_stand_where_the_axis_says(drawn: dict[str, Figure]):
    """The marks of 0.9 and 0.7 lie as far from the line at 0.8, on either side of it."""
    [line] = [s for s in shapes(drawn["groups"]) if s.get("stroke-dasharray") and s.tag == "line"]
    places = [
        float(s.attrib["transform"].removeprefix("translate(").split(",")[0])
        for s in shapes(drawn["groups"])
        if s.tag == "path" and s.get("fill") in ("var(--page-ink)", "var(--failing-fill)")
    ]
    threshold = float(line.attrib["transform"].removeprefix("translate(").split(",")[0])
    assert sum(places) / 2 == pytest.approx(threshold, abs=0.02)
    assert abs(places[0] - threshold) > 10


def test_an_interval_reaches_from_its_low_end_to_its_high_end_and_what_has_no_value_stands_at_the_edge(drawn):
    """By the scale that the marks of 0.9 and 0.7 give; the intervals go from 0.05 below to 0.04 above."""
    place = {
        s.get("fill"): [float(n) for n in s.attrib["transform"].removeprefix("translate(").rstrip(")").split(",")]
        for s in shapes(drawn["groups"])
        if s.tag == "path"
    }
    (good, top), (bad, below) = place["var(--page-ink)"], place["var(--failing-fill)"]
    pixels = (good - bad) / 0.2
    intervals = [
        (s.attrib["transform"], float(s.attrib["x2"]))
        for s in shapes(drawn["groups"])
        if s.tag == "line" and s.get("stroke") == "var(--page-ink)" and not s.get("stroke-dasharray")
    ]
    assert intervals == [
        (f"translate({mark - 0.05 * pixels:g},{row:g})", pytest.approx(0.09 * pixels, abs=0.02))
        for mark, row in ((good, top), (bad, below))
    ]
    assert place["none"] == [12, 2 * below - top]


def test_of_many_groups_those_that_miss_are_drawn_and_the_rest_is_named_and_in_the_table():
    figure = charts.groups(many(200), limit=Limit(at_least=0.8))
    assert figure.note == "And 170 more groups, in the table."
    assert len(figure.table.rows) == 200
    assert (marks(figure, Met.NOT_MET), marks(figure, Met.CANNOT), marks(figure, Met.MET)) == (2, 1, 27)
    assert {"race = group 199", "race = group 0"} <= set(texts(figure))
    assert "race = group 50" not in texts(figure)


def test_one_group():
    figure = charts.groups([judged(recall(0.9, group="only"))])
    assert marks(figure, Met.MET) == 1
    assert figure.note == ""


def test_only_what_cannot_be_judged():
    figure = charts.groups([judged(recall(None, group="few"))])
    assert (marks(figure, Met.CANNOT), TOO_FEW in texts(figure)) == (1, True)
    assert figure.description == "Recall in 1 group; 1 without a value; 1 cannot be judged."


def test_a_value_that_may_not_be_relied_on_stands_at_its_place_in_the_shape_of_what_cannot_be_judged():
    figure = charts.groups([Point(recall(0.9, group="a"), Met.CANNOT), judged(recall(0.5, group="b"))])
    assert marks(figure, Met.CANNOT) == 1


@pytest.mark.parametrize(
    "figure",
    [
        charts.groups([]),
        charts.drift([]),
        charts.paired([]),
        charts.over_time([]),
        distributions.score_distribution(Histogram((0.0, 1.0), ())),
        distributions.score_distribution(Histogram((0.0, 1.0), (("denied", (0,)),))),
        distributions.calibration([]),
        distributions.tool_mix({}, {}),
        distributions.tool_mix({"search": 0}, {}),
    ],
)
def test_nothing_to_draw_says_so(figure: Figure):
    assert figure.drawing == ""
    assert figure.description.endswith(".")


def test_a_gap_in_time_stays_a_gap(drawn: dict[str, Figure]):
    figure = drawn["over_time"]
    line = [s for s in shapes(figure) if s.tag == "line" and s.get("stroke") == plot.QUIET]
    assert len(line) == 2  # 0.9 to 0.7, and 0.8 to 0.85; none to or from the third week
    assert marks(figure, Met.CANNOT) == 1
    assert {"at least 0.75", "at most 0.99", "2026-01-05"} <= set(texts(figure))


def test_of_many_periods_the_newest_are_drawn():
    days = [judged(recall(0.9), when=f"day {n}") for n in range(300)]
    figure = charts.over_time(days)
    assert marks(figure, Met.MET) == charts.PERIODS
    assert "day 299" in texts(figure)
    assert figure.note == "And 180 more periods, in the table."
    assert len(figure.table.rows) == 300


def test_the_largest_drift_stands_on_top_and_what_cannot_be_judged_at_the_end(drawn: dict[str, Figure]):
    assert [row[0] for row in drawn["drift"].table.rows] == [Name("ratio"), Name("income"), Name("flag")]
    named = [text for text in texts(drawn["drift"]) if text in ("ratio", "income", "flag")]
    assert named == ["ratio", "income", "flag"]


def test_a_comparison_says_which_way_is_better(drawn: dict[str, Figure]):
    assert {"recall, higher is better", "0.8 → 0.7, n = 240"} <= set(texts(drawn["paired"]))


def test_bins_without_rows_are_in_the_table(drawn: dict[str, Figure]):
    figure = drawn["calibration"]
    assert len(figure.table.rows) == 3
    assert figure.table.rows[2][:3] == ("0.9 to 1", "no row", "cannot be judged")
    assert (marks(figure, None), marks(figure, Met.CANNOT)) == (1, 1)


def test_bars_are_as_high_as_their_counts(drawn: dict[str, Figure]):
    bars = [s.attrib["d"] for s in shapes(drawn["score_distribution"]) if s.get("fill") == "var(--neutral-fill)"]
    heights = [float(bar.split("v")[1].split("h")[0]) for bar in bars]
    assert len(heights) == 6
    assert heights[1] / heights[0] == pytest.approx(20 / 50, abs=0.001)
    assert heights[4] / heights[5] == pytest.approx(9 / 30, abs=0.001)


def test_of_many_outcomes_those_with_most_rows_are_drawn():
    counts = tuple((f"class {n}", (n, 1)) for n in range(9))
    figure = distributions.score_distribution(Histogram((0.0, 0.5, 1.0), counts))
    assert [text for text in texts(figure) if text.startswith("class")] == [
        f"class {n}, n = {n + 1}" for n in range(3, 9)
    ]
    assert figure.note == "And 3 more outcomes, in the table."
    assert len(figure.table.columns) == 10


def test_a_share_of_calls_never_stands_without_its_fraction(drawn: dict[str, Figure]):
    assert {"90 of 100 → 40 of 80", "0 of 100 → 40 of 80", "10 of 100 → 0 of 80"} <= set(texts(drawn["tool_mix"]))


def test_a_window_without_calls_has_no_marks():
    both, after = (distributions.tool_mix(before, {"a": 3, "b": 1}) for before in ({"a": 1}, {}))
    assert marks(both, Met.MET) == 4  # the mark of both windows is a disc, filled or not
    assert marks(after, Met.MET) == 2


def test_hostile_names_are_text_and_bounded():
    figure = charts.groups([judged(recall(0.9, group=text)) for text in CORPUS.values()])
    harmless = charts.groups([judged(recall(0.9, group="a name")) for _ in CORPUS])
    assert [shape.tag for shape in shapes(figure)] == [shape.tag for shape in shapes(harmless)]
    assert not FORBIDDEN & set(figure.drawing)
    assert len(figure.drawing) < len(harmless.drawing) + 100 * len(CORPUS)
    assert "62615533" not in figure.drawing  # 7919 * 7907: no name is an expression of Vega's


@pytest.mark.parametrize(
    "text", ["\ud800", "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 40, "\u05d0" * 1000, "W" * 1000, "漢" * 1000]
)
def test_long_and_strange_names_fit(text: str):
    short = plot.short(text)
    assert len(short) <= 60
    assert not FORBIDDEN & set(short)
    short.encode()


@pytest.mark.parametrize("values", [(0.0, 0.0), (1e308, -1e308), (1e-300, 2e-300), (5.0, 5.0), (1e15, 1e15 + 1)])
def test_numbers_of_any_size_have_an_axis(values: tuple[float, float]):
    points = [Point(Estimate("mean_error", value, 9, about=str(n))) for n, value in enumerate(values)]
    low, high = plot.span(points, None)
    assert low < high
    assert low <= min(values) <= max(values) <= high or abs(values[0]) == 1e308
    figure = charts.drift(points)
    assert marks(figure, None) == 2
    assert "NaN" not in figure.drawing
    assert "Infinity" not in figure.drawing
    assert max(map(len, texts(figure))) < 60


def test_shares_stay_between_nought_and_one():
    assert plot.span([Point(recall(0.94))], Limit(at_least=0.8)) == pytest.approx((0.791, 0.989), abs=0.001)
    assert plot.span([Point(Estimate("recall", 1.0, 9, 0.0, 1.0))], None) == (0, 1)
    assert plot.span([Point(cannot("recall", "empty"))], None) == (0, 0.05)


def test_every_number_drawn_is_in_the_table(drawn: dict[str, Figure]):
    assert [figure.table.numeric.count(True) > 0 for figure in drawn.values()] == [True] * len(EVERY)
    assert all(isinstance(figure.table, Table) for figure in drawn.values())

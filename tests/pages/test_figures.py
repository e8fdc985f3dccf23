import math

import pytest

from affidavit.measure import Estimate, cannot
from affidavit.pages.figures import (
    LISTED,
    Histogram,
    Limit,
    Point,
    ReliabilityBin,
    Table,
    described,
    estimate_cells,
    group_words,
    measure_words,
    number,
    outcomes_in_words,
)
from affidavit.pages.text import Name
from affidavit.rules.thresholds import Met

FEW = cannot("recall", "too few: 3 rows", n=3)


@pytest.mark.parametrize("met", [Met.MET, Met.NOT_MET])
def test_what_has_no_value_has_neither_met_nor_missed_anything(met: Met):
    with pytest.raises(ValueError, match="without a value"):
        Point(FEW, met)
    assert Point(FEW, Met.CANNOT).outcome is Met.CANNOT


@pytest.mark.parametrize("bad", [{}, {"at_least": math.nan}, {"at_least": 0.5, "at_most": math.inf}])
def test_a_limit_is_a_finite_number(bad: dict[str, float]):
    with pytest.raises(ValueError, match="finite number"):
        Limit(**bad)


def test_a_limit_in_words():
    assert Limit(at_least=0.0, at_most=0.8).lines == ((0.0, "at least 0"), (0.8, "at most 0.8"))


@pytest.mark.parametrize(
    ("edges", "counts"),
    [((0.0, 0.0), (1,)), ((1.0, 0.0), (1,)), ((0.0, math.inf), (1,)), ((0.0, 1.0), (1, 2)), ((0.0, 1.0), (-1,))],
)
def test_bins_and_counts_belong_together(edges: tuple[float, ...], counts: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"edges of bins|a count"):
        Histogram(edges, (("denied", counts),))


@pytest.mark.parametrize("mean", [-0.1, 1.5, math.nan])
def test_calibration_is_of_probabilities(mean: float):
    with pytest.raises(ValueError, match="between 0 and 1"):
        ReliabilityBin(0, 1, mean, FEW)


NUMBERS = {
    0.79996: "0.8",
    0.0: "0",
    1 / 3: "0.3333",
    1234.56: "1,234.6",
    -2.5: "−2.5",
    1e300: "1e+300",
    2e-7: "2e−07",
    12_345: "12,345",
}


@pytest.mark.parametrize(("value", "shown"), [*NUMBERS.items(), (-0.0, "0")])
def test_a_number_is_short_and_its_title_is_exact(value: float, shown: str):
    assert number(value).shown == shown
    assert float(number(value).exact) == value


def test_an_estimate_without_a_value_shows_why_and_never_a_number_for_it():
    assert estimate_cells(FEW) == ("cannot be judged", Name("too few: 3 rows"), number(3))
    assert estimate_cells(Estimate("recall", 1, 3))[1] == "none given"


def test_words():
    assert measure_words(Estimate("roc_auc", 0.5, 9)) == "ROC AUC"
    assert group_words(Estimate("recall", 0.5, 9, group=(("race", "b"), ("sex", "f")))) == "race = b, sex = f"
    assert group_words(FEW) == "all rows"


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([], ""),
        ([None], ""),
        ([Met.MET], "1 is met"),
        ([Met.MET, Met.MET, Met.NOT_MET], "1 is not met and 2 are met"),
        ([Met.CANNOT, Met.MET, Met.NOT_MET, Met.NOT_MET], "2 are not met, 1 cannot be judged and 1 is met"),
    ],
)
def test_the_worst_is_said_first(outcomes: list[Met | None], words: str):
    assert outcomes_in_words(outcomes) == words


def test_a_description_says_what_has_no_value():
    points = [Point(Estimate("recall", 0.5, 9), Met.MET), Point(Estimate("recall", 0.25, 9)), Point(FEW, Met.CANNOT)]
    assert (
        described(points, "Recall") == "Recall, from 0.25 to 0.5; 1 without a value; 1 cannot be judged and 1 is met."
    )
    assert described([Point(FEW)], "Recall") == "Recall; 1 without a value."


def test_a_table_counts_what_it_leaves_out():
    table = Table.of(("a", "n"), [("x", number(n)) for n in range(LISTED + 7)])
    assert (len(table.rows), table.more, table.numeric) == (LISTED, 7, (False, True))

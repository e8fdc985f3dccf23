"""What the three warehouses add up is what NumPy does of the same rows."""

import numpy as np
import pytest
import sqlalchemy as sa

from affidavit.errors import SourceRefused
from affidavit.measure import calibration, ranking
from affidavit.measure import confusion as counts
from affidavit.measure import residuals as errors
from affidavit.measure.calibration import probabilities
from affidavit.measure.recalibration import Judgeable, recalibration, summed
from affidavit.measure.rows import TROUBLES, Facet
from affidavit.warehouse import Snapshot, snapshot
from affidavit.warehouse.facets import GroupColumn, TimeColumn
from affidavit.warehouse.numbers import Numbers, median_error, residuals
from affidavit.warehouse.outcomes import Outcomes, confusion, confusion_and_probabilities, rank
from affidavit.warehouse.recalibration import recalibrated

ASKED = Outcomes("label", ("0", "1"), score="score", cut=0.5, weight="w")
BY = (GroupColumn("sex", ("F", "M")), GroupColumn("age", ("1", "2")))


def table(rows=400, seed=5):
    """Columns of predictions with ties, groups that are not listed, and rows without a label."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, rows)
    return {
        "label": np.where(rng.random(rows) < 0.1, np.nan, label),
        "score": np.clip(np.round(rng.beta(1 + label, 2), 2), 0.01, 0.99),
        "w": np.round(rng.gamma(2, 1, rows), 3) + 0.001,
        "sex": np.array(["F", "M", "it's", None], dtype=object)[rng.integers(0, 4, rows)],
        "age": rng.integers(1, 4, rows),
        "y": np.round(rng.normal(100, 3, rows), 3),
        "yhat": np.round(rng.normal(100, 3, rows), 3),
        "day": np.array([f"2026-{1 + n % 3:02}-{1 + n % 28:02}" for n in range(rows)], dtype=object),
    }


def stored(warehouse, columns):
    kinds = "label INT, score DOUBLE PRECISION, w NUMERIC(12, 6), sex VARCHAR(9), age INT"
    warehouse.run(f"CREATE TABLE t ({kinds}, y DOUBLE PRECISION, yhat DOUBLE PRECISION, day DATE)")

    def text(value):
        if value is None or (isinstance(value, float) and np.isnan(value)):
            return "NULL"
        return warehouse.text(value) if isinstance(value, str) else repr(float(value))

    rows = (f"({', '.join(map(text, row))})" for row in zip(*columns.values(), strict=True))
    warehouse.run(f"INSERT INTO t VALUES {', '.join(rows)}")


def look(warehouse, function, *arguments, **named):
    with snapshot(warehouse.connection, timeout_seconds=60) as opened:
        return function(opened, opened.table("t"), *arguments, about="t", **named)


def facets(columns):
    return [Facet("sex", columns["sex"], ("F", "M")), Facet("age", columns["age"], (1, 2))]


def test_every_warehouse_adds_up_what_numpy_does(warehouse):
    columns = table()
    stored(warehouse, columns)
    label, score, weight = (columns[name] for name in ("label", "score", "w"))
    named = {"classes": (0, 1), "by": facets(columns), "weight": weight}
    counted, likely = look(warehouse, confusion_and_probabilities, ASKED, by=BY)
    ours, sums = counts.confusion(label, (score >= 0.5).astype(int), **named), probabilities(label, score, **named)
    assert counted.groups == ours.groups
    assert counted.rows.tolist() == ours.rows.tolist()
    assert counted.troubles.tolist() == ours.troubles.tolist()
    for name in ("weight", "square"):
        np.testing.assert_allclose(getattr(counted, name), getattr(ours, name), rtol=1e-9)
    np.testing.assert_allclose(likely.sums, sums.sums, rtol=1e-9, atol=1e-9)
    ordered = look(warehouse, rank, ASKED, by=BY)
    np.testing.assert_allclose(ordered.sums, ranking.ranking(label, score, **named).sums, rtol=1e-9, atol=1e-9)
    assert ordered.troubles.tolist() == ours.troubles.tolist()
    whole = look(warehouse, rank, ASKED).sums
    np.testing.assert_allclose(whole, ranking.ranking(label, score, classes=(0, 1), weight=weight).sums, rtol=1e-9)


def test_errors_of_numbers_and_their_median_are_those_of_numpy(warehouse):
    columns = table()
    stored(warehouse, columns)
    asked = Numbers("y", "yhat")
    found = look(warehouse, residuals, asked, by=BY)
    ours = errors.residuals(columns["y"], columns["yhat"], by=facets(columns))
    for one, other in zip(errors.regression(found, minimum=1), errors.regression(ours, minimum=1), strict=True):
        assert (one.measure, one.group, one.n) == (other.measure, other.group, other.n)
        assert one.value == (other.value and pytest.approx(other.value, rel=1e-9))
    medians = look(warehouse, median_error, asked, found, by=BY)
    size = np.abs(columns["y"] - columns["yhat"])
    for each in medians:
        if each.value is not None:
            wanted = dict(each.group)
            sex = {"F": "F", "M": "M", "other": "it's", "missing": None}[wanted["sex"]]
            age = {"1": 1, "2": 2, "other": 3}[wanted["age"]]
            rows = np.array([value == sex for value in columns["sex"]]) & (columns["age"] == age)
            assert each.value == pytest.approx(np.median(size[rows]), abs=1e-9)
            assert each.low <= each.value <= each.high
    assert any(each.value is not None for each in medians)


@pytest.mark.parametrize("every", ["day", "week", "month"])
def test_spans_of_time_begin_on_their_first_day(warehouse, every):
    columns = table()
    stored(warehouse, columns)
    counted = look(warehouse, confusion, ASKED, by=(TimeColumn("day", every), GroupColumn("sex", ("F",))))
    days = np.array(columns["day"], "datetime64[D]")
    first = {"day": days, "month": days.astype("datetime64[M]").astype("datetime64[D]")}
    # The first of January 1970 was a Thursday.
    first["week"] = days - (days.astype(int) + 3) % 7
    by_time = counted.by("day")
    assert [dict(group)["day"] for group in by_time.groups] == sorted(set(map(str, first[every])))
    rows = by_time.rows.sum((1, 2)) + by_time.troubles.sum(1)
    assert rows.tolist() == np.unique(first[every], return_counts=True)[1].tolist()


def test_one_scan_counts_and_two_rank(warehouse, monkeypatch):
    stored(warehouse, table(50))
    asked = []
    query = Snapshot.query
    monkeypatch.setattr(Snapshot, "query", lambda self, s, **rest: asked.append(s) or query(self, s, **rest))
    look(warehouse, confusion_and_probabilities, ASKED, by=BY)
    assert len(asked) == 3  # the catalogue twice
    look(warehouse, rank, ASKED, by=BY)
    assert len(asked) == 7


def test_what_is_wrong_with_a_row_is_counted(warehouse):
    kinds = "label VARCHAR(9), score DOUBLE PRECISION, d VARCHAR(9), w DOUBLE PRECISION"
    rows = (
        *("('yes', 0.5, 'yes', 1)", "(NULL, 0.5, 'yes', -1)", "('hunter2', 9, 'no', 1)", "('no', NULL, 'no', 1)"),
        *("('no', 0.5, 'hunter2', 1)", "('no', 1.5, 'no', 1)", "('no', 0.5, NULL, 1)", "('no', 0.5, 'no', -1)"),
        *("('no', 0.5, 'no', NULL)", "('no', 0.5, 'no', 2)"),
    )
    warehouse.run(f"CREATE TABLE t ({kinds})", f"INSERT INTO t VALUES {', '.join(rows)}")
    asked = Outcomes("label", ("no", "yes"), decision="d", score="score", weight="w")
    counted, _ = look(warehouse, confusion_and_probabilities, asked)
    assert counted.troubles.tolist() == [[1, 1, 2, 1, 1, 2]]
    assert counted.weight.tolist() == [[[2.0, 0.0], [0.0, 1.0]]]
    if warehouse.kind != "sqlite":
        warehouse.run("UPDATE t SET score = 'NaN' WHERE d = 'yes' AND label = 'yes'")
        assert look(warehouse, rank, asked).troubles[0, 2] == 3


def test_infinite_scores_and_texts_among_sqlite_numbers_are_no_numbers(lite):
    lite.run("CREATE TABLE t (label BOOLEAN, score REAL)", "INSERT INTO t VALUES (1, 9e999), (0, 'x'), (1, 0.5)")
    counted = look(lite, confusion, Outcomes("label", ("false", "true"), score="score", cut=0.5))
    assert counted.troubles.tolist() == [[0, 0, 2, 0, 0, 0]]
    assert counted.rows.tolist() == [[[0, 0], [0, 1]]]


def test_labels_of_truth_are_told_apart(warehouse):
    warehouse.run("CREATE TABLE t (label BOOLEAN, d BOOLEAN)", "INSERT INTO t VALUES (TRUE, TRUE), (FALSE, TRUE)")
    counted = look(warehouse, confusion, Outcomes("label", ("0", "1"), decision="d"))
    assert counted.rows.tolist() == [[[0, 1], [0, 1]]]


def test_an_empty_table_has_no_rows(warehouse):
    warehouse.run("CREATE TABLE t (label INT, score DOUBLE PRECISION, w DOUBLE PRECISION)")
    counted, likely = look(warehouse, confusion_and_probabilities, ASKED)
    assert counted.rows.sum() == 0
    assert {each.why for each in calibration.calibrated(likely)} >= {"no rows"}
    assert all(each.value is None for each in ranking.ranked(look(warehouse, rank, ASKED)))


def test_a_column_that_is_absent_or_no_number_is_refused(warehouse):
    warehouse.run("CREATE TABLE t (label INT, score VARCHAR(9))", "INSERT INTO t VALUES (1, 'hunter2')")
    with pytest.raises(SourceRefused, match=r"warehouse://bank/t: .*'lable'.*did you mean 'label'"):
        look(warehouse, confusion, Outcomes("lable", ("0", "1"), score="score", cut=0.5))
    asked = Outcomes("label", ("0", "1"), score="score", cut=0.5)
    if warehouse.kind == "sqlite":
        assert look(warehouse, confusion, asked).troubles[0, 2] == 1
    else:
        with pytest.raises(SourceRefused, match=r"'score' is of type .*, and a number is needed"):
            look(warehouse, confusion, asked)
    with pytest.raises(ValueError, match="decisions are needed"):
        look(warehouse, confusion, Outcomes("label", ("0", "1")))


def test_names_of_columns_and_values_are_never_sql(warehouse):
    name = "a \"b' c"
    quoted = '"' + name.replace('"', '""') + '"'
    warehouse.run(f"CREATE TABLE t ({quoted} VARCHAR(30))", f"INSERT INTO t VALUES ({warehouse.text(name)}), ('no')")
    counted = look(warehouse, confusion, Outcomes(name, ("no", name), decision=name), by=(GroupColumn(name, (name,)),))
    assert counted.rows[0].tolist() == [[0, 0], [0, 1]]
    assert counted.by().rows.sum() == 2
    with snapshot(warehouse.connection, timeout_seconds=5) as opened:
        assert opened.query(sa.text("SELECT count(*) FROM t"), about="t")[0][0] == 2


def test_slope_and_intercept_are_fitted_alike_in_every_warehouse(warehouse):
    columns = table(600, seed=9)
    stored(warehouse, columns)
    found = look(warehouse, recalibrated, ASKED, minimum=30)
    known = ~np.isnan(columns["label"])
    label, score = columns["label"][known].astype(np.int64), columns["score"][known].astype(float)
    counts_ = Judgeable(int((label == 0).sum()), int(label.sum()), 0, np.zeros(len(TROUBLES), np.int64))
    for ours, theirs in zip(found, recalibration(summed(label, score, columns["w"][known]), counts_), strict=True):
        assert (ours.measure, ours.n) == (theirs.measure, theirs.n)
        assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high), abs=1e-9)


def test_a_score_of_nothing_or_all_has_no_slope_and_one_next_to_it_has(warehouse):
    columns = table(200)
    columns["score"][:2] = 5e-324 if warehouse.connection.type == "sqlite" else 1e-300
    columns["score"][2:4] = 1 - 2**-53
    stored(warehouse, columns)
    assert all(each.value is not None for each in look(warehouse, recalibrated, ASKED, minimum=30))
    warehouse.run("UPDATE t SET score = 0, label = 1 WHERE y = (SELECT min(y) FROM t)")
    assert {each.why for each in look(warehouse, recalibrated, ASKED, minimum=30)} == {
        "1 rows have a score of 0 or 1, whose log odds are infinite"
    }

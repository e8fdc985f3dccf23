"""Overlap, leakage and features of training alone are counted where the rows are, and no value of a row comes out."""

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score, roc_auc_score

from affidavit.errors import SourceRefused
from affidavit.measure.leakage import leakage_auc, leakage_information
from affidavit.measure.presence import training_only
from affidavit.warehouse import snapshot
from affidavit.warehouse.features import presence, rank_counts, value_counts
from affidavit.warehouse.overlap import Rows, holdout_overlap
from tests.warehouse.databases import duckdb_at, sqlite_at

TABLES = (
    "CREATE TABLE training (id INT, x DOUBLE PRECISION, g VARCHAR(20))",
    "CREATE TABLE held_out (id INT, x DOUBLE PRECISION, g VARCHAR(20))",
    "INSERT INTO training VALUES (1, 0.5, 'a'), (2, 1.5, 'b'), (2, 1.5, 'b'), (3, NULL, ''), (4, 2.5, 'hunter2')",
    "INSERT INTO held_out VALUES (2, 1.5, 'b'), (9, NULL, ''), (9, NULL, NULL)",
    "INSERT INTO held_out VALUES (4, 2.5000001, 'hunter2'), (4, 0.5, 'a')",
)


@pytest.fixture
def bank(warehouse):
    warehouse.run(*TABLES)
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        yield opened


def rows(opened, table):
    return Rows(opened, opened.table(table), table)


def overlap(here, there, columns=None):
    found = holdout_overlap(rows(here, "held_out"), rows(there, "training"), columns=columns)
    return found.n, None if found.value is None else round(found.value * found.n)


@pytest.mark.parametrize(
    ("columns", "shared"), [(None, 1), (["x", "g"], 3), (["g", "x"], 3), (["id"], 3), (["g"], 4), (["x"], 4)]
)
def test_rows_are_shared_if_each_column_has_the_same_value_and_missing_is_one(bank, warehouse, columns, shared):
    assert overlap(bank, bank, columns) == (5, shared)
    # Through hashes, as of another connection.
    with snapshot(warehouse.connection, timeout_seconds=20) as other:
        assert overlap(bank, other, columns) == (5, shared)


def test_a_row_that_training_holds_twice_is_shared_once(bank):
    found = holdout_overlap(rows(bank, "held_out"), rows(bank, "training"))
    assert (found.measure, found.value, found.n) == ("holdout_overlap_share", 0.2, 5)
    assert found.low < 0.2 < found.high


def test_two_kinds_of_warehouse_are_not_judged(tmp_path):
    kinds = [duckdb_at(tmp_path / "a.duckdb"), sqlite_at(tmp_path / "b.sqlite")]
    for one in kinds:
        one.run(*TABLES)
    with snapshot(kinds[0].connection, timeout_seconds=20) as a, snapshot(kinds[1].connection, timeout_seconds=20) as b:
        found = holdout_overlap(rows(a, "held_out"), rows(b, "training"))
    assert (found.value, found.why) == (None, "not compared: duckdb and sqlite write values differently")


def test_other_columns_other_types_and_no_rows_are_not_judged(warehouse):
    warehouse.run(
        *TABLES,
        "CREATE TABLE wide (id BIGINT, x DOUBLE PRECISION, g VARCHAR(20), more INT)",
        "INSERT INTO wide VALUES (2, 1.5, 'b', 1)",
        "CREATE TABLE empty (id INT, x DOUBLE PRECISION, g VARCHAR(20))",
    )
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        held, wide, empty = (rows(opened, name) for name in ("held_out", "wide", "empty"))
        assert holdout_overlap(held, wide).why == "the two tables have other columns: name those to compare"
        assert (
            "other types in the two tables, which a view could cast: id"
            in holdout_overlap(held, wide, columns=["id", "x"]).why
        )
        assert holdout_overlap(held, wide, columns=["x"]).value == 0.2
        assert holdout_overlap(empty, held).why == "no hold-out rows"
        assert holdout_overlap(held, empty).value == 0
        assert holdout_overlap(held, empty, columns=[]).why == "no columns to compare"
        with pytest.raises(SourceRefused, match="there is no column 'y'"):
            holdout_overlap(held, empty, columns=["y"])


def labelled(warehouse, x, label):
    """A table of one feature, whose name has to be quoted, and a label."""
    warehouse.run('CREATE TABLE t (":Feature" DOUBLE PRECISION, y VARCHAR(9))')
    texts = ["NULL" if each is None else f"'{each}'" for each in label]
    numbers = ["NULL" if math.isnan(each) else str(each) for each in x]
    written = ", ".join(f"({number}, {text})" for number, text in zip(numbers, texts, strict=True))
    warehouse.run(f"INSERT INTO t VALUES {written}")


def test_leakage_counts_give_the_figures_of_scikit_learn(warehouse):
    rng = np.random.default_rng(4)
    x = rng.integers(0, 12, 400) / 4
    label = np.where(rng.random(400) < x / 4, "yes", "no")
    absent = np.isin(np.arange(400), range(0, 400, 9))
    labelled(warehouse, np.where(absent, np.nan, x), [None if n % 50 == 3 else str(b) for n, b in enumerate(label)])
    known = np.arange(400) % 50 != 3
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        table = opened.table("t")
        ranks = rank_counts(opened, table, ":Feature", about="t", label="y", positive="yes")
        counts = value_counts(opened, table, ":Feature", about="t", label="y", classes=["yes", "no"])
    seen = known & ~absent
    area = roc_auc_score(label[seen] == "yes", x[seen])
    assert leakage_auc("f", ranks).value == pytest.approx(max(area, 1 - area), abs=1e-12)
    assert leakage_auc("f", ranks).n == seen.sum()
    codes = np.where(absent, -1, 4 * x)[known].astype(int)
    entropy = mutual_info_score(label[known], label[known])
    bias = (len(set(codes)) - 1) / (2 * known.sum())
    expected = (mutual_info_score(codes, label[known]) - bias) / entropy
    assert leakage_information("f", counts).value == pytest.approx(expected, abs=1e-12)


def test_a_leak_in_what_is_missing_is_seen_by_information_alone(warehouse):
    label = ["yes" if n % 3 else "no" for n in range(300)]
    labelled(warehouse, [1.0 if each == "yes" else math.nan for each in label], label)
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        table = opened.table("t")
        ranks = rank_counts(opened, table, ":Feature", about="t", label="y", positive="yes")
        counts = value_counts(opened, table, ":Feature", about="t", label="y", classes=["yes", "no"])
    assert leakage_auc("f", ranks).value is None
    assert leakage_information("f", counts).value > 0.99


def test_what_only_training_has_is_found_and_named(warehouse):
    warehouse.run(
        'CREATE TABLE training ("gone" INT, emptied INT, stuck VARCHAR(9), same INT, rare INT, fine INT, never INT)',
        "CREATE TABLE scored (emptied INT, stuck VARCHAR(9), same INT, rare INT, fine INT, never INT)",
        *(f"INSERT INTO training VALUES ({n}, {n}, 'v{n % 2}', 7, {int(n == 0)}, {n}, NULL)" for n in range(60)),
        *(f"INSERT INTO scored VALUES (NULL, 'v0', 7, 0, {n}, NULL)" for n in range(20)),
    )
    names = ["gone", "emptied", "stuck", "same", "rare", "fine", "never"]
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        training = (opened, opened.table("training"), "training")
        found = training_only(presence(training, (opened, opened.table("scored"), "scored"), names))
        nothing = (opened, replace(opened.table("scored"), only=None), "scored")
        with pytest.raises(SourceRefused, match="there is no column 'x'"):
            presence(training, nothing, ["x"])
    assert (found.absent, found.empty, found.constant) == (("gone",), ("emptied",), ("stuck",))
    assert found.undecided == ("rare",)
    assert [(e.about, e.value, e.n) for e in found.estimates] == [
        ("absent", 1, 20),
        ("empty", 1, 20),
        ("constant", 1, 20),
    ]

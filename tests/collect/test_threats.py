"""Near duplicates and labels that stand out are told of the datasets that a scored table names, by a bounded sample."""

import random

from affidavit.collect import threats
from affidavit.inventory import PredictionTable, System
from tests.collect.test_predictions import IN_USE, MEASURED, SCORED, SECRET, families, fill
from tests.collect.test_tables import SEEN, SYSTEM, bank, look_at_table

__all__ = ["bank"]

COLUMNS = (
    "id INT, income DOUBLE PRECISION, debt DOUBLE PRECISION, term DOUBLE PRECISION, sex VARCHAR(20), label VARCHAR(9)"
)


def rows(count, seed, *, start=0):
    """Labels that the income tells, but for its noise."""
    random_ = random.Random(seed)
    made = []
    for n in range(start, start + count):
        label = random_.random() < 0.5
        sex = SECRET if n % 40 == 0 else random_.choice("fm")
        made.append((n, random_.gauss(3.0 if label else -3.0, 1.0), *_apart(random_), sex, "yes" if label else "no"))
    return made


def _apart(random_):
    """Two more numbers, so that rows of their own are not near each other by chance."""
    return random_.gauss(0, 1), random_.gauss(0, 1)


def told(bank, learnt, held, **changes):
    """The results of the family, by measure and dataset."""
    for table, made in (("learnt", learnt), ("held", held)):
        listed = ", ".join("(" + ", ".join(map(repr, row)) + ")" for row in made)
        bank.run(f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({COLUMNS})")
        bank.run(f"INSERT INTO {table} VALUES {listed}")
    bank.run("DROP TABLE IF EXISTS scored")
    fill(bank, [(n, "2026-02-01", "2", 0.5, "yes", "f", 1) for n in range(40)])
    bank.run(*(f"ALTER TABLE scored ADD COLUMN {name} DOUBLE PRECISION" for name in ("debt", "term")))
    measured = {**MEASURED, "features": ["income", "debt", "term", "sex"], "key": "id", **changes}
    document = SYSTEM.model_dump()
    document["predictions"] = [PredictionTable.model_validate({**SCORED, "measured": measured}).model_dump()]
    document["datasets"] = [
        {"id": name, "connection": "bank", "table": table, "use": use, "suite": "s"}
        for name, table, use in (("train", "learnt", "training"), ("test", "held", "test"))
    ]
    document["mlflow"] = document["mlflow"] | {"registered_models": ["loans"]}
    system = System.model_validate(document)
    found = look_at_table(system, system.predictions[0], None, connection=bank.connection, seen=SEEN, known=IN_USE)
    draft = families(found)["data-threats"]
    assert SECRET not in repr(draft.facts)
    assert not [blob for blob in found.blobs if SECRET.encode() in blob]
    return {(each["measure"], each["about"]): each for each in draft.facts["results"]}


def test_copies_with_a_little_noise_are_found_and_rows_of_their_own_are_not(bank):
    learnt, held = rows(300, 1), rows(100, 2, start=1_000)
    clean = told(bank, learnt, held)
    assert clean["near_duplicate_share", "test"]["value"] < 0.05
    assert clean["near_duplicate_p_value", "test"]["value"] > 0.05
    copied = [(n + 2_000, income + 0.001, *rest) for n, income, *rest in learnt[:20]]
    planted = told(bank, learnt, held[:80] + copied)
    assert planted["near_duplicate_share", "test"]["value"] >= 0.2
    assert planted["near_duplicate_p_value", "test"]["value"] < 0.05
    assert planted["holdout_overlap_share", "test"]["value"] == 0


def test_labels_that_were_flipped_stand_out_in_the_table_that_has_them(bank):
    learnt, held = rows(400, 3), rows(200, 4)
    other = {"yes": "no", "no": "yes"}
    flipped = [(*row[:5], other[row[5]]) if n % 10 == 0 else row for n, row in enumerate(learnt)]
    found = told(bank, flipped, held)
    # One in ten; of those near the border of the classes nobody could tell.
    assert 0.05 < found["label_issue_share", "train"]["value"] <= 0.1
    assert found["label_issue_share", "test"]["value"] < 0.01


def test_samples_are_bounded_and_the_same_rows_give_the_same_numbers(bank, monkeypatch):
    monkeypatch.setattr(threats, "MOST_COMPARED", 50)
    monkeypatch.setattr(threats, "MOST_LABELLED", 60)
    learnt, held = rows(300, 5), rows(100, 6)
    found = told(bank, learnt, held)
    assert found["near_duplicate_share", "test"]["n"] == 50
    assert found["label_issue_share", "train"]["n"] == 60
    random.Random(1).shuffle(learnt)
    assert told(bank, learnt, held) == found


def test_rows_without_a_label_are_left_out_and_undeclared_labels_are_counted(bank):
    learnt = rows(100, 7)
    learnt = [(*row[:5], "") if n < 3 else row for n, row in enumerate(learnt)]
    assert told(bank, learnt, rows(60, 8))["label_issue_share", "train"]["why"].startswith(
        "3 rows carry labels outside"
    )


def test_where_no_sample_can_be_drawn_that_is_said(bank):
    learnt, held = rows(100, 9), rows(60, 10)
    without = told(bank, learnt, held, key=None)
    assert without["near_duplicate_share", "test"]["why"] == "not tested: no key tells rows apart"
    other = told(bank, learnt, held, key="day")
    assert other["label_issue_share", "train"]["why"] == "not tested: train has no column day"
    twice = told(bank, learnt, [(1, *row[1:]) for row in held])
    assert "two rows share a key" in twice["near_duplicate_p_value", "test"]["why"]
    assert twice["label_issue_share", "train"]["value"] is not None

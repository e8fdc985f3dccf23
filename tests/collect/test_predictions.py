"""Scored rows are measured in the snapshot of their fingerprint: those of the version in use, and always the same."""

import hashlib
import random
from collections import Counter

import pytest
from sklearn import metrics

from affidavit.collect.attempts import Known
from affidavit.collect.tables import look_at_table
from affidavit.errors import SourceRefused
from affidavit.evidence import Entry, Origin, Stage, kinds
from affidavit.evidence.measured import OF_ANSWERS, measured_name
from affidavit.evidence.salted import payload
from affidavit.inventory import PredictionTable, System
from affidavit.inventory.measures import OF_ROWS
from tests.collect.test_tables import LATER, SEEN, SYSTEM, bank

__all__ = ["bank"]

MEASURED = {
    "task": "binary",
    "model": "loans",
    "version": "version",
    "classes": ["no", "yes"],
    "positive": "yes",
    "cut": 0.5,
    "groups": {"sex": ["f", "m"]},
    "features": ["income"],
    "reference": "train",
    "thresholds": [{"measure": "recall", "at_least": 0.5}],
}
SCORED = {
    "id": "scored",
    "connection": "bank",
    "table": "scored",
    "time_column": "day",
    "label": "label",
    "score": "score",
}
IN_USE = Known({"loans": "2"})
SECRET = "s3cret-Ñandú"


def declared(**changes):
    table = PredictionTable.model_validate({**SCORED, "measured": {**MEASURED, **changes}})
    document = SYSTEM.model_dump() | {"predictions": [table.model_dump()]}
    document["mlflow"] = document["mlflow"] | {"registered_models": ["loans"]}
    return System.model_validate(document), table


def rows(count=200, *, version="2", seed=7):
    random_ = random.Random(seed)
    made = []
    for n in range(count):
        label = random_.random() < 0.4
        score = round(min(1.0, max(0.0, random_.gauss(0.6 if label else 0.4, 0.2))), 6)
        sex = SECRET if n % 50 == 0 else random_.choice("fm")
        made.append((n, f"2026-02-{n % 20 + 1:02}", version, score, "yes" if label else "no", sex, n % 37))
    return made


def fill(bank, made, *, table="scored"):
    columns = (
        "id INT, day DATE, version VARCHAR(9), score DOUBLE PRECISION, label VARCHAR(9), sex VARCHAR(20), income INT"
    )
    bank.run(f"CREATE TABLE {table} ({columns})", f"INSERT INTO {table} VALUES {listed(made)}")


def listed(made):
    return ", ".join("(" + ", ".join(map(repr, row)) + ")" for row in made)


def filled(bank):
    made = [*rows(), *rows(40, version="1", seed=3)]
    fill(bank, made)
    fill(bank, rows(150, seed=5), table="t")
    return [row for row in made if row[2] == "2"]


def look(bank, *, seen=SEEN, known=IN_USE, **changes):
    system, table = declared(**changes)
    return look_at_table(system, table, None, connection=bank.connection, seen=seen, known=known)


UNTRIED = {"not-tested"}
"""The statement of the families that nothing is declared for: one, of no version."""


def families(found, version="2"):
    measured = [draft for draft in found.drafts if draft.kind == kinds.MEASUREMENT]
    return {draft.facts["family"]: draft for draft in measured if draft.facts["version"] in {None, version}}


def value(draft, measure, *, about=None, **group):
    [found] = [
        each
        for each in draft.facts["results"]
        if (each["measure"], each["about"], each["group"]) == (measure, about, group)
    ]
    return found["value"]


def test_the_rows_of_the_version_in_use_are_measured_in_the_snapshot_of_their_fingerprint(bank):
    made = filled(bank)
    found = look(bank)
    snapshot, by_family = found.drafts[0], families(found)
    assert set(by_family) == {"performance", "fairness", "drift", "data-threats", *UNTRIED}
    for family in UNTRIED:
        untried = by_family.pop(family)
        assert untried.subjects[0].name == measured_name("scored", family)
        named = {OF_ROWS[each["measure"]] for each in untried.facts["results"]}
        assert named == {"agreement", "comparison", "robustness", "explanation", "membership"}
        assert all(each["why"].startswith("not tested: ") for each in untried.facts["results"])
    for family, draft in by_family.items():
        version = "2" if family in OF_ANSWERS else None
        assert draft.subjects[0].name == measured_name("scored", family, version=version)
        assert draft.subjects[1] == snapshot.subjects[0]
        assert draft.facts["fingerprint"] == snapshot.facts["fingerprint"]
        assert (draft.facts["model"], draft.facts["version"]) == ("loans" if version else None, version)
        assert draft.origin is Origin.RECORDED
        assert draft.seal(None)
    performance = by_family["performance"]
    assert (performance.stage, performance.facts["rows"]) == (Stage.VERIFICATION, 200)
    labels, scores = [row[4] == "yes" for row in made], [row[3] for row in made]
    assert value(performance, "recall") == pytest.approx(metrics.recall_score(labels, [s >= 0.5 for s in scores]))
    assert value(performance, "roc_auc") == pytest.approx(metrics.roc_auc_score(labels, scores))
    men = [row for row in made if row[5] == "m"]
    selected = sum(row[3] >= 0.5 for row in men) / len(men)
    assert value(by_family["fairness"], "selection_rate", sex="m") == pytest.approx(selected)


def test_the_same_rows_are_the_same_facts_at_any_time(bank):
    filled(bank)
    first, again = families(look(bank)), families(look(bank, seen=LATER))
    for family in first:
        one, other = (dict(each[family].facts) for each in (first, again))
        assert one.pop("details").keys() == other.pop("details").keys()
        assert one == other
    reports = [[payload(blob) for blob in look(bank, seen=seen).blobs if b"<html" in blob] for seen in (SEEN, LATER)]
    assert reports[0] == reports[1]
    assert len(reports[0]) == 6 + len(UNTRIED)  # drift, threats, and of either version performance and fairness


def test_a_value_that_is_not_declared_is_pooled_and_never_named(bank):
    filled(bank)
    found = look(bank)
    groups = Counter(each["group"].get("sex") for each in families(found)["fairness"].facts["results"])
    assert set(groups) == {None, "f", "m", "other"}
    assert not [blob for blob in found.blobs if SECRET.encode() in blob]
    assert SECRET not in repr([draft.facts for draft in found.drafts])


def test_a_declared_group_that_no_row_has_is_not_left_out(bank):
    filled(bank)
    fairness = families(look(bank, groups={"sex": ["f", "m", "x"]}))["fairness"]
    assert value(fairness, "recall", sex="x") is None


def test_each_of_the_latest_versions_that_rows_name_has_its_own_numbers(bank):
    fill(bank, [row for n in (1, 2, 9, 10) for row in rows(40, version=str(n), seed=n)])
    fill(bank, rows(150, seed=5), table="t")
    measured = [draft.facts for draft in look(bank).drafts if draft.facts.get("family") == "performance"]
    assert [(facts["version"], facts["rows"]) for facts in measured] == [("10", 40), ("9", 40), ("2", 40)]


def test_what_is_no_version_is_neither_measured_nor_named(bank):
    fill(bank, [row for name in ("", "v1", "-1", "1.0", "٣", "01", "nan") for row in rows(40, version=name)])
    fill(bank, rows(150, seed=5), table="t")
    assert set(families(look(bank))) == {"drift", "data-threats", *UNTRIED}


def test_where_no_column_names_it_the_version_in_use_is_taken(bank):
    filled(bank)
    performance = families(look(bank, version=None))["performance"]
    assert (performance.facts["version"], performance.facts["rows"]) == ("2", 240)


def test_of_an_unknown_version_nothing_is_judged(bank):
    filled(bank)
    performance = families(look(bank, version=None, known=Known()))["performance"]
    assert performance.facts["version"] is None
    assert [each["value"] for each in performance.facts["results"]] == [None]


def test_labels_outside_the_declared_set_are_counted_and_nothing_is_judged(bank):
    filled(bank)
    performance = families(look(bank, classes=["nope", "yes"]))["performance"]
    assert value(performance, "recall") is None
    assert sum(performance.facts["left_out"].values()) == 200 - performance.facts["rows"]


@pytest.mark.parametrize(
    "changes",
    [{"version": "versoin"}, {"groups": {"sxe": ["f"]}}, {"features": ["incmoe"]}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_declared_column_of_no_use_is_named(bank, changes):
    filled(bank)
    with pytest.raises(SourceRefused) as caught:
        look(bank, **changes)
    [named] = changes.values()
    assert (named if isinstance(named, str) else next(iter(named))) in caught.value.text
    assert "warehouse://bank/" in caught.value.text


def test_weights_that_are_no_numbers_weigh_nothing(bank):
    filled(bank)
    if bank.kind != "sqlite":
        with pytest.raises(SourceRefused, match="a number is needed"):
            look(bank, weight="label")
        return
    # A column of SQLite holds any type: what is none is counted, and what rests on it is not judged.
    performance = families(look(bank, weight="label"))["performance"]
    assert value(performance, "recall") is None
    assert sum(performance.facts["left_out"].values()) == 200


def test_numbers_are_measured_too(bank):
    made = filled(bank)
    numbers = {"task": "regression", "classes": [], "positive": None, "cut": None, "groups": {}, "thresholds": []}
    system, table = declared(**numbers)
    table = table.model_copy(update={"label": "income"})
    found = look_at_table(system, table, None, connection=bank.connection, seen=SEEN, known=IN_USE)
    performance = families(found)["performance"]
    errors = [abs(row[3] - row[6]) for row in made]
    assert value(performance, "mean_absolute_error") == pytest.approx(sum(errors) / len(errors))


def test_where_the_reference_lies_elsewhere_drift_is_not_judged(bank):
    filled(bank)
    system, table = declared()
    train = system.datasets[0].model_copy(update={"connection": "other"})
    system = system.model_copy(update={"datasets": (train,)})
    found = look_at_table(system, table, None, connection=bank.connection, seen=SEEN, known=IN_USE)
    drift = families(found)["drift"]
    assert [each["value"] for each in drift.facts["results"]] == [None]
    assert "another warehouse" in drift.facts["results"][0]["why"]


def test_an_injected_drift_is_an_alarm_and_the_same_rows_are_none(bank):
    fill(bank, rows())
    fill(bank, [(*row[:6], row[6] + 30) for row in rows()], table="t")
    drift = families(look(bank))["drift"]
    assert value(drift, "drift_alarm", about="income") == 1
    assert value(drift, "drift_alarm", about="label") == 0


def test_hold_out_rows_that_were_learnt_from_are_counted(bank):
    fill(bank, rows())
    fill(bank, rows(), table="t")
    fill(bank, rows(50), table="held_out")
    system, table = declared()
    train = system.datasets[0]
    held_out = train.model_copy(update={"id": "held-out", "table": "held_out", "use": "test"})
    system = system.model_copy(update={"datasets": (train, held_out)})
    found = look_at_table(system, table, None, connection=bank.connection, seen=SEEN, known=IN_USE)
    threats = families(found)["data-threats"]
    assert value(threats, "holdout_overlap_share", about="held-out") == 1
    assert threats.stage is Stage.DATA


def test_a_report_tells_what_was_tried_before_and_stays_as_it_is_when_more_is_tried(bank):
    fill(bank, rows(version="1"))
    fill(bank, rows(150, seed=5), table="t")

    def looked(known):
        found = look(bank, known=known)
        drafts = [draft for draft in found.drafts if draft.facts.get("family") == "performance"]
        return {draft.facts["version"]: (draft, report_of(found, draft)) for draft in drafts}

    first, report = looked(IN_USE)["1"]
    assert "This is the first attempt" in report
    before = {first.subjects[0].name: [Entry(7, first.seal(None))]}
    bank.run(f"INSERT INTO scored VALUES {listed(rows(version='2', seed=9))}")
    second, report = looked(Known({"loans": "2"}, before))["2"]
    assert "This is attempt 2" in report
    assert "loans version 1" in report
    both = before | {second.subjects[0].name: [Entry(9, second.seal(None))]}
    assert "This is the first attempt" in looked(Known({"loans": "2"}, both))["1"][1]
    assert looked(Known({"loans": "2"}, both))["2"][1] == report


def report_of(found, draft):
    digest = draft.facts["details"]["digest"]["sha256"]
    [blob] = [blob for blob in found.blobs if hashlib.sha256(blob).hexdigest() == digest]
    return payload(blob).decode()


def answered_twice(bank, *, worse=0, older="1"):
    """The same 200 rows by versions 1 and 2, of which the second decides ``worse`` rows otherwise."""
    made = rows(version="2")
    flipped = [(*row[:3], round(1 - row[3], 6), *row[4:]) if n < worse else row for n, row in enumerate(made)]
    fill(bank, [*((*row[:2], older, *row[3:]) for row in made), *flipped])
    fill(bank, rows(150, seed=5), table="t")
    return made, flipped


def test_a_version_is_compared_with_the_one_before_it_on_the_same_rows(bank):
    old, new = answered_twice(bank, worse=40)
    found = look(bank, key="id")
    draft = families(found)["comparison"]
    labels = [row[4] == "yes" for row in old]

    def rate(score, made):
        return score(labels, [row[3] >= 0.5 for row in made])

    for name, score in (
        ("accuracy", metrics.accuracy_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        assert value(draft, f"{name}_change") == pytest.approx(rate(score, new) - rate(score, old))
    assert draft.facts["settings"]["compared with"] == "version 1"
    assert draft.facts["rows"] == 200
    first = families(found, "1")["comparison"].facts["results"]
    assert {each["why"] for each in first} == {"not tested: no older version answered any of the same rows"}


def test_rows_with_weights_are_not_compared_as_if_each_counted_once(bank):
    answered_twice(bank)
    untried = families(look(bank, key="id", weight="income"))["not-tested"]
    why = {each["why"] for each in untried.facts["results"] if OF_ROWS[each["measure"]] == "comparison"}
    assert why == {"not tested: rows have weights, which no comparison row by row takes"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("INSERT INTO scored SELECT * FROM scored WHERE version = '2' AND id < 7", "7 rows share their key"),
        ("UPDATE scored SET label = 'no' WHERE version = '1'", "carry another label in the row of the other version"),
        ("UPDATE scored SET score = NULL WHERE version = '1' AND id < 3", "3 rows carry no prediction"),
    ],
)
def test_rows_that_cannot_be_paired_are_not_compared(bank, change, why):
    answered_twice(bank)
    bank.run(change)
    results = families(look(bank, key="id"))["comparison"].facts["results"]
    assert {each["value"] for each in results} == {None}
    assert all(why in each["why"] for each in results)

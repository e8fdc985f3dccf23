"""A measure of another package is taken of a bounded sample of each version's rows; what it does wrong is named."""

import sys
import textwrap

import pytest

from affidavit.collect import custom
from affidavit.evidence import kinds
from tests.collect.test_predictions import families, fill, look, rows
from tests.collect.test_tables import bank

__all__ = ["bank"]

PACKAGE = """
    import threading

    import numpy as np

    from affidavit.measure import Estimate, cannot


    class Cost:
        name, tasks, better = "cost_of_errors", ("binary",), "lower"

        def estimate(self, rows):
            if not len(rows.label):
                return cannot(self.name, "no rows")
            cost = np.where(rows.label > rows.decision, 5.0, 1.0) * (rows.label != rows.decision)
            return Estimate(self.name, float(np.average(cost, weights=rows.weight)), len(cost))


    class Large(Cost):
        '''Keeps the contract until there are many rows.'''

        def estimate(self, rows):
            return self.beyond(rows) if len(rows.label) > 100 else super().estimate(rows)


    class Raising(Large):
        name = "raising"

        def beyond(self, rows):
            raise ValueError(f"{rows.score[0]} is a value of a row")


    class Hanging(Large):
        name = "hanging"

        def beyond(self, rows):
            threading.Event().wait()


    class Bare(Large):
        name = "bare"

        def beyond(self, rows):
            return 0.5


    class Telling(Large):
        name = "telling"

        def beyond(self, rows):
            return cannot(self.name, f"{rows.score[0]} is a value of a row", n=len(rows.label))


    class Numbers(Cost):
        name, tasks = "numbers", ("regression",)


    class Broken(Cost):
        name = "broken"

        def estimate(self, rows):
            return Estimate(self.name, 0.0, 0)


    cost, raising, hanging, bare, telling, numbers, broken = (
        each() for each in (Cost, Raising, Hanging, Bare, Telling, Numbers, Broken)
    )
"""
NAMES = {
    "cost_of_errors": "cost",
    **{name: name for name in ("raising", "hanging", "bare", "telling", "numbers", "broken")},
}


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """An installed distribution that offers them, as far as Python can tell."""
    (tmp_path / "measures_of_theirs.py").write_text(textwrap.dedent(PACKAGE))
    info = tmp_path / "measures_of_theirs-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: measures-of-theirs\nVersion: 1.2\n")
    points = "".join(f"{name} = measures_of_theirs:{value}\n" for name, value in NAMES.items())
    (info / "entry_points.txt").write_text(f"[affidavit.measures]\n{points}")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("measures_of_theirs", None)


def told(bank, *names, **changes):
    found = look(bank, custom=list(names), key="id", reference=None, **changes)
    drafts = families(found)
    assert "is a value of a row" not in repr([draft.facts for draft in found.drafts if draft.kind is kinds.MEASUREMENT])
    return drafts["custom"], {each["measure"]: each for each in drafts["custom"].facts["results"]}


def test_it_is_taken_of_the_rows_of_the_version_and_its_package_is_named(bank, offered):
    made = rows(300)
    fill(bank, [*made, *rows(40, version="1", seed=3)])
    draft, results = told(bank, "cost_of_errors", thresholds=[{"measure": "cost_of_errors", "at_most": 2}])
    wrong = [(row[4] == "yes", row[3] >= 0.5) for row in made]
    cost = sum(5 if label else 1 for label, decision in wrong if label != decision) / len(made)
    assert results["cost_of_errors"]["value"] == pytest.approx(cost)
    assert (draft.facts["rows"], draft.facts["version"]) == (300, "2")
    assert draft.facts["settings"]["cost_of_errors"] == "offered by measures-of-theirs 1.2"
    assert draft.facts["thresholds"]


def test_it_gets_no_more_rows_than_may_be(bank, offered, monkeypatch):
    fill(bank, rows(300))
    monkeypatch.setattr(custom, "MOST_ROWS", 120)
    draft, results = told(bank, "cost_of_errors")
    assert draft.facts["rows"] == results["cost_of_errors"]["n"] == 120
    assert draft.facts["settings"]["sample"].startswith("at most 120 rows by smallest-sha256")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("raising", "the measure raised ValueError"),
        ("hanging", "the measure took more than 0.3 s"),
        ("bare", "the measure gave no estimate of these rows under its own name"),
        ("telling", "the measure says that it cannot be judged of these rows"),
        ("numbers", "not tested: it is no measure of a binary task"),
        ("broken", "not tested: of an empty table it gives a value"),
        ("nobodys", "not tested: no installed package offers it"),
    ],
)
def test_one_that_fails_says_so_in_our_words_and_keeps_no_other_from_being_taken(bank, offered, monkeypatch, name, why):
    fill(bank, rows(200))
    monkeypatch.setattr(custom, "SECONDS", 0.3)
    _, results = told(bank, name, "cost_of_errors")
    assert results[name]["value"] is None
    assert results[name]["why"].startswith(why)
    assert results["cost_of_errors"]["value"] is not None


def test_rows_that_are_wrong_keep_it_from_being_judged_and_unlabelled_ones_are_left_out(bank, offered):
    fill(bank, [*rows(200), (900, "2026-02-01", "2", 0.5, "perhaps", "f", 1)])
    bank.run("UPDATE scored SET label = NULL WHERE id < 10")
    draft, results = told(bank, "cost_of_errors")
    assert results["cost_of_errors"]["why"] == "1 rows carry labels outside the declared set"
    assert draft.facts["left_out"] == {"carry no label": 10, "carry labels outside the declared set": 1}
    bank.run("DELETE FROM scored WHERE id = 900")
    assert told(bank, "cost_of_errors")[1]["cost_of_errors"]["n"] == 190

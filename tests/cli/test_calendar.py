"""``affidavit calendar`` and ``affidavit status --period``."""

import json
from datetime import timedelta

import pytest

from affidavit.evidence import Period
from affidavit.inventory.schedule import slot_at
from affidavit.pipeline import collection


@pytest.fixture
def paused(project):
    """Collected once some days ago, then paused for three days, then collected again."""
    project.collect()
    project.assess()
    project.now += timedelta(days=4)
    project.collect()
    project.assess()
    return project


def test_a_pause_is_told_with_its_days(run, paused):
    told = run("calendar", "loans", "--from", "2026-03-14", "--to", "2026-03-18")
    assert told.returncode == 0, told.stderr
    assert "system:loans: 1 of 4 slots that were due came in time; 0 came late, 3 never came" in told.stdout
    document = json.loads(run("calendar", "--to", "2026-03-18", "--json").stdout)
    [gap] = document["system:loans"]["gaps"]
    assert (gap["from"], gap["slots"], gap["came"]) == ("2026-03-14T00:00:00.000Z", 3, "never came")
    assert gap["why"] == "nothing was recorded"
    later = json.loads(run("calendar", "--from", "2026-03-17T12:00Z", "--to", "2026-03-18", "--json").stdout)
    assert later["system:loans"]["slots"]["came"] == 1
    assert later["system:loans"]["gaps"] == []


def test_a_period_says_k_of_n_and_who_found_what(run, paused):
    told = run("status", "loans", "--period", "2026-03-14..2026-03-18", "--json")
    document = json.loads(told.stdout)
    operation = document["scopes"]["system:loans"]["operation"]
    assert document["period"]["from"] == "2026-03-14T00:00:00.000Z"
    by_control = {each["control"]: each for each in operation}
    assert by_control["A.7.4"]["due"] == 4
    assert by_control["A.7.4"]["kept"] <= 1
    assert "never came" in {one["what"] for one in by_control["A.7.4"]["exceptions"]}
    assert "found by: nobody" in run("status", "loans", "--period", "2026-03-14..2026-03-18").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("calendar", "cards"), "nothing was ever due of 'cards'"),
        (("calendar", "--from", "then"), "--from: 'then' is not a time"),
        (("calendar", "--to", "then"), "--to: 'then' is not a time"),
        (("status", "--period", "2026-03-14"), "--period: '2026-03-14' is no period"),
        (("status", "--period", "2026-03-14..x"), "--period: 'x' is not a time"),
        (("status", "--period", "2026-03-15..2026-03-14"), "the period ends before it begins"),
    ],
)
def test_what_cannot_be_asked_is_said(run, project, arguments, said):
    done = run(*arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_before_any_declaration_nothing_was_due(run, project):
    assert "Nothing was ever due" in run("calendar").stdout


def test_a_recorded_gap_names_its_entry(run, project):
    project.collect()
    missed = slot_at("@daily", project.now + timedelta(days=1))
    project.now += timedelta(days=3)
    visit = collection.Visit("loans", Period(missed.start, missed.end), project.now)
    recorded = collection.record(project.workplace, visit, [], now=project.now)
    document = json.loads(run("calendar", "loans", "--json").stdout)
    assert document["system:loans"]["gaps"][0]["entry"] == recorded.collection
    assert "not collected while it could be observed" in run("calendar", "loans").stdout

"""The page of the calendar, and how a control's page shows its operation, from the story that they tell of."""

from datetime import timedelta

import pytest

from affidavit import catalogue
from affidavit.evidence import kinds
from affidavit.pages import calendar as module
from affidavit.pages.calendar import calendar_page
from affidavit.pages.posture import Completeness, Posture, control_page
from affidavit.pages.render import render
from affidavit.pages.text import length
from affidavit.pipeline.completeness import completeness
from affidavit.projections import fold
from affidavit.projections.reader import Head
from affidavit.rules.verdict import Status
from tests.pages.examples import verdict
from tests.pages.markup import Markup
from tests.projections.story import DAY, SCOPE, STEPS, Story


def posture(story: Story, of: Completeness | None = None) -> Posture:
    return Posture(
        verdicts=(verdict("A.7.4", Status.SUPPORTED, scope=SCOPE),),
        catalogue=catalogue.load(),
        head=Head("o", len(story.entries), bytes(32), story.now, ""),
        at=story.now,
        demonstrations=(),
        entries={},
        titles={SCOPE: "Loans"},
        validations=(),
        lineages={},
        completeness=of or completeness(fold(story.entries), at=story.now),
    )


def page(story: Story) -> Markup:
    shown = Markup(render(calendar_page(posture(story))))
    assert shown.faults() == []
    return shown


def control(story: Story) -> Markup:
    shown = Markup(render(control_page(posture(story), "A.7.4")))
    assert shown.faults() == []
    return shown


def days(story: Story, count: int) -> None:
    for _ in range(count):
        story.now += DAY
        story.collection()


def assess(story: Story, status: str) -> int:
    facts = {"controls": {"A.7.4": {"status": status, "origin": None}}, "rules": "0" * 64, "catalogue": "0" * 64}
    return story.say(kinds.ASSESSMENT, f"affidavit://posture/{SCOPE}", facts).index


@pytest.fixture
def story() -> Story:
    story = Story()
    story.collect_organisation()
    story.declare()
    story.collection()
    assess(story, "supported")
    return story


def test_where_nothing_is_declared_it_says_what_would_fill_it():
    shown = page(Story())
    assert "Nothing was due and is over yet" in shown.text
    assert "affidavit collect" in shown.text


def test_all_that_came_is_said_in_one_sentence():
    story = Story()
    story.declare()
    story.collection()
    days(story, 5)
    shown = page(story)
    assert "All that was due came in time: 5 of 5 slots." in shown.text
    assert "✕" not in shown.text
    assert "No gap." in shown.text


def test_a_pause_shows_in_its_week_with_word_and_reason_after_it_is_over(story):
    days(story, 3)
    story.now += 3 * DAY
    days(story, 14)
    shown = page(story)
    # Of the organisation nothing came since the first day.
    assert "Of 39 slots that were due, 22 never came whole and 0 came late; 17 came in time." in shown.text
    rows = {row.title: row for row in calendar_page(posture(story)).rows}
    assert [(cell.kept, cell.due) for cell in rows["Loans"].cells if cell.due] == [(3, 6), (7, 7), (7, 7)]
    assert "✕ 3 of 6" in shown.text
    assert "nothing was recorded" in shown.text
    assert "no entry" in shown.text


def test_the_next_move_is_whose_latest_slot_never_came(story):
    days(story, 1)
    moves = dict(calendar_page(posture(story)).moves)
    assert moves == {}
    story.now += 2 * DAY
    [(organisation, nobody), (loans, role)] = calendar_page(posture(story)).moves
    assert "affidavit collect organisation" in organisation
    assert "Run the collection of Loans (affidavit collect loans)" in loans
    assert (nobody, role) == ("", "ml-lead")


def test_weeks_without_a_column_are_counted_and_gaps_without_a_row_too(story, monkeypatch):
    story.now += 2 * DAY
    for _ in range(30):
        days(story, 3)
        story.now += DAY
    monkeypatch.setattr(module, "LISTED", 4)
    found = calendar_page(posture(story))
    loans = next(row for row in found.rows if row.title == "Loans")
    assert loans.cells[0].due > 0
    assert sum(cell.due for cell in loans.cells) == 2 + 30 * 4 - 1
    assert len(loans.cells) == 1 + len(found.weeks)
    assert len(found.gaps) == 4
    assert found.more == 30 + 1 - 4
    assert f"{found.more} earlier gaps" in page(story).text


def test_a_gap_that_a_collection_recorded_links_it(story):
    story.now += DAY
    index = story.collection(steps=STEPS[1:]).index
    days(story, 1)
    shown = page(story)
    assert f"entries/{index}.html" in shown.addresses
    assert "the collection came without it" in shown.text


def test_a_control_says_k_of_n_with_each_exception_and_who_found_it(story):
    days(story, 3)
    story.now += timedelta(hours=1)
    red = assess(story, "failing")
    story.now += timedelta(hours=3)
    assess(story, "supported")
    story.now -= timedelta(hours=4)
    days(story, 2)
    story.now += 2 * DAY
    shown = control(story)
    assert "4 of 6 instances due since" in shown.text
    assert "✕ failing" in shown.text
    assert "3 hours" in shown.text
    assert f"assessment {red}" in shown.text
    assert f"../entries/{red}.html" in shown.addresses
    assert "✕ never came" in shown.text
    assert "nobody: nothing was recorded" in shown.text


def test_a_control_without_an_instance_says_when_there_will_be_one(story):
    assert "No instance was due and over yet." in control(story).text


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(0), "0 minutes"),
        (timedelta(minutes=60), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=400), "400 days"),
    ],
)
def test_a_length_is_said_in_a_unit_of_which_there_are_some(time, words):
    assert length(time) == words

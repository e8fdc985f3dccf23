"""Who is to be told what: each change once, what nobody acted upon once more to somebody else, and no storms."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE, kinds
from affidavit.inventory.reminding import Reminders
from affidavit.projections import fold, needs
from affidavit.projections.reminders import MAX_MATTERS, WAITS, matters, owed
from tests.projections.story import DAY, PEOPLE, SCOPE, Story

CATALOGUE = catalogue.load()
MAIL = {"id": "mail", "notifier": "a.b.Mail"}
CHAT = {"id": "chat", "notifier": "a.b.Chat", "roles": ["data-owner"]}


@dataclass(frozen=True)
class Verdict:
    control: str
    status: str
    scope: str = SCOPE
    owner: str = "data-owner"
    sentence: str = "It is so."
    next_action: str = "Mend it"


def told_by(*channels, hours=None):
    escalation = {"after_hours": hours, "to": "governance-lead"} if hours else None
    return Reminders.model_validate({"channels": channels, "escalation": escalation})


def assess(story, *verdicts):
    """What an assessment records of the verdicts, which are all there are in the scope."""
    facts = {
        "controls": {each.control: {"status": each.status, "origin": None} for each in verdicts},
        "rules": "0" * 64,
        "catalogue": "0" * 64,
    }
    story.say(kinds.ASSESSMENT, f"affidavit://posture/{SCOPE}", facts)


def look(story, reminders, *verdicts, asking=False, send=True):
    """One run of the posture: what is owed, which is then sent and recorded."""
    assess(story, *verdicts)
    state = fold(story.entries)
    waiting = needs(state, (), at=story.now, catalogue=CATALOGUE) if asking else ()
    found = owed(state, matters(state, verdicts, waiting, at=story.now), reminders, at=story.now)
    for digest in found if send else ():
        name = f"affidavit://notices/{digest.channel.id}/{digest.recipient}"
        story.say(kinds.NOTICE, name, digest.facts(), scope=ORGANISATION_SCOPE)
    story.now += timedelta(hours=1)
    return [
        (each.channel.id, each.recipient, [m.about for m in each.new], [m.about for m in each.escalated])
        for each in found
    ]


@pytest.fixture
def story():
    begun = Story()
    begun.declare_organisation(people=PEOPLE)
    begun.declare()
    return begun


def test_each_change_for_the_worse_is_told_once_and_again_when_it_happens_again(story):
    mail = told_by(MAIL)
    missing, fine = Verdict("A.7.4", "missing"), Verdict("A.7.4", "supported")
    assert look(story, mail, missing) == [("mail", "data-owner", ["A.7.4"], [])]
    assert look(story, mail, missing) == []
    assert look(story, mail, Verdict("A.7.4", "failing")) == [("mail", "data-owner", ["A.7.4"], [])]
    assert look(story, mail, fine) == []
    assert look(story, mail, missing) == [("mail", "data-owner", ["A.7.4"], [])]


@pytest.mark.parametrize("status", ["supported", "accepted", "not yet due", "undetermined", "not applicable"])
def test_what_nobody_has_to_act_upon_is_not_told(story, status):
    assert look(story, told_by(MAIL), Verdict("A.7.4", status)) == []


def test_what_was_not_sent_is_owed_still(story):
    mail, missing = told_by(MAIL), Verdict("A.7.4", "missing")
    assert look(story, mail, missing, send=False) == look(story, mail, missing, send=False) != []


def test_a_verdict_that_no_assessment_recorded_is_not_told(story):
    assess(story, Verdict("A.7.4", "supported"))
    state = fold(story.entries)
    assert matters(state, [Verdict("A.7.4", "failing")], (), at=story.now) == ()


def test_one_message_for_each_role_and_channel_and_only_to_channels_that_carry_it(story):
    bad = [
        *(Verdict(f"A.7.{n}", "missing") for n in range(2, 7)),
        Verdict("A.6.2.4", "failing", owner="ml-lead"),
        Verdict("A.9.4", "stale", owner=""),
    ]
    assert look(story, told_by(MAIL, CHAT), *bad) == [
        ("mail", "", ["A.9.4"], []),
        ("mail", "data-owner", [f"A.7.{n}" for n in range(2, 7)], []),
        ("mail", "ml-lead", ["A.6.2.4"], []),
        ("chat", "data-owner", [f"A.7.{n}" for n in range(2, 7)], []),
    ]
    assert look(story, told_by(MAIL, CHAT), *bad) == []


def test_a_channel_that_is_new_tells_what_stands_and_a_new_owner_is_told(story):
    missing = Verdict("A.7.4", "missing")
    look(story, told_by(MAIL), missing)
    assert look(story, told_by(MAIL, CHAT), missing) == [("chat", "data-owner", ["A.7.4"], [])]
    moved = replace(missing, owner="ml-lead")
    assert look(story, told_by(MAIL, CHAT), moved) == [("mail", "ml-lead", ["A.7.4"], [])]


def test_what_nobody_acted_upon_is_told_once_to_somebody_else_and_not_once_it_is_mended(story):
    mail = told_by(MAIL, hours=48)
    bad = [Verdict("A.7.4", "missing"), Verdict("A.7.5", "missing"), Verdict("4.1", "missing", owner="governance-lead")]
    look(story, mail, *bad)
    story.now += timedelta(hours=46)
    assert look(story, mail, *bad) == []  # 47 hours
    bad[1] = replace(bad[1], status="supported")
    assert look(story, mail, *bad) == [("mail", "governance-lead", [], ["A.7.4"])]
    story.now += 10 * DAY
    assert look(story, mail, *bad) == []
    assert look(story, told_by(MAIL), *bad) == []


def test_a_decision_that_waits_is_told_to_whoever_may_answer(story):
    story.now += DAY
    story.declare(schedule="@monthly")
    [(channel, recipient, [about], escalated)] = look(story, told_by(MAIL), asking=True)
    assert (channel, recipient, escalated) == ("mail", "ml-lead", [])
    assert about.startswith("loosening-")
    state = fold(story.entries)
    [matter] = matters(state, (), needs(state, (), at=story.now, catalogue=CATALOGUE), at=story.now)
    assert (matter.status, about in matter.action) == (WAITS, True)
    assert look(story, told_by(MAIL), asking=True) == []


def test_what_is_missing_as_planned_is_told_when_the_day_is_over_and_what_fails_at_once(story):
    plan = {"state": "planned", "until": str(story.now.date())}
    story.declare_organisation(people=PEOPLE, adoption={"A.7": plan})
    missing = Verdict("A.7.4", "missing")
    assert look(story, told_by(MAIL), missing) == []
    assert look(story, told_by(MAIL), Verdict("A.7.4", "failing")) == [("mail", "data-owner", ["A.7.4"], [])]
    look(story, told_by(MAIL), missing)
    story.now += DAY
    assert look(story, told_by(MAIL), missing) == [("mail", "data-owner", ["A.7.4"], [])]
    assert look(story, told_by(MAIL), missing) == []


def test_what_there_is_no_room_for_is_told_the_next_time_and_fits_into_a_leaf(story):
    many = [Verdict(f"A.7.{n}", "awaiting judgement") for n in range(MAX_MATTERS + 5)]
    assert [len(new) for _, _, new, _ in look(story, told_by(MAIL), *many)] == [MAX_MATTERS]
    assert len(story.entries[-1].leaf) < 65_535
    assert [len(new) for _, _, new, _ in look(story, told_by(MAIL), *many)] == [5]
    assert look(story, told_by(MAIL), *many) == []

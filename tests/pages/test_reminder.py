from datetime import UTC, datetime

from affidavit.inventory import Organisation
from affidavit.inventory.reminding import Channel
from affidavit.pages.reminder import MAX_SHOWN, message
from affidavit.projections.reminders import Digest, Matter

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
ORGANISATION = Organisation.model_validate(
    {"id": "b", "title": "Bank", "roles": {"lead": {"title": "Lead"}}, "demonstration": "Made up."}
)
CHANNEL = Channel(id="mail", notifier="a.b.Mail")


def matter(about="A.7.4", words="Nothing was validated.", status="missing"):
    return Matter("system:loans", about, status, 7, "lead", words, "Run the collection")


def test_a_message_says_what_changed_where_and_what_to_do():
    digest = Digest(CHANNEL, "lead", (matter(),), (matter("A.7.5", status="failing"),))
    found = message(digest, ORGANISATION, at=NOON, after_hours=48)
    assert found.subject == "Affidavit: 1 failing, 1 missing, for Lead (lead)"
    first, _, late = found.text.partition("more than 48 hours ago")
    assert "A.7.4 of loans: missing.\n  Nothing was validated.\n  Next: Run the collection" in first
    assert "A.7.5 of loans: failing." in late
    assert "Demonstration: Made up." in first


def test_it_is_of_bounded_length_and_says_how_much_it_leaves_out():
    new = tuple(matter(f"A.7.{n}", "x" * 5_000) for n in range(200))
    found = message(Digest(CHANNEL, "lead", new, new, left=3), ORGANISATION, at=NOON, after_hours=1)
    assert found.text.count("Next:") == MAX_SHOWN
    assert f"And {400 - MAX_SHOWN + 3} more" in found.text
    assert len(found.text) < 10_000


def test_no_title_continues_a_header():
    role = {"lead": {"title": "Lead\nBcc: all@example.org"}}
    organisation = ORGANISATION.model_copy(update={"roles": Organisation(id="b", title="B", roles=role).roles})
    found = message(Digest(CHANNEL, "lead", (matter(),), ()), organisation, at=NOON, after_hours=None)
    assert "\n" not in found.subject
    assert "nobody" in message(Digest(CHANNEL, "", (matter(),), ()), organisation, at=NOON, after_hours=None).subject

"""Messages that are sent and recorded, on a real ledger; the notifier is the test's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from affidavit.collect.declarations import look_at_organisation
from affidavit.errors import SourceUnavailable
from affidavit.evidence import AirflowRun, Circumstances, kinds
from affidavit.inventory import from_environment
from affidavit.pipeline import posture, reminding
from affidavit.pipeline.workplace import Workplace
from affidavit.settings import Settings

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
RUN = AirflowRun("posture", "run", "remind", 1)
SECRET = "governance@example.org"
CHANNELS = [
    {"id": "mail", "notifier": "a.b.Mail", "arguments": {"to": SECRET}},
    {"id": "chat", "notifier": "a.b.Chat", "roles": ["lead"]},
]
DOCUMENT: dict[str, Any] = {
    "id": "harbour",
    "title": "Harbour",
    "roles": {"lead": {"title": "Lead", "holders": ["p-1"]}, "top": {"title": "Top", "holders": ["p-2"]}},
    "owners": {"4": "lead", "5": "top"},
    "reminders": {"channels": CHANNELS, "escalation": {"after_hours": 24, "to": "top"}},
}


class Notifiers:
    """Takes messages, but those of a channel that is broken."""

    def __init__(self):
        self.taken, self.broken = [], None

    def __call__(self, channel, message):
        if channel.id == self.broken:
            raise SourceUnavailable("it failed", where=channel.id, fix="mend it")
        self.taken.append((channel.id, message.subject.partition(", for ")[2]))

    def since(self):
        taken, self.taken = self.taken, []
        return taken


@pytest.fixture
def work(tmp_path):
    (tmp_path / "include").mkdir()
    made = Workplace(Settings.read({}, tmp_path), from_environment({}))
    made.create_ledger(now=NOON).close()
    declare(made, DOCUMENT)
    return made


def declare(work, document):
    (work.settings.include_dir / "organisation.yaml").write_text(yaml.safe_dump(document))
    with work.writer() as ledger:
        ledger.append(look_at_organisation(work.organisation(), systems=[], seen=Circumstances(NOON)).drafts, now=NOON)


def remind(work, send, now=NOON):
    posture.assess(work, now=now)
    return reminding.remind(work, now=now, airflow=RUN, send=send)


def notices(work):
    with work.reader() as ledger:
        return [entry.statement for entry in ledger.entries(kind=kinds.NOTICE.name)]


def test_each_message_is_recorded_and_none_is_sent_twice(work):
    send = Notifiers()
    told = remind(work, send)
    everybody = [("mail", "nobody, since no role answers for it"), ("mail", "Lead (lead)"), ("mail", "Top (top)")]
    assert send.since() == [*everybody, ("chat", "Lead (lead)")]
    assert told.messages == len(notices(work)) == 4
    assert {each.facts["recipient"] for each in notices(work)} == {"", "lead", "top"}
    assert remind(work, send, NOON + timedelta(hours=1)).messages == 0
    assert send.since() == []
    # A day later whoever is above is told of what is still open, in one message.
    assert remind(work, send, NOON + timedelta(hours=24)).messages == 1
    assert send.since() == [("mail", "Top (top)")]


def test_a_channel_that_fails_keeps_no_other_from_being_used_and_owes_what_it_did_not_take(work):
    send = Notifiers()
    send.broken = "mail"
    with pytest.raises(SourceUnavailable, match="it failed"):
        remind(work, send)
    assert send.since() == [("chat", "Lead (lead)")]
    assert [each.facts["channel"] for each in notices(work)] == ["chat"]
    send.broken = None
    remind(work, send)
    assert {channel for channel, _ in send.since()} == {"mail"}


def test_what_is_cut_short_before_it_is_recorded_is_sent_again_and_nothing_before_it(work):
    def killed(channel, message):
        send(channel, message)
        if len(send.taken) == 2:
            raise KeyboardInterrupt

    send = Notifiers()
    with pytest.raises(KeyboardInterrupt):
        remind(work, killed)
    first = send.since()
    assert len(notices(work)) == 1
    remind(work, send)
    assert send.since()[0] == first[1]
    assert first[0] not in send.taken


def test_no_address_enters_the_ledger(work):
    remind(work, Notifiers())
    with work.reader() as ledger:
        whole = b"".join(entry.leaf for entry in ledger.entries())
    assert SECRET.encode() not in whole
    assert b"a.b.Mail" in whole


def test_without_channels_nothing_is_judged_or_recorded(work):
    declare(work, {key: value for key, value in DOCUMENT.items() if key != "reminders"})
    assert remind(work, Notifiers()) == reminding.Reminded(0, 0, 0)
    assert notices(work) == []

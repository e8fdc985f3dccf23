"""Telling people what waits for them: what is owed follows from the ledger, Airflow's notifiers send it.

A message is sent, then recorded. What is cut short between the two is sent again: at least once, never not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from affidavit import __version__, catalogue
from affidavit.errors import AffidavitError
from affidavit.evidence import (
    ORGANISATION_SCOPE,
    AirflowRun,
    Circumstances,
    Collector,
    Draft,
    Origin,
    Stage,
    Subject,
    kinds,
)
from affidavit.inventory.reminding import Channel
from affidavit.pages.reminder import Message, message
from affidavit.pipeline import posture
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import needs
from affidavit.projections.reminders import Digest, matters, owed

COLLECTOR = Collector("reminders", __version__)

Send = Callable[[Channel, Message], None]
"""Hands a message to the notifier of a channel; raises ``AffidavitError`` where that does not take it."""


@dataclass(frozen=True)
class Reminded:
    """How many messages were sent, and about how many matters; ``left`` are told the next time."""

    messages: int
    matters: int
    left: int


def remind(workplace: Workplace, *, now: datetime, airflow: AirflowRun | None, send: Send) -> Reminded:
    """Send what is owed, and record each message once it was sent. Does nothing where no channel is declared.

    A channel that fails keeps no other from being used; its error is raised once all were tried, and what it did not
    take is owed still.
    """
    organisation = workplace.organisation()
    reminders = organisation.reminders
    if reminders is None:
        return Reminded(0, 0, 0)
    with workplace.reader() as ledger:
        judged = posture.judge(ledger, at=now)
    waiting = needs(judged.state, judged.verdicts, at=now, catalogue=catalogue.load())
    digests = owed(judged.state, matters(judged.state, judged.verdicts, waiting, at=now), reminders, at=now)
    after = reminders.escalation.after_hours if reminders.escalation else None
    sent: list[Digest] = []
    failed: dict[str, AffidavitError] = {}
    for digest in digests:
        if digest.channel.id in failed:
            continue
        try:
            send(digest.channel, message(digest, organisation, at=now, after_hours=after))
        except AffidavitError as error:
            failed[digest.channel.id] = error
            continue
        # At once, and not with the others: a retry must not send it again because of what failed after it.
        with workplace.writer() as ledger:
            ledger.append([_notice(digest, Circumstances(now, airflow, organisation.demonstration))], now=now)
        sent.append(digest)
    if failed:
        raise next(iter(failed.values()))
    told = sum(len(digest.new) + len(digest.escalated) for digest in sent)
    return Reminded(len(sent), told, sum(digest.left for digest in sent))


def _notice(digest: Digest, seen: Circumstances) -> Draft:
    facts = digest.facts()
    name = f"affidavit://notices/{digest.channel.id}/{digest.recipient or 'nobody'}"
    return Draft(
        kind=kinds.NOTICE,
        scope=ORGANISATION_SCOPE,
        stage=Stage.CROSS,
        origin=Origin.RECORDED,
        subjects=(Subject.of_facts(name, facts),),
        facts=facts,
        collector=COLLECTOR,
        seen=seen,
    )

"""What people are to be told: each change for the worse once, to whoever answers for it, and what nobody acted upon.

Derived from the ledger alone: assessments record since when a control has stood as it does, decisions what still waits,
and notices what was told. A control that is mended and fails again has another *since*, and is told again.

What is told at one time to one role by one channel is one digest, so that a bad day is one message and not a hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from affidavit.evidence import Entry, moment
from affidavit.inventory.adopting import plan_of
from affidavit.inventory.reminding import Channel, Reminders
from affidavit.projections.need import Need

if TYPE_CHECKING:
    from affidavit.projections.state import State

TOLD = frozenset({"failing", "missing", "stale", "awaiting judgement"})
"""The statuses that somebody has to act upon. One that cannot be judged comes and goes with its source."""

WAITS = "waits for a decision"
MAX_MATTERS = 300
"""Matters in one digest, which a leaf has room for; the others are told the next time."""


class Judged(Protocol):
    """A verdict: see :class:`affidavit.rules.Verdict`."""

    @property
    def control(self) -> str:
        """Control or clause id."""

    @property
    def scope(self) -> str:
        """Where."""

    @property
    def status(self) -> str:
        """How it stands, in words."""

    @property
    def sentence(self) -> str:
        """What the evidence shows."""

    @property
    def owner(self) -> str:
        """The role that answers for it."""

    @property
    def next_action(self) -> str:
        """What to do."""


@dataclass(frozen=True)
class Matter:
    """Something that ``owner`` (a role or committee; empty: nobody answers for it) has to act upon.

    ``about`` is a control or clause, or the id of a need. ``since`` is the entry that recorded the change; None of a
    need, whose id is of it alone. ``words`` say what is the case, ``action`` what to do.
    """

    scope: str
    about: str
    status: str
    since: int | None
    owner: str
    words: str
    action: str

    @property
    def key(self) -> tuple[str, str, str, int | None]:
        """What tells it from every other change, of the same control too."""
        return self.scope, self.about, self.status, self.since


@dataclass(frozen=True)
class Digest:
    """What ``recipient`` is to be told by ``channel`` in one message.

    ``new`` is its own, and this channel has not told it yet. ``escalated`` was told to its owners, and is still the
    case; ``left`` counts what there is no room for.
    """

    channel: Channel
    recipient: str
    new: tuple[Matter, ...]
    escalated: tuple[Matter, ...]
    left: int = 0

    def facts(self) -> dict[str, Any]:
        """What a statement of kind ``notice`` says of it, once it was sent."""
        told = [*((each, False) for each in self.new), *((each, True) for each in self.escalated)]
        return {
            "channel": self.channel.id,
            "recipient": self.recipient,
            "matters": [
                {"scope": m.scope, "about": m.about, "status": m.status, "since": m.since, "escalated": late}
                for m, late in told
            ],
        }


def matters(state: State, verdicts: Iterable[Judged], needs: Iterable[Need], *, at: datetime) -> tuple[Matter, ...]:
    """What somebody has to act upon ``at`` that time. What is missing as planned is told once the plan's day is over.

    A verdict that no assessment recorded yet is left out: its change has not happened, as far as the ledger knows. A
    question to a competent person is not told twice: the control that awaits the judgement is.
    """
    standing, found = state.organisation.organisation, []
    for verdict in verdicts:
        planned = plan_of(standing.value.adoption, verdict.control) if standing else None
        if verdict.status == "missing" and planned and at.date() <= planned.until:
            continue
        changes = state.scope(verdict.scope).recorded.get(verdict.control)
        if verdict.status in TOLD and changes and changes[-1].status == verdict.status:
            about, since = verdict.control, changes[-1].index
            words, action = verdict.sentence, verdict.next_action
            found.append(Matter(verdict.scope, about, str(verdict.status), since, verdict.owner, words, action))
    for need in needs:
        if need.type != "judgement":
            action = f"Answer it in Airflow, run {need.id}"
            owner = need.roles[0] if need.roles else ""
            found.append(Matter(need.scope, need.id, WAITS, None, owner, f"{need.title}. {need.question}", action))
    return tuple(found)


def owed(state: State, current: Iterable[Matter], reminders: Reminders, *, at: datetime) -> tuple[Digest, ...]:
    """The messages that are owed at ``at``, given what was recorded as told: at most one for each channel and role."""
    current = tuple(current)
    told = _told(state.organisation.notices)
    digests = (
        _digest(channel, recipient, current, _Past(told, reminders, at))
        for channel in reminders.channels
        for recipient in _recipients(current, reminders)
        if channel.carries(recipient)
    )
    return tuple(digest for digest in digests if digest.new or digest.escalated)


@dataclass(frozen=True)
class _Told:
    """That somebody was told something: by which channel, and whether because nobody had acted upon it."""

    channel: str
    recipient: str
    escalated: bool
    at: datetime


_Notices = dict[tuple[str, str, str, int | None], list[_Told]]


@dataclass(frozen=True)
class _Past:
    told: _Notices
    reminders: Reminders
    at: datetime

    def was_told(self, matter: Matter, recipient: str, channel: str, *, escalated: bool) -> bool:
        way = (channel, recipient, escalated)
        return any((each.channel, each.recipient, each.escalated) == way for each in self.told.get(matter.key, ()))

    def is_late(self, matter: Matter) -> bool:
        """Whether its owner was told so long ago that somebody else has to know."""
        escalation = self.reminders.escalation
        first = min((each.at for each in self.told.get(matter.key, ()) if not each.escalated), default=None)
        return bool(escalation and first and first + timedelta(hours=escalation.after_hours) <= self.at)


def _digest(channel: Channel, recipient: str, current: Iterable[Matter], past: _Past) -> Digest:
    escalation = past.reminders.escalation
    mine = (m for m in current if m.owner == recipient)
    new = [m for m in mine if not past.was_told(m, recipient, channel.id, escalated=False)]
    late = [
        m
        for m in current
        if escalation
        and escalation.to == recipient != m.owner
        and past.is_late(m)
        and not past.was_told(m, recipient, channel.id, escalated=True)
    ]
    room = MAX_MATTERS - min(len(late), MAX_MATTERS)
    left = len(new) + len(late) - min(len(late), MAX_MATTERS) - min(len(new), room)
    return Digest(channel, recipient, tuple(new[:room]), tuple(late[:MAX_MATTERS]), left)


def _recipients(current: Iterable[Matter], reminders: Reminders) -> list[str]:
    named = {matter.owner for matter in current}
    if reminders.escalation:
        named.add(reminders.escalation.to)
    return sorted(named)


def _told(notices: Iterable[Entry]) -> _Notices:
    found: _Notices = {}
    for entry in notices:
        facts, at = entry.statement.facts, moment(entry.statement.observed_at)
        for each in facts["matters"]:
            key = (each["scope"], each["about"], each["status"], each["since"])
            found.setdefault(key, []).append(_Told(facts["channel"], facts["recipient"], each["escalated"], at))
    return found


def by_status(current: Iterable[Matter]) -> Iterator[tuple[str, int]]:
    """How many of each status, as they stand in order."""
    statuses = sorted(matter.status for matter in current)
    return ((status, len(list(group))) for status, group in groupby(statuses))

"""AI systems whose file is gone: what the organisation is asked about each, and since when nothing is due for one.

A deleted file drops no obligation. A decision does, from its entry on: it is about the declaration that stood, and
ends with the look that finds the file again. The file deleted once more is asked about once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from affidavit.evidence import ORGANISATION_SCOPE, moment
from affidavit.inventory import Organisation
from affidavit.projections.decisions import Decided, Settled, settled
from affidavit.projections.need import OPTIONS, Need
from affidavit.projections.scope import ScopeState

RETIREMENT = "retirement"


@dataclass(frozen=True, slots=True)
class Retired:
    """``decided`` ends an AI system's obligations at ``start``; they stand again from ``end`` on, None for never."""

    start: datetime
    end: datetime | None
    decided: Settled

    def covers(self, time: datetime) -> bool:
        """Whether what would be due at ``time`` is not."""
        return self.start < time and (self.end is None or time <= self.end)


def gone_since(organisation: ScopeState, system: str) -> int | None:
    """The entry since which the organisation's declarations name no file of the AI system; None where they name it."""
    since = None
    for entry in organisation.organisation.entries if organisation.organisation else ():
        if system in entry.statement.facts["systems"]:
            since = None
        elif since is None:
            since = entry.index
    return since


def retirement_need(organisation: Organisation | None, gone: ScopeState) -> Need | None:
    """What is asked about an AI system whose file is gone; None where its declaration could never be read.

    It is asked of the organisation, whose decisions outlive the file. Who answers for the system decides, unless the
    organisation's ``deciders`` name somebody.
    """
    if gone.system is None:
        return None
    system = gone.system.value
    decider = organisation.deciders.get("retirement") if organisation else None
    return Need(
        type=RETIREMENT,
        scope=ORGANISATION_SCOPE,
        title=f"{system.title} ({system.id})",
        question=f"The file of {system.title} is gone. Is it retired, so that nothing is due for it any more?",
        subjects=(gone.system.entry.statement.subject,),
        options=OPTIONS[RETIREMENT],
        roles=(decider or system.owner,),
    )


def retiring(need: Need) -> str:
    """The id of the AI system that a need of this type is about."""
    return need.subjects[0].name.rpartition("/")[2]


def retirements(organisation: ScopeState, system: ScopeState) -> tuple[Retired, ...]:
    """When nothing was due for an AI system, oldest first, by what the organisation decided while its file was gone."""
    if system.system is None or organisation.organisation is None:
        return ()
    about = system.system.entry.statement.subject.name
    decisions = [
        each
        for topic in organisation.decisions.values()
        for each in topic
        if each.need.type == RETIREMENT and each.need.subjects[0].name == about
    ]
    if not decisions:
        return ()
    found: list[Retired] = []
    decisions.sort(key=lambda each: each.entry.index)
    for since, back, end in _absences(organisation, system.system.value.id):
        within = [each for each in decisions if since < each.entry.index and (back is None or each.entry.index < back)]
        found += _within(within, end)
    return tuple(found)


def _absences(organisation: ScopeState, system: str) -> Iterator[tuple[int, int | None, datetime | None]]:
    """Each time that its file was gone: the first declaration without it; the first with it again, and its time."""
    assert organisation.organisation
    since: int | None = None
    for entry in organisation.organisation.entries:
        there = system in entry.statement.facts["systems"]
        if there and since is not None:
            yield since, entry.index, moment(entry.statement.observed_at)
        since = None if there else entry.index if since is None else since
    if since is not None:
        yield since, None, None


def _within(decisions: list[Decided], end: datetime | None) -> Iterator[Retired]:
    """What the answers come to one after another: a later one that contradicts brings the obligations back."""
    stands: Settled | None = None
    start = end
    for n, each in enumerate(decisions):
        outcome = settled(decisions[: n + 1])
        approved = outcome if outcome and outcome.approves else None
        time = moment(each.entry.statement.observed_at)
        if stands is None and approved:
            stands, start = approved, time
        elif stands and approved is None:
            assert start
            yield Retired(start, time, stands)
            stands = None
    if stands:
        assert start
        yield Retired(start, end, stands)

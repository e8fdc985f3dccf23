"""What was due and never came, and how controls operated, of every scope."""

from __future__ import annotations

from datetime import datetime, timedelta

from affidavit import rules
from affidavit.pages.posture import Completeness
from affidavit.projections import Calendar, Reader, State, calendar, fold, scopes_due
from affidavit.rules import Operation

OPERATED = timedelta(days=90)
"""How far back a control's page shows how it operated; ``affidavit status --period`` shows any time."""


def calendars(
    state: State, *, at: datetime, start: datetime | None = None, end: datetime | None = None
) -> dict[str, Calendar]:
    """What was due by ``at`` in each scope that owes anything, of slots that ended within the period; all by default.

    ``state`` is that of the whole ledger.
    """
    scopes = (scope.name for scope in scopes_due(state))
    return {scope: calendar(state, scope, at=at, start=start, end=end) for scope in scopes}


def calendars_now(
    reader: Reader, *, at: datetime, start: datetime | None = None, end: datetime | None = None
) -> dict[str, Calendar]:
    """The same, from every entry that there is by now."""
    return calendars(fold(reader.entries()), at=at, start=start, end=end)


def operations(state: State, *, at: datetime, start: datetime, end: datetime) -> dict[str, tuple[Operation, ...]]:
    """How each control operated in each scope, of slots that ended after ``start`` and no later than ``end``."""
    found = calendars(state, at=at, start=start, end=end)
    return {scope: rules.operation(state.scope(scope), each) for scope, each in found.items()}


def completeness(state: State, *, at: datetime) -> Completeness:
    """All that the pages of a moment show of it."""
    since = at - OPERATED
    return Completeness(calendars(state, at=at), operations(state, at=at, start=since, end=at), since)

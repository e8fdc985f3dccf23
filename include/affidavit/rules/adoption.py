"""What to do next while a management system is adopted: by owner, in order, and never a reason to judge milder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from affidavit.inventory import Organisation
from affidavit.inventory.adopting import Adoption, plan_of
from affidavit.rules.verdict import WORST_FIRST, Status, Verdict

_DONE = {Status.SUPPORTED, Status.NOT_APPLICABLE, Status.NOT_YET_DUE, Status.ACCEPTED}


@dataclass(frozen=True)
class Step:
    """Something to do for a control, in one or several scopes; ``state`` and ``until`` are null without a plan."""

    owner: str
    control: str
    scopes: tuple[str, ...]
    status: Status
    state: str | None
    until: date | None
    overdue: bool
    action: str


def plan(organisation: Organisation | None, control: str) -> Adoption | None:
    """What the organisation has planned for a control or clause; None where nothing."""
    return plan_of(organisation.adoption, control) if organisation else None


def overdue(planned: Adoption, at: datetime) -> bool:
    """Whether the last day of a plan is over."""
    return planned.until < at.date()


def steps(verdicts: Iterable[Verdict], organisation: Organisation | None, *, at: datetime) -> tuple[Step, ...]:
    """What is to be done for whatever is not settled, by owner; each owner's in the order in which to begin.

    First what is overdue, then by its date, what has none last; of these the worst first, in the catalogue's order. The
    same to do in several AI systems is one step.
    """
    found: dict[tuple[str, str, Status, str], list[str]] = {}
    for verdict in verdicts:
        if verdict.status not in _DONE:
            key = (verdict.owner, verdict.control, verdict.status, verdict.next_action)
            found.setdefault(key, []).append(verdict.scope)
    listed = []
    for (owner, control, status, action), scopes in found.items():
        planned = plan(organisation, control)
        state, until = (planned.state, planned.until) if planned else (None, None)
        late = bool(planned and overdue(planned, at))
        listed.append(Step(owner, control, tuple(scopes), status, state, until, late, action))
    return tuple(
        sorted(
            listed,
            key=lambda s: (s.owner, not s.overdue, s.until or date.max, WORST_FIRST.index(s.status)),
        )
    )

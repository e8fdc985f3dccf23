"""How far the organisation is with each control: what it has planned, and by when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field

from affidavit.inventory.declared import Declared
from affidavit.inventory.waiting import Waiting

STATES = ("planned", "adopting", "adopted")


class Adoption(Declared):
    """The plan for a control, a clause, or an area of them. It makes nothing better: what is missing stays missing."""

    state: Literal["planned", "adopting", "adopted"]
    until: date = Field(description="Last day by which it is to be adopted")


def plan_of(adoption: Mapping[str, Adoption], control: str) -> Adoption | None:
    """The plan for a control: its own, else that of the nearest area above it."""
    while control not in adoption:
        control, dot, _ = control.rpartition(".")
        if not dot:
            return None
    return adoption[control]


def adoption_in_force(
    old: Mapping[str, Adoption], new: Mapping[str, Adoption], waiting: Waiting
) -> dict[str, Adoption]:
    """The plans that stand: a later date, a step back and a plan that is dropped wait.

    A plan that is dropped would else be made anew with a later date.
    """
    standing = dict(new)
    for control, before in old.items():
        field, now = f"adoption.{control}", new.get(control)
        if now is None:
            if waiting.holds(field, before.until, None, "the date by which it is due would be forgotten"):
                standing[control] = before
            continue
        back = STATES.index(now.state) < STATES.index(before.state)
        changes = {
            "until": waiting.keep(f"{field}.until", before, now, now.until > before.until, "it would be due later"),
            "state": waiting.keep(f"{field}.state", before, now, back, "what was adopted would not be any more"),
        }
        standing[control] = now.model_copy(update=changes)
    return standing

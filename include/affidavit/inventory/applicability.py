"""What an organisation says of the controls themselves: why it has them, and those of its own."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from affidavit.inventory.declared import Declared, Id, Text
from affidavit.inventory.waiting import Waiting


class OwnControl(Declared):
    """A control that the organisation has beside those of Annex A."""

    id: Id
    title: Text
    question: Text = Field(description="What a competent person judges, to say whether it operates")
    owner: Id = Field(description="Role in include/organisation.yaml that answers for it")


class Inclusion(Declared):
    """Why a control is there."""

    reason: Text = Field(description="In words that may be shown to anybody: they enter a log that cannot unsay them")
    risks: tuple[Id, ...] = Field((), description="Ids of the risks that it treats, as the risk register has them")


def own_controls_in_force(
    old: Sequence[OwnControl], new: Sequence[OwnControl], waiting: Waiting
) -> tuple[OwnControl, ...]:
    """The controls of its own that stand: each old one, asking what it asked, and the new ones."""
    standing = {control.id: control for control in new}
    for before in old:
        field, now = f"own_controls.{before.id}", standing.get(before.id)
        if now is None:
            if waiting.holds(field, before.id, None, "nobody would be asked about the control any more"):
                standing[before.id] = before
            continue
        other = (before.question != now.question, before.owner != now.owner)
        changes = {
            "question": waiting.keep(f"{field}.question", before, now, other[0], "something else would be asked"),
            "owner": waiting.keep(f"{field}.owner", before, now, other[1], "somebody else would answer for it"),
        }
        standing[before.id] = now.model_copy(update=changes)
    return tuple(standing.values())

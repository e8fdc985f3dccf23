"""How long blobs are kept, given two versions of what the organisation declares; see ``loosening``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from affidavit.inventory.declared import RESERVED
from affidavit.inventory.organisation import Days, KindWithBlobs, LegalHold
from affidavit.inventory.waiting import Waiting


class Keeping(BaseModel):
    """What a declaration of the organisation says of keeping blobs; the rest of it is another matter."""

    model_config = ConfigDict(frozen=True)

    retention: dict[KindWithBlobs, Days] = {}
    legal_holds: tuple[LegalHold, ...] = ()

    @classmethod
    def recorded(cls, organisation: object) -> Keeping | None:
        """What was recorded; None where it is not what a valid declaration is recorded as, to the letter.

        So any reader without our models can tell, too: nothing is converted, stripped or filled in.
        """
        if not isinstance(organisation, dict):
            return None
        raw = {"retention": organisation.get("retention", {}), "legal_holds": organisation.get("legal_holds", [])}
        try:
            read = cls.model_validate(raw)
        except ValidationError:
            return None
        to_the_letter = json.dumps(read.model_dump(mode="json"), sort_keys=True) == json.dumps(raw, sort_keys=True)
        stripped = all(hold.reason == hold.reason.strip() for hold in read.legal_holds)
        once = len({hold.id for hold in read.legal_holds}) == len(read.legal_holds)
        return read if to_the_letter and stripped and once else None


def keeping_in_force(old: Keeping | None, new: Keeping) -> Keeping:
    """What stands of two declarations."""
    if old is None:
        return new
    waiting = Waiting("include/organisation.yaml")
    return Keeping(
        retention=retention_in_force(old.retention, new.retention, waiting),
        legal_holds=holds_in_force(old.legal_holds, new.legal_holds, waiting),
    )


def retention_in_force(
    old: Mapping[KindWithBlobs, int], new: Mapping[KindWithBlobs, int], waiting: Waiting
) -> dict[KindWithBlobs, int]:
    """The days that stand. Fewer are a weakening, as are any where it was for ever: what is erased stays erased."""
    standing: dict[KindWithBlobs, int] = {}
    for kind in sorted(old.keys() | new.keys()):
        before, after = old.get(kind), new.get(kind)
        sooner = after is not None and (before is None or after < before)
        days = waiting.choose(f"retention.{kind}", before, after, sooner, "blobs would be erased sooner")
        if days is not None:
            standing[kind] = days
    return standing


def holds_in_force(old: Sequence[LegalHold], new: Sequence[LegalHold], waiting: Waiting) -> tuple[LegalHold, ...]:
    """The legal holds that stand: one that is gone, or covers less than it did, stands as it was."""
    standing = {hold.id: hold for hold in new}
    for hold in old:
        now = standing.get(hold.id)
        if now is None or not _as_wide(hold, now):
            why = "blobs that it keeps could be erased"
            if waiting.holds(f"legal_holds.{hold.id}", _extent(hold), _extent(now), why):
                standing[hold.id] = hold
    return tuple(standing.values())


def _as_wide(old: LegalHold, new: LegalHold) -> bool:
    kinds = new.kinds is None or (old.kinds is not None and set(old.kinds) <= set(new.kinds))
    return kinds and new.scope in (RESERVED, old.scope)


def _extent(hold: LegalHold | None) -> dict[str, Any] | None:
    return {"scope": hold.scope, "kinds": hold.kinds or "all"} if hold else None

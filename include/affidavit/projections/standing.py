"""What stands of a declaration: the obligations in force, what waits for approval, and what approvals changed.

A weakening counts from the entry of the decision that approves it, for the declaration as it is then: an approval is
used up once its change stands, so the same change made again waits again. Where the decision is contradicted later,
what stood without it stands again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from affidavit.errors import StatementError
from affidavit.evidence import Entry, moment
from affidavit.inventory import Organisation, Suite, System
from affidavit.inventory.loosening import Change, Loosening, in_force, organisation_in_force, suite_in_force

T = TypeVar("T", bound=BaseModel)

_IN_FORCE: Mapping[type[BaseModel], Callable[..., tuple[Any, tuple[Loosening, ...]]]] = {
    System: in_force,
    Organisation: organisation_in_force,
    Suite: suite_in_force,
}


@dataclass(frozen=True)
class Granted:
    """An approval: entry ``index`` let through a weakening that had waited since the declaration in entry ``since``."""

    index: int
    since: int
    loosening: Loosening


@dataclass(frozen=True)
class Standing(Generic[T]):
    """An obligation: what stands, and what was ``declared`` last, which may not count yet.

    ``pending`` are weakenings that nobody has approved: for each, ``value`` keeps what stood before, and ``waiting``
    holds the index of the entry that declared it. ``entries`` are the declarations, oldest first; ``since`` is when
    the first was observed. ``grants`` are the approvals so far, ``unused`` those of them whose change cannot stand yet,
    since another that it stands or falls with still waits.
    """

    value: T
    declared: T
    pending: tuple[Loosening, ...]
    entries: tuple[Entry, ...]
    since: datetime
    waiting: Mapping[Change, int] = field(default_factory=dict)
    grants: tuple[Granted, ...] = ()
    unused: frozenset[Change] = frozenset()

    @property
    def entry(self) -> Entry:
        """The latest declaration."""
        return self.entries[-1]

    def waited_since(self, change: Change) -> int | None:
        """The entry that declared a weakening which waits, or was let through; None of any other."""
        grants = (grant.since for grant in reversed(self.grants) if grant.loosening.change == change)
        return self.waiting.get(change, next(grants, None))


def declare(old: Standing[T] | None, new: T, entry: Entry) -> Standing[T]:
    """What stands after the declaration ``new`` in ``entry``.

    Raises ``StatementError`` where it cannot be merged with what stands.
    """
    if old is None:
        old = Standing(new, new, (), (), moment(entry.statement.observed_at))
        first = None
    else:
        first = old.value
    merged = _merged(replace(old, declared=new, entries=(*old.entries, entry)), first)
    if merged is None:
        raise StatementError("a declaration that cannot be merged with the one that stands")
    waiting = {each.change: old.waiting.get(each.change, entry.index) for each in merged.pending}
    return replace(merged, waiting=waiting)


def grant(standing: Standing[T], change: Change, index: int) -> Standing[T]:
    """What stands once the decision in entry ``index`` approves a weakening that waits.

    What cannot be merged without another approval waits for that one, and stands as it did.
    """
    loosening = next(each for each in standing.pending if each.change == change)
    granted = Granted(index, standing.waiting[change], loosening)
    after = replace(standing, grants=(*standing.grants, granted), unused=standing.unused | {change})
    merged = _merged(after, standing.value)
    if merged is None:
        return after
    return replace(merged, waiting={each.change: standing.waiting.get(each.change, index) for each in merged.pending})


def revoke(standing: Standing[T], change: Change) -> Standing[T] | None:
    """What stands without the latest approval of ``change``: every declaration and other approval, told again.

    A declaration that cannot be merged without it counts as little as it would have then. None where the change would
    not wait then: it was taken back, or never approved.
    """
    last = max((n for n, each in enumerate(standing.grants) if each.loosening.change == change), default=None)
    if last is None:
        return None
    kept = [each for n, each in enumerate(standing.grants) if n != last]
    events: list[Entry | Granted] = sorted([*standing.entries, *kept], key=lambda each: each.index)
    told: Standing[T] | None = None
    for event in events:
        if isinstance(event, Entry):
            with suppress(StatementError):
                told = declare(told, _reads(type(standing.declared), event), event)
        elif told and event.loosening in told.pending:
            told = grant(told, event.loosening.change, event.index)
    return told if told and change in told.waiting else None


def _merged(standing: Standing[T], value: T | None) -> Standing[T] | None:
    merge = _IN_FORCE[type(standing.declared)]
    try:
        stands, pending = merge(value, standing.declared, approved=standing.unused)
        unused: Collection[Change] = ()
        if standing.unused:
            unused = standing.unused & {each.change for each in merge(stands, standing.declared)[1]}
    except ValidationError:
        return None
    return replace(standing, value=stands, pending=pending, unused=frozenset(unused))


def _reads(model: type[T], entry: Entry) -> T:
    return model.model_validate(entry.statement.facts[model.__name__.lower()])

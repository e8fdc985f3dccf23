"""What a change of registers, books, documents, endpoints and agents weakens: less is recorded, or from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from affidavit.inventory.agents import Agent
from affidavit.inventory.controlled import ControlledDocument
from affidavit.inventory.records import Book
from affidavit.inventory.registers import Endpoint, Register
from affidavit.inventory.thresholds import below
from affidavit.inventory.waiting import Waiting

_ELSEWHERE = "another source would stand under the same id"
_FIELDS = {
    "kind": "it would answer another question",
    "connection": _ELSEWHERE,
    "table": _ELSEWHERE,
    "file": _ELSEWHERE,
    "sheet": _ELSEWHERE,
    "columns": "other columns would be read",
}

_MEASURED_OTHERWISE = "results would be about something else"
_AGENT = {
    "connection": _ELSEWHERE,
    "experiment": _ELSEWHERE,
    **dict.fromkeys(("assessments", "baseline", "window_days", "loop_from", "fewest", "seed"), _MEASURED_OTHERWISE),
}

_DOCUMENT = {
    "kind": "it would stand for another document",
    "owner": "somebody else would answer for it",
    # Whoever wrote it may not sign it.
    "author": "who wrote it could sign it",
    "approver": "somebody else could sign it",
}

Source = TypeVar("Source", Register, Book, Endpoint, Agent, ControlledDocument)


def registers_in_force(old: Sequence[Register], new: Sequence[Register], waiting: Waiting) -> tuple[Register, ...]:
    """The registers that stand: each old one, not narrowed, and the new ones."""
    standing = _with_dropped("registers", old, new, "nothing would be due for the register any more", waiting)
    for before in (each for each in old if each.id in standing):
        now, field = standing[before.id], f"registers.{before.id}"
        moved = {name: why for name, why in _FIELDS.items() if getattr(before, name) != getattr(now, name)}
        held = [
            waiting.holds(f"{field}.{name}", getattr(before, name), getattr(now, name), why)
            for name, why in moved.items()
        ]
        unmatched = before.reconcile is not None and before.reconcile != now.reconcile
        reconcile = waiting.keep(f"{field}.reconcile", before, now, unmatched, "it would not be compared as it was")
        categories = dict(now.categories) | {
            column: waiting.keep_items(
                f"{field}.categories.{column}", values, now.categories.get(column, ()), "its rows would not be counted"
            )
            for column, values in before.categories.items()
        }
        # What it is stands or falls together: a kind fits its columns, a file no connection.
        kept = {name: getattr(before, name) for name in _FIELDS} if any(held) else {}
        standing[before.id] = now.model_copy(update={**kept, "reconcile": reconcile, "categories": categories})
    return tuple(standing.values())


def books_in_force(old: Sequence[Book], new: Sequence[Book], waiting: Waiting) -> tuple[Book, ...]:
    """The books that stand: each old one, read where and as it was, and the new ones."""
    standing = _with_dropped("books", old, new, "nothing would be due for the book any more", waiting)
    for before in (each for each in old if each.id in standing):
        now = standing[before.id]
        moved = {name: why for name, why in _FIELDS.items() if _differ(name, before, now)}
        held = [
            waiting.holds(f"books.{before.id}.{name}", getattr(before, name), getattr(now, name), why)
            for name, why in moved.items()
        ]
        # As of a register, what it is stands or falls together.
        kept = {name: getattr(before, name) for name in _FIELDS} if any(held) else {}
        standing[before.id] = now.model_copy(update=kept)
    return tuple(standing.values())


def serving_in_force(old: Sequence[Endpoint], new: Sequence[Endpoint], waiting: Waiting) -> tuple[Endpoint, ...]:
    """The endpoints that stand: each old one as it was, and the new ones."""
    standing = _with_dropped("serving", old, new, "nobody would ask it what it serves", waiting)
    for before in (each for each in old if each.id in standing):
        now = standing[before.id]
        changes = {
            name: waiting.keep(f"serving.{before.id}.{name}", before, now, _differ(name, before, now), _ELSEWHERE)
            for name in ("model", "connection", "path", "version", "invocations")
        }
        standing[before.id] = now.model_copy(update=changes)
    return tuple(standing.values())


def agents_in_force(old: Sequence[Agent], new: Sequence[Agent], waiting: Waiting) -> tuple[Agent, ...]:
    """The agents that stand: each old one, measured as it was, and the new ones.

    A tool more is one more that may be called, and one less is counted among the others: neither goes unapproved.
    """
    standing = _with_dropped("agents", old, new, "its traces would no longer be looked at", waiting)
    for before in (each for each in old if each.id in standing):
        now, field = standing[before.id], f"agents.{before.id}"
        changes = {
            name: waiting.choose(f"{field}.{name}", getattr(before, name), getattr(now, name), True, why)
            for name, why in _AGENT.items()
            if getattr(before, name) not in (None, getattr(now, name))
        }
        if set(before.tools) != set(now.tools):
            why = "calls of other tools would be told apart, or no longer"
            changes["tools"] = waiting.choose(f"{field}.tools", before.tools, now.tools, True, why)
        changes["thresholds"] = below(field, before.thresholds, now.thresholds, waiting)
        standing[before.id] = now.model_copy(update=changes)
    return tuple(standing.values())


def documents_in_force(
    old: Sequence[ControlledDocument], new: Sequence[ControlledDocument], waiting: Waiting
) -> tuple[ControlledDocument, ...]:
    """The documents that stand: each old one, signed by whom it was and as often, and the new ones.

    Another file is no weakening: what was signed is told by its digest, wherever it lies.
    """
    standing = _with_dropped("documents", old, new, "nothing would be due for the document any more", waiting)
    for before in (each for each in old if each.id in standing):
        now, field = standing[before.id], f"documents.{before.id}"
        changes = {
            name: waiting.keep(f"{field}.{name}", before, now, _differ(name, before, now), why)
            for name, why in _DOCUMENT.items()
        }
        longer = now.review_months > before.review_months
        why = "it would be looked at again later"
        changes["review_months"] = waiting.keep(f"{field}.review_months", before, now, longer, why)
        standing[before.id] = now.model_copy(update=changes)
    return tuple(standing.values())


def _differ(name: str, before: object, now: object) -> bool:
    return bool(getattr(before, name) != getattr(now, name))


def _with_dropped(
    field: str, old: Sequence[Source], new: Sequence[Source], why: str, waiting: Waiting
) -> dict[str, Source]:
    standing = {item.id: item for item in new}
    for item in old:
        if item.id not in standing and waiting.holds(f"{field}.{item.id}", item.id, None, why):
            standing[item.id] = item
    return standing

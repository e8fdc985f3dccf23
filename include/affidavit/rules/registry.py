"""Named checks: frozen, numbered, and told apart from what they are asked about.

A check never changes what it means: new semantics get a new number, so that an answer given in March can be given
again in November. A check of an AI system, asked about the organisation, is asked about each AI system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from affidavit.errors import ConfigurationError
from affidavit.evidence import Entry, Origin
from affidavit.rules.verdict import WORST_FIRST, Status, worst
from affidavit.rules.view import ScopeView

SHOWN = 3
"""How many things one sentence names before it counts the rest."""

_LONGEST = 160
"""Characters of one name in a sentence: a source may hold names of any length."""

_STRENGTH = list(Origin)


@dataclass(frozen=True)
class Outcome:
    """What a check found, before it has a name: see :class:`affidavit.rules.verdict.Part`."""

    status: Status
    sentence: str
    entries: tuple[Entry, ...] = ()
    next_action: str = ""
    valid_until: datetime | None = None


Function = Callable[[ScopeView, Mapping[str, Any], datetime], Outcome]


@dataclass(frozen=True, slots=True)
class Check:
    """A named check. ``limits`` says what it does not show even where it is supported; ``params`` are all it takes."""

    name: str
    about: Literal["system", "any"]
    params: frozenset[str]
    limits: str
    function: Function


_CHECKS: dict[str, Check] = {}


def check(
    name: str, *, about: Literal["system", "any"] = "system", params: Iterable[str] = (), limits: str = ""
) -> Callable[[Function], Function]:
    """Register a function as the check ``name``, once and for ever."""

    def register(function: Function) -> Function:
        if name in _CHECKS:
            raise ConfigurationError(f"two checks are named {name!r}", where="affidavit.rules")
        _CHECKS[name] = Check(name, about, frozenset(params), limits, function)
        return function

    return register


def registered() -> dict[str, Check]:
    """The checks of every module that was imported so far; :mod:`affidavit.rules.checks` imports all."""
    return dict(sorted(_CHECKS.items()))


def together(outcomes: Sequence[Outcome], supported: str) -> Outcome:
    """The total of several outcomes: the worst status; ``supported`` is its sentence where all are."""
    status = worst(outcome.status for outcome in outcomes)
    rest = sorted(
        (outcome for outcome in outcomes if outcome.status is not Status.SUPPORTED),
        key=lambda outcome: WORST_FIRST.index(outcome.status),
    )
    sentence = supported
    if rest:
        sentence = first_few(list(dict.fromkeys(outcome.sentence for outcome in rest)))
    ends = [outcome.valid_until for outcome in outcomes if outcome.valid_until]
    return Outcome(
        status,
        sentence,
        tuple({entry.index: entry for outcome in outcomes for entry in outcome.entries}.values()),
        rest[0].next_action if rest else "",
        min(ends, default=None),
    )


def first_few(sentences: Sequence[str]) -> str:
    """The first few of ``sentences``, and how many more there are."""
    more = f" And {len(sentences) - SHOWN} more." if len(sentences) > SHOWN else ""
    return " ".join(sentences[:SHOWN]) + more


def indices(entries: Iterable[Entry]) -> tuple[int, ...]:
    """The indices of ``entries``, each once, in order."""
    return tuple(sorted({entry.index for entry in entries}))


def weakest(origins: Iterable[Origin]) -> Origin | None:
    """The weakest of ``origins``; None of none."""
    return min(origins, key=_STRENGTH.index, default=None)


def count(number: int, noun: str) -> str:
    """``1 table``, ``2 tables``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def some(names: Iterable[str]) -> str:
    """The first few of ``names``, and how many more there are."""
    listed = list(names)
    shown = ", ".join(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in listed[:SHOWN])
    return f"{shown} and {len(listed) - SHOWN} more" if len(listed) > SHOWN else shown

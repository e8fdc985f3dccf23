"""A verdict: how one control stands in one scope, in words, with what it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from affidavit.evidence import Origin


class Status(StrEnum):
    """The statuses of the house. Only ``SUPPORTED`` is green."""

    SUPPORTED = "supported"
    FAILING = "failing"
    ACCEPTED = "accepted"
    STALE = "stale"
    MISSING = "missing"
    NOT_YET_DUE = "not yet due"
    UNDETERMINED = "undetermined"
    AWAITING = "awaiting judgement"
    NOT_APPLICABLE = "not applicable"


WORST_FIRST = (
    Status.FAILING,
    Status.MISSING,
    Status.STALE,
    Status.UNDETERMINED,
    Status.AWAITING,
    Status.ACCEPTED,
    Status.NOT_YET_DUE,
    Status.SUPPORTED,
    Status.NOT_APPLICABLE,
)
"""The order in which members of a total count: a total takes its worst member."""


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of ``statuses``; of none at all, ``MISSING``, since nothing supports it."""
    return min(statuses, key=WORST_FIRST.index, default=Status.MISSING)


@dataclass(frozen=True)
class Part:
    """The outcome of one named check.

    ``check`` is the frozen name (``suite_passed/1``); ``entries`` are the indices it rests on; ``next_action`` is
    empty where nothing is to be done; ``origin`` is the weakest origin among its evidence, None without evidence.
    """

    check: str
    status: Status
    sentence: str
    entries: tuple[int, ...] = ()
    origin: Origin | None = None
    next_action: str = ""
    valid_until: datetime | None = None


@dataclass(frozen=True)
class Verdict:
    """How one control, or clause, stands in one scope.

    ``sentence`` says what the evidence shows, ``not_shown`` what it does not. ``owner`` is a role id. After
    ``valid_until`` a supported verdict is stale.
    """

    control: str
    scope: str
    status: Status
    sentence: str
    not_shown: str
    parts: tuple[Part, ...]
    entries: tuple[int, ...]
    origin: Origin | None
    next_action: str
    owner: str
    valid_until: datetime | None

"""Where the alias that means "in use" pointed, look by look. MLflow keeps no history of aliases.

A look shows a moment. Between two looks the version in use is unknown, also where both saw the same one: an alias can
be moved away and back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from affidavit.evidence import Period, timestamp
from affidavit.inventory import System, Tracking
from affidavit.projections.scope import ScopeState

COLLECTOR = "mlflow-models"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look: when, and at which version the alias pointed; None where it pointed nowhere."""

    at: datetime
    version: str | None

    @property
    def words(self) -> str:
        """The sighting in words."""
        found = f"version {self.version}" if self.version else "no version"
        return f"{found} at {_second(self.at)}"


@dataclass(frozen=True, slots=True)
class Sighted:
    """What looks say of the version of ``model`` in use at a moment: the last one by then, and the first after it."""

    model: str
    alias: str
    at: datetime
    before: Sighting | None
    after: Sighting | None

    @property
    def known(self) -> bool:
        """Whether a look fell on the very moment."""
        return self.before is not None and self.before.at == self.at

    @property
    def words(self) -> str:
        """What is known, in a sentence."""
        if self.known and self.before:
            return f"A look saw {self.before.words}."
        if self.before and self.after:
            return (
                f"Unknown at {_second(self.at)}: looks saw {self.before.words}, and then {self.after.words}; "
                "in between nobody looked."
            )
        if self.before:
            return f"The last look saw {self.before.words}; since then it is unknown."
        if self.after:
            return f"Unknown at {_second(self.at)}: the first look saw {self.after.words}."
        return "Unknown: no look saw the alias."


def sighted(scope: ScopeState, at: datetime) -> tuple[Sighted, ...]:
    """For each registered model of the AI system, what the looks recorded in ``scope`` say of ``at``.

    Looks after ``at`` are told only by a scope that was folded beyond it.
    """
    if scope.system is None:
        return ()
    system = scope.system.value
    return tuple(
        _sighted(scope, system, server, model, at) for server in system.servers for model in server.registered_models
    )


def _sighted(scope: ScopeState, system: System, tracking: Tracking, model: str, at: datetime) -> Sighted:
    looks = list(_looks(scope, system.collector(COLLECTOR, tracking), tracking, model))
    before = max((each for each in looks if each.at <= at), key=lambda each: each.at, default=None)
    after = min((each for each in looks if each.at > at), key=lambda each: each.at, default=None)
    return Sighted(model, tracking.in_use_alias, at, before, after)


def _looks(scope: ScopeState, collector: str, tracking: Tracking, model: str) -> Iterator[Sighting]:
    """Every look, also those that found the alias where the one before had: they add no entry but their collection."""
    moves = scope.aliases.get(f"mlflow://{tracking.connection}/models/{model}@{tracking.in_use_alias}", [])
    windows = [
        Period.of(each.collectors[collector]["window"])
        for each in scope.collections
        if not each.gap and collector in each.collectors
    ]
    times = {window.end for window in windows if window and window.end} | {move.at for move in moves}
    for time in times:
        seen = [move for move in moves if move.at <= time]
        if seen:
            yield Sighting(time, max(seen, key=lambda move: move.at).version)


def _second(time: datetime) -> str:
    return timestamp(time)[:19].replace("T", " ") + "Z"

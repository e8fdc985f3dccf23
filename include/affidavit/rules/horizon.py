"""Until when a judgement stays what it is, if nothing new is recorded: found by watching what it asks of the moment.

A rule takes the moment as an argument and knows no other clock. So a moment that notes each answer it gives knows when
the first of them changes; until then every verdict that was reached by them stands, word by word.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Self

NEVER = datetime.max.replace(tzinfo=UTC)

_INSTANT = timedelta(microseconds=1)


class WatchedMoment(datetime):
    """A moment in UTC that notes in :attr:`horizon` when the first answer that it gave turns into another.

    Its order among other moments, its day, and the slot it lies in (:func:`unwatched`) are watched. Whatever else is
    asked, its hour or its text, ends with the moment itself: the judgement is then of that moment alone. So a question
    that nobody thought of costs time, and makes nothing wrong.
    """

    plain: datetime
    horizon: datetime
    unwatched: bool
    """Whether anything was asked that cannot be watched."""

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """``moment``, of which nothing was asked yet."""
        made = cls.combine(moment.astimezone(UTC).date(), moment.astimezone(UTC).timetz())
        made.plain, made.horizon, made.unwatched = moment.astimezone(UTC), NEVER, False
        return made

    def spend(self) -> datetime:
        """The moment for a question that cannot be watched."""
        self.unwatched = True
        self.ends(self.plain)
        return self.plain

    def ends(self, horizon: datetime) -> None:
        """Note that an answer holds only before ``horizon``, or at this very moment."""
        self.horizon = min(self.horizon, max(horizon, self.plain + _INSTANT))

    def __lt__(self, other: datetime) -> bool:  # type: ignore[override]  # as datetime's own: a day is no moment
        if self.plain < other:
            self.ends(other)
        return self.plain < other

    def __ge__(self, other: datetime) -> bool:  # type: ignore[override]
        return not self < other

    def __le__(self, other: datetime) -> bool:  # type: ignore[override]
        if self.plain <= other < NEVER:
            self.ends(other + _INSTANT)
        return self.plain <= other

    def __gt__(self, other: datetime) -> bool:  # type: ignore[override]
        return not self <= other

    def __eq__(self, other: object) -> bool:
        return self.spend() == other

    def __hash__(self) -> int:
        return hash(self.spend())

    def astimezone(self, tz: tzinfo | None = None) -> Any:
        """Itself, in UTC; in any other zone it is not watched."""
        if tz is UTC:
            return self
        return self.spend().astimezone(tz)

    def date(self) -> date:
        """Its day, which ends at midnight."""
        midnight = datetime.combine(self.plain.date(), time(), UTC)
        self.ends(midnight + timedelta(days=1))
        return self.plain.date()


def unwatched(moment: datetime, changes: Callable[[datetime], datetime]) -> datetime:
    """``moment`` for a question whose answer is the same until ``changes(moment)``."""
    if isinstance(moment, WatchedMoment):
        moment.ends(changes(moment.plain))
        return moment.plain
    return moment


def _asked(name: str) -> Callable[..., Any]:
    def ask(self: WatchedMoment, *arguments: Any, **named: Any) -> Any:
        return getattr(self.spend(), name)(*arguments, **named)

    return ask


def _read(name: str) -> property:
    def read(self: WatchedMoment) -> Any:
        return getattr(self.spend(), name)

    return property(read)


_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_OWN = ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__hash__", "astimezone", "date")
_SAME_FOR_ALL = (
    "combine",
    "now",
    "utcnow",
    "today",
    "min",
    "max",
    "resolution",
    "tzinfo",
    "utcoffset",
    "tzname",
    "dst",
)
_SPECIAL = ("__add__", "__radd__", "__sub__", "__rsub__", "__str__", "__repr__", "__format__", "__reduce_ex__")

for _name in (*(name for name in dir(datetime) if not name.startswith(("_", "from", "strp"))), *_SPECIAL):
    if _name not in (*_OWN, *_SAME_FOR_ALL):
        setattr(WatchedMoment, _name, _read(_name) if _name in _PARTS else _asked(_name))

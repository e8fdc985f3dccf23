"""Text that came from elsewhere, made fit to be read: bounded, and with nothing invisible in it."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LONGEST = 160
"""Characters of a name that a page shows; the middle of a longer one is left out."""

LONGEST_TITLE = 1_000
"""Characters of a name that a page carries at all, outside the folded JSON."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    r"""``text`` with controls, direction overrides and other invisible characters written out as ``\u202e``.

    Line ends and tabs become spaces: a name is one line.
    """
    return text if text.isprintable() else "".join(_written(c) for c in text)


def visible_json(text: str) -> str:
    """As :func:`visible`, for indented JSON: line ends stay, and the result still parses to the same value."""
    return "\n".join(line if line.isprintable() else "".join(_written(c) for c in line) for line in text.split("\n"))


def _written(char: str) -> str:
    if char in "\n\r\t":
        return " "
    if unicodedata.category(char) not in _INVISIBLE:
        return char
    # JSON's own notation, which needs two escapes beyond the basic plane.
    return json.dumps(char)[1:-1] if ord(char) > 0xFF else f"\\u{ord(char):04x}"


@dataclass(frozen=True)
class Name:
    """A name as a page shows it: ``head … tail``; ``middle`` is folded away but copied, and printed.

    ``title`` is empty where nothing is left out. ``left_out`` counts characters that are not on the page at all.
    """

    head: str
    middle: str = ""
    tail: str = ""
    left_out: int = 0

    @property
    def title(self) -> str:
        """The whole name, for the tooltip; empty where the page shows it whole."""
        if self.left_out:
            return f"{self.head}{self.middle}… ({self.left_out:,} more characters) …{self.tail}"
        return f"{self.head}{self.middle}{self.tail}" if self.middle else ""

    @property
    def plain(self) -> str:
        """The shortened name as plain text, for titles."""
        return f"{self.head}…{self.tail}" if self.middle or self.left_out else self.head


def name(text: str, *, longest: int = LONGEST) -> Name:
    """``text`` shortened in the middle to about ``longest`` characters; a SHA-256 to 8 and 6 digits."""
    if _DIGEST.fullmatch(text):
        return Name(text[:8], text[8:-6], text[-6:])
    left_out = max(0, len(text) - LONGEST_TITLE)
    # Cut before looking at each character: a name of 100 kB costs what a short one costs.
    start, end = text[: LONGEST_TITLE - longest // 3] if left_out else text, text[-(longest // 3) :] if left_out else ""
    shown = visible(start)
    if not left_out and len(shown) <= longest:
        return Name(shown)
    head = 2 * longest // 3
    if left_out:
        return Name(shown[:head], shown[head:], visible(end), left_out)
    tail = longest // 3
    return Name(shown[:head], shown[head:-tail], shown[-tail:])


def is_digest(text: str) -> bool:
    """Whether ``text`` is a SHA-256 in hexadecimal."""
    return _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True)
class Moment:
    """A time as a page shows it: to the minute, UTC, with the exact ISO form in the title."""

    shown: str
    iso: str


def moment(time: datetime) -> Moment:
    """``time`` for a page. A time without a zone is refused (``ValueError``)."""
    if time.tzinfo is None:
        raise ValueError("a moment without a time zone could be any of 24 hours")
    utc = time.astimezone(UTC)
    return Moment(utc.strftime("%Y-%m-%d %H:%M UTC"), utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def moment_of(text: str) -> Moment | None:
    """The time in ``text`` if it is one as statements write them, else None."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment(time) if time.tzinfo is not None and "T" in text else None


def length(time: timedelta) -> str:
    """How long, in the largest unit of which there are at least two: ``3 days``, ``36 hours``, ``90 minutes``."""
    minutes = int(time.total_seconds() // 60)
    for one, size in (("day", 1440), ("hour", 60)):
        if minutes >= 2 * size or minutes == size:
            return counted(minutes // size, one)
    return counted(minutes, "minute")


def counted(count: int, one: str, many: str = "") -> str:
    """``1 entry``, ``2 entries``; ``many`` defaults to ``one`` with an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"

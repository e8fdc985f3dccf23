"""What is sent to somebody who has to act: a subject and a plain text, of bounded length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from affidavit.evidence import ORGANISATION_SCOPE, timestamp
from affidavit.inventory import Organisation
from affidavit.projections.reminders import Digest, Matter, by_status

MAX_SHOWN = 20
"""Matters that one message shows; of the others it says how many there are."""

MAX_TEXT = 300
"""Characters of one sentence that are shown."""


@dataclass(frozen=True)
class Message:
    """What a notifier's templates know as ``message``. ``text`` holds no markup, and is not made safe for HTML."""

    subject: str
    text: str


def message(digest: Digest, organisation: Organisation, *, at: datetime, after_hours: int | None) -> Message:
    """The message that a digest is sent as. ``after_hours`` is since when what is escalated is open."""
    every = (*digest.new, *digest.escalated)
    counted = ", ".join(f"{many} {status}" for status, many in by_status(every))
    who = _who(digest.recipient, organisation)
    lines = [
        f"For {who} of {_line(organisation.title)}, as of {timestamp(at)}.",
        *([_line(f"Demonstration: {organisation.demonstration}")] if organisation.demonstration else []),
        *_section("This changed:", digest.new, MAX_SHOWN),
    ]
    room = MAX_SHOWN - min(len(digest.new), MAX_SHOWN)
    lines += _section(
        f"Its owners were told more than {after_hours} hours ago, and it still is so:", digest.escalated, room
    )
    hidden = max(0, len(every) - MAX_SHOWN) + digest.left
    if hidden:
        lines += ["", f"And {hidden} more: affidavit status, and affidavit decisions."]
    lines += ["", "Each change is told once. It may come twice, where sending it was cut short."]
    return Message(_line(f"Affidavit: {counted}, for {who}"), "\n".join(lines) + "\n")


def _section(title: str, matters: Iterable[Matter], room: int) -> Iterator[str]:
    shown = tuple(matters)[:room]
    if shown:
        yield from ("", title)
    for matter in shown:
        where = "the organisation" if matter.scope == ORGANISATION_SCOPE else matter.scope.removeprefix("system:")
        yield ""
        yield f"- {matter.about} of {where}: {matter.status}."
        yield f"  {_line(matter.words)}"
        if matter.action:
            yield f"  Next: {_line(matter.action)}"


def _who(recipient: str, organisation: Organisation) -> str:
    role = organisation.roles.get(recipient)
    return f"{_line(role.title)} ({recipient})" if role else recipient or "nobody, since no role answers for it"


def _line(text: str) -> str:
    """Anybody's text as one line: a header of a message must not be continued by a title."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…"

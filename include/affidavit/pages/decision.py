"""What a person is asked to decide, as Markdown for the page of a task in Airflow's UI."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from affidavit.evidence import timestamp
from affidavit.inventory import Organisation
from affidavit.projections import Head, Need
from affidavit.projections.need import COMPETENCE

MAX_LINE = 2_000
"""Characters of one text that are shown; the digest beside it stands for all of it."""

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&:@$^=\"'])")


def plain(text: str) -> str:
    """Anybody's text as one line of Markdown that shows just its characters: without markup, links or HTML."""
    line = " ".join(text.split())
    if len(line) > MAX_LINE:
        line = f"{line[:MAX_LINE]}…"
    return _MARKUP.sub(r"\\\1", line)


def asked(need: Need, *, organisation: Organisation, head: Head, until: datetime, longest: int) -> str:
    """The question, what is decided on with digests, who may answer until when, and over which head of the ledger.

    ``longest`` is how many characters the reasons may have.
    """
    subjects = (f"| {plain(each.name)} | `{each.sha256}` |" for each in need.subjects)
    how = (
        f"Write why into the field *Reasons*: at most {longest:,} characters, and nobody's name. What is answered "
        f"cannot be taken back, only decided anew. Unanswered, this ends at {timestamp(until)}, and is asked again."
    )
    parts = (
        f"**{plain(need.question)}**",
        "\n".join(["| What is decided on | SHA-256 |", "|---|---|", *subjects]),
        *_terms(need),
        _who(need, organisation),
        how,
        f"Asked over the first {head.size:,} entries of the ledger, root `{head.root.hex()}`.",
    )
    return "\n\n".join(parts) + "\n"


def _terms(need: Need) -> Iterator[str]:
    if need.until:
        yield f"What is approved ends at {timestamp(need.until)}."
    if need.envelope:
        bounds = [
            *_bounds("on the new version's own rows", need.envelope["measures"]),
            *_bounds("of its data", need.envelope["data"]),
        ]
        carried = plain(need.envelope["carries_to"])
        yield f"What is approved carries over to the {carried} while all of this holds: {'; '.join(bounds)}."


def _bounds(of: str, bounds: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    for name, bound in bounds.items():
        words = [f"{word} {bound[key]:g}" for key, word in _WORDS.items() if bound[key] is not None]
        yield f"{plain(name)} {of} {' and '.join(words)}"


_WORDS = {"at_least": "at least", "at_most": "at most"}


def _who(need: Need, organisation: Organisation) -> str:
    lines = [f"Who may answer: {' or '.join(_role(role, organisation) for role in need.roles)}."]
    if need.ballot:
        lines.append(f"This is the vote of {plain(need.ballot)}.")
    if need.authors:
        lines.append(f"Whoever made it does not decide on it: {', '.join(map(plain, need.authors))}.")
    if need.requested_by:
        lines.append(f"Nor does {plain(need.requested_by)}, who asked for it.")
    return " ".join(lines)


def _role(role: str, organisation: Organisation) -> str:
    if role.startswith(COMPETENCE):
        return f"whoever is declared competent for {plain(role.removeprefix(COMPETENCE))}"
    if role in organisation.committees:
        return f"a member of the committee *{plain(role)}*"
    return f"*{plain(organisation.roles[role].title if role in organisation.roles else role)}*"

"""What a record holds, for each kind of book: the only fields of a row that are ever read.

All but texts enter the ledger; texts are kept beside it, where they can be erased (docs/decisions/0019).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite
from types import MappingProxyType
from typing import Any, Literal

BookKind = Literal["risks", "risk-actions", "planned-changes", "audits", "nonconformities", "improvements"]
Holds = Literal["day", "word", "number", "role", "person", "links", "text"]

RECORD_ID = re.compile(r"[A-Za-z0-9]+([._-][A-Za-z0-9]+)*")
"""What the id of a record looks like; at most :data:`LONGEST_ID` characters."""

LINK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@#>-]{0,249}")
"""What a link looks like: a name without blanks, in which no sentence and hardly a person's name has room."""

_QUOTED = re.compile(r"'+[=+\-@\t\r\n]")

LONGEST_ID = 60
MOST_LINKS = 50

GROUPS: Mapping[Holds, str] = MappingProxyType(
    {"day": "days", "word": "words", "number": "numbers", "role": "roles", "person": "people", "links": "links"}
)
"""Under which name the facts of a record hold fields, by what they hold."""

UNITS = (
    *("count", "percent", "points", "ratio", "currency", "kilowatt-hours"),
    *("seconds", "minutes", "hours", "days"),
)


@dataclass(frozen=True, slots=True)
class RecordField:
    """One field. ``to`` says what its links name: ``risks``, ``systems``, ``requirements``, or anything at all.

    A number lies from ``least`` to ``most``, is ``whole`` or has a fraction; a day that has ``come`` lies in no future,
    nor before the day that ``not_before`` names. ``single`` links name one thing.
    """

    holds: Holds
    required: bool = False
    words: tuple[str, ...] = ()
    least: float = 0
    most: float = 1_000_000
    whole: bool = True
    to: Literal["risks", "systems", "requirements", "anything"] = "anything"
    single: bool = False
    come: bool = False
    not_before: str = ""


_TITLE, _TEXT = RecordField("text", required=True), RecordField("text")
_OWNER = RecordField("role", required=True)
_SCORE = RecordField("number", least=1, most=5)
_FIGURE = RecordField("number", least=-1e15, most=1e15, whole=False)

FIELDS: Mapping[BookKind, Mapping[str, RecordField]] = MappingProxyType(
    {
        "risks": {
            "title": _TITLE,
            "description": _TEXT,
            "scope": RecordField("links", to="systems", single=True),
            "owner": _OWNER,
            "identified": RecordField("day", required=True, come=True),
            "likelihood": _SCORE,
            "consequence": _SCORE,
            "controls": RecordField("links", to="requirements"),
            "residual_likelihood": _SCORE,
            "residual_consequence": _SCORE,
            "state": RecordField("word", required=True, words=("open", "treated", "accepted", "closed")),
            "reviewed": RecordField("day", come=True, not_before="identified"),
            "review_months": RecordField("number", required=True, least=1, most=120),
            "causes": RecordField("links", to="risks"),
        },
        "risk-actions": {
            "title": _TITLE,
            "description": _TEXT,
            "risk": RecordField("links", required=True, to="risks", single=True),
            "owner": _OWNER,
            "opened": RecordField("day", required=True, come=True),
            "due": RecordField("day", required=True, not_before="opened"),
            "done": RecordField("day", come=True, not_before="opened"),
            "effect": RecordField("word", words=("none", "reduced", "removed")),
            "evidence": RecordField("links"),
        },
        "planned-changes": {
            "title": _TEXT,
            "what": RecordField(
                "word", required=True, words=("documents", "scope", "gate", "deployment", "configuration")
            ),
            "items": RecordField("links", required=True),
            "owner": _OWNER,
            "planned": RecordField("day", required=True, come=True),
            "effective": RecordField("day", required=True, not_before="planned"),
            "reason": _TITLE,
            "impact": _TITLE,
            "approved_by": RecordField("person"),
            "rollback": _TEXT,
        },
        "audits": {
            "title": _TEXT,
            "planned": RecordField("day", required=True),
            "criteria": RecordField("links", required=True, to="requirements"),
            "auditor": RecordField("person", required=True),
            "held": RecordField("day", come=True),
            "reported": RecordField("day", come=True, not_before="held"),
            "findings": RecordField("number"),
        },
        "nonconformities": {
            "title": _TITLE,
            "description": _TEXT,
            "source": RecordField(
                "word",
                required=True,
                words=("finding", "internal-audit", "external-audit", "incident", "complaint", "supplier"),
            ),
            "findings": RecordField("links"),
            "requirements": RecordField("links", required=True, to="requirements"),
            "grade": RecordField("word", words=("major", "minor", "observation", "opportunity")),
            "graded_by": RecordField("person"),
            "owner": _OWNER,
            "opened": RecordField("day", required=True, come=True),
            "correction": _TEXT,
            "cause": _TEXT,
            "cause_in": RecordField(
                "word", words=("people", "process", "data", "model", "technology", "supplier", "several")
            ),
            "similar": RecordField("word", words=("none-found", "found")),
            "action": _TEXT,
            "due": RecordField("day", required=True, not_before="opened"),
            "acted": RecordField("day", come=True, not_before="opened"),
            "effective_days": RecordField("number", required=True, least=1, most=1000),
            "closed": RecordField("day", come=True, not_before="acted"),
            "closed_by": RecordField("person"),
        },
        "improvements": {
            "title": _TEXT,
            "description": _TEXT,
            "source": RecordField(
                "word",
                required=True,
                words=("audit", "incident", "management-review", "monitoring", "nonconformity", "suggestion"),
            ),
            "owner": _OWNER,
            "opened": RecordField("day", required=True, come=True),
            "due": RecordField("day", required=True, not_before="opened"),
            "closed": RecordField("day", come=True, not_before="opened"),
            "figure_before": _FIGURE,
            "figure_after": _FIGURE,
            "unit": RecordField("word", words=UNITS),
            "better": RecordField("word", words=("lower", "higher")),
        },
    }
)
"""Kind of book to the fields of its records, by name; beside these each has its ``id``."""


def misfit(kind: str, facts: Mapping[str, Any]) -> str:
    """What in the facts of a record does not fit its kind, in words; empty where all does.

    A field of one kind may come to be demanded later, so none is missed here.
    """
    fields = next((found for name, found in FIELDS.items() if name == kind), None)
    if fields is None:
        return f"a record of an unknown kind of book, {kind!r}"
    for holds, group in GROUPS.items():
        for name, value in facts[group].items():
            spec = fields.get(name)
            if spec is None or spec.holds != holds or not _holds(spec, value):
                return f"a record whose {name!r} is none that its kind of book has"
    return ""


def _holds(spec: RecordField, value: Any) -> bool:
    match spec.holds:
        case "day":
            return isinstance(value, str) and day_of(value) is not None
        case "word":
            return value in spec.words
        case "number":
            return fits(spec, value)
        case "links":
            return all(LINK.fullmatch(each) for each in value)
    return isinstance(value, str)


def fits(spec: RecordField, value: Any) -> bool:
    """Whether a number lies where the field has it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return False
    return spec.least <= value <= spec.most and (not spec.whole or float(value).is_integer())


def day_of(text: str) -> date | None:
    """The day that ``2026-12-31`` names; None of any other text."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def as_cell(text: str) -> str:
    """``text`` for a cell, to which its writer adds a quote where it begins like a formula; see :func:`of_cell`."""
    return f"'{text}" if _QUOTED.match(text) else text


def of_cell(text: str) -> str:
    """What a cell of a sheet says: without the quote that keeps a program from computing it."""
    return text[1:] if _QUOTED.match(text) else text

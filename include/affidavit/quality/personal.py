"""What personal data looks like: names of columns, and shapes of values. A guess that asks a person to look."""

from __future__ import annotations

import re
from collections.abc import Mapping

SHAPES: Mapping[str, str] = {
    "e-mail addresses": r"(?s)^[^@]*[A-Za-z0-9._%+-]@[A-Za-z0-9-]+[.][A-Za-z].*$",
    "telephone numbers": r"^[+][0-9][0-9 ()/.-]{6,20}[0-9]$",
    "bank accounts": r"^[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){3,7}( ?[A-Z0-9]{1,3})?$",
    "social security numbers": r"^[0-9]{3}-[0-9]{2}-[0-9]{4}$",
    "network addresses": r"^[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}$",
}
"""Regular expressions that Postgres, DuckDB, SQLite, Java and Python read alike, each in linear time.

They are anchored, since what is a search in one of them is a match of the whole text in another.
"""

_ONE_IN = 100
"""A column looks personal if at least one of this many values has one of the shapes."""

_NAME = re.compile(
    r"(.*_)?(e_?mail|phone|telephone|mobile|fax|surname|passport|iban|ssn|dob|birth_?(day|date)?|"
    r"(first|last|given|family|full|middle|maiden|user|patient|customer|applicant|employee)_?name|"
    r"ip_?addr(ess)?|(home|street|postal|billing)_address|"
    r"(card|account|licen[cs]e|passport|social_security|tax)_(no|number|id))(_.*)?"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TEXT = re.compile(r"((var|n|bp)*char|character|text|clob|string|citext|enum|$)", re.IGNORECASE)
_NO_TEXT = re.compile(
    r"(u?(tiny|small|medium|big|huge)?int(eger)?|bignum|decimal|numeric|real|float|double|money|bool(ean)?|bit|"
    r"date(time)?|time(stamp)?(tz)?|interval|uuid|oid)(?![a-z])",
    re.IGNORECASE,
)


def holds_text(kind: str) -> bool:
    """Whether a column of the declared type ``kind`` holds text; one without a type, as SQLite has, may."""
    return _TEXT.match(kind) is not None and not kind.endswith("]")


def may_hide_text(kind: str) -> bool:
    """Whether text may lie within values of the type ``kind``, where shapes of whole values do not find it."""
    return not holds_text(kind) and _NO_TEXT.match(kind) is None


def named_personal(column: str) -> bool:
    """Whether the name of a column says that it holds personal data."""
    return _NAME.fullmatch(_CAMEL.sub("_", column).lower().replace(" ", "_").replace("-", "_")) is not None


def looks_personal(values: int, shapes: Mapping[str, int]) -> list[str]:
    """The shapes that enough of a column's ``values`` have."""
    return [name for name, count in shapes.items() if count and count * _ONE_IN >= values]

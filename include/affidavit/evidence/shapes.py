"""What a kind's facts may hold: a small language of shapes, checked before anything is signed.

Redaction is by allow-list: a name that the shape does not list is refused, at every depth, so nothing slips into an
append-only log because a source grew a field. A shape is one of

- ``TEXT``, ``NAME``, ``WORD``, ``NUMBER``, ``COUNT``, ``BOOL``, ``DIGEST``, ``DAY``, ``TIME``: a leaf of that type;
- ``OPEN``: any JSON, for documents whose own model already lists their names;
- ``maybe(shape)``: the shape, or null;
- ``[shape]``: a list of it;
- ``{"*": shape}``: an object with free names (metric names, allow-listed params);
- ``{"name": shape, …}``: an object with exactly these names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from affidavit.errors import FieldNotAllowed

MAX_TEXT = 8_000
"""Longest string in a statement's facts; what is longer is a blob."""

_TYPED_NUMBER = re.compile(r"float:(nan|inf|-inf)|int:-?\d+")
_WORD = re.compile(r"[a-z]+(-[a-z]+)*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A named test of one value."""

    name: str
    accepts: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Maybe:
    """``shape``, or null."""

    shape: Shape


Shape = Leaf | Maybe | list["Shape"] | Mapping[str, "Shape"]

TEXT = Leaf(f"text of at most {MAX_TEXT} characters", lambda v: isinstance(v, str) and len(v) <= MAX_TEXT)
NAME = Leaf(
    # A column of its own in the ledger: SQLite would keep a NUL, Postgres does not.
    f"text of at most {MAX_TEXT} characters without NUL",
    lambda v: isinstance(v, str) and len(v) <= MAX_TEXT and "\0" not in v,
)
NUMBER = Leaf(
    "a number",
    lambda v: (
        (isinstance(v, int | float) and not isinstance(v, bool))
        or (isinstance(v, str) and _TYPED_NUMBER.fullmatch(v) is not None)
    ),
)
COUNT = Leaf("a count", lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= 0)
WORD = Leaf("one word", lambda v: isinstance(v, str) and len(v) <= 60 and _WORD.fullmatch(v) is not None)
BOOL = Leaf("true or false", lambda v: isinstance(v, bool))
DIGEST = Leaf("64 hexadecimal digits", lambda v: isinstance(v, str) and _DIGEST.fullmatch(v) is not None)
DAY = Leaf("a day", lambda v: isinstance(v, str) and _DAY.fullmatch(v) is not None)
TIME = Leaf("a UTC time with milliseconds", lambda v: isinstance(v, str) and _TIME.fullmatch(v) is not None)
OPEN = Leaf("anything", lambda _: True)


def maybe(shape: Shape) -> Maybe:
    """``shape``, or null."""
    return Maybe(shape)


def check(value: Any, shape: Shape, *, where: str) -> None:
    """Raise ``FieldNotAllowed``, naming the path, unless ``value`` has ``shape``."""
    known = _TESTS.get(id(shape))
    if known is None:
        known = _TESTS[id(shape)] = (shape, _test(shape))
    if not known[1](value):  # nearly all fit, and then no path is put into words
        _check(value, shape, where=where)


_TESTS: dict[int, tuple[Shape, Callable[[Any], bool]]] = {}
"""Tests of shapes by their identity; each is kept with its shape, so that no other can take its place."""


def _test(shape: Shape) -> Callable[[Any], bool]:
    """Whether :func:`_check` would pass a value, as one function: it is asked of each entry of a ledger."""
    if isinstance(shape, Leaf):
        return shape.accepts
    if isinstance(shape, Maybe):
        inner = _test(shape.shape)
        return lambda value: value is None or inner(value)
    if isinstance(shape, list):
        each = _test(shape[0])
        return lambda value: isinstance(value, list | tuple) and all(map(each, value))
    fields = {name: _test(each) for name, each in shape.items()}
    if "*" in fields:
        free = fields["*"]
        return lambda value: isinstance(value, Mapping) and all(map(free, value.values()))
    names = fields.keys()
    return lambda value: (
        isinstance(value, Mapping)
        and value.keys() == names
        and all([fields[name](item) for name, item in value.items()])  # noqa: C419  a generator costs as much again
    )


def _check(value: Any, shape: Shape, *, where: str) -> None:
    match shape:
        case Leaf():
            if not shape.accepts(value):
                raise FieldNotAllowed(f"{_brief(value)} is not {shape.name}", where=where)
        case Maybe():
            if value is not None:
                _check(value, shape.shape, where=where)
        case list():
            if not isinstance(value, list | tuple):
                raise FieldNotAllowed(f"{_brief(value)} is not a list", where=where)
            for position, item in enumerate(value):
                _check(item, shape[0], where=f"{where}[{position}]")
        case _:
            _check_object(value, shape, where)


def _check_object(value: Any, shape: Mapping[str, Shape], where: str) -> None:
    if not isinstance(value, Mapping):
        raise FieldNotAllowed(f"{_brief(value)} is not an object", where=where)
    free = shape.get("*")
    if free is not None:
        for name, item in value.items():
            _check(item, free, where=f"{where}.{name}")
        return
    if extra := sorted(set(value) - set(shape)):
        raise FieldNotAllowed(
            f"the field {extra[0]!r} is not allowed here",
            where=where,
            fix="allow it by name in its kind (affidavit.evidence.kinds), or leave it out",
        )
    if absent := sorted(set(shape) - set(value)):
        raise FieldNotAllowed(f"the field {absent[0]!r} is absent", where=where)
    for name, item in value.items():
        _check(item, shape[name], where=f"{where}.{name}")


def _brief(value: Any) -> str:
    # The value itself may be what redaction exists for: its type and size are enough to find it.
    size = f" of length {len(value)}" if isinstance(value, str | list | Mapping) else ""
    return f"a {type(value).__name__}{size}"

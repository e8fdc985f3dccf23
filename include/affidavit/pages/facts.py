"""The facts of a statement as lists and tables, bounded in depth and length; the whole stands in the folded JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from affidavit.evidence.shapes import Maybe, Shape
from affidavit.pages.text import Moment, Name, is_digest, moment_of, name

LONGEST_LIST = 200
"""Items of one list, or fields of one object, that a page shows."""

MOST_VALUES = 1_500
"""Values of one statement that a page shows."""

DEEPEST = 6
"""Levels of nesting that a page shows."""

_TYPED = {"float:nan": "not a number (NaN)", "float:inf": "infinity", "float:-inf": "minus infinity"}


@dataclass(frozen=True)
class Value:
    """One value. ``form`` says how a page draws it."""

    form: Literal["text", "number", "digest", "word"]
    name: Name
    type: Literal["value"] = "value"


@dataclass(frozen=True)
class Time:
    """A time."""

    moment: Moment
    type: Literal["time"] = "time"


@dataclass(frozen=True)
class Fields:
    """An object: labels with what they hold, and how many more there are."""

    rows: tuple[tuple[Name, Node], ...]
    more: int = 0
    type: Literal["fields"] = "fields"


@dataclass(frozen=True)
class Items:
    """A list, and how many more items there are."""

    items: tuple[Node, ...]
    more: int = 0
    type: Literal["items"] = "items"


@dataclass(frozen=True)
class Table:
    """A list of objects that all have the same plain fields."""

    columns: tuple[Name, ...]
    rows: tuple[tuple[Node, ...], ...]
    more: int = 0
    type: Literal["table"] = "table"


Node = Value | Time | Fields | Items | Table


def node(value: Any) -> Node:
    """Any JSON value as a page shows it."""
    return _Builder().node(value, DEEPEST)


def ordered(value: Any, shape: Shape) -> Any:
    """``value`` with its fields in the order in which its kind lists them; canonical bytes sort them by name."""
    if isinstance(shape, Maybe):
        return ordered(value, shape.shape)
    if isinstance(shape, list) and isinstance(value, list):
        return [ordered(item, shape[0]) for item in value]
    if not (isinstance(shape, Mapping) and isinstance(value, Mapping)):
        return value
    known = {field: ordered(value[field], inner) for field, inner in shape.items() if field in value}
    return {**known, **{field: item for field, item in value.items() if field not in known}}


class _Builder:
    """Builds nodes until the page is full; what is left out is counted where it would stand."""

    def __init__(self) -> None:
        self.left = MOST_VALUES

    def node(self, value: Any, depth: int) -> Node:
        if isinstance(value, Mapping):
            return self._object(value, depth)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return self._list(value, depth)
        self.left -= 1
        return _leaf(value)

    def _object(self, value: Mapping[str, Any], depth: int) -> Node:
        if not value:
            return _word("none")
        if _is_digest_object(value):
            return self.node(value["sha256"], depth)
        if depth == 0:
            return _word("nested deeper: see the JSON")
        rows: list[tuple[Name, Node]] = []
        for key, item in value.items():
            if len(rows) == LONGEST_LIST or self.left <= 0:
                break
            # Only the outermost names are ours; below, a name may be a metric's or a parameter's own.
            rows.append((label(key) if depth == DEEPEST else name(key), self.node(item, depth - 1)))
        return Fields(tuple(rows), more=len(value) - len(rows))

    def _list(self, value: Sequence[Any], depth: int) -> Node:
        if not value:
            return _word("none")
        if depth == 0:
            return _word("nested deeper: see the JSON")
        columns = _columns(value)
        rows: list[tuple[Node, ...]] = []
        for item in value:
            if len(rows) == LONGEST_LIST or self.left <= 0:
                break
            cells = [item[c] for c in columns] if columns else [item]
            rows.append(tuple(self.node(cell, depth - 1) for cell in cells))
        more = len(value) - len(rows)
        if columns:
            return Table(tuple(name(c) for c in columns), tuple(rows), more)
        return Items(tuple(row[0] for row in rows), more)


def _leaf(value: Any) -> Value | Time:
    if value is None:
        return _word("none")
    if isinstance(value, bool):
        return _word("yes" if value else "no")
    if isinstance(value, int | float):
        return Value("number", Name(f"{value:,}" if isinstance(value, int) else repr(value)))
    return _text(str(value))


def _text(text: str) -> Value | Time:
    if is_digest(text):
        return Value("digest", name(text))
    if text in _TYPED:
        return Value("number", Name(_TYPED[text]))
    if (time := moment_of(text)) is not None:
        return Time(time)
    return Value("text", name(text)) if text else _word("empty")


def _word(word: str) -> Value:
    return Value("word", Name(word))


def _columns(rows: Sequence[Any]) -> tuple[str, ...]:
    """The columns that a list of objects shares; empty where it is no table."""
    first = rows[0]
    if not isinstance(first, Mapping) or not 1 < len(first) <= 8:
        return ()
    same = all(isinstance(r, Mapping) and r.keys() == first.keys() for r in rows)
    plain = same and all(not isinstance(v, Mapping | list) or _is_digest_object(v) for r in rows for v in r.values())
    return tuple(first) if plain else ()


def _is_digest_object(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"sha256"}


def label(field: str) -> Name:
    """A field's name for a person: ``passedTests`` and ``time_column`` with spaces."""
    if field.isidentifier() and len(field) < 40:
        spaced = "".join(f" {c.lower()}" if c.isupper() and i else c for i, c in enumerate(field))
        return name(spaced.replace("_", " "))
    return name(field)

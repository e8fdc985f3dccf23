"""One YAML file, read strictly: plain values, and the line that each stands on.

Scalars resolve as the core schema of YAML 1.2 says (section 10.3.2), not as 1.1: ``yes``, ``off`` and ``12:30`` are
text here, as they are to editors. Whatever two readers could understand differently is refused: a key that
appears twice, anchors and aliases, tags, several documents in one file, invisible control characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from affidavit.errors import ConfigurationError

MAX_BYTES = 1_000_000
MAX_DEPTH = 16
"""Deepest nesting; far more of it makes libyaml's own tree builder crash, so the tree is built here, from events."""

PathTo = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# Control characters, lone surrogates, and the marks that make text read in another order than it is written.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Document:
    """What a file holds. ``name`` is what messages call the file; ``lines`` are counted from 1."""

    name: str
    value: Any
    lines: Mapping[PathTo, int]

    def where(self, path: PathTo) -> str:
        """``name, line 12, datasets[0].suite``: the place of a field, or of what should hold it."""
        found = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in self.lines)
        parts = [self.name, f"line {self.lines[found]}", dotted(path)]
        return ", ".join(part for part in parts if part)


def dotted(path: PathTo) -> str:
    """A path as people write it: ``datasets[0].suite``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def read(path: Path, *, error: type[ConfigurationError]) -> Document:
    """Read a YAML file whose top is a mapping.

    Messages call the file by its name and the one or two directories that are its place in a project. Raises ``error``
    naming file, line and field, and never a value.
    """
    name = display_name(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise error(f"the file has more than {MAX_BYTES:,} bytes", where=name, fix="split it")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as cause:
        raise error("there is no such file", where=name, fix="write it, or name another") from cause
    except OSError as cause:
        raise error(f"cannot be read ({cause.strerror})", where=name, fix="let this user read the file") from cause
    except UnicodeDecodeError as cause:
        raise error(f"not UTF-8 text at byte {cause.start}", where=name, fix="save it as UTF-8") from cause
    builder = _Builder(name, text, error)
    document = Document(name, builder.document(), builder.lines)
    if not isinstance(document.value, dict):
        raise error("the file is empty or is not a mapping", where=name, fix="write it as 'key: value' lines")
    return document


def display_name(path: Path) -> str:
    """A file as messages name it: ``include/systems/x.yaml``, ``include/organisation.yaml``."""
    return "/".join(path.parts[-3 if path.parent.name == "systems" else -2 :])


class _Builder:
    """Builds plain values from parser events."""

    def __init__(self, name: str, text: str, error: type[ConfigurationError]) -> None:
        self.lines: dict[PathTo, int] = {}
        self._name = name
        self._text = text
        self._error = error
        self._events: Iterator[Any] = iter(())

    def document(self) -> Any:
        try:
            self._events = yaml.parse(self._text, Loader=_LOADER)
            next(self._events)  # the start of the stream
            if isinstance(next(self._events), yaml.StreamEndEvent):
                return None
            value = self._value(next(self._events), ())
            next(self._events)  # the end of the document
            if not isinstance(again := next(self._events), yaml.StreamEndEvent):
                self._refuse("a second document begins here", again, (), fix="keep one document in a file")
        except yaml.MarkedYAMLError as cause:
            mark: Any = cause.problem_mark
            line = f", line {mark.line + 1}" if mark else ""
            raise self._error(
                f"not YAML ({cause.problem or 'malformed'})",
                where=f"{self._name}{line}",
                fix="check indentation, quotes and brackets around that line",
            ) from cause
        except yaml.YAMLError as cause:
            # What is left concerns characters and would print the text around them.
            raise self._error(
                "not YAML (a character that YAML does not allow)", where=self._name, fix="remove it"
            ) from cause
        return value

    def _value(self, event: Any, path: PathTo) -> Any:
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse("anchors and aliases are not read", event, path, fix="write the value out")
        if event.tag is not None:
            self._refuse("tags are not read", event, path, fix="write the value without its !tag")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= MAX_DEPTH:
            self._refuse(f"nested more than {MAX_DEPTH} levels deep", event, path[:3], fix="nest less")
        return self._list(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)

    def _list(self, path: PathTo) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: PathTo) -> dict[str, Any]:
        value: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse("a key must be plain text", event, path, fix="write it as 'key: value'")
            key = self._text_of(event, path)
            here = (*path, key)
            if key in value:
                self._refuse(
                    f"the key appears twice (first on line {self.lines[here]})",
                    event,
                    here,
                    fix="remove one of the two",
                )
            self.lines[here] = _line(event)
            value[key] = self._value(next(self._events), here)
        return value

    def _scalar(self, event: Any, path: PathTo) -> Any:
        text = self._text_of(event, path)
        if not event.implicit[0]:  # quoted, or a block
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            # Python refuses to convert thousands of digits; forty are too many already.
            number: float = int(text[:40], 0 if text[:2] in {"0x", "0o"} else 10)
        elif _FLOAT.fullmatch(text):
            number = float(text)
        elif _NOT_FINITE.fullmatch(text):
            number = float("inf")
        else:
            return text
        if not -(2**53) < number < 2**53:
            self._refuse("a number beyond 2**53", event, path, fix="write a smaller number, or text in quotes")
        return number

    def _text_of(self, event: Any, path: PathTo) -> str:
        text: str = event.value
        if found := _INVISIBLE.search(text):
            self._refuse(f"the invisible character U+{ord(found[0]):04X}", event, path, fix="remove it")
        return text

    def _refuse(self, problem: str, event: Any, path: PathTo, *, fix: str) -> NoReturn:
        where = ", ".join(part for part in (self._name, f"line {_line(event)}", dotted(path)) if part)
        raise self._error(problem, where=where, fix=fix)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1

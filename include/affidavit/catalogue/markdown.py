"""Plain Markdown as blocks, and back: headings, paragraphs, lists three deep, and tables. Pure.

``parse(render(blocks)) == blocks`` for whatever ``parse`` can yield. Marks within a line (emphasis, links) are text
here. Comments are dropped, as nobody sees them; what stands between fences is one paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

DEEPEST = 2
"""Depth of a list item, counted from 0."""

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FRONT = re.compile(r"---\n(.*?)\n---(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"(#{1,6})\s+(\S.*)")
_ITEM = re.compile(r"(\s*)([-*+]|\d{1,9}[.)])\s+(\S.*)")
_RULE = re.compile(r"([-*_])(\s*\1){2,}\s*")
_FENCE = re.compile(r"\s*(```|~~~)")
_SEPARATOR = re.compile(r":?-+:?")
_NUMBERED = re.compile(r"(\d{1,9})(\\*[.)])")
_ESCAPED_NUMBER = re.compile(r"(\d{1,9})\\(\\*[.)])")
_OPENING = "#-*+|`~_\\"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: ``level`` 1 is the title of the whole, 2 that of a section, at most 6."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text without line breaks."""

    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list, at most :data:`DEEPEST`, and never more than one deeper than the item before it."""

    text: str
    ordered: bool = False
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the first of ``rows`` names the columns, and all are of one length, at least 1."""

    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Item | Table


def plain(text: str) -> str:
    """``text`` in one line, without control characters, each run of white space as one blank."""
    # What would open a comment would be gone at the next reading.
    return " ".join(_CONTROL.sub("", text).split()).replace("<!--", "<! --")


def table(rows: Iterable[Sequence[str]]) -> Table | None:
    """A table of these cells, short rows filled with blanks; None where there is no cell."""
    cells = [tuple(plain(cell) for cell in row) for row in rows]
    width = max(map(len, cells), default=0)
    return Table(tuple((*row, *[""] * (width - len(row))) for row in cells)) if width else None


def settled(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks with each list item no deeper than a list can be at its place."""
    found: list[Block] = []
    for block in blocks:
        if isinstance(block, Item):
            before = found[-1] if found else None
            most = before.depth + 1 if isinstance(before, Item) else 0
            found.append(Item(block.text, block.ordered, min(block.depth, most, DEEPEST)))
        else:
            found.append(block)
    return tuple(found)


def split(text: str) -> tuple[Mapping[str, str | list[str]], str]:
    """Front matter and body. What is neither text nor a list of it is left out of the first.

    Raises ``yaml.YAMLError`` where the front matter is no YAML.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT.match(text)
    if front is None:
        return {}, text
    # Nothing is resolved: version 1.10 stays what it is.
    read = yaml.load(front[1], Loader=yaml.BaseLoader)  # noqa: S506
    fields = read if isinstance(read, dict) else {}
    return {name: value for name, value in fields.items() if _told(name, value)}, text[front.end() :]


def _told(name: object, value: object) -> bool:
    return isinstance(name, str) and (
        isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    )


def parse(body: str) -> tuple[Block, ...]:
    """The blocks of a body without front matter."""
    lines = _COMMENT.sub("", body.replace("\r\n", "\n").replace("\r", "\n")).expandtabs(4).split("\n")
    return settled(_Reader().read(lines))


class _Reader:
    """Blocks from lines: what is open, and how deep the items above the present one are indented."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.item: tuple[bool, int] | None = None
        self.rows: list[list[str]] = []
        self.indents: list[int] = []

    def read(self, lines: Iterable[str]) -> Iterator[Block]:
        fenced = False
        for line in lines:
            if _FENCE.match(line):
                yield from self._close()
                fenced = not fenced
            elif fenced:
                self.words.append(line)
            else:
                yield from self._line(line)
        yield from self._close()

    def _line(self, line: str) -> Iterator[Block]:
        stripped = line.strip()
        if stripped.startswith("|"):
            if not self.rows:
                yield from self._close()
                self.indents = []
            self.rows.append(_cells(stripped))
        elif not stripped or _RULE.fullmatch(stripped):
            yield from self._close()
        elif heading := _HEADING.fullmatch(stripped):
            yield from self._close()
            self.indents = []
            yield Heading(len(heading[1]), plain(heading[2]))
        elif item := _ITEM.fullmatch(line):
            yield from self._close()
            self.indents = [indent for indent in self.indents if indent < len(item[1])]
            self.item = (item[2] not in "-*+", len(self.indents))
            self.indents.append(len(item[1]))
            self.words.append(item[3])
        else:
            if self.rows or not self.words:
                yield from self._close()
                self.indents = []
                stripped = _unescaped(stripped)
            self.words.append(stripped)

    def _close(self) -> Iterator[Block]:
        text = plain(" ".join(self.words))
        if text:
            yield Item(text, self.item[0], self.item[1]) if self.item else Paragraph(text)
        if self.rows:
            rows = self.rows[:1] + self.rows[2:] if len(self.rows) > 1 and _separates(self.rows[1]) else self.rows
            if found := table(rows):
                yield found
        self.words, self.item, self.rows = [], None, []


def render(blocks: Iterable[Block], front: Mapping[str, str | Sequence[str]] | None = None) -> str:
    """Markdown of ``blocks``, below its front matter where there is any."""
    parts = []
    if front:
        said = {name: value if isinstance(value, str) else list(value) for name, value in front.items()}
        parts.append(f"---\n{yaml.safe_dump(said, allow_unicode=True, sort_keys=False)}---\n\n")
    before: Block | None = None
    for block in blocks:
        if before is not None and not (isinstance(block, Item) and isinstance(before, Item)):
            parts.append("\n")
        parts.append(_rendered(block))
        before = block
    return "".join(parts)


def _rendered(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}\n"
        case Item():
            return f"{'   ' * block.depth}{'1.' if block.ordered else '-'} {block.text}\n"
        case Table():
            head, *rest = ["| " + " | ".join(map(_cell, row)) + " |\n" for row in block.rows]
            return "".join([head, "|" + "---|" * len(block.rows[0]) + "\n", *rest])
        case _:
            return f"{_escaped(block.text)}\n"


def _escaped(text: str) -> str:
    if text[0] in _OPENING:
        return f"\\{text}"
    found = _NUMBERED.match(text)
    return f"{found[1]}\\{found[2]}{text[found.end() :]}" if found else text


def _unescaped(text: str) -> str:
    if text.startswith("\\") and len(text) > 1 and text[1] in _OPENING:
        return text[1:]
    found = _ESCAPED_NUMBER.match(text)
    return f"{found[1]}{found[2]}{text[found.end() :]}" if found else text


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _cells(line: str) -> list[str]:
    cells, cell, escaped = [], "", False
    for letter in line[1:]:
        if escaped:
            cell += letter if letter in "\\|" else f"\\{letter}"
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == "|":
            cells.append(cell)
            cell = ""
        else:
            cell += letter
    rest = cell + ("\\" if escaped else "")
    return [*cells, rest] if rest.strip() or not cells else cells


def _separates(row: list[str]) -> bool:
    return all(_SEPARATOR.fullmatch(cell.strip()) for cell in row)

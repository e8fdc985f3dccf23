"""Templates: for each kind of document, the sections it should have, with short guidance of ours in each.

What a template says is not what a document says: a section with nothing but guidance counts as empty.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from affidavit.catalogue.markdown import Block, Heading, Table, parse, plain, render, split
from affidavit.errors import ConfigurationError

State = Literal["filled", "empty", "template"]

_SECTION = 2
_MARKS = str.maketrans("", "", "*_`")


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its title, and the blocks below it, those of its own sub-headings included."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def sha256(self) -> str:
        """SHA-256, in hexadecimal, of the section in canonical Markdown, its title left out."""
        return hashlib.sha256(render(self.blocks).encode()).hexdigest()


@dataclass(frozen=True)
class Template:
    """What a start file of one kind holds. ``digest`` is the SHA-256 of ``text``, in hexadecimal."""

    kind: str
    title: str
    text: str
    digest: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """One section of a document: ``title`` only where the template has it, since any other may say anything."""

    title: str | None
    sha256: str
    state: State


@functools.cache
def template(kind: str) -> Template:
    """The template of a kind of document. Raises ``ConfigurationError`` where there is none."""
    file = resources.files("affidavit.catalogue").joinpath("templates", f"{kind}.md")
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError as error:
        fix = f"choose one of {', '.join(template_kinds())}"
        raise ConfigurationError(f"there is no template of {kind!r}", where="affidavit/catalogue", fix=fix) from error
    blocks = parse(split(text)[1])
    title = next(block.text for block in blocks if isinstance(block, Heading))
    return Template(kind, title, text, hashlib.sha256(text.encode()).hexdigest(), sections(blocks))


def template_kinds() -> tuple[str, ...]:
    """Every kind of document that has a template."""
    folder = resources.files("affidavit.catalogue").joinpath("templates")
    return tuple(sorted(file.name.removesuffix(".md") for file in folder.iterdir() if file.name.endswith(".md")))


def sections(blocks: Iterable[Block]) -> tuple[Section, ...]:
    """The sections of a document: each begins at a heading of level 2; what stands above the first is in none."""
    found: list[tuple[str, list[Block]]] = []
    for block in blocks:
        if isinstance(block, Heading) and block.level == _SECTION:
            found.append((block.text, []))
        elif found and not (isinstance(block, Heading) and block.level < _SECTION):
            found[-1][1].append(block)
    return tuple(Section(title, tuple(below)) for title, below in found)


def held(template: Template, document: Sequence[Section]) -> tuple[tuple[Held, ...], tuple[str, ...]]:
    """What a document's sections say beyond its template, and the titles that it lacks."""
    asked = {_words(section.title): section for section in template.sections}
    found = []
    for section in document:
        known = asked.get(_words(section.title))
        found.append(Held(known.title if known else None, section.sha256, _state(section, known)))
    there = {each.title for each in found}
    return tuple(found), tuple(section.title for section in template.sections if section.title not in there)


def _state(section: Section, known: Section | None) -> State:
    said = set(_lines(section.blocks))
    if not said:
        return "empty"
    return "filled" if said - set(_lines(known.blocks if known else ())) else "template"


def _lines(blocks: Iterable[Block]) -> Iterator[str]:
    """Whatever is said: paragraphs, items and cells, without marks and without what has no letter or digit."""
    for block in blocks:
        if isinstance(block, Heading):
            continue
        for text in (cell for row in block.rows for cell in row) if isinstance(block, Table) else (block.text,):
            if any(letter.isalnum() for letter in text):
                yield _words(text)


def _words(text: str) -> str:
    return plain(text.translate(_MARKS)).casefold()

"""What the rows of a book say, strictly: typed fields, and one refusal that names row, field and fix.

A refusal repeats no value but plain ids: any other might be what redaction exists for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NoReturn

from affidavit.errors import SourceRefused
from affidavit.inventory import Book
from affidavit.inventory.load import did_you_mean
from affidavit.inventory.record_fields import (
    GROUPS,
    LINK,
    LONGEST_ID,
    MOST_LINKS,
    RECORD_ID,
    RecordField,
    day_of,
    fits,
)

MOST_ROWS = 10_000
LONGEST_TEXT = 4_000

_TIME = re.compile(r"([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d(:?\d\d)?)?)?")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_NUMBER = re.compile(r"[-+]?[0-9]{1,15}(\.[0-9]{1,15})?")


@dataclass(frozen=True)
class Row:
    """One row as it was found: ``place`` names it in errors, ``cells`` are values by field, None where blank."""

    place: str
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class Names:
    """What a row may name: roles, people, AI systems, requirements, and the risks of the same file's books."""

    roles: Collection[str]
    people: Collection[str]
    systems: Collection[str]
    requirements: Collection[str]
    risks: Collection[str] = ()


@dataclass(frozen=True)
class Record:
    """A row that was understood. ``facts`` holds fields by group, as a statement does, ``texts`` its free texts."""

    id: str
    facts: Mapping[str, Mapping[str, Any]]
    texts: Mapping[str, str] = field(default_factory=dict)


def told(book: Book) -> str:
    """How errors name where a book is."""
    return book.uri.removeprefix("file:") if book.uri.startswith("file:include/") else book.uri


def understood(book: Book, rows: Sequence[Row], names: Names, *, today: date) -> tuple[Record, ...]:
    """The records of ``book``, in the order of its rows; ``today`` is the day of the look.

    Raises ``SourceRefused`` for the first that cannot be understood.
    """
    if len(rows) > MOST_ROWS:
        fix = "keep it in several books, or take out what was closed long ago"
        raise SourceRefused(f"more than {MOST_ROWS:,} rows", where=told(book), fix=fix)
    reader = _Reader(book, names, today)
    ids = [reader.id_of(row) for row in rows]
    first: dict[str, Row] = {}
    for row, name in zip(rows, ids, strict=True):
        if (before := first.setdefault(name.lower(), row)) is not row:
            reader.refuse(row, "id", f"{name!r} is the id of {before.place} too", "give each record its own id")
    if book.kind == "risks":
        reader.risks = frozenset(ids)
    records = tuple(map(reader.record, rows, ids))
    if book.kind == "risks":
        _refuse_circles(reader, rows, records)
    return records


class _Reader:
    """Reads rows of one book."""

    def __init__(self, book: Book, names: Names, today: date) -> None:
        self.book, self.names, self.today = book, names, today
        self.risks = frozenset(names.risks)

    def refuse(self, row: Row, field: str, problem: str, fix: str) -> NoReturn:
        """Raise what says that ``field`` of ``row`` cannot be understood."""
        raise SourceRefused(problem, where=f"{told(self.book)}, {row.place}, {field}", fix=fix)

    def id_of(self, row: Row) -> str:
        """The id of a row."""
        for name in row.cells:
            if name != "id" and name not in self.book.fields:
                fix = did_you_mean(name, self.book.fields, otherwise=f"its fields are {', '.join(self.book.fields)}")
                self.refuse(row, name[:LONGEST_ID], f"a record of {self.book.kind} has no such field", fix)
        value = _text(row.cells.get("id"))
        if value is None or len(value) > LONGEST_ID or not RECORD_ID.fullmatch(value):
            fix = f"write at most {LONGEST_ID} letters, digits, dots, hyphens and underscores, as R-12"
            self.refuse(row, "id", "no id" if value is None else "not an id", fix)
        return value

    def record(self, row: Row, name: str) -> Record:
        """The record of a row whose id is ``name``."""
        texts: dict[str, str] = {}
        facts: dict[str, dict[str, Any]] = {group: {} for group in GROUPS.values()}
        for field_name, spec in self.book.fields.items():
            value = row.cells.get(field_name)
            read = self._read(row, field_name, spec, value) if not _blank(value) else None
            if read is None or read == []:
                if spec.required:
                    self.refuse(row, field_name, "it says nothing", "fill it")
            elif spec.holds == "text":
                texts[field_name] = read
            else:
                facts[GROUPS[spec.holds]][field_name] = read
        for field_name, spec in self.book.fields.items():
            self._in_order(row, field_name, spec, facts["days"])
        return Record(name, facts, texts)

    def _in_order(self, row: Row, field: str, spec: RecordField, days: Mapping[str, str]) -> None:
        if not spec.not_before or field not in days:
            return
        earlier = days.get(spec.not_before)
        if earlier is None:
            self.refuse(row, field, f"a day, and none in {spec.not_before}", f"fill {spec.not_before}, or leave it out")
        if days[field] < earlier:
            problem = f"{days[field]} lies before {spec.not_before} ({earlier})"
            self.refuse(row, field, problem, "correct one of the two days")

    def _read(self, row: Row, field: str, spec: RecordField, value: Any) -> Any:
        match spec.holds:
            case "day":
                return self._day(row, field, spec, value)
            case "number":
                return self._number(row, field, spec, value)
            case "links":
                return self._links(row, field, spec, value)
        text = _text(value)
        if text is None:
            self.refuse(row, field, "not text", "write text, in quotes where it is YAML")
        if spec.holds == "text":
            return self._free(row, field, text)
        if spec.holds == "word":
            if text not in spec.words:
                self.refuse(row, field, "not one of the words that are known here", f"write {', '.join(spec.words)}")
            return text
        known = self.names.roles if spec.holds == "role" else self.names.people
        if text not in known:
            what = "role" if spec.holds == "role" else "person, by pseudonym,"
            self.refuse(row, field, f"no {what} of include/organisation.yaml", f"write {_choice(known)}")
        return text

    def _free(self, row: Row, field: str, text: str) -> str:
        # A workbook keeps no carriage returns, and no other control characters.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if len(text) > LONGEST_TEXT:
            fix = "keep the long version in a document, and name it"
            self.refuse(row, field, f"more than {LONGEST_TEXT:,} characters", fix)
        if found := _INVISIBLE.search(text):
            self.refuse(row, field, f"the invisible character U+{ord(found[0]):04X}", "remove it")
        return text

    def _day(self, row: Row, field: str, spec: RecordField, value: Any) -> str:
        # Sheets and tables write a day with a time, which is left out as registers do.
        text = _text(value) or ""
        day = day_of(text[:10]) if _TIME.fullmatch(text[10:]) else None
        if day is None:
            self.refuse(row, field, "not a day", "write it as 2026-12-31")
        if spec.come and day > self.today:
            self.refuse(row, field, f"{day} has not come yet", "write the day on which it was so, or leave it out")
        return day.isoformat()

    def _number(self, row: Row, field: str, spec: RecordField, value: Any) -> float:
        number: float | None = value if isinstance(value, int | float) and not isinstance(value, bool) else None
        if isinstance(value, str):
            number = float(value) if _NUMBER.fullmatch(value.strip()) else None
        if number is None or not fits(spec, number):
            kind = "a whole number" if spec.whole else "a number"
            self.refuse(row, field, f"not {kind} from {spec.least:g} to {spec.most:g}", "correct it")
        return int(number) if spec.whole else number

    def _links(self, row: Row, field: str, spec: RecordField, value: Any) -> list[str]:
        listed = value if isinstance(value, list) else str(value).replace(";", ",").split(",")
        links = [text for each in listed if (text := _text(each))]
        if len(links) > (1 if spec.single else MOST_LINKS):
            self.refuse(row, field, f"{len(links)} names", f"name {'one' if spec.single else f'at most {MOST_LINKS}'}")
        for link in links:
            if not LINK.fullmatch(link):
                self.refuse(row, field, "not a name without blanks", "write ids, with commas between them")
            self._there(row, field, spec, link)
        return links

    def _there(self, row: Row, field: str, spec: RecordField, link: str) -> None:
        known: Collection[str] = {
            "systems": self.names.systems,
            "requirements": self.names.requirements,
            "risks": self.risks,
            "anything": (link,),
        }[spec.to]
        if link not in known:
            what = {"systems": "AI system", "requirements": "control or clause", "risks": "risk"}[spec.to]
            fix = did_you_mean(link, known, otherwise=f"name a {what} that is there".replace("a AI", "an AI"))
            self.refuse(row, field, f"there is no {what} {link!r}", fix)


def _refuse_circles(reader: _Reader, rows: Sequence[Row], records: Sequence[Record]) -> None:
    causes = {record.id: record.facts["links"].get("causes", []) for record in records}
    place = {record.id: row for row, record in zip(rows, records, strict=True)}
    done: set[str] = set()
    for root, its_causes in causes.items():
        # Depth first with a stack of its own: ten thousand risks may be one chain.
        path, stack = ({} if root in done else {root: iter(its_causes)}), [root]
        while path:
            cause = next(path[stack[-1]], None)
            if cause is None:
                done.add(stack[-1])
                del path[stack.pop()]
            elif cause in path:
                chain = " -> ".join([*stack[stack.index(cause) :], cause])[:200]
                problem = f"risks that cause one another ({chain})"
                reader.refuse(place[cause], "causes", problem, "take out one of the links")
            elif cause not in done:
                path[cause] = iter(causes[cause])
                stack.append(cause)


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _text(value: Any) -> str | None:
    """Text, or a whole number as text: YAML reads an id of digits as a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _choice(known: Iterable[str]) -> str:
    listed = sorted(known)
    return f"one of {', '.join(listed[:20])}" if listed else "one once there is any"

"""View models of the evidence: an entry, the log in blocks, and the ledger itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from affidavit.errors import FieldNotAllowed
from affidavit.evidence import Entry, Statement, kinds, shapes
from affidavit.pages.facts import Node, node, ordered
from affidavit.pages.frame import Frame
from affidavit.pages.links import LOG_BLOCK, Links
from affidavit.pages.text import Moment, Name, moment, moment_of, name, visible_json
from affidavit.pages.words import ORIGIN_MEANS, STAGE_MEANS, kind_words, scope_title, tests_in_words
from affidavit.projections.reader import Head
from affidavit.projections.state import Demonstration

LONGEST_INDENTED = 120_000
"""Characters of JSON that are indented; a longer document stands in one paragraph."""

NEWEST = 50
"""Entries that the ledger's page lists."""


@dataclass(frozen=True)
class EntryRow:
    """An entry in a table."""

    index: int
    href: str
    noun: str
    sentence: str
    subject: Name
    scope: str
    observed: Moment | None
    report: ReportLink | None


@dataclass(frozen=True)
class Validation:
    """A data-quality entry in a table."""

    row: EntryRow
    table: Name
    suite: Name
    rows: int
    outcome: str
    held: bool


@dataclass(frozen=True)
class EntryPage:
    """One entry; the page never changes once written."""

    frame: Frame
    entry: Entry
    noun: str
    answer: str
    not_shown: str
    origin: str
    about: tuple[tuple[str, Node], ...]
    subjects: tuple[tuple[Name, Name], ...]
    facts: Node
    demonstration: str
    supersedes: int | None
    previous: str
    report: ReportLink | None
    leaf_hash: Name
    json: str


@dataclass(frozen=True)
class LogPage:
    """A block of the log; a full block never changes."""

    frame: Frame
    block: int
    first: int
    last: int
    rows: tuple[EntryRow, ...]
    earlier: str


@dataclass(frozen=True)
class LedgerPage:
    """The ledger itself: its head, and how to check it without this site."""

    frame: Frame
    head: Head
    root: Name
    signed: Moment
    newest: tuple[EntryRow, ...]
    blocks: tuple[tuple[int, int, str], ...]


_REPORTED = {
    kinds.VALIDATION.name: (kinds.VALIDATION, "Data Docs", Links.docs),
    kinds.MEASUREMENT.name: (kinds.MEASUREMENT, "Report", Links.report),
}


@dataclass(frozen=True)
class ReportLink:
    """The page that shows what an entry names as its details: their digest, what it is called, and where it is."""

    digest: str
    noun: str
    href: str


def report_link(statement: Statement, links: Links) -> ReportLink | None:
    """The report of a validation or a measurement; None of any other entry, and where it names none."""
    if not statement.known or statement.kind not in _REPORTED:
        return None
    kind, noun, address = _REPORTED[statement.kind]
    details = statement.facts.get("details")
    if details is None or not _has_shape(details, kind.facts["details"]):
        return None
    digest = str(details["digest"]["sha256"])
    return ReportLink(digest, noun, address(links, digest))


def is_validation(entry: Entry) -> bool:
    """Whether the entry is a validation whose facts are as its kind says."""
    statement = entry.statement
    return (
        statement.known
        and statement.kind == kinds.VALIDATION.name
        and _has_shape(statement.facts, kinds.VALIDATION.facts)
    )


def _has_shape(value: Any, shape: shapes.Shape) -> bool:
    try:
        shapes.check(value, shape, where="")
    except FieldNotAllowed:
        return False
    return True


def entry_row(entry: Entry, links: Links) -> EntryRow:
    """An entry as a row of a table on the page that ``links`` belongs to."""
    statement = entry.statement
    return EntryRow(
        index=entry.index,
        href=links.entry(entry.index),
        noun=kind_words(statement).noun,
        sentence=_says(statement),
        subject=name(statement.subject.name, longest=80),
        scope=scope_title(statement.scope, {}),
        observed=moment_of(statement.observed_at),
        report=report_link(statement, links),
    )


def validation(entry: Entry, links: Links) -> Validation:
    """A data-quality entry as a row of a table."""
    facts = entry.statement.facts
    return Validation(
        row=entry_row(entry, links),
        table=name(entry.statement.subject.name, longest=80),
        suite=name(facts["suite"], longest=60),
        rows=facts["rows"],
        outcome=tests_in_words(facts),
        held=not facts["failedTests"] and not facts["warnedTests"],
    )


def entry_page(
    entry: Entry, *, origin: str, demonstrations: Iterable[Demonstration], superseded: int | None
) -> EntryPage:
    """The page of one entry of the log ``origin``.

    ``superseded`` is the index of the entry whose leaf hash it names, where it is known.
    """
    links, statement = Links(depth=1), entry.statement
    words = kind_words(statement)
    return EntryPage(
        frame=Frame(f"Entry {entry.index}: {words.noun}", links, origin, tuple(demonstrations)),
        entry=entry,
        noun=words.noun,
        answer=_says(statement),
        not_shown=words.not_shown,
        origin=_origin(statement),
        about=_about(statement),
        subjects=tuple((name(s.name), name(s.sha256)) for s in statement.subjects),
        facts=_facts(statement),
        demonstration=statement.demonstration or "",
        supersedes=superseded,
        previous=links.entry(entry.index - 1) if entry.index else "",
        report=report_link(statement, links),
        leaf_hash=name(entry.leaf_hash.hex()),
        json=_json(statement.document),
    )


def log_page(block: int, entries: Iterable[Entry], *, origin: str, demonstrations: Iterable[Demonstration]) -> LogPage:
    """The page of a block of ``LOG_BLOCK`` entries, newest first."""
    links = Links(depth=1)
    rows = tuple(entry_row(e, links) for e in sorted(entries, key=lambda e: -e.index))
    first, last = rows[-1].index, rows[0].index
    return LogPage(
        frame=Frame(f"Entries {first} to {last}", links, origin, tuple(demonstrations)),
        block=block,
        first=first,
        last=last,
        rows=rows,
        earlier=links.log(block - 1) if block else "",
    )


def ledger_page(
    head: Head, *, at: datetime, demonstrations: Iterable[Demonstration], newest: Iterable[Entry]
) -> LedgerPage:
    """The page about the ledger whose newest entries are ``newest``."""
    links = Links()
    starts = range(0, head.size, LOG_BLOCK)
    return LedgerPage(
        frame=Frame("Ledger", links, head.origin, tuple(demonstrations), head, moment(at)),
        head=head,
        root=name(head.root.hex()),
        signed=moment(head.time),
        newest=tuple(entry_row(e, links) for e in sorted(newest, key=lambda e: -e.index)[:NEWEST]),
        blocks=tuple((s, min(s + LOG_BLOCK, head.size) - 1, links.log(s // LOG_BLOCK)) for s in reversed(starts)),
    )


def _says(statement: Statement) -> str:
    try:
        return kind_words(statement).says(statement.facts)
    except (KeyError, TypeError, AttributeError, ValueError):
        return "The facts of this entry are not as its kind says: read the JSON, and trust nothing that rests on it."


def _facts(statement: Statement) -> Node:
    kind = kinds.BY_PREDICATE_TYPE.get(statement.predicate_type)
    return node(ordered(statement.facts, kind.facts) if kind else statement.facts)


def _origin(statement: Statement) -> str:
    try:
        return ORIGIN_MEANS[statement.origin]
    except ValueError:
        return "nobody that this version knows"


def _about(statement: Statement) -> tuple[tuple[str, Node], ...]:
    """Who looked, when, and at which period; absent values are left out."""
    header = statement.header
    stage = STAGE_MEANS.get(statement.stage, statement.stage)
    facts: Mapping[str, Any] = {
        "observed at": statement.observed_at,
        "period it is about": _period(header.get("effective")),
        "slot": _period(header.get("interval")),
        "scope": scope_title(statement.scope, {}),
        "lifecycle stage": stage,
        "collector": header.get("collector"),
        "person (pseudonym)": header.get("by"),
        "Airflow task": header.get("airflow"),
        "computed from the head": header.get("basis"),
    }
    return tuple((label, node(value)) for label, value in facts.items() if value is not None)


def _period(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    return {"from": value.get("from") or "open", "to": value.get("to") or "open"}


def _json(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True)
    if len(text) > LONGEST_INDENTED:
        text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    return visible_json(text)

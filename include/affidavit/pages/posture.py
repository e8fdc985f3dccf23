"""View models of the posture: the overview, and one page for each control or clause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from affidavit.catalogue import Catalogue, Link, Requirement
from affidavit.evidence import Entry
from affidavit.pages.evidence import EntryRow, Validation, entry_row, validation
from affidavit.pages.frame import Frame
from affidavit.pages.links import Links, anchor
from affidavit.pages.text import Moment, length, moment
from affidavit.pages.words import ENDING, FRAMEWORKS, ORIGIN_MEANS, answer, kind_words, scope_title
from affidavit.projections import Calendar, Graph
from affidavit.projections.reader import Head
from affidavit.projections.state import Demonstration
from affidavit.rules.operation import Lapse, Operation
from affidavit.rules.verdict import WORST_FIRST, Part, Status, Verdict

LINKED = 12
"""Evidence entries that a row links; the control's own page lists more."""

LISTED = 100
"""Evidence entries that a control's page describes in each scope, newest first."""

LAPSES = 20
"""Exceptions in how a control operated that its page lists, newest first."""

MOVES = 12
"""Next moves that the overview lists before it refers to the tables."""


@dataclass(frozen=True)
class Completeness:
    """By scope, what was due and whether it came, and how each control operated ``since`` a day."""

    calendars: Mapping[str, Calendar]
    operations: Mapping[str, Sequence[Operation]]
    since: datetime


@dataclass(frozen=True)
class Posture:
    """What the pages of one moment are made from.

    ``entries`` holds at least the entries that :func:`needed` names; ``titles`` the declared titles of scopes;
    ``validations`` the newest validations, whether or not a verdict rests on them; ``lineages`` the lineage of each AI
    system, by scope.
    """

    verdicts: Sequence[Verdict]
    catalogue: Catalogue
    head: Head
    at: datetime
    demonstrations: Sequence[Demonstration]
    entries: Mapping[int, Entry]
    titles: Mapping[str, str]
    validations: Sequence[Entry]
    lineages: Mapping[str, Graph]
    completeness: Completeness


def needed(verdicts: Iterable[Verdict]) -> set[int]:
    """Indices of the entries that the pages describe."""
    return {index for v in verdicts for index in sorted(v.entries)[-LISTED:]}


@dataclass(frozen=True)
class Evidence:
    """Links to entries of one kind."""

    noun: str
    entries: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Row:
    """A verdict in a table."""

    verdict: Verdict
    title: str
    area: str
    href: str
    anchor: str
    evidence: tuple[Evidence, ...]
    more: int
    valid_until: Moment | None

    @property
    def origin(self) -> str:
        """Who vouches for the weakest evidence, in words; empty without evidence."""
        return ORIGIN_MEANS[self.verdict.origin] if self.verdict.origin else ""


@dataclass(frozen=True)
class Section:
    """One scope: its counts and its verdicts, by area. ``href`` is the page of an AI system."""

    scope: str
    title: str
    href: str
    anchor: str
    answer: str
    counts: Mapping[Status, int]
    areas: tuple[tuple[str, tuple[Row, ...]], ...]


@dataclass(frozen=True)
class Move:
    """A next action, who has it, and the verdicts that wait for it."""

    owner: str
    action: str
    status: Status
    rows: tuple[tuple[str, str], ...]
    more: int


@dataclass(frozen=True)
class Overview:
    """The first page."""

    frame: Frame
    answer: str
    counts: Mapping[Status, int]
    sections: tuple[Section, ...]
    moves: tuple[Move, ...]
    more_moves: int
    validations: tuple[Validation, ...]
    unjudged: tuple[Requirement, ...]


@dataclass(frozen=True)
class PartRow:
    """One named check of a verdict."""

    part: Part
    entries: tuple[tuple[int, str], ...]
    more: int
    origin: str


@dataclass(frozen=True)
class LapseRow:
    """An exception in how a control operated; ``href`` is empty where no entry found it."""

    lapse: Lapse
    start: Moment
    end: Moment | None
    length: str
    href: str


@dataclass(frozen=True)
class Operated:
    """How a control operated in one scope since a day."""

    since: Moment
    due: int
    kept: int
    lapses: tuple[LapseRow, ...]
    more: int


@dataclass(frozen=True)
class Stand:
    """How a control stands in one scope, and how it operated; ``operated`` is None where nothing was due yet."""

    row: Row
    scope_title: str
    operated: Operated | None
    parts: tuple[PartRow, ...]
    entries: tuple[EntryRow, ...]
    more: int


@dataclass(frozen=True)
class ControlPage:
    """One control or clause in all scopes."""

    frame: Frame
    id: str
    requirement: Requirement | None
    crosswalks: tuple[tuple[str, tuple[Link, ...]], ...]
    answer: str
    stands: tuple[Stand, ...]


def overview(posture: Posture) -> Overview:
    """The first page: what is wrong, and who has the next move."""
    links = Links()
    counts = _counts(posture.verdicts)
    scopes: dict[str, list[Verdict]] = {}
    for verdict in posture.verdicts:
        scopes.setdefault(verdict.scope, []).append(verdict)
    moves = _moves(posture, links)
    judged = {v.control for v in posture.verdicts}
    return Overview(
        frame=page_frame(posture, "Overview", links, posture.verdicts),
        answer=answer(counts),
        counts=counts,
        sections=tuple(_section(posture, s, scopes[s], links) for s in sorted(scopes)),
        moves=moves[:MOVES],
        more_moves=max(0, len(moves) - MOVES),
        validations=tuple(validation(e, links) for e in sorted(posture.validations, key=lambda e: -e.index)),
        unjudged=tuple(c for c in posture.catalogue if c.id not in judged),
    )


def control_page(posture: Posture, control: str) -> ControlPage:
    """The page of one control or clause."""
    links = Links(depth=1)
    verdicts = sorted((v for v in posture.verdicts if v.control == control), key=lambda v: v.scope)
    known = posture.catalogue.get(control)
    return ControlPage(
        frame=page_frame(posture, f"{control} {known.title}" if known else control, links, verdicts),
        id=control,
        requirement=known,
        crosswalks=_crosswalks(known) if known else (),
        answer=answer(_counts(verdicts)),
        stands=tuple(_stand(posture, v, links) for v in verdicts),
    )


def page_frame(posture: Posture, title: str, links: Links, verdicts: Sequence[Verdict]) -> Frame:
    """The frame of a page that shows ``verdicts``."""
    ends = [end for v in verdicts if (end := _ends(v))]
    return Frame(
        title=title,
        links=links,
        origin=posture.head.origin,
        demonstrations=tuple(posture.demonstrations),
        head=posture.head,
        as_of=moment(posture.at),
        valid_until=moment(min(ends)) if ends else None,
    )


def _ends(verdict: Verdict) -> datetime | None:
    return verdict.valid_until if verdict.status in ENDING else None


def _counts(verdicts: Iterable[Verdict]) -> Mapping[Status, int]:
    counter = Counter(v.status for v in verdicts)
    return {status: counter[status] for status in WORST_FIRST}


def _section(posture: Posture, scope: str, verdicts: Sequence[Verdict], links: Links) -> Section:
    order = {c.id: position for position, c in enumerate(posture.catalogue)}
    areas: dict[str, list[Row]] = {}
    for verdict in sorted(verdicts, key=lambda v: (order.get(v.control, len(order)), v.control)):
        row = _row(posture, verdict, links)
        areas.setdefault(row.area, []).append(row)
    counts = _counts(verdicts)
    return Section(
        scope=scope,
        title=scope_title(scope, posture.titles),
        href=links.system(scope) if scope in posture.lineages else "",
        anchor=anchor(scope),
        answer=answer(counts),
        counts=counts,
        areas=tuple((area, tuple(rows)) for area, rows in areas.items()),
    )


def _row(posture: Posture, verdict: Verdict, links: Links) -> Row:
    known = posture.catalogue.get(verdict.control)
    newest = sorted(set(verdict.entries))[-LINKED:]
    nouns: dict[str, list[tuple[int, str]]] = {}
    for index in newest:
        entry = posture.entries.get(index)
        noun = kind_words(entry.statement).noun if entry else "entry"
        nouns.setdefault(noun, []).append((index, links.entry(index)))
    return Row(
        verdict=verdict,
        title=known.title if known else "",
        area=known.area if known else "Not in this version's catalogue",
        href=links.control(verdict.control),
        anchor=anchor(verdict.scope, verdict.control),
        evidence=tuple(Evidence(noun, tuple(entries)) for noun, entries in nouns.items()),
        more=len(set(verdict.entries)) - len(newest),
        valid_until=moment(end) if (end := _ends(verdict)) else None,
    )


def _moves(posture: Posture, links: Links) -> tuple[Move, ...]:
    """Next actions, worst first; the same action of the same owner once."""
    waiting: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in posture.verdicts:
        if verdict.next_action and verdict.status not in (Status.SUPPORTED, Status.NOT_APPLICABLE):
            waiting.setdefault((verdict.owner, verdict.next_action), []).append(verdict)
    moves = []
    for (owner, action), verdicts in waiting.items():
        verdicts.sort(key=lambda v: WORST_FIRST.index(v.status))
        rows = tuple(
            (f"{v.control} ({scope_title(v.scope, posture.titles)})", f"{links.overview}#{anchor(v.scope, v.control)}")
            for v in verdicts[:6]
        )
        moves.append(Move(owner, action, verdicts[0].status, rows, len(verdicts) - len(rows)))
    return tuple(sorted(moves, key=lambda m: (WORST_FIRST.index(m.status), -len(m.rows) - m.more)))


def _stand(posture: Posture, verdict: Verdict, links: Links) -> Stand:
    newest = sorted((i for i in set(verdict.entries) if i in posture.entries), reverse=True)[:LISTED]
    return Stand(
        row=_row(posture, verdict, links),
        scope_title=scope_title(verdict.scope, posture.titles),
        operated=_operated(posture, verdict, links),
        parts=tuple(_part(part, links) for part in verdict.parts),
        entries=tuple(entry_row(posture.entries[i], links) for i in newest),
        more=len(set(verdict.entries)) - len(newest),
    )


def _operated(posture: Posture, verdict: Verdict, links: Links) -> Operated | None:
    operations = posture.completeness.operations.get(verdict.scope, ())
    found = [each for each in operations if each.control == verdict.control]
    if not found or not found[0].due:
        return None
    lapses = found[0].lapses[::-1]
    return Operated(
        since=moment(posture.completeness.since),
        due=found[0].due,
        kept=found[0].kept,
        lapses=tuple(_lapse(lapse, posture.at, links) for lapse in lapses[:LAPSES]),
        more=max(0, len(lapses) - LAPSES),
    )


def _lapse(lapse: Lapse, at: datetime, links: Links) -> LapseRow:
    return LapseRow(
        lapse=lapse,
        start=moment(lapse.start),
        end=moment(lapse.end) if lapse.end else None,
        length=length((lapse.end or at) - lapse.start),
        href=links.entry(lapse.index) if lapse.index is not None else "",
    )


def _crosswalks(requirement: Requirement) -> tuple[tuple[str, tuple[Link, ...]], ...]:
    """Links by framework, without those that only we support."""
    frameworks: dict[str, list[Link]] = {}
    for link in requirement.links():
        frameworks.setdefault(link.framework, []).append(link)
    return tuple((FRAMEWORKS.get(framework, framework), tuple(links)) for framework, links in frameworks.items())


def _part(part: Part, links: Links) -> PartRow:
    newest = sorted(set(part.entries))[-LINKED:]
    return PartRow(
        part=part,
        entries=tuple((i, links.entry(i)) for i in newest),
        more=len(set(part.entries)) - len(newest),
        origin=ORIGIN_MEANS[part.origin] if part.origin else "",
    )

"""The page of the calendar: what evidence was due and never came, by scope and week, with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.pages.frame import Frame
from affidavit.pages.links import Links
from affidavit.pages.posture import Posture, page_frame
from affidavit.pages.text import Moment, counted, moment
from affidavit.pages.words import scope_title
from affidavit.projections import Calendar, Came, Due, Gap

WEEKS = 12
"""Weeks that have a column of their own; what was due before them stands in one."""

LISTED = 200
"""Gaps that the page lists, newest first."""

_STEPS = 5
_WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class Cell:
    """Of ``due`` slots that ended in a week and are over, how many were ``kept``: came whole and in time."""

    due: int
    kept: int

    @property
    def lacking(self) -> bool:
        """Whether any was not."""
        return self.kept < self.due


@dataclass(frozen=True)
class Row:
    """One scope: first what was due before the weeks that have a column, then each week."""

    title: str
    href: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class GapRow:
    """What slots in a row lacked; ``href`` is empty where no entry says so."""

    title: str
    start: Moment
    end: Moment
    slots: int
    came: str
    steps: str
    why: str
    index: int | None
    href: str


@dataclass(frozen=True)
class CalendarPage:
    """What was due in every scope; ``weeks`` are the Mondays that they begin with, ``moves`` actions and roles."""

    frame: Frame
    answer: str
    weeks: tuple[str, ...]
    rows: tuple[Row, ...]
    moves: tuple[tuple[str, str], ...]
    gaps: tuple[GapRow, ...]
    more: int


def calendar_page(posture: Posture) -> CalendarPage:
    """The page of what was due as of the posture's moment."""
    links, calendars = Links(), posture.completeness.calendars.values()
    mondays = _mondays(posture.at)
    gaps = [(each, gap) for each in calendars for gap in each.gaps()]
    gaps.sort(key=lambda found: found[1].start, reverse=True)
    return CalendarPage(
        frame=page_frame(posture, "Calendar", links, ()),
        answer=_answer(calendars),
        weeks=tuple(monday.isoformat() for monday in mondays),
        rows=tuple(_row(each, mondays, posture, links) for each in calendars),
        moves=tuple(_moves(calendars, posture.titles)),
        gaps=tuple(_gap(each, gap, posture.titles, links) for each, gap in gaps[:LISTED]),
        more=max(0, len(gaps) - LISTED),
    )


def _answer(calendars: Iterable[Calendar]) -> str:
    found = dict.fromkeys(Came, 0)
    for each in calendars:
        for came, count in each.counts().items():
            found[came] += count
    due = sum(found.values()) - found[Came.OPEN]
    if not due:
        return "Nothing was due and is over yet, so nothing is missing and nothing is shown."
    if found[Came.ON_TIME] == due:
        return f"All that was due came in time: {due:,} of {counted(due, 'slot')}."
    return (
        f"Of {counted(due, 'slot')} that were due, {found[Came.NEVER]:,} never came whole and {found[Came.LATE]:,} "
        f"came late; {found[Came.ON_TIME]:,} came in time."
    )


def _mondays(at: datetime) -> list[date]:
    last = at.date() - timedelta(days=at.weekday())
    return [last - _WEEK * back for back in reversed(range(WEEKS))]


def _row(calendar: Calendar, mondays: Sequence[date], posture: Posture, links: Links) -> Row:
    cells = [[0, 0] for _ in range(1 + len(mondays))]
    for due in _over(calendar):
        week = (due.end.date() - mondays[0]).days // 7
        cell = cells[max(0, 1 + week)]
        cell[0] += 1
        cell[1] += due.came is Came.ON_TIME
    return Row(
        title=scope_title(calendar.scope, posture.titles),
        href=links.system(calendar.scope) if calendar.scope in posture.lineages else "",
        cells=tuple(Cell(*cell) for cell in cells),
    )


def _over(calendar: Calendar) -> Iterator[Due]:
    return (due for due in calendar.due if due.came is not Came.OPEN)


def _moves(calendars: Iterable[Calendar], titles: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Where the latest slot that is over never came whole, the collection may still stand still."""
    for calendar in calendars:
        over = list(_over(calendar))
        if over and over[-1].came is Came.NEVER:
            target = calendar.scope.removeprefix("system:")
            title = "the organisation" if calendar.scope == ORGANISATION_SCOPE else scope_title(calendar.scope, titles)
            look = f"Run the collection of {title} (affidavit collect {target}), and see that its DAG"
            yield f"{look} evidence.{target} is there and not paused", calendar.owner


def _gap(calendar: Calendar, gap: Gap, titles: Mapping[str, str], links: Links) -> GapRow:
    steps, index = gap.lack.steps, gap.lack.index
    more = f" and {len(steps) - _STEPS} more" if len(steps) > _STEPS else ""
    return GapRow(
        title=scope_title(calendar.scope, titles),
        start=moment(gap.start),
        end=moment(gap.end),
        slots=gap.slots,
        came=gap.lack.came.value,
        steps=", ".join(steps[:_STEPS]) + more,
        why=gap.lack.why,
        index=index,
        href=links.entry(index) if index is not None else "",
    )

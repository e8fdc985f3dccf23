"""View models to HTML. Everything is escaped; an unknown name in a template is an error, not an empty string."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from affidavit.pages.calendar import CalendarPage
from affidavit.pages.docs import DocsPage
from affidavit.pages.erased import ErasedPage
from affidavit.pages.evidence import EntryPage, LedgerPage, LogPage
from affidavit.pages.lineage import SystemPage
from affidavit.pages.posture import ControlPage, Overview
from affidavit.pages.report import ReportPage
from affidavit.pages.text import counted, visible, visible_json
from affidavit.pages.words import STATUS_MEANS, slug
from affidavit.rules.verdict import WORST_FIRST

LONGEST_PROSE = 2_000
"""Characters of a sentence that somebody else wrote."""

_TEMPLATES: Mapping[type, str] = {
    Overview: "overview.html",
    ControlPage: "control.html",
    EntryPage: "entry.html",
    LogPage: "log.html",
    LedgerPage: "ledger.html",
    ErasedPage: "erased.html",
    SystemPage: "system.html",
    CalendarPage: "calendar.html",
    DocsPage: "docs.html",
    ReportPage: "report.html",
}

Page = (
    Overview
    | ControlPage
    | EntryPage
    | LogPage
    | LedgerPage
    | ErasedPage
    | SystemPage
    | CalendarPage
    | DocsPage
    | ReportPage
)


def render(page: Page) -> str:
    """The page as one HTML document."""
    return _environment().get_template(_TEMPLATES[type(page)]).render(page=page, frame=page.frame)


def assets() -> Mapping[str, bytes]:
    """The style and the script that every page refers to, by file name."""
    static = files("affidavit.pages") / "static"
    return {name: (static / name).read_bytes() for name in ("site.css", "site.js")}


@cache
def edition() -> str:
    """SHA-256 over templates and code of this room: pages of another edition are written again."""
    room, digest = files("affidavit.pages"), sha256()
    parts = [f for folder in (room, room / "templates") for f in folder.iterdir() if f.name.endswith((".py", ".html"))]
    for part in sorted(parts, key=lambda f: f.name):
        digest.update(sha256(part.read_bytes()).digest())
    return digest.hexdigest()


def _prose(text: str) -> str:
    """A sentence from elsewhere: one paragraph, bounded, nothing invisible."""
    return visible(text[:LONGEST_PROSE]) + ("…" if len(text) > LONGEST_PROSE else "")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("affidavit.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(prose=_prose, prose_lines=visible_json, slug=slug)
    environment.globals.update(style=assets()["site.css"].decode())
    environment.globals.update(statuses=WORST_FIRST, means=STATUS_MEANS, counted=counted)
    return environment

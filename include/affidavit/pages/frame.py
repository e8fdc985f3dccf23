"""What stands on every page: title, banner, as-of line, and the way to the other pages."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.pages.links import Links
from affidavit.pages.text import Moment
from affidavit.projections.reader import Head
from affidavit.projections.state import Demonstration


@dataclass(frozen=True)
class Frame:
    """The frame of a page.

    ``head`` and ``as_of`` are None on pages that never change. ``valid_until`` is when the first verdict on the page
    turns stale.
    """

    title: str
    links: Links
    origin: str
    demonstrations: tuple[Demonstration, ...]
    head: Head | None = None
    as_of: Moment | None = None
    valid_until: Moment | None = None

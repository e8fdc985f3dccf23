"""Where one page finds another: the addresses of the site, relative, so that it opens from a disk."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

LOG_BLOCK = 250
"""Entries on one page of the log."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,79}")


@dataclass(frozen=True)
class Links:
    """Addresses as seen from a page that stands ``depth`` folders below the site's root."""

    depth: int = 0

    @property
    def root(self) -> str:
        """The way up to the root: empty, or ``../``."""
        return "../" * self.depth

    @property
    def overview(self) -> str:
        """The first page."""
        return f"{self.root}index.html"

    @property
    def calendar(self) -> str:
        """The page of what was due."""
        return f"{self.root}calendar.html"

    @property
    def ledger(self) -> str:
        """The page about the ledger itself."""
        return f"{self.root}ledger.html"

    def control(self, control: str) -> str:
        """The page of a control or clause."""
        return f"{self.root}controls/{plain(control)}.html"

    def system(self, scope: str) -> str:
        """The page of the AI system whose scope is ``system:<id>``."""
        return f"{self.root}systems/{plain(scope.removeprefix('system:'))}.html"

    def entry(self, index: int) -> str:
        """The page of an entry."""
        return f"{self.root}entries/{index}.html"

    def log(self, block: int) -> str:
        """The page that lists the entries of a block of ``LOG_BLOCK``."""
        return f"{self.root}log/{block}.html"

    def docs(self, digest: str) -> str:
        """The Data Docs page of the validation details under a SHA-256."""
        return f"{self.root}data-docs/{plain(digest)}.html"

    def report(self, digest: str) -> str:
        """The report of a measurement, kept in the blob under a SHA-256."""
        return f"{self.root}reports/{plain(digest)}.html"

    def asset(self, file: str) -> str:
        """A style or script file."""
        return f"{self.root}{file}"


def plain(text: str) -> str:
    """``text`` as a file name and an anchor: itself where it is harmless in both, else a digest of it."""
    if _PLAIN.fullmatch(text) and not text.startswith("."):
        return text
    return f"x-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def anchor(scope: str, control: str = "") -> str:
    """The id of a scope's section, or of a control's row in it."""
    place = plain(scope.replace(":", "-", 1))
    return f"{place}--{plain(control)}" if control else place

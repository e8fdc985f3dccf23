"""The pages that are written once: entries, the log in blocks, Data Docs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Protocol

from affidavit.errors import CanonicalError, ConfigurationError, IntegrityError
from affidavit.evidence import Entry, kinds
from affidavit.evidence.salted import payload
from affidavit.pages.docs import docs_page
from affidavit.pages.erased import erased_page
from affidavit.pages.evidence import ReportLink, entry_page, log_page, report_link
from affidavit.pages.links import LOG_BLOCK, Links
from affidavit.pages.render import edition, render
from affidavit.projections import erasures
from affidavit.projections.reader import Head, Reader
from affidavit.projections.state import Demonstration
from affidavit.publish.files import Files

BUILT = "built.json"

_PAGES = {kinds.VALIDATION.name: Links().docs, kinds.MEASUREMENT.name: Links().report}


class RenderDocs(Protocol):
    """Renders the stored details of one validation as HTML in which all text is escaped, with nothing fetched."""

    def __call__(self, details: bytes, *, where: str) -> str:
        """``where`` names the details in errors."""


@dataclass(frozen=True)
class Built:
    """Up to where pages stand: ``size`` entries of the log ``origin``, the last with ``leaf_hash``."""

    origin: str
    edition: str
    size: int
    leaf_hash: str


class EvidencePages:
    """Writes what is new since the last build; ``entries``, ``data_docs`` and ``reports`` count the pages."""

    def __init__(
        self,
        files: Files,
        reader: Reader,
        head: Head,
        demonstrations: tuple[Demonstration, ...],
        render_docs: RenderDocs,
    ) -> None:
        self.entries = 0
        self.data_docs = 0
        self.reports = 0
        self._files = files
        self._reader = reader
        self._head = head
        self._demonstrations = demonstrations
        self._render_docs = render_docs
        self._index_of: dict[bytes, int] = {}
        self._searched: dict[tuple[str, str], int] = {}
        self._erased = erasures.read(reader, size=head.size).erased

    def write(self) -> None:
        """Write the pages of every entry under the head that has none.

        Raises ``IntegrityError`` for an entry that cannot be read, and for a ledger that lost or changed the entries
        this site was built from; ``ConfigurationError`` for the site of another ledger.
        """
        self._rewrite_erased()
        size = self._standing()
        last = b""
        for block in range(size // LOG_BLOCK, -(-self._head.size // LOG_BLOCK)):
            stop = min((block + 1) * LOG_BLOCK, self._head.size)
            entries = list(self._readable(block * LOG_BLOCK, stop))
            for entry in entries:
                if entry.index >= size:
                    self._entry(entry)
            page = log_page(block, entries, origin=self._head.origin, demonstrations=self._demonstrations)
            self._files.write(Links().log(block), render(page))
            last = entries[-1].leaf_hash
        if last:
            built = Built(self._head.origin, self._edition(), self._head.size, last.hex())
            self._files.write(BUILT, json.dumps(asdict(built)))

    def _edition(self) -> str:
        """Changes with anything but its entry that a page shows: the templates, and the banner."""
        banner = sorted((d.scope, d.text) for d in self._demonstrations)
        return sha256(json.dumps([edition(), banner]).encode()).hexdigest()

    def _standing(self) -> int:
        """How many entries have the page that they should have."""
        data = self._files.read(BUILT)
        if data is None:
            return 0
        try:
            built = Built(**json.loads(data))
        except (ValueError, TypeError):
            return 0
        where = f"site in {self._files.directory}"
        if built.origin != self._head.origin:
            raise ConfigurationError(
                f"it shows the log {built.origin[:200]}, not {self._head.origin}",
                where=where,
                fix="give each ledger a site directory of its own, or delete this one",
            )
        last = built.size - 1
        if built.size > self._head.size or self._reader.entry(last).leaf_hash.hex() != built.leaf_hash:
            raise IntegrityError(
                f"the ledger no longer holds the entry {last} that this site shows",
                where=where,
                fix="run affidavit verify and find out what happened; keep this directory, and build into another",
                index=last,
            )
        return built.size if built.edition == self._edition() else 0

    def _readable(self, start: int, stop: int) -> Iterator[Entry]:
        for entry in self._reader.entries(start, stop):
            try:
                _ = entry.statement
            except CanonicalError as error:
                raise IntegrityError(
                    f"its bytes are no statement ({error.problem})",
                    where=f"entry {entry.index}",
                    fix="run affidavit verify",
                    index=entry.index,
                ) from error
            self._index_of[entry.leaf_hash] = entry.index
            yield entry

    def _entry(self, entry: Entry) -> None:
        page = entry_page(
            entry,
            origin=self._head.origin,
            demonstrations=self._demonstrations,
            superseded=self._superseded(entry),
        )
        if report := report_link(entry.statement, Links()):
            self._report(entry, report)
        self._files.write(Links().entry(entry.index), render(page))
        self.entries += 1

    def _report(self, entry: Entry, report: ReportLink) -> None:
        if report.digest in self._erased or self._files.exists(report.href):
            return
        # The same details may come again in a later entry; the page then stays as it is.
        details = payload(self._reader.blob(report.digest))
        if entry.statement.kind == kinds.MEASUREMENT.name:
            self._files.write(report.href, details)  # as it was kept when it was measured
            self.reports += 1
            return
        body = self._render_docs(details, where=f"blob {report.digest}")
        page = docs_page(entry, body, origin=self._head.origin, examples=self._examples(entry))
        self._files.write(report.href, render(page))
        self.data_docs += 1

    def _examples(self, validation: Entry) -> Entry | None:
        """The entry about rows that failed, where the look that validated them kept some: it stands next."""
        if validation.index + 1 >= self._head.size:
            return None
        following = self._reader.entry(validation.index + 1)
        of_these = following.statement.subjects == validation.statement.subjects
        return following if following.statement.kind == kinds.FAILING_ROWS.name and of_these else None

    def _rewrite_erased(self) -> None:
        """Say of erased details that they are; where such a page stands already it stays."""
        for digest, erased in self._erased.items():
            for kind, path in _PAGES.items():
                if any(naming.kind == kind for naming in erased.named_by):
                    page = erased_page(erased, origin=self._head.origin, demonstrations=self._demonstrations)
                    text = render(page).encode()
                    if self._files.read(path(digest)) != text:
                        self._files.write(path(digest), text)

    def _superseded(self, entry: Entry) -> int | None:
        """The index of the leaf that ``entry`` supersedes.

        Its kind and scope are looked through from the newest back, in steps that double, and each part once: what was
        superseded stands mostly near, and is then found at the same cost in a log of any length.
        """
        superseded, statement = entry.statement.supersedes, entry.statement
        if superseded is None:
            return None
        place, step = (statement.scope, statement.kind), LOG_BLOCK
        while superseded not in self._index_of and (stop := self._searched.get(place, entry.index)):
            start, step = max(0, stop - step), 2 * step
            self._searched[place] = start
            for earlier in self._reader.entries(start, stop, scope=statement.scope, kind=statement.kind):
                self._index_of[earlier.leaf_hash] = earlier.index
        return self._index_of.get(superseded)

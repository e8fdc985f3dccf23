"""The auditor's site: a folder of pages that opens from a disk, built again at the cost of what is new.

    index.html          the posture, written last: it never refers to a page that is not there
    controls/ID.html    one control or clause in all scopes, written each time
    systems/ID.html     one AI system and its lineage, written each time
    calendar.html       what was due and never came, written each time
    ledger.html         the head, and how to check it, written each time
    entries/N.html      one entry, written once
    log/B.html          entries in blocks of 250; only the last block is written again
    data-docs/D.html    the validation details with SHA-256 D, written once; or that they were erased, and why
    reports/D.html      the report of a measurement that is the blob with SHA-256 D, likewise
    site.css, site.js
    built.json          up to where entries stand, of which log, by which edition of the pages

Each file is written beside its place and renamed into it, by one builder at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from affidavit.catalogue import Catalogue
from affidavit.evidence import kinds
from affidavit.pages.calendar import calendar_page
from affidavit.pages.evidence import NEWEST, is_validation, ledger_page
from affidavit.pages.lineage import system_page
from affidavit.pages.links import Links
from affidavit.pages.posture import Completeness, Posture, control_page, needed, overview
from affidavit.pages.render import assets, render
from affidavit.projections import Graph
from affidavit.projections.reader import Head, Reader
from affidavit.projections.state import Demonstration
from affidavit.publish.entries import EvidencePages, RenderDocs
from affidavit.publish.files import Files
from affidavit.rules.verdict import Verdict

RECENT = 500
"""Newest entries whose validations the overview lists, besides those that a verdict rests on."""


@dataclass(frozen=True)
class SiteReport:
    """What a build wrote. Counts are of pages written, not of pages there."""

    index: Path
    entries: int
    data_docs: int
    reports: int
    controls: int
    files: int


def build_site(  # noqa: PLR0913  each argument is one thing that the site shows
    directory: Path,
    *,
    reader: Reader,
    head: Head,
    verdicts: Sequence[Verdict],
    catalogue: Catalogue,
    demonstrations: Sequence[Demonstration],
    lineages: Mapping[str, Graph],
    completeness: Completeness,
    at: datetime,
    render_docs: RenderDocs,
) -> SiteReport:
    """Write the site of ``verdicts``, judged at ``at`` from the entries under ``head``, into ``directory``.

    ``lineages`` are drawn, one page for each scope; of ``completeness``, the calendars stand on one page.

    Raises ``IntegrityError`` for an entry or blob that is not what was recorded, and for a ledger that lost or changed
    entries since the last build; ``ConfigurationError`` for the site of another ledger, or a directory that cannot be
    written. The index of the last build then still stands.
    """
    files = Files(directory)
    with files.alone():
        evidence = EvidencePages(files, reader, head, tuple(demonstrations), render_docs)
        evidence.write()
        for name, data in assets().items():
            files.write(name, data)
        posture = _posture(
            reader,
            head,
            verdicts=verdicts,
            catalogue=catalogue,
            demonstrations=demonstrations,
            lineages=lineages,
            completeness=completeness,
            at=at,
        )
        files.write("ledger.html", _ledger(posture, reader))
        files.write(Links().calendar, render(calendar_page(posture)))
        controls = sorted({r.id for r in catalogue} | {v.control for v in verdicts})
        for control in controls:
            files.write(Links().control(control), render(control_page(posture, control)))
        for scope in sorted(lineages):
            files.write(Links().system(scope), render(system_page(posture, scope)))
        files.write(Links().overview, render(overview(posture)))
    return SiteReport(
        directory / Links().overview,
        evidence.entries,
        evidence.data_docs,
        evidence.reports,
        len(controls),
        files.written,
    )


def _posture(  # noqa: PLR0913  the same
    reader: Reader,
    head: Head,
    *,
    verdicts: Sequence[Verdict],
    catalogue: Catalogue,
    demonstrations: Sequence[Demonstration],
    lineages: Mapping[str, Graph],
    completeness: Completeness,
    at: datetime,
) -> Posture:
    entries = {index: reader.entry(index) for index in sorted(needed(verdicts))}
    recent = reader.entries(max(0, head.size - RECENT), head.size, kind=kinds.VALIDATION.name)
    validations = {e.index: e for e in (*recent, *entries.values()) if is_validation(e)}
    return Posture(
        verdicts=verdicts,
        catalogue=catalogue,
        head=head,
        at=at,
        demonstrations=demonstrations,
        entries=entries,
        titles=dict(_titles(reader, head)),
        validations=tuple(validations.values()),
        lineages=lineages,
        completeness=completeness,
    )


def _titles(reader: Reader, head: Head) -> Iterator[tuple[str, str]]:
    """Declared titles by scope, the latest last."""
    for kind, field in ((kinds.ORGANISATION, "organisation"), (kinds.SYSTEM, "system")):
        for entry in reader.entries(0, head.size, kind=kind.name):
            declared = entry.statement.facts.get(field)
            if isinstance(declared, Mapping) and isinstance(declared.get("title"), str):
                yield entry.statement.scope, declared["title"]


def _ledger(posture: Posture, reader: Reader) -> str:
    head = posture.head
    newest = reader.entries(max(0, head.size - NEWEST), head.size)
    return render(ledger_page(head, at=posture.at, demonstrations=posture.demonstrations, newest=newest))


def withdraw(directory: Path, digest: str) -> None:
    """Remove the page that shows a blob which was erased; the next build says there why. Waits for a build to end."""
    if directory.is_dir():
        files = Files(directory)
        with files.alone():
            files.remove(Links().docs(digest))
            files.remove(Links().report(digest))

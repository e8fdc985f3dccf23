"""The Data Docs page of one validation: what Great Expectations says of it, in the frame of the site."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.evidence import Entry
from affidavit.pages.frame import Frame
from affidavit.pages.links import Links
from affidavit.pages.text import Name, counted, name
from affidavit.projections.state import Demonstration


@dataclass(frozen=True)
class DocsPage:
    """One validation. ``body`` is HTML in which all text is escaped; ``answer`` is what it comes to, in a sentence."""

    frame: Frame
    subject: Name
    suite: str
    answer: str
    failed: tuple[Name, ...]
    entry: int
    examples: tuple[int, Name] | None
    body: str


def docs_page(entry: Entry, body: str, *, origin: str, examples: Entry | None = None) -> DocsPage:
    """The page about the validation in ``entry``, the first with this result, of the log ``origin``.

    ``examples`` is the entry that names the blob with rows that failed, which are not shown. The page is written once,
    so it says of demonstrations only what its own entry says.
    """
    statement, facts = entry.statement, entry.statement.facts
    subject = name(statement.subject.name, longest=80)
    marked = statement.demonstration
    failed, warned, rows = len(facts["failedTests"]), len(facts["warnedTests"]), counted(facts["rows"], "row")
    every = counted(failed + warned + len(facts["passedTests"]), "expectation")
    held = f"{failed} of {every} did not hold on {rows}." if failed else f"Each of {every} held on {rows}."
    if warned:
        held = f"{failed} of {every} did not hold on {rows}, and {warned} had nothing to judge."
    return DocsPage(
        frame=Frame(
            f"Validation of {subject.plain}",
            Links(depth=1),
            origin,
            (Demonstration(marked, statement.scope, 1),) if marked else (),
        ),
        subject=subject,
        suite=facts["suite"],
        answer=held,
        failed=tuple(name(test) for test in facts["failedTests"]),
        entry=entry.index,
        examples=_examples(examples),
        body=body,
    )


def _examples(entry: Entry | None) -> tuple[int, Name] | None:
    return (entry.index, name(entry.statement.facts["details"]["digest"]["sha256"])) if entry else None

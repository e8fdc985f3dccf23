"""The Statement of Applicability, from what the ledger holds or held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from affidavit import catalogue
from affidavit.pipeline import posture
from affidavit.projections import Head, Reader
from affidavit.rules.applicability import Row, statement_of_applicability


@dataclass(frozen=True)
class Stated:
    """The rows as of ``at``, under ``head``."""

    at: datetime
    head: Head
    rows: tuple[Row, ...]


def state_applicability(reader: Reader, *, at: datetime, as_of: bool) -> Stated:
    """The Statement of Applicability at ``at``; with ``as_of``, what was known then.

    Raises ``UsageError`` for a time before the first entry.
    """
    judged = posture.judge_as_of(reader, at=at) if as_of else posture.judge(reader, at=at)
    rows = statement_of_applicability(judged.state, judged.verdicts, catalogue.load())
    return Stated(judged.at, judged.head, rows)

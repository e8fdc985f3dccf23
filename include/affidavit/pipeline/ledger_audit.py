"""Verifying the ledger on a schedule, so that a fault is found by us before it is found by an auditor."""

from __future__ import annotations

from affidavit.ledger.verification import Verification, verify
from affidavit.pipeline.workplace import Workplace


def audit(workplace: Workplace) -> Verification:
    """Verify every entry, head and blob; raises ``IntegrityError`` naming the first bad object."""
    with workplace.reader() as ledger:
        return verify(ledger, policy=None)

"""Verifying the ledger on a schedule, so that a fault is found by us before it is found by an auditor."""

from __future__ import annotations

from affidavit.pipeline.verifying import Examined, examine
from affidavit.pipeline.workplace import Workplace


def audit(workplace: Workplace) -> Examined:
    """What ``affidavit verify`` finds without a policy; raises ``IntegrityError`` naming the first bad object.

    A policy is an auditor's. One that lay beside the ledger would be in the hands of whoever it is to judge.
    """
    with workplace.reader() as ledger:
        return examine(ledger)

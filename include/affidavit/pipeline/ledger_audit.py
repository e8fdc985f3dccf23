"""Verifying the ledger on a schedule, so that a fault is found by us before it is found by an auditor."""

from __future__ import annotations

from random import SystemRandom

from affidavit.pipeline.verifying import Examined, examine
from affidavit.pipeline.workplace import Workplace

CHECKED = 3
"""Kept moments that one audit judges again: each costs a fold."""


def audit(workplace: Workplace) -> Examined:
    """What ``affidavit verify`` finds without a policy; raises ``IntegrityError`` naming the first bad object.

    A policy is an auditor's. One that lay beside the ledger would be in the hands of whoever it is to judge. Of what is
    kept of past dates, some at random are judged again.
    """
    with workplace.reader() as ledger:
        found = examine(ledger)
        view, chance = workplace.postures, SystemRandom()
        view.check(ledger, view.moments([chance.random() for _ in range(CHECKED)]))
    return found

"""Everything that an auditor asks of a whole ledger, in one go."""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.ledger import Ledger, Verification, verification
from affidavit.pipeline.anchoring import Outside, known_outside
from affidavit.publish.since import Growth, growth
from affidavit.tlog.note import Note
from affidavit.tlog.policy import Policy


@dataclass(frozen=True)
class Examined:
    """A ledger that is intact; ``grown`` is what was added since the noted checkpoint, if there was one."""

    found: Verification
    anchoring: Outside
    grown: Growth | None

    @property
    def established(self) -> bool:
        """Whether nothing is left open that the policy asks for, and a policy was given."""
        return self.found.proven and self.anchoring.witnessed and not self.found.uncovered


def examine(
    ledger: Ledger,
    *,
    policy: Policy | None = None,
    noted: Note | None = None,
    authorities: bytes | None = None,
    processes: int = 1,
) -> Examined:
    """Verify all of it, what outsiders know of it, and that it extends the ``noted`` checkpoint.

    ``authorities`` are PEM roots of time stamp authorities. Raises ``IntegrityError`` or ``LedgerRolledBack``.
    """
    found = verification.verify(ledger, policy=policy, processes=processes)
    anchoring = known_outside(ledger, head=found.head, policy=policy, authorities=authorities)
    grown = growth(noted, found.head, reader=ledger, prover=ledger) if noted is not None else None
    return Examined(found, anchoring, grown)

"""Everything that an auditor asks of a whole ledger, in one go."""

from __future__ import annotations

from dataclasses import dataclass, replace

from affidavit.anchor import Anchoring
from affidavit.ledger import Ledger, Verification, verification
from affidavit.pipeline.anchoring import known_outside
from affidavit.publish.since import Growth, growth
from affidavit.tlog.note import Note
from affidavit.tlog.policy import NONE, Policy


@dataclass(frozen=True)
class Examined:
    """A ledger that is intact; ``grown`` is what was added since the noted checkpoint, if there was one.

    ``witnessed`` tells whether the policy's quorum cosigned some head, or none is asked for.
    """

    found: Verification
    anchoring: Anchoring
    grown: Growth | None
    witnessed: bool

    @property
    def established(self) -> bool:
        """Whether nothing is left open that the policy asks for, and a policy was given."""
        return self.found.proven and self.witnessed and not self.found.uncovered


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
    # No witness can have cosigned the newest head, since recording that makes a newer one: the log's own key is asked
    # for here, and the quorum of whatever prefix the witnesses know.
    author = replace(policy, quorum=NONE) if policy is not None else None
    found = verification.verify(ledger, policy=author, processes=processes)
    anchoring = known_outside(ledger, head=found.head, policy=policy, authorities=authorities)
    grown = growth(noted, found.head, reader=ledger, prover=ledger) if noted is not None else None
    witnessed = policy is None or policy.quorum == NONE or anchoring.size > 0
    return Examined(found, anchoring, grown, witnessed)

"""Everything that an auditor asks of a whole ledger, in one go: the one place that gives the verdict.

The steps, whose numbers the code repeats:

1. The ledger is consistent with itself (:mod:`affidavit.ledger.verification`).
2. The log key of the policy, if one was given, is one of the log's, and the newest head is signed by it or by what
   replaced it. Without a policy the author is unproven.
3. What the policy's witnesses and the time stamp authorities know is a prefix of it
   (:mod:`affidavit.projections.anchoring`).
4. It extends the noted checkpoint, if one was given.

It is established where a policy was given, its quorum cosigned some head, no anchor entry holds a cosignature in the
name of one of its witnesses that does not hold, and no entry stands beyond the newest head.
"""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.ledger import Ledger, Verification, verification
from affidavit.pipeline.anchoring import Outside, known_outside
from affidavit.publish.since import Growth, growth
from affidavit.tlog.note import Note
from affidavit.tlog.policy import Policy


@dataclass(frozen=True)
class Examined:
    """A ledger that is intact; ``author`` says in words whose it is.

    ``established`` tells whether nothing is left open that the policy asks for, and a policy was given; ``grown`` is
    what was added since the noted checkpoint, if there was one.
    """

    found: Verification
    author: str
    anchoring: Outside
    grown: Growth | None
    established: bool


def examine(
    ledger: Ledger,
    *,
    policy: Policy | None = None,
    noted: Note | None = None,
    authorities: bytes | None = None,
    processes: int = 1,
) -> Examined:
    """Verify all of it; see the module's docstring for the steps.

    ``authorities`` are PEM roots of time stamp authorities. Raises ``IntegrityError`` (``NoteError`` for step 2) or
    ``LedgerRolledBack``.
    """
    found = verification.verify(ledger, processes=processes)  # 1
    author = "unproven: no policy was given; the ledger is consistent with itself"
    if policy is not None:  # 2
        author = found.keys.author(policy, Note.parse(found.head.note))
    anchoring = known_outside(ledger, head=found.head, policy=policy, authorities=authorities)  # 3
    grown = growth(noted, found.head, reader=ledger, prover=ledger) if noted is not None else None  # 4
    established = policy is not None and not anchoring.doubts and not found.uncovered
    return Examined(found, author, anchoring, grown, established)

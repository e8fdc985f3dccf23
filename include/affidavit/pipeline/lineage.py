"""The lineage of one AI system as of a time: the prefix of the ledger that was signed by then, folded and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from affidavit.errors import UsageError
from affidavit.evidence import system_scope, timestamp
from affidavit.projections import Graph, Head, Reader, ScopeState, fold_scope, graph


@dataclass(frozen=True)
class Known:
    """What was known at ``at`` of one AI system, from the entries under ``head``."""

    at: datetime
    head: Head
    scope: ScopeState
    graph: Graph


def lineage_of(reader: Reader, system: str, *, at: datetime) -> Known:
    """The lineage of ``system`` as it was known at ``at``.

    Raises ``UsageError`` for a time before the first entry, and for an AI system of which nothing was recorded by then.
    """
    head = reader.head_at(at)
    if head is None:
        raise UsageError(
            f"the ledger held nothing at {timestamp(at)}", fix="choose a time after the ledger's first entry"
        )
    scope = fold_scope(reader, system_scope(system), size=head.size)
    if not scope.streams:
        raise UsageError(
            f"nothing was recorded of an AI system {system!r} at {timestamp(at)}",
            fix="choose one that affidavit status shows, or a later time",
        )
    return Known(at, head, scope, graph(scope))

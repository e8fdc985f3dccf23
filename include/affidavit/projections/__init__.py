"""Entries folded into state, per scope: pure functions of what was recorded, in its order.

``state`` keeps what a rule needs of each scope (latest facts, due slots that were collected, obligations in force);
``lineage`` reads from it which model version is in use and what it was made from; ``erasures`` which blobs were erased,
and whether each of these erasures was one that may be; ``anchoring`` which prefix of the log outsiders know; ``reader``
is the narrow view of a ledger that everything outside it is given.
"""

from affidavit.projections.lineage import Edge, Graph, InUse, Node, graph, in_use
from affidavit.projections.reader import Head, Reader
from affidavit.projections.scope import AliasLook, Collected, ScopeState, Snapshot, Standing, Validated
from affidavit.projections.state import Aside, Demonstration, State, fold

__all__ = [
    "AliasLook",
    "Aside",
    "Collected",
    "Demonstration",
    "Edge",
    "Graph",
    "Head",
    "InUse",
    "Node",
    "Reader",
    "ScopeState",
    "Snapshot",
    "Standing",
    "State",
    "Validated",
    "fold",
    "graph",
    "in_use",
]

"""Entries folded into state, per scope: pure functions of what was recorded, in its order.

``state`` keeps what a rule needs of each scope (latest facts, obligations in force), ``looks`` finds its collections;
``lineage`` reads from it which model version is in use and what it was made from, and ``lineage_graph`` every edge from
source tables to scored rows; ``calendar`` what evidence was due and never came, by the ``duties`` that stood then;
``sightings`` when anybody looked where the alias in use points; ``records`` how risks, plans, audits and improvements
stand, and what changed with or without a plan; ``erasures`` which blobs were erased, and whether each of these erasures
was one that may be; ``anchoring`` which prefix of the log outsiders know; ``need`` says what a person is asked to
decide and who may, ``asking`` which of these are open, ``reminders`` what people are to be told; ``findings`` what
failed, from when to when; ``retirement`` since when a decision ends what an AI system owes whose file is gone;
``own_controls`` what is asked beside the catalogue; ``reader`` is the narrow view of a ledger that everything outside
it is given.
"""

from affidavit.projections.asking import needs
from affidavit.projections.calendar import Calendar, Came, Due, Gap, Lack, calendar, scopes_due
from affidavit.projections.lineage import Edge, InUse, Missing, Node, Thing, in_use
from affidavit.projections.lineage_graph import Graph, graph
from affidavit.projections.looks import Collected
from affidavit.projections.need import Need, held, holders, may_answer
from affidavit.projections.reader import Head, Reader
from affidavit.projections.scope import AliasLook, ScopeState, Snapshot, Validated
from affidavit.projections.sightings import Sighted, Sighting, sighted
from affidavit.projections.standing import Standing
from affidavit.projections.state import Aside, Demonstration, State, fold, fold_scope

__all__ = [
    "AliasLook",
    "Aside",
    "Calendar",
    "Came",
    "Collected",
    "Demonstration",
    "Due",
    "Edge",
    "Gap",
    "Graph",
    "Head",
    "InUse",
    "Lack",
    "Missing",
    "Need",
    "Node",
    "Reader",
    "ScopeState",
    "Sighted",
    "Sighting",
    "Snapshot",
    "Standing",
    "State",
    "Thing",
    "Validated",
    "calendar",
    "fold",
    "fold_scope",
    "graph",
    "held",
    "holders",
    "in_use",
    "may_answer",
    "needs",
    "scopes_due",
    "sighted",
]

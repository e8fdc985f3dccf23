"""What hands the ledger's head to outsiders, and what follows from it.

A *witness* of another operator and a *time stamp* authority sign the head, and what they sign is checked before it is
believed. A *copy* (a file, a bucket with a retention rule, an MLflow tag, a witness of our own) proves nothing by
itself and is called so. Each handing over becomes a statement, so that verification can say which prefix outsiders
know, and since when (:mod:`affidavit.projections.anchoring`); nothing of it is evidence for a control.
"""

from affidavit.anchor.evidence import Anchored

__all__ = ["Anchored"]

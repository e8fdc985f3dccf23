"""Warehouses, read only: one connection, one snapshot, and what is said about a table in it.

:func:`snapshot` opens one connection in one read-only transaction; :func:`fingerprint`, :func:`profile` and the
expectation suite (:mod:`affidavit.quality`) all read through it, so that they speak of the same rows. Every statement
has a time limit; every failure is one of :mod:`affidavit.errors`, and none quotes a row. :func:`estimate` asks the
catalogue only, for the dry run.
"""

from affidavit.warehouse.estimate import Estimate, estimate
from affidavit.warehouse.fingerprint import Fingerprint, fingerprint
from affidavit.warehouse.profile import EDGES, Profile, profile
from affidavit.warehouse.snapshot import Snapshot, snapshot
from affidavit.warehouse.tables import Column, TableRef

__all__ = [
    "EDGES",
    "Column",
    "Estimate",
    "Fingerprint",
    "Profile",
    "Snapshot",
    "TableRef",
    "estimate",
    "fingerprint",
    "profile",
    "snapshot",
]

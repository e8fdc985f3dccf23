"""Warehouses, read only: one connection, one snapshot, and what is said about a table in it.

:func:`snapshot` opens one connection in one read-only transaction; :func:`fingerprint`, :func:`profile` and the
expectation suite (:mod:`affidavit.quality`) all read through it, so that they speak of the same rows. Every statement
has a time limit; every failure is one of :mod:`affidavit.errors`, and none quotes a row. :func:`fingerprint_parts` is
for tables too large to be read whole each time; :func:`estimate` asks the catalogue only, for the dry run. Of a
register :func:`count_register` counts rows and :func:`reconcile` compares keys; :func:`sample` draws rows by key;
:func:`upload` makes a warehouse of a CSV file or a sheet. The rows of a book are read as :func:`texts`.
"""

from affidavit.warehouse.estimate import Estimate, estimate
from affidavit.warehouse.fingerprint import Fingerprint, fingerprint
from affidavit.warehouse.partitions import Part, fingerprint_parts
from affidavit.warehouse.profile import EDGES, Profile, profile
from affidavit.warehouse.reconcile import Keys, Reconciled, reconcile
from affidavit.warehouse.register import Category, Counts, Day, count_register
from affidavit.warehouse.relation import Relation, relation
from affidavit.warehouse.sample import Sample, sample
from affidavit.warehouse.snapshot import Snapshot, snapshot
from affidavit.warehouse.tables import Column, TableRef
from affidavit.warehouse.texts import texts, uploaded
from affidavit.warehouse.upload import METHOD as UPLOAD_METHOD
from affidavit.warehouse.upload import Upload, upload

__all__ = [
    "EDGES",
    "UPLOAD_METHOD",
    "Category",
    "Column",
    "Counts",
    "Day",
    "Estimate",
    "Fingerprint",
    "Keys",
    "Part",
    "Profile",
    "Reconciled",
    "Relation",
    "Sample",
    "Snapshot",
    "TableRef",
    "Upload",
    "count_register",
    "estimate",
    "fingerprint",
    "fingerprint_parts",
    "profile",
    "reconcile",
    "relation",
    "sample",
    "snapshot",
    "texts",
    "upload",
    "uploaded",
]

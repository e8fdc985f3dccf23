"""A copy of a ledger in an SQLite file of its own, row by row: for whoever wants to break it without harm."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from affidavit.errors import AffidavitError, IntegrityError
from affidavit.evidence.naming import named_blobs
from affidavit.ledger import engine as database
from affidavit.ledger import schema
from affidavit.ledger.blobs import Blobs
from affidavit.ledger.ledger import Ledger
from affidavit.ledger.tables import checkpoints, entries, nodes

DATABASE, BLOBS = "ledger.db", "blobs"

_ROWS = 1000


def copy(ledger: Ledger, home: Path) -> None:
    """Copy all rows to ``home/ledger.db``, and the blobs that entries name to ``home/blobs``; only reads ``ledger``.

    Rows are copied as they are, right or wrong; a blob that is absent or spoilt stays absent. The file is closed, in
    one piece, when this returns.
    """
    target = database.connect(f"sqlite:///{home / DATABASE}", access="create")
    try:
        with ledger.snapshot() as source, database.writing(target) as connection:
            schema.migrate(connection)
            for table in (entries, nodes, checkpoints):
                rows = source.execution_options(yield_per=_ROWS).execute(sa.select(table))
                for part in rows.mappings().partitions(_ROWS):
                    connection.execute(table.insert(), [dict(row) for row in part])
    finally:
        target.dispose()
    (home / BLOBS).mkdir()
    store = Blobs(str(home / BLOBS))
    for digest in _named(ledger):
        try:
            store.put(ledger.blob(digest))
        except IntegrityError:
            continue


def _named(ledger: Ledger) -> set[str]:
    found: set[str] = set()
    for entry in ledger.entries():
        try:
            found.update(named_blobs(entry.statement))
        except AffidavitError:  # a broken entry names nothing; verifying the copy finds it
            continue
    return found

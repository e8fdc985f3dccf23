"""Which leaf was changed, where the log's keys cannot be followed.

A rotation tells who signs from its entry on. Where an entry before it was taken out or put in, the rotation stands at
an index at which it cannot be one, and it is the first that is noticed; but it is not what was changed.
"""

from __future__ import annotations

from itertools import islice

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit.errors import IntegrityError, NoteError
from affidavit.ledger import scanning
from affidavit.ledger.tables import entries
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.note import Note
from affidavit.tlog.tree import Frontier


def before(connection: Connection, index: int) -> tuple[int, int] | None:
    """The first entries under one head, as (first, after the last), that do not lead to the root in that head.

    Looked at are leaves and notes up to the first head over the entry ``index``; by whom a head was signed is not
    asked. None where all fit, or where a note that cannot be read, or an absent entry, leaves it open.
    """
    edge = Frontier()
    leaves = connection.execute(sa.select(entries.c.index, entries.c.leaf).order_by(entries.c.index))
    for row in scanning.heads(connection):
        start = edge.size
        try:
            head = Checkpoint.parse(Note.parse(row.note).text)
        except (NoteError, TypeError, AttributeError):
            return None
        for at, leaf in islice(leaves, max(0, head.size - start)):
            if at != edge.size or not isinstance(leaf, bytes):
                return None
            edge.append(leaf_hash(leaf))
        if (head.size, head.root) != (edge.size, edge.root()):
            return start, head.size
        if head.size > index:
            return None
    return None


def instead(connection: Connection, error: IntegrityError, *, index: object) -> IntegrityError:
    """What is to be said where the keys could not be followed at the entry ``index``: ``error``, or what lies before.

    Among several entries under one head it is the rotation that was noticed, so that is named.
    """
    if not isinstance(index, int) or index <= 0:  # text, where the table was made anew without types
        return error
    changed = before(connection, index)
    if changed is None or (changed[0] <= index < changed[1] and changed[1] - changed[0] > 1):
        return error
    first, stop = changed
    which = f"entry {first}: its bytes are" if stop - first == 1 else f"entries {first} to {stop - 1}: their bytes are"
    problem = f"{which} not those that were signed; noticed at entry {index}, where the log's key would be replaced"
    return IntegrityError(problem, where=error.where, index=first, fix=error.fix)

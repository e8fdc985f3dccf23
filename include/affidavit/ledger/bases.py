"""What entries were judged from: the heads that assessments and decisions name as their basis.

One that names no head before itself counts for nothing wherever it is read. One that does must name it right: what
was known when somebody decided rests on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache, partial

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit.errors import IntegrityError
from affidavit.evidence import Entry, kinds
from affidavit.ledger import covering
from affidavit.ledger.log import DatabaseNodes, entry_of
from affidavit.ledger.tables import entries
from affidavit.tlog import tree

_KINDS = (kinds.ASSESSMENT.name, kinds.DECISION.name)
_PAGE = 500


def judge(connection: Connection, *, size: int) -> None:
    """Raise ``IntegrityError`` for the first of ``size`` entries that names a head which is none of this log.

    The stored nodes are asked and, where these say another root, the leaves.
    """
    right = lru_cache(maxsize=64)(partial(_right, connection))  # one look names one head many times
    for entry in _entries(connection, size):
        basis = entry.statement.header.get("basis")
        if not isinstance(basis, dict) or type(named := basis.get("size")) is not int:
            continue
        if 0 < named <= entry.index and not right(named, str(basis.get("root"))):
            problem = f"entry {entry.index}: it names as its basis a head of {named} entries that is none of this log"
            raise IntegrityError(problem, index=entry.index, fix="find out who recorded it: it counts on another past")


def _right(connection: Connection, size: int, root: str) -> bool:
    with suppress(IntegrityError):  # a node is absent
        if tree.root(DatabaseNodes(connection), size).hex() == root:
            return True
    return covering.grown(connection, size).hex() == root


def _entries(connection: Connection, size: int) -> Iterator[Entry]:
    query = sa.select(entries.c.index, entries.c.leaf).where(entries.c.kind.in_(_KINDS)).order_by(entries.c.index)
    start = 0
    while rows := connection.execute(query.where(entries.c.index >= start, entries.c.index < size).limit(_PAGE)).all():
        for index, leaf in rows:
            yield entry_of(index, leaf)
        start = rows[-1][0] + 1

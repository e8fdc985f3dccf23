"""Mending what is derived: every column but the leaves and the notes, and every node."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit.errors import IntegrityError
from affidavit.evidence.keychain import Keychain
from affidavit.ledger import scanning
from affidavit.ledger.guards import drop_guards, raise_guards
from affidavit.ledger.log import head_of
from affidavit.ledger.scanning import Scanned
from affidavit.ledger.tables import DERIVED, checkpoints, entries, nodes
from affidavit.tlog import cosignature
from affidavit.tlog.note import Note
from affidavit.tlog.tree import Frontier


def rebuild(connection: Connection, keys: Keychain) -> int:
    """Mend every derived value within the connection's transaction; returns the number of rows mended.

    ``checkpoints.previous`` is not mended: where it does not fit, a head was removed, and nothing can bring it back.
    Raises ``IntegrityError`` where a head is not signed by its key or the leaves do not lead to its root.
    """
    drop_guards(connection)
    mended = _mend_heads(connection, keys)
    # Identities are unique: wrong ones are moved out of the way of right ones first.
    mended += _mend_entries(connection, keys, identities=False)
    _mend_entries(connection, keys, identities=True)
    raise_guards(connection)
    return mended


def _mend_heads(connection: Connection, keys: Keychain) -> int:
    mended = 0
    for row in scanning.heads(connection):
        head = head_of(row.note, keys)
        values = {"root": head.root, "time": cosignature.verify(Note.parse(row.note), keys.at(row.size))}
        if head.size != row.size:
            raise IntegrityError(f"checkpoint of size {row.size}: its note names size {head.size}")
        if (row.root, row.time) != (values["root"], values["time"]):
            connection.execute(sa.update(checkpoints).where(checkpoints.c.size == row.size).values(**values))
            mended += 1
    return mended


def _mend_entries(connection: Connection, keys: Keychain, *, identities: bool) -> int:
    mended = 0
    edge = Frontier()
    rows = scanning.heads(connection)
    row = next(rows, None)
    for page in scanning.pages(connection):
        there = scanning.stored_nodes(connection, edge.size, edge.size + len(page))
        for entry in page:
            mended += _mend_entry(connection, entry, identities=identities)
            for node, digest in edge.append(entry.leaf_hash):
                if there.get(node) != digest:
                    mended += 1
                    _put_node(connection, node, digest)
            if row is not None and row.size == edge.size:
                if head_of(row.note, keys).root != edge.root():
                    raise IntegrityError(
                        f"the leaves do not lead to the signed root of size {edge.size}; nothing was rebuilt",
                        fix="run 'affidavit verify', and restore the ledger from a copy",
                    )
                row = next(rows, None)
    if row is not None:
        raise IntegrityError(f"entry {edge.size}: absent; nothing was rebuilt", index=edge.size)
    return mended + connection.execute(sa.delete(nodes).where(scanning.extra_nodes(edge.size))).rowcount


def _mend_entry(connection: Connection, entry: Scanned, *, identities: bool) -> int:
    wrong = entry.wrong()
    if not wrong:
        return 0
    values = dict(zip(DERIVED, entry.derived, strict=True))
    if "identity" in wrong and not identities:
        values["identity"] = hashlib.sha256(b"affidavit rebuilding\n%d" % entry.index).digest()
    connection.execute(sa.update(entries).where(entries.c.index == entry.index).values(**values))
    return 1


def _put_node(connection: Connection, node: tuple[int, int], digest: bytes) -> None:
    level, index = node
    connection.execute(sa.delete(nodes).where(nodes.c.level == level, nodes.c.index == index))
    connection.execute(sa.insert(nodes), {"level": level, "index": index, "hash": digest})

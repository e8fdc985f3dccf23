"""The fingerprint of a table: a SHA-256 over all its rows, computed where they are.

Each row becomes bytes in a way that tells any two rows apart, and those a SHA-256. The row hashes fall into 4,096
buckets by their first three hexadecimal digits; each bucket is the SHA-256 of its hashes, sorted and joined, so that
the order of rows plays no part and a row that is there twice counts twice. The fingerprint is the RFC 6962 root over
the schema and the buckets. A sum or XOR of row hashes would do the same faster and could be met by made-up rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from affidavit.errors import SourceGarbled
from affidavit.evidence import Json, dumps
from affidavit.tlog.hashing import leaf_hash, node_hash
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef

BUCKETS = 4096
"""Buckets of one fingerprint: the client holds one line for each, however large the table."""


@dataclass(frozen=True)
class Fingerprint:
    """``sha256`` in hexadecimal over ``rows`` rows, by the named ``method``; ``coverage`` says what it covers."""

    sha256: str
    method: str
    coverage: str
    rows: int


def fingerprint(snapshot: Snapshot, table: TableRef, *, about: str) -> Fingerprint:
    """Fingerprint all rows and columns of ``table`` in one pass; ``about`` is the table's declared name.

    The same rows in another order give the same fingerprint; another value, another type or name of a column, a row
    more, less or twice give another. NaN is one value whatever its bits. Raises as :meth:`Snapshot.query`, and
    ``SourceRefused`` for a column whose values have no exact text.
    """
    dialect = snapshot.dialect
    schema = dumps({"method": dialect.method, "columns": described(table)})
    empty = b"0 "
    leaves = dict.fromkeys((f"{number:03x}" for number in range(BUCKETS)), empty)
    rows = 0
    where = snapshot.where(about)
    with snapshot.guard(about):
        for bucket in dialect.buckets(snapshot.connection, table, where=where):
            if leaves.get(bucket.prefix) is not empty:
                raise SourceGarbled("the warehouse gave a bucket twice, or one never asked for", where=where)
            leaves[bucket.prefix] = f"{bucket.rows} {bucket.sha256}".encode()
            rows += bucket.rows
    return Fingerprint(root([schema, *leaves.values()]).hex(), dialect.method, "all rows, all columns", rows)


def described(table: TableRef) -> list[Json]:
    """Name and type of each column, in order: every fingerprint covers them."""
    return [{"name": column.name, "type": column.type} for column in table.columns]


def root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, from the leaves up: an odd node at the end of a level rises as it is."""
    level = [leaf_hash(leaf) for leaf in leaves]
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)] + odd
    return level[0]

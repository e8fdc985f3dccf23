"""The blobs that come with one append, settled under the write lock.

A salt makes every blob another one, so what was looked at twice would be a new fact each time, and two runs of one slot
would each record it. Only under the lock is it certain what the latest entry holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit.errors import BlobAbsent, UsageError
from affidavit.evidence import Draft, Entry
from affidavit.evidence.naming import named_blobs, naming
from affidavit.evidence.salted import same_payload
from affidavit.ledger.blobs import Blobs
from affidavit.ledger.erasures import erasure_of
from affidavit.ledger.log import BEYOND, entry_of
from affidavit.ledger.tables import entries


class Enclosures:
    """``given`` are the blobs that the drafts of one append name, by SHA-256; ``store`` keeps those of new entries."""

    def __init__(self, connection: Connection, store: Blobs, given: Sequence[bytes]) -> None:
        self._connection = connection
        self._store = store
        self._given = {hashlib.sha256(blob).hexdigest(): blob for blob in given}

    def settled(self, draft: Draft) -> Draft:
        """``draft``; naming the blob of its stream's latest entry where payload and all other facts are the same."""
        for digest in named_blobs(draft.statement):
            latest = self._latest(draft)
            for before in named_blobs(latest.statement) if latest else ():
                again = replace(draft, facts=naming(draft.facts, before))
                if latest and again.statement.facts_digest == latest.statement.facts_digest:
                    return again if self._same(digest, before) else draft
        return draft

    def keep(self, draft: Draft) -> None:
        """Make durable what a new draft names.

        Raises ``UsageError`` for what was neither given nor stored before, and for what was erased.
        """
        for digest in named_blobs(draft.statement):
            if (index := erasure_of(self._connection, digest)) is not None:
                raise UsageError(
                    f"blob {digest} was erased (entry {index})", where=draft.kind.name, fix="look again: clear the task"
                )
            if digest in self._given:
                self._store.put(self._given[digest])
            elif not self._store.has(digest):
                raise UsageError(f"blob {digest} is named and not stored", where=draft.kind.name, fix="pass it")

    def _latest(self, draft: Draft) -> Entry | None:
        there = (entries.c.stream == draft.statement.stream, entries.c.index >= 0, entries.c.index < BEYOND)
        query = sa.select(entries.c.index, entries.c.leaf).where(*there).order_by(entries.c.index.desc())
        row = self._connection.execute(query.limit(1)).first()
        return entry_of(row[0], row[1]) if row else None

    def _same(self, digest: str, before: str) -> bool:
        if digest == before or digest not in self._given:
            return digest == before
        try:
            return same_payload(self._given[digest], self._store.get(before))
        except BlobAbsent:  # erased: what was found is then recorded anew
            return False

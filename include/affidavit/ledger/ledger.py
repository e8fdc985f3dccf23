"""The ledger: appended to by one transaction at a time, read by anybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Self

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from affidavit.errors import LedgerMissing, UsageError
from affidavit.evidence import Draft, Entry
from affidavit.evidence.keychain import Keychain
from affidavit.ledger import covering, driver, erasures, keychain, log, rebuilding, schema
from affidavit.ledger import engine as database
from affidavit.ledger.appending import Appended, Batch, Closing, standing
from affidavit.ledger.blobs import Blobs
from affidavit.ledger.checking import Place
from affidavit.ledger.driver import Rows
from affidavit.ledger.enclosures import Enclosures
from affidavit.ledger.keychain import AnySigner
from affidavit.ledger.places import shown
from affidavit.ledger.remote_signer import RemoteSigner
from affidavit.ledger.tables import checkpoints, entries
from affidavit.projections.reader import Head
from affidavit.tlog import proofs
from affidavit.tlog.note import VerifierKey
from affidavit.tlog.rotation import Rotation
from affidavit.tlog.tree import Frontier

_PAGE = 500
_COVERED = sa.select(sa.func.max(checkpoints.c.size)).scalar_subquery()


class Ledger:
    """A ledger in a database, with its blobs beside it; a :class:`affidavit.projections.reader.Reader`.

    What :meth:`append` has returned is durable, in order, without gaps, and is never lost, changed or numbered anew.
    Safe for any number of processes; each opens its own. Without a signer it only reads.
    """

    def __init__(self, engine: Engine, *, blobs: Blobs, keys: Keychain, signer: AnySigner | None) -> None:
        self._engine = engine
        self._held = database.Held(engine)
        self._blobs = blobs
        self._edge: Frontier | None = None
        self._present: Head | None = None
        self._covered = 0
        self.keys = keys
        self.signer = signer

    @classmethod
    def create(
        cls,
        url: str,
        *,
        blobs: str,
        signer: AnySigner,
        now: datetime,
        recovery: VerifierKey | None = None,
        quorum: str | None = None,
    ) -> Ledger:
        """Make the tables, or bring them up to date, and sign entry 0: the random origin, and the key.

        ``recovery`` is the key that may one day replace it, ``quorum`` the policy lines of the witnesses that may.

        Raises ``UsageError`` where a ledger of this or another key is there already, ``LedgerRolledBack`` where the
        key has signed another log.
        """
        engine = database.connect(url, access="create")
        try:
            ledger = cls(engine, blobs=Blobs(blobs), keys=Keychain.of(signer.vkey, signer.where), signer=signer)
            with database.writing(engine) as connection:
                schema.migrate(connection)
                if connection.execute(sa.select(checkpoints.c.size).limit(1)).first():
                    raise UsageError("there is a ledger already", where=shown(url), fix="open it")
                first = [keychain.genesis(signer, recovery=recovery, quorum=quorum, now=now)]
                if log.size(connection):  # an entry 0 without a head is what a signer left behind that was down
                    first = []
                else:
                    ledger.keys = keychain.begun(first[0])
                head = ledger._appended(connection, first, now=now)
            ledger._acknowledged(head)
        except BaseException:
            engine.dispose()
            raise
        return ledger

    @classmethod
    def open(cls, url: str, *, blobs: str, signer: AnySigner | None = None) -> Ledger:
        """Open a ledger; to read only, unless a signer is given.

        Raises ``LedgerMissing``, ``SchemaMismatch``, ``UsageError`` for the key of another ledger, and
        ``LedgerRolledBack`` where the database is behind what the signer remembers.
        """
        engine = database.connect(url, access="write" if signer else "read")
        try:
            # What was signed was committed before: so it is asked for before the database is read.
            apart = signer.remembered() if isinstance(signer, RemoteSigner) else None
            within = signer.remembered() if signer and not isinstance(signer, RemoteSigner) else None
            with database.reading(engine) as connection:
                schema.check(connection, where=shown(url))
                keys = keychain.read(connection, where=shown(url))
                if signer is not None:
                    if signer.vkey != keys.newest:  # a column by which rotations are found may be spoilt
                        keys = keychain.read(connection, where=shown(url), thoroughly=True)
                    keychain.demand(keys, signer)
                    if isinstance(signer, RemoteSigner):
                        covering.confront(connection, apart, log.size(connection))
                    else:
                        signer.confront(keychain.newest(connection, keys)[0], last=within)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, blobs=Blobs(blobs), keys=keys, signer=signer)

    def rotation(self, new: VerifierKey) -> Rotation:
        """What must be authorised so that ``new`` may replace the log's key after the newest head.

        Raises ``UsageError`` where nobody may, or ``new`` cannot be a next key of this log.
        """
        head = self.head()
        return keychain.proposed(self.keys, head, new)

    @classmethod
    def rotate(cls, url: str, *, blobs: str, signer: AnySigner, authorisation: str, now: datetime) -> int:
        """Put the key of ``signer`` in the place of the log's present one; the index of the entry that says so.

        Only ``authorisation`` lets it (:mod:`affidavit.tlog.rotation`); the old key is not needed. The same call made
        again finds that it is done, and has it covered by a head. Raises ``UsageError``, and changes nothing, where it
        is not authorised.
        """
        engine = database.connect(url, access="write")
        with cls(engine, blobs=Blobs(blobs), keys=Keychain.of(signer.vkey, signer.where), signer=signer) as ledger:
            with database.writing(engine) as connection:
                schema.check(connection, where=shown(url))
                drafts, keys = keychain.replaced(connection, signer, authorisation, now=now)
                if drafts and not isinstance(signer, RemoteSigner):
                    signer.predecessor = keys.links[-2].key
                head = ledger._appended(connection, drafts, now=now, keys=keys)
            ledger._acknowledged(head)
            return keys.links[-1].index

    @property
    def key(self) -> VerifierKey:
        """The key that signs the next head."""
        return self.keys.newest

    def close(self) -> None:
        """Give back every connection."""
        self._held.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(
        self,
        drafts: Sequence[Draft],
        *,
        now: datetime,
        blobs: Sequence[bytes] = (),
        closing: Closing | None = None,
    ) -> Appended:
        """Append what is new among ``drafts``: all of it durably in one transaction, or nothing.

        A draft is new unless the latest entry of its stream holds the same facts; the outcome of a lost COMMIT is
        therefore found out by making the same call again. ``closing`` is called under the write lock with whether
        each draft is new, and may give one more draft. ``blobs`` are payloads behind their salts
        (:mod:`affidavit.evidence.salted`): two that differ in the salt alone are the same fact. Those that new drafts
        name are durable before the entries are; every digest that one names must be among them or stored already.

        With a signer of its own there are two transactions (:mod:`affidavit.ledger.covering`): where it fails between
        them, entries are stored that nobody is told of, and the same call made again finds them.

        Raises ``LedgerError``, ``StatementTooLarge`` or, where the latest of a stream was observed after a new draft,
        ``UsageError``, with nothing appended and nothing acknowledged.
        """
        self._writer()
        with self._held.locked(standing(drafts)) as (connection, found):
            batch = self._begun(connection, found)
            places = self._filled(batch, drafts, enclosed=Enclosures(connection, self._blobs, blobs), closing=closing)
            signed = self._committed(connection, batch, now=now)
        head = self._acknowledged(signed)
        *receipts, closed = (batch.receipt(place, head) for place in places)
        return Appended(tuple(receipts), head, closed)

    def head(self) -> Head:
        """The newest head; its signature is verified by verification, not here."""
        with database.reading(self._engine) as connection:
            head, self.keys = keychain.newest(connection, self.keys)
        if head is None:
            raise LedgerMissing("the ledger has no head", fix="run 'affidavit verify'")
        self._covered = head.size
        return head

    def head_at(self, time: datetime) -> Head | None:
        """The newest head signed at or before ``time``, whole seconds; None before the first."""
        with database.reading(self._engine) as connection:
            head, self.keys = keychain.newest(connection, self.keys, at=time)
        return head

    def entry(self, index: int) -> Entry:
        """One entry. Raises ``UsageError`` where there is none."""
        leaf = None
        if 0 <= index < 2**31:  # beyond that a database may refuse the very question
            with database.reading(self._engine) as connection:
                leaf = connection.execute(
                    sa.select(entries.c.leaf).where(entries.c.index == index, entries.c.index < _COVERED)
                ).scalar()
        if leaf is None:
            raise UsageError(f"there is no entry {index}", fix="see the size that 'affidavit verify' prints")
        return log.entry_of(index, leaf)

    def entries(
        self, start: int = 0, stop: int | None = None, *, scope: str | None = None, kind: str | None = None
    ) -> Iterator[Entry]:
        """Entries ``start`` to before ``stop``, in constant memory; by default up to the present head."""
        size = self.head().size
        stop = size if stop is None else min(stop, size)
        query = sa.select(entries.c.index, entries.c.leaf).order_by(entries.c.index).limit(_PAGE)
        if scope is not None:
            query = query.where(entries.c.scope == scope)
        if kind is not None:
            query = query.where(entries.c.kind == kind)
        # Entries never change, so pages read one after another are as good as one long transaction.
        while start < stop:
            with database.reading(self._engine) as connection:
                rows = connection.execute(query.where(entries.c.index >= start, entries.c.index < stop)).all()
            for index, leaf in rows:
                yield log.entry_of(index, leaf)
            start = rows[-1][0] + 1 if len(rows) == _PAGE else stop

    def latest(self, stream: bytes) -> Entry | None:
        """The latest entry of a stream."""
        under = (entries.c.index >= 0, entries.c.index < _COVERED)
        query = sa.select(entries.c.index, entries.c.leaf).where(entries.c.stream == stream, *under)
        with database.reading(self._engine) as connection:
            row = connection.execute(query.order_by(entries.c.index.desc()).limit(1)).first()
        return log.entry_of(row[0], row[1]) if row else None

    def blob(self, sha256: str) -> bytes:
        """The bytes under a digest. Raises ``BlobAbsent``, or ``IntegrityError`` where they are others."""
        return self._blobs.get(sha256)

    def forget(self, sha256: str) -> bool:
        """Remove the bytes that an erasure under the newest head names; whether there were any.

        Raises ``UsageError`` where no erasure names them: what is not in the log may not be gone.
        """
        self._writer()
        with database.reading(self._engine) as connection:
            index = erasures.erasure_of(connection, sha256)
        if index is None or index >= self.head().size:
            raise UsageError(f"no erasure of the blob {sha256} is recorded", fix="use 'affidavit erase'")
        there = self._blobs.has(sha256)
        self._blobs.remove(sha256)
        return there

    def has_blob(self, sha256: str) -> bool:
        """Whether there are bytes under a digest; they are not read."""
        return self._blobs.has(sha256)

    def stored(self) -> int:
        """How many entries are stored, whether or not a head covers them yet."""
        with database.reading(self._engine) as connection:
            return log.size(connection)

    def prove_inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of an entry under the head of ``size`` (RFC 6962), in at most two SELECTs.

        Raises ``UsageError`` beyond the newest head: what nobody was told of yet is not proven.
        """
        with database.reading(self._engine) as connection:
            self._demand_covered(connection, size)
            return proofs.prove_inclusion(log.DatabaseNodes(connection), index=index, size=size)

    def prove_consistency(self, size1: int, size2: int) -> list[bytes]:
        """The proof that the head of ``size2`` extends that of ``size1``; as :meth:`prove_inclusion`."""
        with database.reading(self._engine) as connection:
            self._demand_covered(connection, size2)
            return proofs.prove_consistency(log.DatabaseNodes(connection), size1=size1, size2=size2)

    def unsafe_settings(self) -> list[str]:
        """What about the database's settings would break the guarantees, in words; empty if nothing."""
        return database.unsafe_settings(self._engine)

    def rebuild(self) -> int:
        """Compute derived columns and nodes again from the leaves, in one transaction; returns the rows mended.

        Raises ``IntegrityError``, and changes nothing, where the leaves do not lead to the signed roots.
        """
        self._writer()
        with database.writing(self._engine) as connection:
            return rebuilding.rebuild(connection, keychain.read(connection, thoroughly=True))

    def snapshot(self) -> AbstractContextManager[Connection]:
        """A connection that sees one state of the database throughout; for verification."""
        return database.reading(self._engine, repeatable=True)

    def place(self) -> Place:
        """What other processes need to check this ledger; for verification."""
        url = self._engine.url.render_as_string(hide_password=False)
        return Place(url, self._blobs.url, self.keys.pairs)

    def _writer(self) -> AnySigner:
        if self.signer is None:
            raise UsageError("the ledger was opened to read only", fix="open it with a signer")
        return self.signer

    def _demand_covered(self, connection: Connection, size: int) -> None:
        if size > self._covered:  # heads only grow: what was covered once need not be asked for again
            self._covered = connection.execute(sa.select(_COVERED)).scalar() or 0
        if size > self._covered:
            problem = f"no head covers {size} entries; the newest covers {self._covered}"
            raise UsageError(problem, fix="ask for a proof under a head that was signed")

    def _begun(self, connection: Connection, found: list[Rows], *, keys: Keychain | None = None) -> Batch:
        """A batch behind what is stored, of which ``found`` is what the queries of :func:`standing` found.

        ``keys`` is the chain as it will be, where a draft changes it.
        """
        note, size = log.standing(found[0])
        present = self._present
        if present is None or note != present.note or keys is not None:
            present, self.keys = keychain.claimed(connection, note, keys or self.keys)
        edge = self._edge_under(connection, present, size)
        if keys is None and edge.size > (present.size if present else 0):
            self.keys = keychain.read(connection)  # what nobody was told of yet may have replaced the key
        keychain.demand(self.keys, self._writer())
        if present is not None:
            keychain.demand_covered(self.keys, self._writer(), stored=edge.size, covered=present.size)
        batch = Batch(connection, edge, present)
        batch.look_up(found[1:])
        return batch

    def _filled(
        self, batch: Batch, drafts: Sequence[Draft], *, enclosed: Enclosures, closing: Closing | None
    ) -> list[int | None]:
        """Add what is new; the index of each draft, and last of the closing one."""
        drafts = [enclosed.settled(draft) for draft in drafts]
        places = [batch.add(draft) for draft in drafts]
        last = closing([place is not None for place in places]) if closing else None
        places.append(batch.add_behind(last) if last is not None else None)
        for draft, place in zip(drafts, places, strict=False):
            if place is not None:
                enclosed.keep(draft)
        return places

    def _committed(self, connection: Connection, batch: Batch, *, now: datetime) -> Head | None:
        """The head over everything, stored with it; None where it can only be signed once that is committed."""
        signer = self._writer()
        head = None
        if not isinstance(signer, RemoteSigner):
            head = batch.sign(signer, now=now)
            self._edge, self._present = batch.edge, head
        with database.committing(connection):
            batch.write()
        return head

    def _appended(
        self, connection: Connection, drafts: Sequence[Draft], *, now: datetime, keys: Keychain | None = None
    ) -> Head | None:
        """As :meth:`_committed`, for the drafts that name the log's keys."""
        batch = self._begun(connection, driver.asked(connection, standing(drafts)), keys=keys)
        for draft in drafts:
            batch.add(draft)
        return self._committed(connection, batch, now=now)

    def _acknowledged(self, head: Head | None) -> Head:
        """After COMMIT: the head that covers everything, which may now be told."""
        signer = self._writer()
        if isinstance(signer, RemoteSigner):
            return covering.cover(self._engine, signer)
        if head is None:
            raise UsageError("the first append must hold something", fix="make the ledger with Ledger.create")
        signer.remember(head)
        self._covered = head.size
        return head

    def _edge_under(self, connection: Connection, head: Head | None, size: int) -> Frontier:
        # The edge of our own last append saves reading it again, if nobody else has appended since.
        edge = self._edge
        if edge is not None and head is self._present and edge.size == size:
            return edge.copy()
        return log.frontier(connection, head, size=size)

"""Which keys sign the log's heads: reading it from a database, and the entries that say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit import __version__
from affidavit.errors import AffidavitError, IntegrityError, NoteError, UsageError
from affidavit.evidence import ORGANISATION_SCOPE, Circumstances, Collector, Draft, Entry, Origin, Stage, Subject, kinds
from affidavit.evidence.keychain import Keychain
from affidavit.ledger import blame, log
from affidavit.ledger.remote_signer import RemoteSigner
from affidavit.ledger.signer import Signer
from affidavit.ledger.tables import entries
from affidavit.projections.reader import Head
from affidavit.tlog import tlog_proof, tree
from affidavit.tlog.note import Note, VerifierKey
from affidavit.tlog.rotation import QUORUM, RECOVERY, Rotation

AnySigner = Signer | RemoteSigner
"""A signer inside the writing process, or one of its own."""

_PREDICATE = kinds.KEY_ROTATION.predicate_type.encode()


def genesis(signer: AnySigner, *, recovery: VerifierKey | None, quorum: str | None, now: datetime) -> Draft:
    """Entry 0: the origin, the first key, where it works, and who may replace it."""
    facts = {
        "origin": signer.vkey.name,
        "key": signer.vkey.text,
        "signing": signer.where,
        "recovery": recovery.text if recovery else None,
        "recovery_quorum": quorum,
    }
    return _draft(kinds.GENESIS, Subject.of_facts("affidavit://ledger", facts), facts, now)


def begun(first: Draft) -> Keychain:
    """The chain as the draft of entry 0 begins it: it names more than the key. Raises as :func:`read`."""
    try:
        return Keychain.start(first.statement)
    except NoteError as error:
        raise IntegrityError(f"entry 0: {error.problem}", index=0) from error


def proposed(keys: Keychain, head: Head, new: VerifierKey) -> Rotation:
    """That ``new`` replaces the newest key after ``head``. Raises ``UsageError`` where that can never be."""
    try:
        note = Note.parse(head.note)
        meant = Rotation(keys.newest, new, Note(note.text, tuple(note.signed_by(keys.newest))[:1]))
        keys.demand_authority()
        keys.extended(meant, index=head.size, signing="", authority="")
    except NoteError as error:
        raise UsageError(
            f"the key cannot be replaced: {error.problem}",
            where=new.name,
            fix="give a new key with the log's name; where entry 0 pins nobody who may replace it, begin a new ledger",
        ) from error
    return meant


def replaced(
    connection: Connection, signer: AnySigner, authorisation: str, *, now: datetime
) -> tuple[list[Draft], Keychain]:
    """The entry that puts the key of ``signer`` in the present one's place, if it is authorised; none if it stands.

    With it the chain as it is then. Raises ``UsageError``.
    """
    keys = read(connection, thoroughly=True)
    try:
        authority = QUORUM if authorisation.startswith(tlog_proof.HEADER) else RECOVERY
        meant = keys.authorised(authority, authorisation)
        if meant.new != signer.vkey:
            raise NoteError("it names another new key than this one")
        if meant.new == keys.newest and len(keys.links) > 1:
            return [], keys
        longer = keys.extended(meant, index=log.size(connection), signing=signer.where, authority=authority)
        comes_after(connection, longer)
    except NoteError as error:
        fix = "have what 'affidavit rotate-key --request' wrote authorised, and give that"
        raise UsageError(f"the key cannot be replaced: {error.problem}", where=signer.source, fix=fix) from error
    return [_rotation(meant, signer, authority=authority, authorisation=authorisation, now=now)], longer


def _rotation(meant: Rotation, signer: AnySigner, *, authority: str, authorisation: str, now: datetime) -> Draft:
    facts = {
        "old": meant.old.text,
        "new": meant.new.text,
        "signing": signer.where,
        "authority": authority,
        "authorisation": authorisation,
    }
    subject = Subject.of_facts(f"affidavit://ledger/keys/{meant.new.public.hex()}", facts)
    return _draft(kinds.KEY_ROTATION, subject, facts, now)


def read(connection: Connection, *, where: str = "", thoroughly: bool = False) -> Keychain:
    """The keys of the log, by the entries that are stored, also those that no head covers yet.

    Rotations are found by a derived column, or ``thoroughly`` by reading every leaf. Raises ``IntegrityError`` for
    an entry 0 or a rotation that cannot be one, or for what was changed before it (:mod:`affidavit.ledger.blame`);
    whether the heads that rotations come after are of this log is not looked at (:func:`comes_after`).
    """
    leaf = connection.execute(sa.select(entries.c.leaf).where(entries.c.index == 0)).scalar()
    if leaf is None:
        raise IntegrityError("entry 0: absent", where=where, index=0)
    index = 0
    try:
        chain = Keychain.start(Entry(0, leaf).statement)
        for index, data in _rotations(connection, thoroughly=thoroughly):
            if (statement := Entry(index, data).statement).kind == kinds.KEY_ROTATION.name:
                chain = chain.follow(index, statement)
    except (AffidavitError, TypeError, KeyError, ValueError, AttributeError) as error:
        problem = error.problem if isinstance(error, AffidavitError) else type(error).__name__
        found = IntegrityError(f"entry {index}: {problem}", where=where, index=index)
        raise blame.instead(connection, found, index=index) from error
    return chain


def newest(connection: Connection, keys: Keychain, *, at: datetime | None = None) -> tuple[Head | None, Keychain]:
    """The newest head (at or before ``at``), and the chain as :func:`claimed` gives it."""
    return claimed(connection, log.newest(connection, at=at), keys)


def claimed(connection: Connection, note: object, keys: Keychain) -> tuple[Head | None, Keychain]:
    """The head in ``note``, and the chain, read anew where ``keys`` does not know who signed it.

    A chain that was read before another process replaced the key is behind. Raises as :func:`log.head_of`.
    """
    if note is None:
        return None, keys
    try:
        return log.head_of(note, keys), keys
    except NoteError:
        pass
    try:
        keys = read(connection)
        return log.head_of(note, keys), keys
    except NoteError:
        keys = read(connection, thoroughly=True)
        return log.head_of(note, keys), keys


def demand(keys: Keychain, signer: AnySigner) -> None:
    """Raise ``UsageError`` unless ``signer`` holds the key that signs the next head."""
    if signer.vkey == keys.newest:
        return
    later = keys.successor(signer.vkey)
    if later is not None:
        raise UsageError(
            f"the key was replaced at entry {later.index}, and signs no more",
            where=signer.source,
            fix="run 'affidavit rotate-key --apply' again, or name the new key's file or signer",
        )
    raise UsageError(
        f"the key of {signer.vkey.name!r} is not that of this ledger, {keys.origin!r}",
        where=signer.source,
        fix="give the key that was made with this ledger",
    )


def demand_covered(keys: Keychain, signer: AnySigner, *, stored: int, covered: int) -> None:
    """Raise ``IntegrityError`` for entries behind the newest head that no writer of this log can have left there.

    A signer inside the writing process commits entries and head together. Whoever can write to the tables, and not
    sign, could otherwise have their own rows signed by the next honest append.
    """
    if stored <= covered:
        return
    if not isinstance(signer, RemoteSigner) and all(link.signing != RemoteSigner.where for link in keys.links):
        raise IntegrityError(
            f"entry {covered}: it stands behind the newest head, and no writer of this ledger put it there",
            index=covered,
            fix="find out who wrote it, and restore the database from a copy",
        )


def comes_after(connection: Connection, keys: Keychain) -> None:
    """Raise ``NoteError`` unless the head that the newest key comes after is one of the log that is stored here."""
    after = keys.links[-1].after
    if after is not None and tree.root(log.DatabaseNodes(connection), after.size) != after.root:
        raise NoteError(f"its head of {after.size} entries is no head of this log")


def _rotations(connection: Connection, *, thoroughly: bool) -> Iterator[tuple[int, bytes]]:
    query = sa.select(entries.c.index, entries.c.leaf).where(entries.c.index > 0).order_by(entries.c.index)
    query = query.where(_holds(connection) if thoroughly else entries.c.kind == kinds.KEY_ROTATION.name)
    yield from (tuple(row) for row in connection.execute(query))


def _holds(connection: Connection) -> sa.ColumnElement[bool]:
    needle = sa.literal(_PREDICATE, sa.LargeBinary)
    if connection.dialect.name == "sqlite":
        return sa.func.instr(entries.c.leaf, needle) > 0
    return sa.func.position(needle.op("IN")(entries.c.leaf)) > 0


def _draft(kind: kinds.Kind, subject: Subject, facts: Mapping[str, Any], now: datetime) -> Draft:
    return Draft(
        kind=kind,
        scope=ORGANISATION_SCOPE,
        stage=Stage.CROSS,
        origin=Origin.DECLARED,
        subjects=(subject,),
        facts=facts,
        collector=Collector("ledger", __version__),
        seen=Circumstances(now),
    )

"""Having committed entries signed by a signer of its own, and recording its head.

1. The writer commits entries and nodes.
2. The signer signs the head of all entries that are committed by then, proven to extend what it signed last.
3. The writer commits that head; only now is anything acknowledged, or seen by a reader.

Whoever dies between 1 and 3 leaves entries that no head covers. They were not acknowledged; the next writer's head
covers them. A head that was signed and not recorded is recorded by the next writer, or extended.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from affidavit.errors import HeadConflict, IntegrityError, LedgerRolledBack, SignerUnavailable
from affidavit.ledger import driver, keychain, log, scanning
from affidavit.ledger import engine as database
from affidavit.ledger.remote_signer import RemoteSigner
from affidavit.projections.reader import Head
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.proofs import prove_consistency
from affidavit.tlog.tree import Frontier, root

_TURNS = 100


def cover(engine: Engine, signer: RemoteSigner) -> Head:
    """The newest head, recorded and durable, which covers every entry that was committed when this was called.

    Raises ``SignerUnavailable`` with nothing acknowledged, ``LedgerRolledBack``, ``ProofError``.
    """
    wanted = None
    for _ in range(_TURNS):
        last = signer.remembered()  # before the database is read: what was signed was committed before
        with database.reading(engine, repeatable=True) as connection:
            size = log.size(connection)
            wanted = size if wanted is None else wanted
            keys = keychain.read(connection)  # an entry that nobody was told of yet may replace the key
            newest, keys = keychain.newest(connection, keys)
            confront(connection, last, size)
            if newest is not None and newest.size >= wanted:
                return newest
            keychain.demand(keys, signer)
            checkpoint = Checkpoint(signer.vkey.name, size, root(log.DatabaseNodes(connection), size))
            old_size, proof = 0, []
            if last is not None:
                old_size = last.size
                proof = prove_consistency(log.DatabaseNodes(connection), size1=old_size, size2=size)
        try:
            head = last if old_size == size and last else signer.sign(checkpoint, old_size=old_size, proof=proof)
        except (HeadConflict, LedgerRolledBack):
            # Another writer was first, with as many entries or more; or the database is behind, which is then seen.
            continue
        if newest is not None and head.time < newest.time:  # a new signer knows of no other time than its own
            raise SignerUnavailable(
                "the signer's clock is behind the newest head",
                where=signer.source,
                fix="mend its clock, and make the same call again once the time of that head has passed",
            )
        with database.writing(engine) as connection:
            newest = log.record(connection, head, previous=keychain.newest(connection, keys)[0])
            driver.demand_kept(connection, log.kept(newest))
            return newest
    raise SignerUnavailable("other writers were first each time", fix="make the same call again")


def confront(connection: Connection, last: Head | None, size: int) -> None:
    """Raise ``LedgerRolledBack`` where the database, of ``size`` entries, is not what the signer signed ``last``.

    Nodes that were lost or spoilt are no rollback: where they do not lead to that head, the leaves are asked.
    """
    if last is None:
        return
    if last.size > size:
        raise LedgerRolledBack(
            f"the database holds {size} entries, and a head of {last.size} was already signed",
            fix="restore the newer database; if it is lost, start a new ledger with a new key",
        )
    try:
        if root(log.DatabaseNodes(connection), last.size) == last.root:
            return
    except IntegrityError:  # a node is absent
        pass
    if grown(connection, last.size) != last.root:
        raise LedgerRolledBack(
            f"the database's tree of {last.size} entries is not the one that was signed",
            fix="run 'affidavit verify'; restore the database that was signed, or start a new ledger with a new key",
        )


def grown(connection: Connection, size: int) -> bytes:
    """The root of the first ``size`` entries, from the leaves alone."""
    edge = Frontier()
    for page in scanning.pages(connection):
        for entry in page[: size - edge.size]:
            edge.append(entry.leaf_hash)
    return edge.root()

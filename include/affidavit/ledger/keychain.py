"""Which keys sign the log's heads: what its entries say of it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit import __version__
from affidavit.errors import AffidavitError, IntegrityError
from affidavit.evidence import ORGANISATION_SCOPE, Circumstances, Collector, Draft, Entry, Origin, Stage, Subject, kinds
from affidavit.ledger.remote_signer import RemoteSigner
from affidavit.ledger.signer import Signer
from affidavit.ledger.tables import entries
from affidavit.tlog.note import VerifierKey

AnySigner = Signer | RemoteSigner
"""A signer inside the writing process, or one of its own."""


def genesis(signer: AnySigner, *, recovery: VerifierKey | None, quorum: str | None, now: datetime) -> Draft:
    """Entry 0: the origin, the first key, where it works, and who may replace it."""
    facts = {
        "origin": signer.vkey.name,
        "key": signer.vkey.text,
        "signing": signer.where,
        "recovery": recovery.text if recovery else None,
        "recovery_quorum": quorum,
    }
    return Draft(
        kind=kinds.GENESIS,
        scope=ORGANISATION_SCOPE,
        stage=Stage.CROSS,
        origin=Origin.DECLARED,
        subjects=(Subject.of_facts("affidavit://ledger", facts),),
        facts=facts,
        collector=Collector("ledger", __version__),
        seen=Circumstances(now),
    )


def pinned(connection: Connection, *, where: str) -> tuple[VerifierKey, str]:
    """The key that entry 0 pins, and where it says that the key works."""
    leaf = connection.execute(sa.select(entries.c.leaf).where(entries.c.index == 0)).scalar()
    if leaf is None:
        raise IntegrityError("entry 0: absent", where=where, index=0)
    try:
        statement = Entry(0, bytes(leaf)).statement
        if statement.kind != kinds.GENESIS.name:
            raise IntegrityError("entry 0: not a genesis entry", where=where, index=0)
        return VerifierKey.parse(statement.facts["key"]), str(statement.facts["signing"])
    except IntegrityError:
        raise
    except (AffidavitError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError(f"entry 0: cannot be read ({type(error).__name__})", where=where, index=0) from error

"""Erasing blobs: the entry first, then the bytes, then what our own pages and staged looks hold of them.

An erasure is recorded with the decision that it rests on, or with the retention rule that made it due, in one append.
The bytes go only once that is durable; where a process dies in between, the next call removes what is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from affidavit.errors import LedgerUnavailable, UsageError
from affidavit.evidence import AirflowRun, Circumstances, Draft
from affidavit.evidence import erasing as statements
from affidavit.inventory.declared import ID_PATTERN
from affidavit.inventory.organisation import LegalHold
from affidavit.ledger import Ledger
from affidavit.pipeline.workplace import Workplace
from affidavit.projections.erasures import Erased, Erasures, Naming, read, read_all
from affidavit.publish.site import withdraw


@dataclass(frozen=True)
class Round:
    """One round over what retention made due.

    ``erased`` were recorded and removed; of ``completed`` an earlier erasure had left the bytes; ``held`` are due, or
    left by an erasure before the hold was recorded, and kept, each by the id of a legal hold.
    """

    erased: tuple[Erased, ...]
    completed: tuple[Erased, ...]
    held: Mapping[str, str]


def erase(workplace: Workplace, digest: str, *, reason: str, by: str, now: datetime) -> Erased:
    """Record that ``by`` (a pseudonym) decided to erase a blob, on one of the named grounds, and erase it.

    Where an erasure is recorded and its bytes are still there, they are removed and nothing is recorded; a legal hold
    that was recorded since keeps them. Raises
    ``UsageError``, with nothing changed, for a blob that no entry names, that is erased already or under a legal hold.
    """
    if reason not in statements.GROUNDS:
        fix = f"choose one of: {', '.join(sorted(statements.GROUNDS))}"
        raise UsageError("not a ground on which to erase", where="--reason", fix=fix)
    if not re.fullmatch(ID_PATTERN, by):
        raise UsageError("not a pseudonym", where="--decided-by", fix="write lower-case letters, digits and hyphens")
    with workplace.writer() as ledger:
        known, size = _surveyed(ledger, digest, now)
        if digest in known.erased:
            return _complete(workplace, ledger, known.erased[digest], known.hold(digest))
        namings = known.named.get(digest)
        if not namings:
            raise UsageError(f"no entry names the blob {digest[:80]!r}", fix="take the digest from 'affidavit show'")
        _refuse_held(digest, known.hold(digest))
        seen = Circumstances(now, demonstration=_demonstration(ledger, namings[-1]))
        scope = namings[-1].scope
        decided = statements.decision(digest, scope=scope, reason=reason, by=by, seen=seen)
        leaf = statements.hash_of_first(decided)
        erasure = statements.erasure(digest, scope=scope, reason=reason, decided=leaf, seen=seen)
        done = _record(ledger, [decided, erasure], size, now)[digest]
        _remove(workplace, ledger, [done])
        return done


def erase_expired(workplace: Workplace, *, now: datetime, airflow: AirflowRun | None = None) -> Round:
    """Erase what the declared retention makes due, and whatever an earlier erasure left."""
    with workplace.writer() as ledger:
        known, size = _surveyed(ledger, None, now)
        lingering = [each for each in known.erased.values() if ledger.has_blob(each.blob)]
        drafts: dict[str, Draft] = {}
        # A hold that was recorded after the erasure keeps what is still there.
        held = {each.blob: hold.id for each in lingering if (hold := known.hold(each.blob))}
        left = [each for each in lingering if each.blob not in held]
        for digest in sorted(known.named.keys() - known.erased.keys()):
            if not (rules := known.retention(digest, at=now)):
                continue
            if hold := known.hold(digest):
                held[digest] = hold.id
                continue
            naming = known.named[digest][-1]
            seen = Circumstances(now, airflow, _demonstration(ledger, naming))
            decided = rules[-1].leaf_hash
            drafts[digest] = statements.erasure(
                digest, scope=naming.scope, reason=statements.RETENTION, decided=decided, seen=seen
            )
        recorded = _record(ledger, list(drafts.values()), size, now) if drafts else {}
        done = tuple(recorded[digest] for digest in drafts)
        _remove(workplace, ledger, (*left, *done))
    return Round(done, tuple(left), held)


def _surveyed(ledger: Ledger, digest: str | None, now: datetime) -> tuple[Erasures, int]:
    """What all stored entries come to, and how many these are; with every named blob where ``digest`` is None."""
    size = ledger.append([], now=now).head.size  # what a signer that was down left without a head gets one
    return read_all(ledger, size=size) if digest is None else read(ledger, size=size, digest=digest), size


def _record(ledger: Ledger, drafts: Sequence[Draft], size: int, now: datetime) -> dict[str, Erased]:
    """Append, if nothing was appended since ``size``; every erasure there is then, by digest."""

    def unchanged(_: Sequence[bool]) -> None:
        # Asked under the write lock: a legal hold may have been recorded since we looked.
        if ledger.stored() != size:
            raise LedgerUnavailable("another writer was first", fix="make the same call again; nothing was erased")

    head = ledger.append(drafts, now=now, closing=unchanged).head
    return read(ledger, size=head.size).erased


def _remove(workplace: Workplace, ledger: Ledger, erased: Iterable[Erased]) -> None:
    for each in erased:
        workplace.staging.forget(each.blob)
        withdraw(workplace.settings.site_dir, each.blob)
        ledger.forget(each.blob)  # last: while it is there, the next call comes by here again


def _complete(workplace: Workplace, ledger: Ledger, erased: Erased, hold: LegalHold | None) -> Erased:
    if not ledger.has_blob(erased.blob):
        raise UsageError(f"the blob {erased.blob} was {erased.words}", fix="nothing is left to be erased")
    _refuse_held(erased.blob, hold)
    _remove(workplace, ledger, [erased])
    return erased


def _refuse_held(digest: str, hold: LegalHold | None) -> None:
    if hold is not None:
        raise UsageError(
            f"the legal hold {hold.id!r} keeps the blob {digest}, since {hold.since}: {hold.reason}",
            where="include/organisation.yaml",
            fix="a hold wins over every erasure; its removal counts once it is approved",
        )


def _demonstration(ledger: Ledger, naming: Naming) -> str | None:
    return ledger.entry(naming.index).statement.demonstration

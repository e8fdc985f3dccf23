"""Which prefix of a ledger outsiders know, since when, and who. Pure: no clock, no network, no database.

Nothing counts on the ledger's word: a cosignature counts by a witness key of the auditor's policy, a time stamp by the
auditor's own roots, a copy never. The steps, whose numbers the code repeats:

1. Each anchor entry of this log is read; a cosignature or time stamp that does not hold counts for nothing.
2. The policy's quorum holds for a size from the moment at which enough witnesses had cosigned that size or a larger
   one (where the policy asks for none, one of its witnesses is enough); a time stamp holds for its own size.
3. The largest such size counts. What its signers saw is proven to be a prefix of this ledger: where it is not, two
   histories were signed, and that is an ``IntegrityError``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from affidavit.anchor.evidence import TIMESTAMP, WITNESS, facts_of
from affidavit.errors import IntegrityError, NoteError, ProofError
from affidavit.evidence import Entry, moment
from affidavit.evidence.kinds import ANCHOR
from affidavit.projections.reader import Head
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import Note
from affidavit.tlog.policy import Policy
from affidavit.tlog.proofs import check_consistency

Prove = Callable[[int, int], Sequence[bytes]]
CheckToken = Callable[[str, str], datetime]
"""The stamped time for the SHA-256 of a stored token and a checkpoint's text; raises ``NoteError``."""


@dataclass(frozen=True)
class Known:
    """``by`` knew the checkpoint, or one that it is a prefix of, at ``time``."""

    checkpoint: Checkpoint
    time: datetime
    by: str


@dataclass(frozen=True)
class Anchoring:
    """Outsiders know the first ``size`` entries since ``since``; ``by`` names them. 0, None and none where nobody does.

    ``unanchored`` entries come after these, ``records`` of them only record anchors; ``oldest`` is when the first of
    the others was observed.
    """

    size: int
    since: datetime | None
    by: tuple[str, ...]
    unanchored: int
    records: int
    oldest: datetime | None

    def minutes(self, at: datetime) -> int:
        """Whole minutes for which the oldest entry that no outsider knows has been there, at ``at``."""
        return max(0, int((at - self.oldest).total_seconds() // 60)) if self.oldest else 0


def standing(
    anchors: Iterable[Entry],
    suffix: Callable[[int], Iterable[Entry]],
    *,
    head: Head,
    policy: Policy | None,
    prove: Prove,
    check_token: CheckToken | None,
) -> Anchoring:
    """What outsiders know of the ledger under ``head``.

    ``anchors`` are its entries of that kind; ``suffix`` gives the entries from an index on; ``prove`` gives a
    consistency proof between two sizes above 0. Without ``policy`` no witness counts, without ``check_token`` no time
    stamp. Raises ``IntegrityError`` where an outsider signed another history of this log.
    """
    cosigned: list[Known] = []
    stamped: list[Known] = []
    for entry in anchors:  # 1
        cosigned += _cosigned(entry, head, policy)
        stamped += _stamped(entry, head, check_token)
    newest = [*_newest(cosigned).values(), *_newest(stamped).values()]
    claims = [claim for claim in (_quorum(cosigned, policy), _largest(stamped)) if claim is not None]  # 2
    for known in {*newest, *(known for claim in claims for known in claim.relies_on)}:  # 3
        _prefix(known, head, prove)
    size = max((claim.size for claim in claims), default=0)
    best = [claim for claim in claims if claim.size == size]
    rest = [entry.statement for entry in suffix(size)]
    others = [statement for statement in rest if statement.kind != ANCHOR.name]
    return Anchoring(
        size=size,
        since=min((claim.since for claim in best), default=None),
        by=tuple(sorted({known.by for claim in best for known in claim.relies_on})),
        unanchored=len(rest),
        records=len(rest) - len(others),
        oldest=moment(others[0].observed_at) if others else None,
    )


@dataclass(frozen=True)
class _Claim:
    size: int
    since: datetime
    relies_on: tuple[Known, ...]


def _cosigned(entry: Entry, head: Head, policy: Policy | None) -> list[Known]:
    facts = facts_of(entry)
    if policy is None or facts is None or facts["means"] != WITNESS:
        return []
    try:
        checkpoint = _checkpoint(facts)
        signed = Note.parse(f"{checkpoint.text}\n{facts['cosignature']}")
    except NoteError:
        return []
    found = []
    for name, key in policy.witnesses if checkpoint.origin == head.origin else ():
        try:
            time = datetime.fromtimestamp(cosignature.verify(signed, key), UTC)
        except (NoteError, OverflowError, ValueError, OSError):  # not by this witness, or of no year that there is
            continue
        found.append(Known(checkpoint, time, name))
    return found


def _stamped(entry: Entry, head: Head, check_token: CheckToken | None) -> list[Known]:
    facts = facts_of(entry)
    if check_token is None or facts is None or facts["means"] != TIMESTAMP or facts["details"] is None:
        return []
    try:
        checkpoint = _checkpoint(facts)
        if checkpoint.origin != head.origin:
            return []
        time = check_token(facts["details"]["digest"]["sha256"], checkpoint.text)
    except NoteError:
        return []
    return [Known(checkpoint, time, facts["where"])]


def _checkpoint(facts: Mapping[str, Any]) -> Checkpoint:
    named = facts["checkpoint"]
    return Checkpoint(named["origin"], named["size"], bytes.fromhex(named["root"]))


def _newest(known: Iterable[Known]) -> dict[str, Known]:
    """Per outsider the largest checkpoint that it knew."""
    found: dict[str, Known] = {}
    for each in known:
        if each.by not in found or each.checkpoint.size > found[each.by].checkpoint.size:
            found[each.by] = each
    return found


def _quorum(cosigned: Sequence[Known], policy: Policy | None) -> _Claim | None:
    newest = _newest(cosigned)
    if policy is None:
        return None
    for size in sorted({known.checkpoint.size for known in newest.values()}, reverse=True):
        if policy.satisfied_by(name for name, known in newest.items() if known.checkpoint.size >= size):
            return _since(size, cosigned, policy)
    return None


def _since(size: int, cosigned: Iterable[Known], policy: Policy) -> _Claim | None:
    early: dict[str, Known] = {}
    for known in sorted((each for each in cosigned if each.checkpoint.size >= size), key=lambda each: each.time):
        early.setdefault(known.by, known)
        if policy.satisfied_by(early):
            return _Claim(size, known.time, tuple(early.values()))
    return None


def _largest(stamped: Sequence[Known]) -> _Claim | None:
    if not stamped:
        return None
    size = max(known.checkpoint.size for known in stamped)
    first = min((known for known in stamped if known.checkpoint.size == size), key=lambda each: each.time)
    return _Claim(size, first.time, (first,))


def _prefix(known: Known, head: Head, prove: Prove) -> None:
    checkpoint = known.checkpoint
    if checkpoint.size > head.size:
        raise IntegrityError(
            f"{known.by} signed a head of {checkpoint.size} entries, and the ledger has {head.size}",
            fix="ask for the ledger that was signed: entries of it are gone here",
        )
    try:
        proof = prove(checkpoint.size, head.size) if checkpoint.size else []
        if checkpoint.size:
            check_consistency(
                size1=checkpoint.size, size2=head.size, proof=proof, root1=checkpoint.root, root2=head.root
            )
    except ProofError as error:
        raise IntegrityError(
            f"{known.by} signed another history of this log: its head of {checkpoint.size} entries is no prefix",
            fix="keep both: two heads of one log that do not fit are the proof of a fork",
        ) from error

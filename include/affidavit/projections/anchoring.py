"""Which prefix of a log outsiders know, since when, and who; of a whole ledger, or of what a bundle shows of one.

Nothing counts on the ledger's word: a cosignature counts by a witness key of the auditor's policy, a time stamp by the
auditor's own roots, a copy never. The steps, whose numbers the code repeats:

1. Each anchor entry of this log is read, and what witnesses wrote under the head itself; a cosignature or time stamp
   that does not hold counts for nothing. A line that claims to be by a key of the policy and does not hold is named:
   nobody honest records it. Lines under the head by other keys are ignored, and named.
2. The policy's quorum holds for a size from the moment at which enough witnesses had cosigned that size or a larger
   one (where the policy asks for none, one of its witnesses is enough); a time stamp holds for its own size.
3. The largest such size counts. What its signers saw is proven to be a prefix of this log: where it is not, two
   histories were signed, and that is an ``IntegrityError``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from affidavit.errors import FieldNotAllowed, IntegrityError, NoteError, ProofError
from affidavit.evidence import Entry, moment, shapes
from affidavit.evidence.kinds import ANCHOR
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import Note
from affidavit.tlog.policy import NONE, Policy
from affidavit.tlog.proofs import check_consistency

WITNESS, TIMESTAMP, COPY = "witness", "timestamp", "copy"

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

    ``unanchored`` entries come after these. ``witnesses`` are those of the policy, each with the largest size that it
    cosigned (0 for none). ``ignored`` names keys that signed the head and are neither the log's nor in the policy.
    ``doubts`` say what keeps the policy from being met: its quorum cosigned no head, or a cosignature does not hold.
    """

    size: int
    since: datetime | None
    by: tuple[str, ...]
    unanchored: int
    witnesses: tuple[tuple[str, int], ...]
    ignored: tuple[str, ...]
    doubts: tuple[str, ...]

    def lag(self, head: int, *, begun: datetime) -> int:
        """Whole minutes that the head is ahead of what outsiders know, by its own time and no other clock.

        ``head`` is when it was signed (POSIX seconds). They count from ``since`` or, where nobody knows anything, from
        when the log was ``begun``; 0 where nothing is unanchored.
        """
        if not self.unanchored:
            return 0
        return max(0, head - int((self.since or begun).timestamp())) // 60


def standing(
    anchors: Iterable[Entry],
    *,
    head: Note,
    policy: Policy | None,
    prove: Prove,
    check_token: CheckToken | None = None,
) -> Anchoring:
    """What outsiders know of the log under the signed ``head``.

    ``anchors`` are its entries of that kind; ``prove`` gives a consistency proof between two sizes above 0. Without
    ``policy`` no witness counts, without ``check_token`` no time stamp. Raises ``IntegrityError`` where an outsider
    signed another history of this log.
    """
    top = Checkpoint.parse(head.text)
    doubts: list[str] = []
    cosigned = _under(head, top, policy, doubts, "the head")  # 1
    stamped: list[Known] = []
    for entry in anchors:
        if (read := _read(entry, top.origin)) is not None:
            cosigned += _under(read[1], read[0], policy, doubts, f"entry {entry.index}")
        stamped += _stamped(entry, top, check_token)
    newest = [*_newest(cosigned).values(), *_newest(stamped).values()]
    quorum = _quorum(cosigned, policy)  # 2
    claims = [claim for claim in (quorum, _largest(stamped)) if claim is not None]
    for known in {*newest, *(known for claim in claims for known in claim.relies_on)}:  # 3
        _prefix(known, top, prove)
    size = max((claim.size for claim in claims), default=0)
    best = [claim for claim in claims if claim.size == size]
    if policy is not None and policy.quorum != NONE and (quorum is None or not quorum.size):
        doubts.append(f"the quorum {policy.quorum!r} of the policy cosigned no head of this log that is shown here")
    reached = {each.by: each.checkpoint.size for each in _newest(cosigned).values()}
    return Anchoring(
        size=size,
        since=min((claim.since for claim in best), default=None),
        by=tuple(sorted({known.by for claim in best for known in claim.relies_on})),
        unanchored=top.size - size,
        witnesses=tuple((name, reached.get(name, 0)) for name, _ in (policy.witnesses if policy else ())),
        ignored=tuple(_strangers(head, top.origin, policy)),
        doubts=tuple(doubts),
    )


def begun(first: Entry) -> datetime:
    """When a log began: when its entry 0 was observed. Raises ``IntegrityError`` where that does not say it."""
    try:
        time = moment(first.statement.observed_at)
        if time.tzinfo is None:
            raise ValueError("it would be another time for another reader")
    except ValueError as error:
        raise IntegrityError("entry 0: it does not say when it was observed", index=0) from error
    return time


def newest_cosigned(anchors: Iterable[Entry], *, origin: str) -> dict[int, int]:
    """The entries with the newest cosignature by each key, whosever it is: index of the entry, size of the head.

    They are taken at their word, and nothing is verified: whoever asks does not know whom an auditor trusts.
    """
    found: dict[tuple[str, bytes], tuple[int, int]] = {}
    for entry in anchors:
        if (read := _read(entry, origin)) is not None:
            checkpoint, signed = read
            for line in signed.signatures:
                if checkpoint.size > found.get((line.name, line.id), (0, 0))[1]:
                    found[line.name, line.id] = entry.index, checkpoint.size
    return dict(found.values())


def facts_of(entry: Entry) -> Mapping[str, Any] | None:
    """The facts of an anchor entry; None where they are not what the kind allows."""
    facts = entry.statement.facts
    try:
        shapes.check(facts, ANCHOR.facts, where=ANCHOR.name)
    except FieldNotAllowed:
        return None
    return facts


def head_of(entry: Entry, *, origin: str) -> Checkpoint | None:
    """The head of the log that an anchor entry says a witness cosigned; None where it says nothing of the kind."""
    read = _read(entry, origin)
    return read[0] if read is not None else None


@dataclass(frozen=True)
class _Claim:
    size: int
    since: datetime
    relies_on: tuple[Known, ...]


def _under(signed: Note, checkpoint: Checkpoint, policy: Policy | None, doubts: list[str], where: str) -> list[Known]:
    found = []
    for name, key in policy.witnesses if policy is not None else ():
        if not any(signed.signed_by(key)):
            continue
        try:
            time = datetime.fromtimestamp(cosignature.verify(signed, key), UTC)
        except NoteError as error:
            doubts.append(f"{where}: {error.problem}")
        except (OverflowError, ValueError, OSError):  # of no year that there is
            continue
        else:
            found.append(Known(checkpoint, time, name))
    return found


def _strangers(head: Note, origin: str, policy: Policy | None) -> Iterable[str]:
    known = [key for _, key in policy.witnesses] if policy is not None else []
    for line in head.signatures:
        if policy is not None and line.name != origin and not any(line.by(key) for key in known):
            yield f"{line.name}+{line.id.hex()}"


def _read(entry: Entry, origin: str) -> tuple[Checkpoint, Note] | None:
    """The head of the log that an entry says a witness cosigned, and the same as a signed note; nothing is verified."""
    facts = facts_of(entry)
    if facts is None or facts["means"] != WITNESS:
        return None
    try:
        checkpoint = _checkpoint(facts)
        signed = Note.parse(f"{checkpoint.text}\n{facts['cosignature']}")
    except NoteError:
        return None
    return (checkpoint, signed) if (checkpoint.origin, signed.text) == (origin, checkpoint.text) else None


def _stamped(entry: Entry, head: Checkpoint, check_token: CheckToken | None) -> list[Known]:
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


def _prefix(known: Known, head: Checkpoint, prove: Prove) -> None:
    checkpoint = known.checkpoint
    if checkpoint.size > head.size:
        raise IntegrityError(
            f"{known.by} signed a head of {checkpoint.size} entries, and the log has {head.size}",
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

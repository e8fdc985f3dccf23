"""Handing the head to outsiders, and saying what they know."""

from __future__ import annotations

import importlib.util
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from affidavit.anchor import Anchored
from affidavit.anchor.evidence import anchor_of, body
from affidavit.errors import AffidavitError, BlobAbsent, ConfigurationError, LedgerRolledBack, NoteError
from affidavit.evidence import AirflowRun, Circumstances, moment
from affidavit.evidence.kinds import ANCHOR
from affidavit.evidence.salted import payload, salted
from affidavit.inventory import Anchor, Connection
from affidavit.ledger import Ledger
from affidavit.pipeline.workplace import Workplace
from affidavit.projections.anchoring import COPY, TIMESTAMP, WITNESS, Anchoring, begun, facts_of, standing
from affidavit.projections.reader import Head
from affidavit.tlog.note import Note, VerifierKey
from affidavit.tlog.policy import Policy


@dataclass(frozen=True)
class Round:
    """One round over the declared anchors: what was handed over, what knew the head already, what failed and why."""

    head: Head
    anchored: tuple[Anchored, ...]
    current: tuple[str, ...]
    failed: tuple[tuple[str, AffidavitError], ...]


@dataclass(frozen=True)
class Outside(Anchoring):
    """What outsiders know of a whole ledger.

    Of the unanchored entries ``records`` only record anchors; ``oldest`` is when the first of the others was observed.
    ``lag_minutes`` is how far the head is ahead of outsiders by its own time (:meth:`Anchoring.lag`).
    """

    records: int
    oldest: datetime | None
    lag_minutes: int

    def minutes(self, at: datetime) -> int:
        """Whole minutes for which the oldest entry that no outsider knows has been there, at ``at``."""
        return max(0, int((at - self.oldest).total_seconds() // 60)) if self.oldest else 0


def anchor(workplace: Workplace, *, now: datetime, airflow: AirflowRun | None = None) -> Round:
    """Hand the head to every declared anchor for which it moved, and record each handing over.

    Entries that only record anchors do not move it: else each round would be the reason for the next. One anchor that
    fails keeps no other from its turn.
    """
    organisation = workplace.organisation()
    done: list[Anchored] = []
    current: list[str] = []
    failed: list[tuple[str, AffidavitError]] = []
    with workplace.writer() as ledger:
        head, known = ledger.head(), _known(ledger)
        for declared in organisation.anchors:
            size = known.get(declared.id, 0)
            if not _moved(ledger, size, head.size):
                current.append(declared.id)
                continue
            try:
                done.append(_hand_over(workplace, declared, ledger, head, known=size, now=now))
            except AffidavitError as error:
                failed.append((declared.id, error))
        seen = Circumstances(now, airflow, organisation.demonstration)
        if done:
            tokens = [each.token for each in done if each.token is not None]
            ledger.append([each.draft(seen) for each in done], now=now, blobs=tokens)
    return Round(head, tuple(done), tuple(current), tuple(failed))


def known_outside(ledger: Ledger, *, head: Head, policy: Policy | None, authorities: bytes | None = None) -> Outside:
    """Which prefix of what stands under ``head`` outsiders know.

    What counts are the witnesses of the auditor's ``policy`` and the PEM roots of time stamp ``authorities``.

    Raises ``IntegrityError`` where one of them signed another history.
    """
    check_token = None
    if authorities is not None:
        _demand_extra()
        from affidavit.anchor import timestamp

        trusted = timestamp.roots(authorities, where="--authorities")

        def check_token(digest: str, text: str) -> datetime:
            try:
                token = payload(ledger.blob(digest))
            except BlobAbsent as error:  # verification has asked whether it was erased as it may be
                raise NoteError("the time stamp was erased") from error
            return timestamp.check(token, text, trusted=trusted)

    found = standing(
        ledger.entries(0, head.size, kind=ANCHOR.name),
        head=Note.parse(head.note),
        policy=policy,
        prove=ledger.prove_consistency,
        check_token=check_token,
    )
    others = [e.statement.observed_at for e in ledger.entries(found.size, head.size) if e.statement.kind != ANCHOR.name]
    oldest = moment(others[0]) if others else None
    lag = found.lag(int(head.time.timestamp()), begun=begun(ledger.entry(0)))
    return Outside(**vars(found), records=found.unanchored - len(others), oldest=oldest, lag_minutes=lag)


def _known(ledger: Ledger) -> dict[str, int]:
    """The size that each anchor was handed last, by its id."""
    sizes: dict[str, int] = {}
    for entry in ledger.entries(kind=ANCHOR.name):
        if (facts := facts_of(entry)) is not None:
            sizes[anchor_of(entry.statement.subject.name)] = facts["checkpoint"]["size"]
    return sizes


def _moved(ledger: Ledger, start: int, stop: int) -> bool:
    return any(entry.statement.kind != ANCHOR.name for entry in ledger.entries(start, stop))


def _hand_over(
    workplace: Workplace, declared: Anchor, ledger: Ledger, head: Head, *, known: int, now: datetime
) -> Anchored:
    match declared.means:
        case "witness":
            return _witness(declared, ledger, head, known)
        case "timestamp":
            return _timestamp(workplace, declared, head)
        case "store":
            from affidavit.anchor import copies

            url = declared.url or ""
            copies.store(url, head)
            return Anchored(declared.id, COPY, url, head, now)
        case "mlflow-tag":
            return _tag(workplace, declared, head, now)


def _witness(declared: Anchor, ledger: Ledger, head: Head, known: int) -> Anchored:
    from affidavit.anchor.witness import cosign
    from affidavit.witness.client import WitnessClient

    client, key = WitnessClient(declared.url or ""), VerifierKey.parse(declared.key or "")
    try:
        lines, time = cosign(client, key, head, known=known, prove=ledger.prove_consistency)
    except LedgerRolledBack:
        # Another process may have anchored a newer head since ours was read.
        newer = ledger.head()
        if newer == head:
            raise
        head = newer
        lines, time = cosign(client, key, head, known=known, prove=ledger.prove_consistency)
    means = COPY if declared.ours else WITNESS
    return Anchored(declared.id, means, key.name, head, time, cosignature=lines)


def _timestamp(workplace: Workplace, declared: Anchor, head: Head) -> Anchored:
    _demand_extra()
    from affidavit.anchor import timestamp

    file = workplace.settings.include_dir / (declared.authority or "")
    try:
        pem = file.read_bytes()
    except OSError as error:
        raise ConfigurationError("cannot be read", where=str(file), fix="put the authority's roots there") from error
    trusted = timestamp.roots(pem, where=str(file))
    url = declared.url or ""
    token, time = timestamp.stamp(url, body(head), trusted=trusted)
    return Anchored(declared.id, TIMESTAMP, url, head, time, token=salted(token))


def _demand_extra() -> None:
    if importlib.util.find_spec("rfc3161_client") is None:
        fix = "pip install 'affidavit[anchor]'"
        raise ConfigurationError("time stamps need a package that is absent", where="rfc3161-client", fix=fix)


def _tag(workplace: Workplace, declared: Anchor, head: Head, now: datetime) -> Anchored:
    from affidavit.anchor import copies
    from affidavit.collect.rest import base_url

    connection, experiment = workplace.resolve(declared.connection or ""), declared.experiment or ""
    url = base_url(connection, where=f"mlflow {connection.id}")
    copies.tag(url, experiment, head, headers=_credentials(connection))
    return Anchored(declared.id, COPY, f"mlflow://{connection.id}/experiments/{experiment}", head, now)


def _credentials(connection: Connection) -> dict[str, str]:
    if token := str(connection.extra.get("token") or ""):
        return {"Authorization": f"Bearer {token}"}
    if connection.login:
        pair = f"{connection.login}:{connection.password}".encode()
        return {"Authorization": f"Basic {b64encode(pair).decode()}"}
    return {}


def worst(failed: Sequence[tuple[str, AffidavitError]]) -> AffidavitError | None:
    """Of several failures the one to end with: broken integrity before what trying again can mend."""
    return max((error for _, error in failed), key=lambda error: error.exit_code, default=None)

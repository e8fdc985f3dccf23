"""Replacing the log's key: asked for, authorised by whom entry 0 pins, applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from affidavit.errors import (
    AffidavitError,
    ConfigurationError,
    HeadConflict,
    NoteError,
    SourceRefused,
    UsageError,
)
from affidavit.ledger import Ledger, LocalSigner
from affidavit.pipeline.workplace import Workplace
from affidavit.tlog import cosignature, rotation
from affidavit.tlog.note import ED25519, Note, VerifierKey
from affidavit.tlog.rotation import QUORUM, Rotation
from affidavit.witness import keys
from affidavit.witness.client import WitnessClient


@dataclass(frozen=True)
class Requested:
    """What must be authorised: ``meant``. ``consent`` is the key that the witnesses' operators add, if a quorum may."""

    meant: Rotation
    consent: VerifierKey | None
    recovery: bool


def request(workplace: Workplace, file: Path) -> Requested:
    """Write into ``file`` what must be authorised, and make the new key unless a signer of its own has it.

    Where a quorum may authorise it, the key of a log of its own is made in ``<file>.key``. Raises ``UsageError`` where
    nobody may, or ``file`` is there already.
    """
    place = workplace.settings
    with workplace.reader() as ledger:
        try:
            ledger.keys.demand_authority()
        except NoteError as error:
            fix = "begin a new ledger, and give it a recovery key: affidavit init --recovery"
            raise UsageError(error.problem, where=place.shown_ledger_url, fix=fix) from error
        with _new(file) as out:  # before the key: where the request cannot be written, none is made
            if place.signer_url is None:
                new = LocalSigner.succeed(place.key_file, origin=ledger.key.name).vkey
            else:
                new = workplace.signer().vkey
            meant, chain = ledger.rotation(new), ledger.keys
            out.write(meant.text)
    consent = keys.generate(_beside(file), meant.log).public if chain.quorum else None
    return Requested(meant, consent, chain.recovery is not None)


def parse(data: bytes, *, where: str) -> Rotation:
    """What a request says. Raises ``ConfigurationError`` naming the file."""
    try:
        return Rotation.parse(data.decode())
    except (NoteError, UnicodeDecodeError) as error:
        problem = error.problem if isinstance(error, NoteError) else "not UTF-8"
        fix = "give the file that 'affidavit rotate-key --request' wrote"
        raise ConfigurationError(problem, where=where, fix=fix) from error


def by_recovery(meant: Rotation, key: Path) -> str:
    """The authorisation by the recovery key in the file ``key``; needs no ledger."""
    return rotation.sign(meant, keys.load(key, algorithm=ED25519))


def by_witnesses(workplace: Workplace, meant: Rotation, file: Path, urls: Sequence[str], *, now: datetime) -> str:
    """The authorisation by the witnesses at ``urls``, whose operators added the key of the request in ``file``.

    Raises ``SourceRefused`` short of the quorum that entry 0 pins, naming each witness that did not cosign and why.
    """
    body, log = meant.checkpoint.text, keys.load(_beside(file))
    own = cosignature.cosign(body, log, time=int(now.timestamp()))
    lines, failed = [own.line], []
    for url in urls:
        try:
            lines += _asked(WitnessClient(url), Note(body, (own,)).whole).splitlines()
        except (AffidavitError, NoteError) as error:
            failed.append(error.text)
    with workplace.reader() as ledger:
        chain = ledger.keys
    try:
        signed = Note.parse(f"{body}\n" + "".join(line + "\n" for line in lines))
        known = [log.public, *(key for _, key in chain.quorum.witnesses)] if chain.quorum else []
        kept = tuple(each for each in signed.signatures if any(each.by(key) for key in known))
        authorisation = rotation.proof_of(meant, Note(body, kept))
        chain.authorised(QUORUM, authorisation)
    except NoteError as error:
        raise SourceRefused(
            "; ".join([error.problem, *failed]),
            where="--witness",
            fix="have each operator add the key that --request printed to what their witness watches, and repeat",
        ) from error
    return authorisation


def apply(workplace: Workplace, authorisation: str, *, now: datetime) -> tuple[int, VerifierKey]:
    """Put the new key in the old one's place; the entry that says so, and the new key.

    Made again after it was cut short, it goes on. Raises ``UsageError``, and changes nothing, for what is not
    authorised.
    """
    place = workplace.settings
    try:
        signer = LocalSigner.following(place.key_file) if place.signer_url is None else workplace.signer()
        following = place.signer_url is None
    except ConfigurationError:  # put in place already, or never asked for
        signer, following = workplace.signer(), False
    index = Ledger.rotate(place.ledger_url, blobs=place.blobs_url, signer=signer, authorisation=authorisation, now=now)
    if following and isinstance(signer, LocalSigner):
        signer.take_the_place_of(place.key_file)
    return index, signer.vkey


def new_recovery_key(file: Path, name: str) -> VerifierKey:
    """Make a recovery key in ``file``, on a machine that stays offline; its public part."""
    return keys.generate(file, name, algorithm=ED25519).public


def _asked(client: WitnessClient, note: str) -> str:
    try:
        return client.add_checkpoint(note, old_size=0, proof=[])
    except HeadConflict as conflict:  # it cosigned the same before
        return client.add_checkpoint(note, old_size=conflict.size, proof=[])


@contextmanager
def _new(file: Path) -> Iterator[TextIO]:
    """The file, to be written; gone again where that comes to nothing."""
    try:
        with file.open("x", encoding="utf-8", newline="\n") as out:
            try:
                yield out
            except AffidavitError:
                file.unlink()
                raise
    except FileExistsError as error:
        raise UsageError("there is a file already", where=str(file), fix="name another") from error
    except OSError as error:
        fix = "name a file in a folder that may be written"
        raise ConfigurationError(f"cannot be written ({error.strerror})", where=str(file), fix=fix) from error


def _beside(file: Path) -> Path:
    return file.with_name(file.name + ".key")

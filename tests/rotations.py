"""Replacing a log's key, for tests of every room: who may, and what they sign."""

import dataclasses
import os

from affidavit.ledger import Ledger, LocalSigner
from affidavit.tlog import cosignature, rotation
from affidavit.tlog.note import COSIGNATURE, ED25519, Note, SigningKey
from tests.conftest import NOON

RECOVERY = SigningKey("recovery.example/1", ED25519, b"r" * 32)
WITNESSES = [SigningKey(f"w{number}.example/1", COSIGNATURE, bytes([number]) * 32) for number in range(1, 4)]
QUORUM = "".join(f"witness w{n} {key.public.text}\n" for n, key in enumerate(WITNESSES, 1)) + (
    "group two 2 w1 w2 w3\nquorum two\n"
)


def create(place, *, recovery=RECOVERY.public, quorum=QUORUM):
    """A ledger whose key may be replaced."""
    signer = LocalSigner.generate(place.key)
    return Ledger.create(place.url, blobs=place.blobs, signer=signer, now=NOON, recovery=recovery, quorum=quorum)


def new_key(place):
    """The key beside the present one that is to replace it."""
    with place.read() as ledger:
        return LocalSigner.succeed(place.key, origin=ledger.key.name)


def asked(place, new=None):
    """What must be authorised."""
    with place.read() as ledger:
        return ledger.rotation((new or new_key(place)).vkey)


def cosigned(meant, keys=WITNESSES[:2], *, text=None):
    """What the witnesses ``keys`` authorise."""
    body = text or meant.checkpoint.text
    log = SigningKey(meant.log, COSIGNATURE, os.urandom(32))
    lines = tuple(cosignature.cosign(body, key, time=int(NOON.timestamp())) for key in (log, *keys))
    return rotation.proof_of(meant, Note(body, lines))


def apply(place, authorisation, new=None, *, now=NOON):
    """Rotate, and put the new key's file in place; the index of the entry."""
    signer = new or LocalSigner.following(place.key)
    index = Ledger.rotate(place.url, blobs=place.blobs, signer=signer, authorisation=authorisation, now=now)
    signer.take_the_place_of(place.key)
    return index


def rotate(place, *, now=NOON):
    """The whole of it, by the recovery key."""
    return apply(place, rotation.sign(asked(place), RECOVERY), now=now)


def forged(meant=None, **fields):
    """A rotation that no constructor would make: ``meant`` with other ``fields``, or these alone."""
    made = object.__new__(rotation.Rotation)
    for field in dataclasses.fields(rotation.Rotation):
        value = fields[field.name] if field.name in fields else getattr(meant, field.name)
        object.__setattr__(made, field.name, value)
    return made


def secret(place):
    """The log's present key, as its thief has it."""
    return SigningKey.parse(place.key.read_text().strip())

"""Blobs that a statement names: 32 random bytes, then the payload.

A digest in an append-only log stays for ever. Over the payload alone it would let anybody who can guess an erased
payload confirm the guess; with a salt that is erased together with the payload it says nothing.
"""

from __future__ import annotations

import secrets

from affidavit.errors import IntegrityError

SALT_BYTES = 32


def salted(payload: bytes) -> bytes:
    """The blob of ``payload``: another one each time."""
    return secrets.token_bytes(SALT_BYTES) + payload


def payload(blob: bytes) -> bytes:
    """What a blob holds behind its salt. Raises ``IntegrityError`` for bytes that are no blob of this form."""
    if len(blob) < SALT_BYTES:
        raise IntegrityError(f"a blob of {len(blob)} bytes, too short to begin with its salt", fix="verify the ledger")
    return blob[SALT_BYTES:]


def same_payload(one: bytes, other: bytes) -> bool:
    """Whether two blobs hold the same behind their salts."""
    return one == other or (min(len(one), len(other)) >= SALT_BYTES and one[SALT_BYTES:] == other[SALT_BYTES:])

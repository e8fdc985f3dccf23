"""RFC 3161 time stamps over a checkpoint's text: asked for, and checked before they are believed.

A time stamp shows that the head existed by then. What is checked, each time it is read:

1. The authority granted it, with the nonce that was asked (only when it is fresh).
2. Its own signature holds, by a certificate for time stamping that leads to a trusted root, valid at the stamped time.
3. Its imprint is the SHA-2 hash of this checkpoint's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.base import HashAlgorithm

from affidavit.errors import ConfigurationError, NoteError, SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.witness.exchange import Place, exchange

_REPLY = "application/timestamp-reply"


def roots(pem: bytes, *, where: str) -> tuple[Certificate, ...]:
    """The certificates of a PEM file. Raises ``ConfigurationError``."""
    try:
        return tuple(load_pem_x509_certificates(pem))
    except ValueError as error:
        fix = "write the authority's root certificates in PEM"
        raise ConfigurationError("no certificates", where=where, fix=fix) from error


def stamp(url: str, text: str, *, trusted: Sequence[Certificate], timeout: float = 20.0) -> tuple[bytes, datetime]:
    """Have ``text`` time-stamped; returns the response (DER), checked, and the stamped time.

    Raises ``SourceUnavailable``, ``SourceRefused``, and ``SourceGarbled`` for a stamp that does not hold.
    """
    place = Place.parse(url)
    asked = TimestampRequestBuilder().data(text.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
    headers = {"Content-Type": "application/timestamp-query", "Accept": _REPLY}
    answer = exchange(
        place, "POST", "" if place.prefix else "/", body=asked.as_bytes(), headers=headers, timeout=timeout
    )
    if answer.status >= 500:
        raise SourceUnavailable(f"answered {answer.status}", where=place.shown, fix="try again")
    if answer.status != 200:
        raise SourceRefused(f"answered {answer.status}", where=place.shown, fix="see that it is a time stamp authority")
    try:
        return answer.body, check(answer.body, text, trusted=trusted, nonce=asked.nonce)
    except NoteError as error:
        raise SourceGarbled(f"its time stamp does not hold: {error.problem}", where=place.shown) from error


def check(response: bytes, text: str, *, trusted: Sequence[Certificate], nonce: int | None = None) -> datetime:
    """The time at which ``text`` was stamped. Raises ``NoteError`` unless each of the steps above holds."""
    decoded = _decoded(response)
    verifier = VerifierBuilder(roots=list(trusted), nonce=nonce).build()
    try:
        verifier.verify_message(decoded, text.encode())  # 1, 2, 3
        return decoded.tst_info.gen_time
    except (VerificationError, ValueError) as error:
        raise NoteError(f"a time stamp that does not hold ({str(error)[:200]})") from error


def _decoded(response: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(response)
    except ValueError as error:
        raise NoteError("not a time stamp (RFC 3161)") from error

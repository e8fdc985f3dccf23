"""An entry as a signed envelope (DSSE) for tools that know nothing of logs.

The payload is the leaf, byte for byte: an in-toto Statement. The signature is made now, by an export key, and never by
the log's. So it proves the export only: that whoever holds the export key handed over this statement. That the
statement stood in the log, and since when, is proven by the entry's ``.tlog-proof``, not by this.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from affidavit.errors import ConfigurationError
from affidavit.evidence import Json, dumps
from affidavit.evidence.keychain import Keychain

PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""Media type of an in-toto Statement (in-toto attestation framework, "Envelope")."""

_FIX = "make one with: openssl genpkey -algorithm ed25519 -out export.pem"


def pae(payload_type: str, payload: bytes) -> bytes:
    """What a signature covers: the pre-authentication encoding (DSSE v1, "Signature Definition")."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True)
class ExportKey:
    """A private Ed25519 key that signs exports, and nothing else; it never shows in ``repr``."""

    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def parse(cls, pem: bytes, *, where: str, log: Keychain) -> ExportKey:
        """Read an unencrypted PKCS #8 PEM. Raises ``ConfigurationError`` for another key, or one of the ``log``."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigurationError("not an unencrypted private key in PEM", where=where, fix=_FIX) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigurationError("not an Ed25519 key", where=where, fix=_FIX)
        if any(key.public_key().public_bytes_raw() == link.key.public for link in log.links):
            raise ConfigurationError("this is a key of the log, which signs heads only", where=where, fix=_FIX)
        return cls(key)

    @property
    def public(self) -> bytes:
        """32 bytes."""
        return self._key.public_key().public_bytes_raw()

    @property
    def id(self) -> str:
        """The key's id, as securesystemslib computes it: SHA-256 over the canonical JSON of the public key."""
        public: Json = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": self.public.hex()}}
        return hashlib.sha256(dumps(public)).hexdigest()

    def envelope(self, leaf: bytes) -> dict[str, Json]:
        """The signed envelope of a leaf, as a JSON document."""
        signature = self._key.sign(pae(PAYLOAD_TYPE, leaf))
        return {
            "payload": _base64(leaf),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": self.id, "sig": _base64(signature)}],
        }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

"""Envelopes of entries, as another library reads them."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from affidavit.errors import ConfigurationError
from affidavit.evidence.keychain import Keychain
from affidavit.publish.dsse import PAYLOAD_TYPE, ExportKey, pae
from affidavit.tlog.note import COSIGNATURE, SigningKey

LOG = SigningKey("example.com/log", COSIGNATURE, b"\x01" * 32)


def pem(key, encryption=None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


@pytest.fixture
def file() -> bytes:
    return pem(Ed25519PrivateKey.generate())


@pytest.fixture
def key(file) -> ExportKey:
    return ExportKey.parse(file, where="export.pem", log=Keychain.of(LOG.public, ""))


def read(envelope) -> Envelope:
    return Envelope.from_dict(json.loads(json.dumps(envelope)))


def test_securesystemslib_accepts_the_envelope_of_an_entry(sqlite_place, file, key):
    with sqlite_place.create() as ledger:
        leaf = ledger.entry(0).leaf
    envelope = read(key.envelope(leaf))
    assert envelope.payload == leaf
    assert envelope.payload_type == PAYLOAD_TYPE == "application/vnd.in-toto+json"
    theirs = SSlibKey.from_crypto(load_pem_private_key(file, None).public_key())
    assert list(envelope.verify([theirs], 1)) == [key.id]
    assert envelope.pae() == pae(PAYLOAD_TYPE, leaf)


def test_another_payload_type_or_key_is_not_what_was_signed(file, key):
    theirs = SSlibKey.from_crypto(load_pem_private_key(file, None).public_key())
    good = key.envelope(b"{}")
    for change in ({"payload": base64.b64encode(b"{ }").decode()}, {"payloadType": "text/plain"}):
        with pytest.raises(VerificationError):
            read(good | change).verify([theirs], 1)
    other = SSlibKey.from_crypto(Ed25519PrivateKey.generate().public_key(), keyid=key.id)
    with pytest.raises(VerificationError):
        read(good).verify([other], 1)


def test_lengths_are_of_bytes_not_of_characters():
    assert pae("tüp", "é".encode()) == b"DSSEv1 4 t\xc3\xbcp 2 \xc3\xa9"


def test_the_log_never_signs_exports():
    own = pem(Ed25519PrivateKey.from_private_bytes(LOG.seed))
    for data in (own, LOG.text.encode()):
        with pytest.raises(ConfigurationError, match=r"^export\.pem: "):
            ExportKey.parse(data, where="export.pem", log=Keychain.of(LOG.public, ""))


def test_what_is_no_export_key_is_refused_and_never_shown(file, key):
    locked = pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"secret"))
    for data in (b"", file[:-30], locked, pem(generate_private_key(SECP256R1()))):
        with pytest.raises(ConfigurationError, match="openssl genpkey") as caught:
            ExportKey.parse(data, where="export.pem", log=Keychain.of(LOG.public, ""))
        assert b"secret" not in str(caught.value).encode()
    assert file.splitlines()[1].decode() not in repr(key)
    assert repr(key) == "ExportKey()"

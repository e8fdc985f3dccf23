"""The ledger: an append-only Merkle log of statements in SQL, with its blobs, its signer and its verification.

:class:`Ledger` appends and reads; :func:`affidavit.ledger.verification.verify` checks everything; a
:class:`LocalSigner` signs heads inside the writing process, a :class:`RemoteSigner` has them signed by another.
"""

from affidavit.ledger.appending import Appended, Closing, Receipt
from affidavit.ledger.ledger import Ledger
from affidavit.ledger.remote_signer import OWN_PROCESS, RemoteSigner
from affidavit.ledger.signer import IN_PROCESS, LocalSigner, Signer
from affidavit.ledger.verification import Verification, verify

__all__ = [
    "IN_PROCESS",
    "OWN_PROCESS",
    "Appended",
    "Closing",
    "Ledger",
    "LocalSigner",
    "Receipt",
    "RemoteSigner",
    "Signer",
    "Verification",
    "verify",
]

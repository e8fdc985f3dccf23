"""Transparency log arithmetic: hashing, trees, proofs, notes, checkpoints, cosignatures, policies.

Also the text by which a log's key is replaced (:mod:`affidavit.tlog.rotation`). Pure: bytes in, bytes out; no clock, no
file, no database. With :mod:`affidavit.evidence` it is all that verifying needs.
"""

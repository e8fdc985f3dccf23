"""Transparency log arithmetic: hashing, trees, proofs, notes, checkpoints, cosignatures, policies.

Pure: bytes in, bytes out; no clock, no file, no database. With :mod:`affidavit.evidence` it is all that verifying
needs.
"""

"""Transparency log arithmetic: hashing, proofs, notes, checkpoints. Pure."""

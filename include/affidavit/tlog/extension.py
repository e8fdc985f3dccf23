"""What an auditor's noted checkpoint is good for: the log's head may only have extended it.

The proof's layout is that of a C2SP tlog-witness ``add-checkpoint`` request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from affidavit.errors import ConfigurationError, LedgerRolledBack, NoteError, ProofError
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import COSIGNATURE, Note, VerifierKey
from affidavit.tlog.proofs import check_consistency
from affidavit.tlog.tlog_proof import MAX_PROOF, decode, encode

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


def parse_noted(data: bytes, *, where: str) -> Note:
    """The signed checkpoint that somebody noted. Raises ``ConfigurationError`` for a file that holds none."""
    try:
        noted = Note.parse(data)
        Checkpoint.parse(noted.text)
    except NoteError as error:
        raise ConfigurationError(
            f"not a checkpoint: {error.problem}", where=where, fix="give the whole file that was noted"
        ) from error
    return noted


def check_extension(noted: Note, checkpoint: Checkpoint, *, path: Sequence[bytes], key: VerifierKey) -> Checkpoint:
    """The noted checkpoint, if ``path`` shows that ``checkpoint`` of the log with ``key`` extends it.

    Raises ``LedgerRolledBack`` where the log is behind it; ``NoteError`` where it is of another log, or carries a
    signature by ``key`` that does not hold; ``ProofError`` where it was not extended. A noted checkpoint without a
    signature by ``key`` holds as well: whoever noted it vouches for it.
    """
    old = Checkpoint.parse(noted.text)
    if old.origin != checkpoint.origin:
        raise NoteError(f"the noted checkpoint is of the log {old.origin[:200]!r}, not {checkpoint.origin[:200]!r}")
    signed = key.algorithm == COSIGNATURE and any(noted.signed_by(key))
    if signed:
        cosignature.verify(noted, key)
    if old.size > checkpoint.size:
        raise LedgerRolledBack(
            f"the noted checkpoint has {old.size} entries and the log's head only {checkpoint.size}",
            fix="ask for the newer ledger; entries that were signed are missing from this one",
        )
    if old.size == 0:  # every log extends the empty tree
        return old
    try:
        check_consistency(size1=old.size, size2=checkpoint.size, proof=path, root1=old.root, root2=checkpoint.root)
    except ProofError as error:
        by = "by the same key" if signed else "by nobody known"
        raise ProofError(
            f"the first {old.size} entries are not those of the noted checkpoint, which was signed {by}",
            fix="keep both: two histories under one key prove that the log was forked",
        ) from error
    return old


def extension_text(size: int, path: Sequence[bytes], note: str) -> str:
    """A proof that the checkpoint in ``note`` extends the tree of ``size`` entries."""
    return f"old {size}\n" + "".join(encode(digest) + "\n" for digest in path) + "\n" + note


def parse_extension(text: str) -> tuple[int, tuple[bytes, ...], str]:
    """What :func:`extension_text` wrote: size, path, note. Raises ``ProofError``; the note is not looked at."""
    head, blank, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    size = _OLD.fullmatch(first)
    if size is None or not blank or len(lines) > MAX_PROOF:
        raise ProofError("not a consistency proof as C2SP tlog-witness writes it")
    return int(size[1]), tuple(decode(line) for line in lines), note

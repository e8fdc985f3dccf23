"""The key file of a signer, a witness or a recovery: ``PRIVATE+KEY+…`` on one line, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from affidavit.errors import ConfigurationError, NoteError, UsageError
from affidavit.tlog.note import COSIGNATURE, SigningKey


def generate(path: Path, name: str, *, algorithm: int = COSIGNATURE) -> SigningKey:
    """Make a new key named ``name``, durably, in a new file of mode 0600. Raises ``UsageError`` if it is there."""
    try:
        key = SigningKey(name, algorithm, secrets.token_bytes(32))
    except NoteError as error:
        raise UsageError(error.problem, where="--new", fix="write something like witness.example/1") from error
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError("there is a key already", where=str(path), fix="use it, or name another file") from error
    except OSError as error:
        fix = "make its folder, and mend its rights"
        raise ConfigurationError(f"cannot be written ({error.strerror})", where=str(path), fix=fix) from error
    try:
        os.write(descriptor, key.text.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return key


def load(path: Path, *, algorithm: int = COSIGNATURE) -> SigningKey:
    """Read a key. Raises ``ConfigurationError`` where it is absent, malformed, or readable by others."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise ConfigurationError("no key", where=str(path), fix="make one with --new") from error
    except (OSError, UnicodeError) as error:
        raise ConfigurationError("the key cannot be read", where=str(path), fix="mend its rights") from error
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError("others may read the key", where=str(path), fix=f"chmod 600 {path}")
    try:
        key = SigningKey.parse(text)
    except NoteError as error:
        raise ConfigurationError("not a signing key", where=str(path), fix="restore it from a backup") from error
    if key.algorithm != algorithm:
        raise ConfigurationError(
            "a key of another type", where=str(path), fix="give a key that was made for this, or make one"
        )
    return key

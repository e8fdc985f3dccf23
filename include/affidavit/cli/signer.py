"""``affidavit signer``."""

from __future__ import annotations

import secrets

from affidavit.cli.serving import Group, Key, Listen, New, State, make, serve
from affidavit.cli.terminal import now


def signer(key: Key, state: State, listen: Listen = None, group: Group = False, new: New = False) -> None:
    """Sign the heads of one ledger, as a process of its own: only what extends the last head that it signed."""
    from affidavit.witness import keys
    from affidavit.witness.server import Role
    from affidavit.witness.state import Memory

    if new:
        make(key, state, f"affidavit.invalid/{secrets.token_hex(16)}")
        return
    own = keys.load(key)
    serve(Role(Memory.open(state, own), (own.public,), now, own.public), listen, group)

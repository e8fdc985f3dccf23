"""``affidavit signer``."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from affidavit.cli.serving import Group, Key, Listen, New, State, make, serve
from affidavit.cli.terminal import now

Origin = Annotated[
    str | None,
    typer.Option(help="With --new: the origin of the log whose key this one is to replace.", metavar="ORIGIN"),
]


def signer(
    key: Key, state: State, listen: Listen = None, group: Group = False, new: New = False, origin: Origin = None
) -> None:
    """Sign the heads of one ledger, as a process of its own: only what extends the last head that it signed."""
    from affidavit.witness import keys
    from affidavit.witness.server import Role
    from affidavit.witness.state import Memory

    if new:
        make(key, state, origin or f"affidavit.invalid/{secrets.token_hex(16)}")
        return
    own = keys.load(key)
    serve(Role(Memory.open(state, own), (own.public,), now, own.public), listen, group)

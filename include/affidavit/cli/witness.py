"""``affidavit witness``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from affidavit.cli.serving import Group, Key, Listen, State, make, serve
from affidavit.cli.terminal import now, read_file
from affidavit.errors import UsageError

if TYPE_CHECKING:
    from affidavit.tlog.note import VerifierKey

Policy = Annotated[Path | None, typer.Option(help="C2SP tlog policy; its log lines are the logs to watch.")]
NewName = Annotated[
    str | None,
    typer.Option(
        "--new", help="Make a key of this name and an empty memory, print the public key, and end.", metavar="NAME"
    ),
]


def witness(
    key: Key,
    state: State,
    policy: Policy = None,
    listen: Listen = None,
    group: Group = False,
    new: NewName = None,
) -> None:
    """Cosign the heads of other people's logs: only what extends the last head of each that it cosigned."""
    from affidavit.witness import keys
    from affidavit.witness.server import Role
    from affidavit.witness.state import Memory

    if new is not None:
        make(key, state, new)
        return
    own = keys.load(key)
    serve(Role(Memory.open(state, own), _logs(policy), now), listen, group)


def _logs(policy: Path | None) -> tuple[VerifierKey, ...]:
    from affidavit.tlog.policy import parse_policy

    if policy is None:
        raise UsageError("a witness watches the logs of a policy", where="--policy", fix="name the policy's file")
    return parse_policy(read_file(policy), where=str(policy)).logs

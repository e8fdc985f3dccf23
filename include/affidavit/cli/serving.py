"""What ``affidavit signer`` and ``affidavit witness`` share: one program, two roles."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from affidavit.cli.terminal import out
from affidavit.errors import UsageError

if TYPE_CHECKING:
    from affidavit.witness.server import Role

Key = Annotated[Path, typer.Option(help="File of its own key.")]
State = Annotated[Path, typer.Option(help="Folder of its own in which it remembers what it signed.")]
Listen = Annotated[str | None, typer.Option(help="unix:///path/to/socket or http://127.0.0.1:8123.", metavar="ADDRESS")]
Group = Annotated[bool, typer.Option("--group", help="Let the group of the socket's file ask too (mode 0660).")]
New = Annotated[bool, typer.Option("--new", help="Make the key and an empty memory, print the public key, and end.")]


def make(file: Path, state: Path, name: str) -> None:
    """Make a key and an empty memory, and print the public key."""
    from affidavit.witness import keys
    from affidavit.witness.state import Memory

    key = keys.generate(file, name)
    Memory.create(state, key)
    out.print(key.public.text, markup=False)


def serve(role: Role, listen: str | None, group: bool) -> None:
    """Answer until told to stop; the first line says where."""
    from affidavit.witness.server import Server, listening

    if listen is None:
        raise UsageError("where should it listen?", where="--listen", fix="write --listen unix:///path/to/socket")
    signal.signal(signal.SIGTERM, _stop)
    with Server(role, listening(listen), mode=0o660 if group else 0o600) as server:
        out.print(f"{role.memory.vkey.name} listens at {server.url}", markup=False)
        server.serve_forever()


def _stop(*_: object) -> NoReturn:
    raise SystemExit(0)

"""What is attacked: a ledger in a folder of its own, with what honest outsiders know of it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from affidavit.cheat import staged
from affidavit.cheat.attacks import Defence, Scene
from affidavit.ledger import Ledger
from affidavit.ledger.copying import DATABASE, copy
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import Note, SigningKey, VerifierKey
from affidavit.tlog.policy import Policy, parse_policy

GIVEN, STAGED = "a copy of this ledger", "a small ledger of our own"
PROGRAM = "affidavit_verify.py"


@dataclass(frozen=True)
class Ground:
    """An honest ledger in ``home``; ``noted`` is the head that an auditor noted, ``newest`` what others were shown.

    ``secrets`` are the log's key and a witness's, where they are ours to give away.
    """

    name: str
    home: Path
    key: VerifierKey
    noted: Note
    newest: Note
    secrets: tuple[SigningKey, SigningKey] | None = None

    @property
    def database(self) -> Path:
        """The honest database."""
        return self.home / DATABASE

    def scene(self, home: Path) -> Scene:
        """A copy in ``home``, to be laid hands on."""
        shutil.copytree(self.home, home)
        key, witness = self.secrets or (None, None)
        return Scene(home, Checkpoint.parse(self.noted.text).size, key=key, witness=witness, stamp=_read("stamp.tsr"))

    def policy(self, brought: Iterable[Defence]) -> Policy | None:
        """The policy of an auditor who brings these; None where it holds none."""
        brought = frozenset(brought)
        if not brought & {Defence.POLICY, Defence.WITNESS}:
            return None
        lines = [f"log {self.key.text}", "quorum none"]
        if Defence.WITNESS in brought and self.secrets:
            lines[1:] = [f"witness one {self.secrets[1].public.text}", "quorum one"]
        return parse_policy("\n".join(lines))

    def head_known(self, brought: Iterable[Defence]) -> Note | None:
        """The head that an auditor who brings these holds against the ledger."""
        brought = frozenset(brought)
        if Defence.READER in brought:
            return self.newest
        return self.noted if Defence.NOTED in brought else None

    @staticmethod
    def authorities(brought: Iterable[Defence]) -> bytes | None:
        """The roots of the time stamp authority, for an auditor who brings these."""
        return _read("authority.pem") if Defence.STAMPS in brought else None


def given(ledger: Ledger, home: Path, *, program: bytes) -> Ground:
    """A copy of ``ledger`` in ``home``, whose auditor noted the head in the middle of its history."""
    home.mkdir()
    copy(ledger, home)
    (home / PROGRAM).write_bytes(program)
    with closing(sqlite3.connect(home / DATABASE)) as connection:
        heads = [Note.parse(note) for (note,) in connection.execute("SELECT note FROM checkpoints ORDER BY size")]
    # The first key: a policy that names it holds for every prefix of the log, whatever replaced it later.
    return Ground(GIVEN, home, ledger.keys.at(0), heads[len(heads) // 2], heads[-1])


def small(home: Path, *, now: datetime, program: bytes, hidden: str = "") -> Ground:
    """A small ledger in ``home``, made now; see :mod:`affidavit.cheat.staged`."""
    home.mkdir()
    made = staged.make(home, now=now, hidden=hidden)
    (home / PROGRAM).write_bytes(program)
    notes = Note.parse(made.noted.note), Note.parse(made.newest.note)
    return Ground(STAGED, home, made.key.public, *notes, secrets=(made.key, made.witness))


def _read(name: str) -> bytes:
    return resources.files(__package__).joinpath(name).read_bytes()

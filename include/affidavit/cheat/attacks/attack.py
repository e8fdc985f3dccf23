"""What an attack is: who could do it, what it does, and what is expected to notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from affidavit.tlog.note import SigningKey


class Power(StrEnum):
    """Who could do it; each may do what their place allows, and repairs all that can be repaired from there."""

    DATABASE = "database owner"
    KEY = "thief of the log's key"
    OPERATOR = "operator"
    DAG = "DAG author"
    MLFLOW = "MLflow user"
    VERIFIER = "whoever hands out the verifier"


class Defence(StrEnum):
    """What notices. The numbered steps are those of ``affidavit verify``, which needs nothing from outside for them."""

    STRICT = "step 2: a leaf can be read in one way only"
    ROOTS = "step 3: the leaves lead to the signed roots"
    SIGNATURES = "step 4: the log's key signed every head"
    TIMES = "step 4: no head is older than the one before it"
    COLUMNS = "step 5: derived columns hold what the leaves say"
    NODES = "step 6: the tree's nodes are those that the leaves lead to"
    STREAMS = "step 7: each entry supersedes the one before it in its stream"
    BLOBS = "step 8: every blob is there, under its own SHA-256"
    ERASURES = "step 8: an erasure stands on a decision that somebody took"
    POLICY = "a policy that names the log's key"
    NOTED = "a checkpoint noted at an earlier audit"
    WITNESS = "a policy that asks for a witness"
    READER = "the head that another reader or a witness was shown"
    STAMPS = "the roots of the time stamp authority"
    MEMORY = "the signer's memory"
    STATUS = "affidavit status, which judges the entries again"
    DIGEST = "the verifier's published SHA-256"


INSIDE = frozenset(
    {
        Defence.STRICT,
        Defence.ROOTS,
        Defence.SIGNATURES,
        Defence.TIMES,
        Defence.COLUMNS,
        Defence.NODES,
        Defence.STREAMS,
        Defence.BLOBS,
        Defence.ERASURES,
    }
)
"""Defences that work wherever a ledger is verified; an auditor has to bring each of the others."""


class Unfit(Exception):
    """This ledger holds nothing that the attack could be tried on; the message says what is absent.

    It is no error: another ledger will do.
    """


@dataclass(frozen=True)
class Scene:
    """What lies before the cheater: ``home`` holds ``ledger.db``, ``blobs/``, and ``backup.db``, an older copy.

    ``key`` and ``witness`` are secrets, there for those who could have them. An outsider noted the head of ``known``
    entries; ``stamp`` is a time stamp that a trusted authority gave for something else; ``program`` is the stand-alone
    verifier to be handed out.
    """

    home: Path
    known: int
    key: SigningKey | None = None
    witness: SigningKey | None = None
    stamp: bytes = b""

    @property
    def program(self) -> Path:
        """The stand-alone verifier that the auditor is handed."""
        return self.home / "affidavit_verify.py"


@dataclass(frozen=True)
class Attack:
    """One way to cheat. ``strike`` does it and says in words what it did.

    Each of ``defences`` alone is to catch it, and none of them is there in the run without. ``given`` is what the
    auditor has in every run. An attack without defences cannot be detected: ``because`` says why, and what narrows it.
    ``staged`` attacks take secrets, and so are tried on a ledger of our own; ``hidden`` is what of its sources never
    reaches a collector.
    """

    name: str
    power: Power
    does: str
    strike: Callable[[Scene], str]
    defences: tuple[Defence, ...] = ()
    given: frozenset[Defence] = frozenset()
    staged: bool = False
    hidden: str = ""
    because: str = ""

"""Policies: whose signatures make a checkpoint worth believing (C2SP tlog-policy).

An auditor gets the file elsewhere than from the ledger it is to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from affidavit.errors import ConfigurationError, NoteError
from affidavit.tlog import cosignature, note
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import COSIGNATURE, ED25519, Note, VerifierKey

NONE = "none"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Group:
    """Holds where at least ``threshold`` of ``members`` (names of witnesses or groups) hold."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Endorsement:
    """A checkpoint that a policy accepts, with who signed it.

    ``time`` is when the log signed (POSIX seconds; None for a plain note signature); ``witnesses`` are the policy's
    names of those that cosigned, each with its time.
    """

    checkpoint: Checkpoint
    log: VerifierKey
    time: int | None
    witnesses: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Policy:
    """Known logs, known witnesses, groups of them in the order of definition, and the quorum (``none`` or a name)."""

    logs: tuple[VerifierKey, ...]
    witnesses: tuple[tuple[str, VerifierKey], ...]
    groups: tuple[tuple[str, Group], ...]
    quorum: str

    def endorse(self, signed: Note) -> Endorsement:
        """The checkpoint in ``signed``, if a known log signed it and the quorum of witnesses did.

        Raises ``NoteError``; a signature by a known key that does not hold refuses the whole note.
        """
        checkpoint = Checkpoint.parse(signed.text)
        log, time = self._log(signed, checkpoint.origin)
        return Endorsement(checkpoint, log, time, self.cosigned(signed))

    def cosigned(self, signed: Note) -> tuple[tuple[str, int], ...]:
        """The names of the witnesses that cosigned, each with its time. Raises ``NoteError`` short of the quorum."""
        seen = [(name, cosignature.verify(signed, key)) for name, key in self.witnesses if any(signed.signed_by(key))]
        if not self.satisfied_by(name for name, _ in seen):
            raise NoteError(f"the quorum {self.quorum!r} of the policy did not cosign the checkpoint")
        return tuple(seen)

    def satisfied_by(self, witnesses: Iterable[str]) -> bool:
        """Whether the quorum holds where the witnesses of these names cosigned."""
        holds = set(witnesses)
        for name, group in self.groups:
            if len(holds.intersection(group.members)) >= group.threshold:
                holds.add(name)
        return self.quorum == NONE or self.quorum in holds

    def _log(self, signed: Note, origin: str) -> tuple[VerifierKey, int | None]:
        for key in self.logs:
            if key.name == origin and any(signed.signed_by(key)):
                if key.algorithm == COSIGNATURE:
                    return key, cosignature.verify(signed, key)
                note.verify(signed, key)
                return key, None
        raise NoteError(f"no log of the policy signed this checkpoint of {origin!r}")


def parse_policy(data: bytes | str, *, where: str = "policy") -> Policy:
    """Read a policy file. Raises ``ConfigurationError`` that names the line."""
    return _Parser(where).parse(data.encode() if isinstance(data, str) else data)


class _Parser:
    def __init__(self, where: str) -> None:
        self.where = where
        self.line = 0
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, VerifierKey] = {}
        self.groups: dict[str, Group] = {}
        self.members: set[str] = set()
        self.quorum = ""

    def parse(self, data: bytes) -> Policy:
        known: dict[str, Callable[[list[str]], None]] = {
            "log": self.log,
            "witness": self.witness,
            "group": self.group,
            "quorum": self.define_quorum,
        }
        # Names are opaque octets: surrogateescape keeps any two of them apart.
        for text in data.decode("utf-8", "surrogateescape").split("\n"):
            self.line += 1
            if _CONTROL.search(text):
                raise self.wrong("a control character")
            words = text.replace("\t", " ").split(" ")
            words = [word for word in words if word]
            if not words or words[0].startswith("#"):
                continue
            if words[0] not in known:
                raise self.wrong(f"{words[0][:40]!r} is none of log, witness, group, quorum")
            known[words[0]](words[1:])
        if not self.quorum:
            raise self.wrong("no quorum line")
        return Policy(tuple(self.logs), tuple(self.witnesses.items()), tuple(self.groups.items()), self.quorum)

    def log(self, words: list[str]) -> None:
        if len(words) not in (1, 2):
            raise self.wrong("a log line is: log <vkey> [<url>]")
        key = self.key(words[0], (ED25519, COSIGNATURE))
        if any(key.public == other.public for other in self.logs):
            raise self.wrong("the same log key a second time")
        self.logs.append(key)

    def witness(self, words: list[str]) -> None:
        if len(words) not in (2, 3):
            raise self.wrong("a witness line is: witness <name> <vkey> [<url>]")
        key = self.key(words[1], (COSIGNATURE,))
        if any(key.public == other.public for other in self.witnesses.values()):
            raise self.wrong("the same witness key a second time")
        self.witnesses[self.new_name(words[0])] = key

    def group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise self.wrong("a group line is: group <name> all|any|<k> <name>...")
        name, rule, *members = words
        for member in members:
            self.defined(member)
            if member in self.members:
                raise self.wrong(f"{member!r} is a member of a group already")
            self.members.add(member)
        if rule not in ("all", "any") and not (rule.isascii() and rule.isdecimal() and len(rule) < 6):
            raise self.wrong(f"{rule[:40]!r} is not all, any or a number")
        threshold = {"all": len(members), "any": 1}.get(rule) or int(rule)
        if not 1 <= threshold <= len(members):
            raise self.wrong(f"{threshold} of {len(members)} members cannot be asked for")
        self.groups[self.new_name(name)] = Group(threshold, tuple(members))

    def define_quorum(self, words: list[str]) -> None:
        if len(words) != 1:
            raise self.wrong("a quorum line is: quorum <name>")
        if self.quorum:
            raise self.wrong("a second quorum line")
        if words[0] != NONE:
            self.defined(words[0])
        self.quorum = words[0]

    def new_name(self, name: str) -> str:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise self.wrong(f"the name {name!r} is taken")
        return name

    def defined(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise self.wrong(f"{name!r} is defined on no line before")

    def key(self, text: str, algorithms: tuple[int, ...]) -> VerifierKey:
        try:
            key = VerifierKey.parse(text)
        except NoteError as error:
            raise self.wrong(error.problem) from error
        if key.algorithm not in algorithms:
            raise self.wrong(f"the key of {key.name!r} is of a type that cannot be used here")
        return key

    def wrong(self, problem: str) -> ConfigurationError:
        return ConfigurationError(problem, where=f"{self.where} line {self.line}", fix="see c2sp.org/tlog-policy")

"""The keys of a log, one after the other, as its entries tell it.

Entry 0 pins the first key and who may replace it. A head of ``size`` entries is signed by the newest key whose entry is
among them: so the head that first covers a rotation is signed by the new key. The steps for a rotation's entry, whose
numbers the code repeats:

1. What it says is what was authorised, by the recovery key or the quorum of witnesses that entry 0 pins.
2. It replaces the key before it, and the new key was never one of this log: so no authorisation can be used twice.
3. The replaced key signed the head that the rotation comes after; that covers the replaced key's own entry, and not yet
   this one. That it is a head of this log is for whoever has the tree to see (:attr:`Link.after`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from affidavit.errors import AffidavitError, NoteError
from affidavit.evidence import kinds
from affidavit.evidence.statement import Statement
from affidavit.tlog import rotation
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import COSIGNATURE, Note, VerifierKey
from affidavit.tlog.policy import NONE, Policy, parse_policy
from affidavit.tlog.rotation import QUORUM, RECOVERY, Rotation


@dataclass(frozen=True)
class Link:
    """A key from the entry ``index`` on, and where that says that it works.

    ``authority`` let it replace the one before, whose head ``after`` must be one of this log; None in entry 0.
    """

    index: int
    key: VerifierKey
    signing: str
    authority: str | None = None
    after: Checkpoint | None = None


@dataclass(frozen=True)
class Keychain:
    """Every key of a log, oldest first, and who may replace the newest."""

    links: tuple[Link, ...]
    recovery: VerifierKey | None
    quorum: Policy | None

    @classmethod
    def start(cls, genesis: Statement) -> Keychain:
        """The chain of one key that entry 0 pins. Raises ``NoteError`` where it is no genesis entry."""
        if genesis.kind != kinds.GENESIS.name:
            raise NoteError("not a genesis entry", index=0)
        try:
            facts = genesis.facts
            key, recovery, quorum = VerifierKey.parse(facts["key"]), facts["recovery"], facts["recovery_quorum"]
            if key.algorithm != COSIGNATURE:
                raise NoteError("a key that cannot sign heads")
            return cls(
                (Link(0, key, str(facts["signing"])),),
                VerifierKey.parse(recovery) if recovery is not None else None,
                parse_policy(quorum, where="its recovery quorum") if quorum is not None else None,
            )
        except (AffidavitError, KeyError, TypeError, ValueError, AttributeError) as error:
            problem = error.problem if isinstance(error, AffidavitError) else type(error).__name__
            raise NoteError(f"it does not name the log's key as it must ({problem})", index=0) from error

    @classmethod
    def of(cls, key: VerifierKey, signing: str) -> Keychain:
        """The chain of a log that is about to begin with ``key``."""
        return cls((Link(0, key, signing),), None, None)

    @classmethod
    def told(cls, pairs: Iterable[tuple[int, str]]) -> Keychain:
        """The chain as another process has read it: its :attr:`pairs`."""
        return cls(tuple(Link(index, VerifierKey.parse(key), "") for index, key in pairs), None, None)

    @property
    def pairs(self) -> tuple[tuple[int, str], ...]:
        """The index of each key's entry, and the key as a vkey."""
        return tuple((link.index, link.key.text) for link in self.links)

    @property
    def origin(self) -> str:
        """The log's name, and that of each of its keys."""
        return self.links[0].key.name

    @property
    def newest(self) -> VerifierKey:
        """The key that signs the next head."""
        return self.links[-1].key

    def at(self, size: int) -> VerifierKey:
        """The key that signs a head of ``size`` entries."""
        return self.link_at(size).key

    def link_at(self, size: int) -> Link:
        """The same, with the entry that names the key."""
        return next(link for link in reversed(self.links) if link.index < max(size, 1))

    def under(self, size: int) -> Keychain:
        """The chain as the first ``size`` entries tell it."""
        links = tuple(link for link in self.links if link.index < max(size, 1))
        return Keychain(links, self.recovery, self.quorum)

    def successor(self, key: VerifierKey) -> Link | None:
        """What replaced ``key``, if it is one of this log and was."""
        return next((b for a, b in zip(self.links, self.links[1:], strict=False) if a.key == key), None)

    def authorised(self, authority: str, authorisation: str) -> Rotation:
        """What the authority that entry 0 pins authorised. Raises ``NoteError``."""
        # 1
        self.demand_authority()
        if authority == RECOVERY and self.recovery is not None:
            return rotation.by_recovery(authorisation, self.recovery)
        if authority == QUORUM and self.quorum is not None:
            return rotation.by_quorum(authorisation, self.quorum)
        raise NoteError(f"it was authorised by a {authority[:40]!r}, and entry 0 pins none")

    def demand_authority(self) -> None:
        """Raise ``NoteError`` where entry 0 pins nobody who may replace the key."""
        if self.recovery is None and self.quorum is None:
            raise NoteError("entry 0 pins neither a recovery key nor a quorum, so this log's key can never be replaced")

    def follow(self, index: int, statement: Statement) -> Keychain:
        """The chain with the key of the rotation entry ``index``. Raises ``NoteError`` where it cannot be one."""
        try:
            facts = statement.facts
            meant = self.authorised(facts["authority"], facts["authorisation"])  # 1
            if (facts["old"], facts["new"]) != (meant.old.text, meant.new.text):
                raise NoteError("it names other keys than were authorised")
            return self.extended(meant, index=index, signing=facts["signing"], authority=facts["authority"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NoteError(f"not a rotation ({type(error).__name__})", index=index) from error
        except AffidavitError as error:
            raise NoteError(f"the log's key cannot be replaced by this: {error.problem}", index=index) from error

    def extended(self, meant: Rotation, *, index: int, signing: str, authority: str) -> Keychain:
        """The chain where the entry ``index`` does what was authorised. Raises ``NoteError``."""
        if meant.old != self.newest:  # 2
            raise NoteError("it replaces another key than the log's present one")
        if any(meant.new.public == link.key.public for link in self.links):
            raise NoteError("the new key was a key of this log before")
        after = meant.after
        if not self.links[-1].index < after.size <= index:  # 3
            raise NoteError(
                f"it comes after a head of {after.size} entries, which the replaced key cannot have signed here"
            )
        return Keychain(
            (*self.links, Link(index, meant.new, str(signing), authority, after)), self.recovery, self.quorum
        )

    def author(self, policy: Policy, head: Note) -> str:
        """In words whose log it is by ``policy``, of which this is the newest ``head``; no witness is asked for.

        Witnesses seldom know the newest head: recording that they know one makes a newer one. Which head the quorum
        cosigned is for whoever reads the anchor entries to say (:mod:`affidavit.projections.anchoring`).

        A policy may name an earlier key: that signed a head over the entry which says who may replace it. Raises
        ``NoteError`` where the policy names no key of this log, or a signature by one of its keys does not hold.
        """
        named = next((link for link in reversed(self.links) if link.key in policy.logs), None)
        logs = policy.logs
        if named is not None:
            logs = (*(key for key in logs if key.name != self.origin), self.newest)
        endorsement = replace(policy, logs=logs, quorum=NONE).endorse(head)
        if endorsement.log != self.newest or named is None:
            raise NoteError("the policy names another key for this log than its entry 0 does")
        later = [link for link in self.links if link.index > named.index]
        replaced = f" was replaced {_steps(later)} that entry 0 pins" if later else ""
        return f"{self.origin}, whose key the policy names{replaced}"


def _steps(links: Iterable[Link]) -> str:
    return ", then ".join(f"at entry {link.index} under the {link.authority}" for link in links)

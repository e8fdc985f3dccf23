"""What honest people do with a ledger, in an order that a seed chose; whatever happens, nobody may call it broken."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from affidavit.errors import SignerUnavailable
from affidavit.evidence import Circumstances, Draft
from affidavit.evidence.erasing import decision, erasure, hash_of_first
from affidavit.evidence.naming import named_blobs
from affidavit.ledger import Ledger, verify
from affidavit.pipeline.verifying import examine
from affidavit.publish.bundle import Selection, write_bundle
from affidavit.publish.bundle_verification import verify_bundle
from affidavit.tlog.note import Note
from affidavit.tlog.policy import parse_policy
from bench.ledgers import draft
from tests import rotations
from tests.cheat.conftest import Place
from tests.conftest import NOON
from tests.conftest import Place as Spoilt
from tests.faults.story import validation
from tests.ledger.test_covering import SignerProcess
from tests.tampering.ground import anchor, policy_lines
from tests.verifier.conftest import VERIFIER

GROUND = "no-longer-needed"


class Hung(Exception):
    """The connection is lost, or the program is interrupted."""


@dataclass
class History:
    """A ledger in ``home``, or at ``url``; ``apart`` is its signer where that is a process of its own."""

    home: Path
    chance: Random
    alone: Callable[..., tuple[int, str]]
    apart: SignerProcess | None = None
    url: str | None = None
    now: datetime = NOON
    noted: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    number: int = 0

    @property
    def place(self) -> Place:
        return Place(self.url or f"sqlite:///{self.home}/ledger.db", self.home)

    def begin(self, template: Path | None = None) -> None:
        """Make it, or copy one that was just made."""
        if self.apart is None and template is not None:
            shutil.copytree(template, self.home)
            return
        self.home.mkdir()
        if self.apart is None:
            rotations.create(self.place).close()
            return
        with self.apart.running() as signer:
            Ledger.create(self.place.url, blobs=self.place.blobs, signer=signer, now=NOON).close()

    def write(self, stack: ExitStack) -> Ledger:
        if self.apart is None:
            return stack.enter_context(self.place.write())
        signer = stack.enter_context(self.apart.running())
        return stack.enter_context(Ledger.open(self.place.url, blobs=self.place.blobs, signer=signer))

    def live(self, steps: int) -> None:
        """So many sessions of a writer, each of some steps, and between them readers."""
        for _ in range(steps):
            with ExitStack() as stack:
                ledger = self.write(stack)
                for _ in range(self.chance.randrange(1, 4)):
                    self.now += timedelta(seconds=self.chance.randrange(3))
                    step = self.chance.choice(STEPS)
                    self.did.append(step.__name__)
                    step(self, ledger)
                self.noted.append(ledger.head().note)
            between = self.chance.choice(BETWEEN)
            self.did.append(between.__name__)
            between(self)

    def some(self) -> list[Draft]:
        """New facts, facts that are there already, and facts that supersede others."""
        count = self.chance.choice((1, 1, 2, 3, 9))
        return [draft(self.chance.randrange(30), version=self.chance.randrange(3)) for _ in range(count)]

    def judge(self, path: Path) -> None:
        """Everybody who can be asked says that it is intact, and what is asked for is proven."""
        with self.place.read() as ledger:
            chance, size = self.chance, ledger.head().size
            lines = policy_lines(ledger.keys.links[0].key.text, quorum="none")
            policy, note = parse_policy(lines), Note.parse(chance.choice(self.noted))
            done = examine(ledger, policy=policy, noted=note, processes=chance.choice((1, 1, 2)))
            assert done.established
            assert done.found.entries == size == ledger.stored()
            first = chance.randrange(size)
            entries = f"{first}-{chance.randrange(first, size)}" if chance.random() < 0.7 else None
            chosen = Selection.of(scope=None, entries=entries)
            verifier = VERIFIER.read_bytes()
            write_bundle(path, reader=ledger, prover=ledger, selection=chosen, verifier=verifier, since=note)
        assert verify_bundle(path, policy=policy, since=note).established
        noted, trusted, copy = path.with_name("noted"), path.with_name("policy"), path.with_name("copy.db")
        noted.write_text(note.whole)
        trusted.write_text(lines)
        places = [(path,)]
        if self.url is None:
            self.copy(copy)
            places.append((copy, "--blobs", self.place.blobs))
        for what in places:
            code, said = self.alone(*what, "--policy", trusted, "--since", noted)
            assert code == 0, said

    def copy(self, copy: Path) -> None:
        """The database as the verifier alone can read it."""
        with closing(sqlite3.connect(self.home / "ledger.db")) as there, closing(sqlite3.connect(copy)) as here:
            there.backup(here)
            here.execute("PRAGMA journal_mode=DELETE")


# In a session of a writer


def appends(history: History, ledger: Ledger) -> None:
    ledger.append(history.some(), now=history.now)


def appends_a_blob(history: History, ledger: Ledger) -> None:
    history.number += 1
    payload = b"%d" % history.number * 20
    made = validation(payload)
    made = replace(made, facts={**made.facts, "rows": history.number})
    [receipt] = ledger.append([made], now=history.now, blobs=[payload]).receipts
    history.blobs += named_blobs(ledger.entry(receipt.index).statement)


def is_interrupted_while_it_appends(history: History, ledger: Ledger) -> None:
    before = ledger.stored()

    def closing_draft(_):
        raise Hung

    with pytest.raises(Hung):
        ledger.append([draft(900 + before)], now=history.now, closing=closing_draft)
    assert ledger.stored() == before


def makes_the_same_call_again(history: History, ledger: Ledger) -> None:
    """The first answer was lost after COMMIT."""
    drafts = {each.statement.stream: each for each in history.some()}
    ledger.append(list(drafts.values()), now=history.now)
    assert set(ledger.append(list(drafts.values()), now=history.now).receipts) == {None}


def dies_before_it_remembers(history: History, ledger: Ledger) -> None:
    """The head is committed, and the signer's memory, or the database, does not hold it yet."""
    if history.apart is not None:
        return
    with pytest.MonkeyPatch.context() as patched:

        def die(_):
            raise Hung

        patched.setattr(ledger.signer, "remember", die)
        with pytest.raises(Hung):
            ledger.append([draft(2000 + ledger.stored())], now=history.now)


def is_anchored(history: History, ledger: Ledger) -> None:
    anchor(ledger)


def erases(history: History, ledger: Ledger) -> None:
    """Sometimes the process dies before the bytes are gone."""
    if not history.blobs:
        return
    digest, seen = history.blobs.pop(history.chance.randrange(len(history.blobs))), Circumstances(history.now)
    decided = decision(digest, scope="system:x", reason=GROUND, by="p-1", seen=seen)
    ledger.append([decided], now=history.now)
    done = erasure(digest, scope="system:x", reason=GROUND, decided=hash_of_first(decided), seen=seen)
    ledger.append([done], now=history.now)
    if history.chance.random() < 0.7:
        assert ledger.forget(digest)


def leaves_a_blob_that_nobody_names(history: History, ledger: Ledger) -> None:
    """A process died between the blob and the entry."""
    data = history.chance.randbytes(50)
    ledger._blobs.put(data)
    assert ledger.has_blob(sha256(data).hexdigest())


def verifies(history: History, ledger: Ledger) -> None:
    verify(ledger, processes=history.chance.choice((1, 2)))


STEPS = [
    appends,
    appends,
    appends_a_blob,
    is_interrupted_while_it_appends,
    makes_the_same_call_again,
    dies_before_it_remembers,
    is_anchored,
    erases,
    leaves_a_blob_that_nobody_names,
    verifies,
]

# Between two sessions


def nothing(history: History) -> None:
    pass


def replaces_the_key(history: History) -> None:
    if history.apart is None:
        meant = rotations.asked(history.place)
        by_recovery = history.chance.random() < 0.5
        signed = rotations.rotation.sign(meant, rotations.RECOVERY) if by_recovery else rotations.cosigned(meant)
        rotations.apply(history.place, signed, now=history.now)


def rebuilds(history: History) -> None:
    """What is derived was lost, or spoilt."""
    zeros = "decode(repeat('00', 32), 'hex')" if history.url else "zeroblob(32)"
    lost = [
        "DELETE FROM nodes",
        "DELETE FROM nodes WHERE level = 2",
        "UPDATE entries SET scope = 'x', kind = 'y'",
        f'UPDATE entries SET leaf_hash = {zeros} WHERE "index" % 3 = 1',
        f"UPDATE checkpoints SET time = 0, root = {zeros}",
    ]
    Spoilt(history.place.url, history.home).spoil(history.chance.choice(lost))
    with ExitStack() as stack:
        history.write(stack).rebuild()


def loses_its_signer_for_a_while(history: History) -> None:
    """The entries are stored, and nobody is told of them; the next writer has them covered."""
    if history.apart is None:
        return
    with history.apart.running() as signer:
        ledger = Ledger.open(history.place.url, blobs=history.place.blobs, signer=signer)
    with ledger, pytest.raises(SignerUnavailable):
        ledger.append([draft(5000 + ledger.stored())], now=history.now)
    with ExitStack() as stack:
        history.write(stack).append([], now=history.now)


BETWEEN = [nothing, nothing, replaces_the_key, rebuilds, loses_its_signer_for_a_while]

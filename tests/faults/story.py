"""What a writer does while things go wrong: always the same, so that any run can be held against an honest one.

Nothing in a statement depends on the clock or on chance. However often a run was cut off and gone on with, its ledger
must end with the leaves of a run that nothing happened to.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from affidavit.errors import AffidavitError
from affidavit.evidence import Circumstances, Collector, Draft, Origin, Stage, Subject, kinds, system_scope
from affidavit.inventory import from_environment
from affidavit.ledger import Appended, Ledger, LocalSigner, RemoteSigner
from affidavit.pipeline import rotating
from affidavit.pipeline.workplace import Workplace
from affidavit.settings import Settings
from affidavit.tlog.note import SigningKey
from affidavit.tlog.policy import Policy, parse_policy
from affidavit.witness.client import WitnessClient
from bench.ledgers import NOW, draft

ATTEMPTS = 3
"""How often the writer makes a call before it gives up."""


@dataclass(frozen=True)
class Place:
    """A ledger at ``url`` (None: an SQLite file), everything else below ``disk``; ``socket`` of a signer of its own."""

    disk: Path
    url: str | None = None
    socket: str | None = None

    @property
    def database(self) -> str:
        return self.url or f"sqlite:///{self.disk}/db/ledger.db"

    @property
    def blobs(self) -> str:
        return str(self.disk / "blobs")

    @property
    def key(self) -> Path:
        return self.disk / "keys" / "ledger.key"

    def signer(self) -> LocalSigner | RemoteSigner:
        return RemoteSigner.ask(WitnessClient(f"unix://{self.socket}")) if self.socket else LocalSigner.load(self.key)

    def create(self) -> Ledger:
        return Ledger.create(self.database, blobs=self.blobs, signer=self.signer(), now=NOW)

    def write(self) -> Ledger:
        """Open it to write. SQLite's log is carried over every few pages, which otherwise takes a thousand."""
        ledger = Ledger.open(self.database, blobs=self.blobs, signer=self.signer())
        if self.url is None:
            ledger._engine.dispose()
            sa.event.listen(ledger._engine, "connect", lambda each, _: each.execute("PRAGMA wal_autocheckpoint = 8"))
        return ledger

    def read(self) -> Ledger:
        return Ledger.open(self.database, blobs=self.blobs)

    def policy(self) -> Policy:
        """What an auditor was given: the key's public part."""
        public = SigningKey.parse(self.key.read_text().strip()).public
        return parse_policy(f"log {public.text}\nquorum none\n")


def validation(details: bytes) -> Draft:
    """A validation whose details are a blob."""
    facts = {
        "result": "PASSED",
        "configuration": [{"name": "expectations/a.yaml", "digest": {"sha256": "0" * 64}}],
        "passedTests": ["t"],
        "warnedTests": [],
        "failedTests": [],
        "dataset": "d",
        "suite": "a",
        "rows": 3,
        "carried": 0,
        "failed": [],
        "details": {"digest": {"sha256": hashlib.sha256(details).hexdigest()}, "media_type": "application/json"},
    }
    return Draft(
        kind=kinds.VALIDATION,
        scope=system_scope("x"),
        stage=Stage.DATA,
        origin=Origin.OBSERVED,
        subjects=(Subject("warehouse://bank/a", "1" * 64),),
        facts=facts,
        collector=Collector("table:a", "0"),
        seen=Circumstances(NOW),
    )


def _blob(ledger: Ledger) -> Appended:
    return ledger.append([validation(b"first" * 999)], now=NOW, blobs=[b"first" * 999])


def _closed(ledger: Ledger) -> Appended:
    return ledger.append([draft(1), draft(2), draft(3)], now=NOW, closing=lambda _: draft(1000))


def _superseded(ledger: Ledger) -> Appended:
    return ledger.append([draft(1, version=1), draft(2)], now=NOW)


def _many(ledger: Ledger) -> Appended:
    return ledger.append([draft(number) for number in range(10, 30)], now=NOW)


def _both(ledger: Ledger) -> Appended:
    return ledger.append([validation(b"second" * 99), draft(1, version=2)], now=NOW, blobs=[b"second" * 99, b"third"])


def _newer(ledger: Ledger) -> Appended:
    return ledger.append([draft(2, version=1), draft(3, version=1), draft(31)], now=NOW)


def _alone(ledger: Ledger) -> Appended:
    return ledger.append([draft(32)], now=NOW)


STEPS: tuple[Callable[[Ledger], Appended] | None, ...] = (
    _blob,
    _closed,
    _superseded,
    _many,
    None,
    _both,
    _newer,
    _alone,
)
"""The calls of the story; None closes the ledger and opens it again."""


def alone(name: int, step: int) -> list[Draft]:
    """What the writer number ``name`` of several appends in its call ``step``: up to three statements of its own."""
    return [draft((name + 1) * 1_000_000 + step * 10 + each) for each in range(1 + step % 3)]


def receipts(appended: Appended) -> Iterator[tuple[int, str]]:
    """(index, leaf hash) of what was acknowledged."""
    for receipt in (*appended.receipts, appended.closing):
        if receipt is not None:
            yield receipt.index, receipt.leaf_hash.hex()


class Told:
    """Writes down what the writer was told, one line each, at once; a line that is cut off was not told."""

    def __init__(self, path: Path, mark: Callable[[str], None] = lambda _: None) -> None:
        self._out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._mark = mark

    def say(self, step: int, **what: object) -> None:
        line = json.dumps({"step": step, **what})
        self._mark(line)
        os.write(self._out, line.encode() + b"\n")

    def appended(self, step: int, appended: Appended | None) -> None:
        if appended is None:
            self.say(step, entries=[], head=None)
        else:
            head = [appended.head.size, appended.head.root.hex()]
            self.say(step, entries=list(receipts(appended)), head=head)


def heard(path: Path) -> list[dict]:
    """The whole lines of :class:`Told`."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def run(place: Place, told: Told, *, first: int = 0, attempts: int = ATTEMPTS) -> None:
    """The story from step ``first`` on, each call made again where it fails."""
    ledger = _tried(first, told, attempts, place.write)
    for number, step in list(enumerate(STEPS))[first:]:
        if step is None:
            ledger.close()
            ledger = _tried(number, told, attempts, place.write)
            told.appended(number, None)
        else:
            told.appended(number, _tried(number, told, attempts, partial(step, ledger)))
    ledger.close()


def rotate(place: Place, told: Told) -> None:
    """Put the key that was asked for in the present one's place, by the authorisation that lies beside it."""
    where = {"LEDGER_URL": place.database, "BLOBS_URL": place.blobs, "KEY_FILE": str(place.key)}
    settings = Settings.read({f"AFFIDAVIT_{name}": value for name, value in where.items()}, place.disk)
    authorised = (place.disk / "authorised.txt").read_text()
    index, key = rotating.apply(Workplace(settings, from_environment({})), authorised, now=NOW)
    told.say(0, rotated=index, key=key.text)


def next_step(lines: Sequence[dict]) -> int:
    """The first step that was not acknowledged."""
    return 1 + max((line["step"] for line in lines if "entries" in line), default=-1)


def _tried(step: int, told: Told, attempts: int, call: Callable[[], object]):
    for left in reversed(range(attempts)):
        try:
            return call()
        except AffidavitError as error:
            told.say(step, error=type(error).__name__, text=error.text, ours=True)
            if not left:
                raise
        except Exception as error:
            told.say(step, error=type(error).__name__, text=str(error), ours=False)
            raise
    return None

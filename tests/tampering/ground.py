"""An honest ledger of all that there can be, and somebody who owns its database and its blobs."""

import hashlib
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from affidavit.anchor.evidence import Anchored, body
from affidavit.errors import AffidavitError
from affidavit.evidence import Circumstances, Statement
from affidavit.evidence.erasing import decision, erasure, hash_of_first
from affidavit.ledger import Ledger
from affidavit.ledger.tables import DERIVED, derived
from affidavit.pipeline.verifying import Examined, examine
from affidavit.projections.anchoring import WITNESS
from affidavit.tlog import cosignature
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.policy import Policy, parse_policy
from affidavit.tlog.tree import Frontier
from tests import rotations
from tests.cheat.conftest import Place
from tests.conftest import NOON
from tests.faults.story import validation
from tests.rotations import WITNESSES

DAYS = 2
LATER = NOON + timedelta(days=DAYS + 1)
HEADS = ("size", "previous", "root", "time", "note")
REBUILT = {
    "entries": ("index", "leaf", *DERIVED),
    "nodes": ("level", "index", "hash"),
    "checkpoints": HEADS,
}
"""The tables with their columns, as whoever owns the database can make them anew without any constraint."""


def build(place: Place) -> None:
    """Every kind of statement, streams that go on, blobs, one of them erased, a cosigned head and a replaced key."""
    rotations.create(place).close()
    place.tell(range(DAYS))
    payloads = [b"details %d " % number * 9 for number in range(4)]
    digests = [hashlib.sha256(payload).hexdigest() for payload in payloads]
    with place.write() as ledger:
        drafts = [validation(payload) for payload in payloads]
        drafts = [replace(draft, facts={**draft.facts, "rows": rows}) for rows, draft in enumerate(drafts)]
        ledger.append(drafts, now=LATER, blobs=payloads)
        anchor(ledger)
    rotations.rotate(place, now=LATER)
    with place.write() as ledger:
        seen = Circumstances(LATER)
        decided = decision(digests[0], scope="system:x", reason="no-longer-needed", by="p-1", seen=seen)
        ledger.append([decided], now=LATER)
        rest = {"scope": "system:x", "reason": "no-longer-needed", "decided": hash_of_first(decided), "seen": seen}
        ledger.append([erasure(digests[0], **rest)], now=LATER)
        ledger.forget(digests[0])
        drafts = [replace(draft, facts={**draft.facts, "rows": rows}) for rows, draft in enumerate(drafts[1:], 9)]
        ledger.append(drafts, now=LATER + timedelta(hours=1))


def anchor(ledger: Ledger) -> None:
    """Two of the three witnesses cosign the newest head."""
    head = ledger.head()
    for number, key in enumerate(WITNESSES[:2], 1):
        line = cosignature.cosign(body(head), key, time=int(LATER.timestamp()) + number).line + "\n"
        made = Anchored(f"w{number}", WITNESS, f"https://w{number}.example", head, LATER, cosignature=line)
        ledger.append([made.draft(Circumstances(LATER))], now=LATER)


def policy_lines(key: str, *, quorum: str = "two") -> str:
    """What an auditor brings along: the log's key, three witnesses, and two of them at the least."""
    lines = [f"witness w{number} {each.public.text}" for number, each in enumerate(WITNESSES, 1)]
    return "\n".join([f"log {key}", *lines, "group two 2 w1 w2 w3", f"quorum {quorum}", ""])


@dataclass
class Owner:
    """Owns the database and the blobs of a copy in ``home``, and starts each time from the honest one.

    ``loose`` tells whether the tables were made anew without keys, types and NOT NULL: the schema is its own too.
    """

    home: Path
    place: Place
    loose: bool = False
    leaves: list[bytes] = field(default_factory=list)
    rows: list[tuple] = field(default_factory=list)
    nodes: list[tuple[int, int, bytes]] = field(default_factory=list)
    heads: list[tuple] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, ground: Place, home: Path) -> "Owner":
        """The owner of a copy of the SQLite ledger at ``ground``, in ``home``."""
        owner = cls(home, Place(f"sqlite:///{home}/ledger.db", home))
        owner._take(ground)
        strict, loose = home / "strict", home / "loose"
        with sqlite3.connect(ground.home / "ledger.db") as there, sqlite3.connect(strict) as here:
            there.backup(here)
            here.execute("PRAGMA journal_mode=DELETE")
        there.close()
        for (name,) in here.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            here.execute(f"DROP TRIGGER {name}")
        here.commit()
        here.close()
        shutil.copy(strict, loose)
        with sqlite3.connect(loose) as here:
            for table, columns in REBUILT.items():
                names = ", ".join(f'"{name}"' for name in columns)
                here.execute(f"CREATE TABLE loose ({names})")
                here.execute(f"INSERT INTO loose SELECT {names} FROM {table}")
                here.execute(f"DROP TABLE {table}")
                here.execute(f"ALTER TABLE loose RENAME TO {table}")
        here.close()
        owner._honest = {False: strict.read_bytes(), True: loose.read_bytes()}
        return owner

    def _take(self, ground: Place) -> None:
        self._keep = ground.home / "blobs"
        self.blobs = {path.name: path.read_bytes() for path in self._keep.rglob("*") if path.is_file()}
        shutil.copytree(self._keep, self.home / "blobs")
        with ground.read() as ledger:
            self.key = ledger.key.text
            with ledger.snapshot() as connection:
                ask = lambda text: [tuple(row) for row in connection.execute(sa.text(text))]  # noqa: E731
                columns = ", ".join(DERIVED)
                rows = ask(f'SELECT "index", leaf, {columns} FROM entries ORDER BY "index"')
                self.rows = [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in rows]
                self.nodes = ask('SELECT level, "index", hash FROM nodes ORDER BY level, "index"')
                self.heads = ask(f"SELECT {', '.join(HEADS)} FROM checkpoints ORDER BY size")
        self.leaves = [row[1] for row in self.rows]

    @property
    def policy(self) -> Policy:
        return parse_policy(policy_lines(self.key))

    @property
    def size(self) -> int:
        return len(self.rows)

    @property
    def rotation(self) -> int:
        """The entry that replaced the key."""
        return next(row[0] for row in self.rows if row[2 + DERIVED.index("kind")] == "key-rotation")

    def restore(self, *, loose: bool = False) -> None:
        self.loose = loose
        (self.home / "ledger.db").write_bytes(self._honest[loose])

    def restore_blobs(self) -> None:
        shutil.rmtree(self.home / "blobs")
        shutil.copytree(self._keep, self.home / "blobs")

    def do(self, *statements: str | tuple[str, Sequence[Any]]) -> None:
        """Run statements, each alone or with its values, in one transaction."""
        connection = sqlite3.connect(self.home / "ledger.db", isolation_level=None)
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("BEGIN")
        for each in statements:
            statement, values = (each, ()) if isinstance(each, str) else each
            connection.execute(statement, tuple(values))
        connection.execute("COMMIT")
        connection.close()

    def ours(self) -> AffidavitError | Examined:
        """What ``affidavit verify --policy`` finds."""
        try:
            with self.place.read() as ledger:
                return examine(ledger, policy=self.policy)
        except AffidavitError as error:
            return error

    def blob(self, digest: str) -> Path:
        return self.home / "blobs" / digest[:2] / digest

    def covering(self, index: int) -> int:
        """The size of the first head that covers an entry."""
        return next(head[0] for head in self.heads if head[0] > index)

    # What can be repaired without the key

    def put(self, index: int, leaf: Any, *, repair: int = 0) -> list[tuple[str, Sequence[Any]]]:
        """Statements that write a leaf, and repair 1 its hash, 2 every derived column, 3 all nodes too."""
        changes = {"leaf": leaf}
        if repair >= 1:
            changes["leaf_hash"] = leaf_hash(leaf)
        if repair >= 2 and (whole := derived_of(leaf)):
            changes |= whole
        sets = ", ".join(f"{name} = ?" for name in changes)
        written = [(f'UPDATE entries SET {sets} WHERE "index" = ?', (*changes.values(), index))]
        if repair >= 3:
            leaves = list(self.leaves)
            leaves[index] = leaf
            written += regrown(leaves)
        return written


def derived_of(leaf: bytes) -> dict[str, Any] | None:
    """Every derived column of a leaf; None where it cannot be read."""
    try:
        statement = Statement.parse(leaf)
        digest = leaf_hash(leaf)
        return dict(zip(DERIVED, derived(statement, leaf_hash=digest, supersedes=statement.supersedes), strict=True))
    except (AffidavitError, KeyError, TypeError, ValueError, AttributeError):
        return None


def regrown(leaves: Sequence[bytes]) -> list[tuple[str, Sequence[Any]]]:
    """Statements that make all nodes those of other leaves."""
    edge, written = Frontier(), [("DELETE FROM nodes", ())]
    for leaf in leaves:
        for (level, index), digest in edge.append(leaf_hash(leaf)):
            written.append((f"INSERT INTO nodes VALUES ({level}, {index}, ?)", (digest,)))
    return written

"""A forger's workshop: a ledger's rows, written by hand with everything repaired that needs no key.

It shares no code with whatever appends or verifies, only the hashes (RFC 6962), the notes (C2SP) and how a statement's
columns follow from it.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affidavit.cheat.attacks.attack import Unfit
from affidavit.evidence import Statement, dumps
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.note import Note, SigningKey
from affidavit.tlog.tree import Frontier

Document = dict[str, Any]


@dataclass(frozen=True)
class Signed:
    """A signed head: its note, and the time (POSIX seconds) that it claims."""

    note: str
    time: int

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says."""
        return Checkpoint.parse(Note.parse(self.note).text)

    def resized(self, size: int) -> Signed:
        """A head of another size, for which nobody signed yet."""
        note, old = Note.parse(self.note), self.checkpoint
        return Signed(Note(Checkpoint(old.origin, size, old.root).text, note.signatures).whole, self.time)


class Forgery:
    """The leaves and heads of a database, to be changed in memory and written back."""

    def __init__(self, database: Path) -> None:
        self.database = database
        with closing(sqlite3.connect(database)) as connection:
            self.leaves: list[bytes] = [
                row[0] for row in connection.execute('SELECT leaf FROM entries ORDER BY "index"')
            ]
            self.heads = [
                Signed(*row) for row in connection.execute("SELECT note, time FROM checkpoints ORDER BY size")
            ]
        self._was = (list(self.leaves), list(self.heads))

    @property
    def documents(self) -> list[Document]:
        """The leaves, read as any lenient parser reads them."""
        return [json.loads(leaf) for leaf in self.leaves]

    @property
    def free(self) -> int:
        """The first index that no replacement of the log's key is bound to: it names a head of what stands before."""
        rotations = [index for index, each in enumerate(self.documents) if kind_of(each) == "key-rotation"]
        return 1 + max(rotations, default=0)

    def chain(self, documents: Sequence[Document]) -> None:
        """Make these the leaves, each superseding the one before it in its stream, each basis naming a root there is.

        A document that then says what it said keeps its bytes.
        """
        latest: dict[bytes, bytes] = {}
        roots: list[bytes] = [Frontier().root()]
        edge = Frontier()
        old = {leaf_hash(leaf): leaf for leaf in self._was[0]}
        spelled = {dumps(json.loads(leaf)): leaf for leaf in old.values()}
        self.leaves = []
        for document in documents:
            header = header_of(document)
            stream = Statement(document).stream
            header["supersedes"] = latest[stream].hex() if stream in latest else None
            if header.get("basis") and header["basis"]["size"] < len(roots):
                header["basis"]["root"] = roots[header["basis"]["size"]].hex()
            leaf = dumps(document)
            leaf = spelled.get(leaf, leaf)
            latest[stream] = leaf_hash(leaf)
            self.leaves.append(leaf)
            edge.append(latest[stream])
            roots.append(edge.root())

    def leave_out(self, kind: str) -> None:
        """Take every entry of a kind out; each head then covers what is left of what it covered."""
        documents = self.documents
        kept = [index for index, document in enumerate(documents) if kind_of(document) != kind]
        self.chain([documents[index] for index in kept])
        sizes = [bisect_left(kept, head.checkpoint.size) for head in self.heads]
        self.heads = [head.resized(size) for head, size in zip(self.heads, sizes, strict=True)]

    def sign(self, key: SigningKey) -> None:
        """Sign each head anew over the present leaves, at the time that it had."""
        roots = roots_of(self.leaves)
        sizes = {head.checkpoint.size: head.time for head in self.heads}
        self.heads = [signed(key, size, roots[size], time) for size, time in sizes.items()]

    def append(self, documents: Sequence[Document], key: SigningKey, *, time: int) -> None:
        """Append as the signing process would, under one more head."""
        self.chain([*self.documents, *documents])
        size = len(self.leaves)
        self.heads.append(signed(key, size, roots_of(self.leaves)[size], time))

    def cover_again(self) -> None:
        """Write the present roots into the notes, under the signatures that are there."""
        roots = roots_of(self.leaves)
        made = []
        for head in self.heads:
            note, old = Note.parse(head.note), head.checkpoint
            text = Checkpoint(old.origin, old.size, roots[old.size], old.extensions).text
            made.append(Signed(Note(text, note.signatures).whole, head.time))
        self.heads = made

    def write(self, *, twice: bool = False) -> None:
        """Write leaves, heads and all that follows from them; ``twice`` allows an identity to stand twice.

        Raises ``Unfit`` where nothing was changed: an attack that does nothing would seem to be missed.
        """
        if (self.leaves, self.heads) == self._was:
            raise Unfit("there is nothing in it to change")
        with closing(sqlite3.connect(self.database)) as connection, connection:
            drop_triggers(connection)
            if twice:
                _allow_twice(connection)
            for table in ("entries", "nodes", "checkpoints"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            self._write_leaves(connection)
            self._write_heads(connection)

    def write_over(self) -> None:
        """Replace each row where it stands, with every trigger there: SQLite fires none for a row that is replaced."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("PRAGMA recursive_triggers = OFF")
            self._write_leaves(connection)

    def _write_leaves(self, connection: sqlite3.Connection) -> None:
        entries, nodes = _rows(self.leaves)
        connection.executemany(f"INSERT OR REPLACE INTO entries ({_COLUMNS}) VALUES ({_PLACES})", entries)  # noqa: S608
        connection.executemany('INSERT OR REPLACE INTO nodes (level, "index", hash) VALUES (?, ?, ?)', nodes)

    def _write_heads(self, connection: sqlite3.Connection) -> None:
        before = 0
        for head in self.heads:
            checkpoint = head.checkpoint
            row = (checkpoint.size, before, checkpoint.root, head.time, head.note)
            connection.execute("INSERT INTO checkpoints (size, previous, root, time, note) VALUES (?, ?, ?, ?, ?)", row)
            before = checkpoint.size


def header_of(document: Document) -> Document:
    """The statement's header, at whichever level it stands."""
    return own_of(document)["header"]  # type: ignore[no-any-return]


def own_of(document: Document) -> Document:
    """The part of the predicate that is ours."""
    predicate: Document = document["predicate"]
    return predicate if "header" in predicate else predicate["affidavit"]


def kind_of(document: Document) -> str:
    """The name of the kind."""
    return Statement(document).kind


def find(documents: Sequence[Document], wanted: Callable[[Document], bool], what: str, *, start: int = 1) -> int:
    """The last index from ``start`` on of a document that is ``wanted``. Raises ``Unfit`` where there is none."""
    for index in range(len(documents) - 1, start - 1, -1):
        if wanted(documents[index]):
            return index
    raise Unfit(f"it holds no {what}")


def falsify(document: Document) -> str:
    """Change what a statement says, as plausibly as its kind allows; returns the change in words."""
    facts = own_of(document)
    if "result" in document["predicate"]:
        was = document["predicate"]["result"]
        document["predicate"]["result"] = "FAILED" if was == "PASSED" else "PASSED"
        return f"result {was} became {document['predicate']['result']}"
    if isinstance(facts.get("rows"), int):
        facts["rows"] += 1000
        return "1000 rows more than there were"
    if facts.get("metrics"):
        name = min(facts["metrics"])
        facts["metrics"][name] = 0.999
        return f"metric {name} became 0.999"
    header = facts["header"]
    header["observed_at"] = header["observed_at"].replace("20", "19", 1)
    return "its time of observation moved by a century"


def signed(key: SigningKey, size: int, root: bytes, time: int) -> Signed:
    """A head as the log's key signs it."""
    text = Checkpoint(key.name, size, root).text
    return Signed(Note(text, (cosignature.cosign(text, key, time=time),)).whole, time)


def drop_triggers(connection: sqlite3.Connection) -> None:
    """Take the guards away, as the owner of a database can."""
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')


_NAMES = (
    "index",
    "leaf",
    "leaf_hash",
    "stream",
    "supersedes",
    "facts_digest",
    "identity",
    "kind",
    "scope",
    "subject",
    "observed_at",
)
_COLUMNS = ", ".join(f'"{name}"' for name in _NAMES)
_PLACES = ", ".join("?" * len(_NAMES))


def _rows(leaves: Sequence[bytes]) -> tuple[list[tuple[Any, ...]], list[tuple[int, int, bytes]]]:
    edge, entries, nodes = Frontier(), [], []
    for index, leaf in enumerate(leaves):
        statement, digest = Statement(json.loads(leaf)), leaf_hash(leaf)
        about = (statement.kind, statement.scope, statement.subject.name, statement.observed_at)
        chain = (statement.stream, statement.supersedes, statement.facts_digest, statement.identity)
        entries.append((index, leaf, digest, *chain, *about))
        nodes += [(level, place, each) for (level, place), each in edge.append(digest)]
    return entries, nodes


def roots_of(leaves: Sequence[bytes]) -> list[bytes]:
    """The root of each size from 0 on."""
    edge = Frontier()
    roots = [edge.root()]
    for leaf in leaves:
        edge.append(leaf_hash(leaf))
        roots.append(edge.root())
    return roots


def _allow_twice(connection: sqlite3.Connection) -> None:
    """Make the table of entries anew, without the constraint that an identity stands once."""
    [(made,)] = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'entries'").fetchall()
    indexes = connection.execute(
        "SELECT sql FROM sqlite_master WHERE tbl_name = 'entries' AND type = 'index'"
    ).fetchall()
    connection.execute("DROP TABLE entries")
    connection.execute(made.replace("UNIQUE (identity)", "CHECK (TRUE)"))
    for (index,) in indexes:
        if index:
            connection.execute(index)

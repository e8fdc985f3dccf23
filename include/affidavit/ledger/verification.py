"""Verification of a whole ledger, in one pass and constant memory.

The steps, whose numbers the code repeats:

1. The schema is the present one, and entry 0 is a genesis statement that pins a key whose name is the origin.
2. Entries are numbered 0, 1, 2, … without gaps, and every leaf reads as a statement (strict JSON: no two readers can
   read it differently). A leaf of an unknown kind is counted and counts for nothing.
3. Every leaf leads to the signed root: the tree is grown from the leaves alone.
4. Every head is one that the log's key signed, over the root that the leaves lead to; it names the head before it,
   and its time is not before that one's. Entries beyond the last head are counted: nobody was told of them yet. The key
   is the pinned one, or what an entry before the head put in its place: by the authority that entry 0 pins, and after a
   head of this log (:mod:`affidavit.evidence.keychain`).
5. Every derived column holds what the leaf, or the note, says.
6. Every complete node is stored once, with the hash that the leaves lead to, and no other node is.
7. Within a stream every entry supersedes the one before it and says something else. (Asked of the database: the
   columns it reads were compared with the leaves in step 5, so this tests the writer, not the database.)
8. Every blob that an entry names is there, with the bytes whose digest the entry holds; or a later entry under the
   newest head says that it was erased. Each such entry is one that may be (:mod:`affidavit.projections.erasures`).
   Bytes that are still there after their erasure was recorded are counted: somebody has yet to remove them.
9. Every assessment, and every decision, that names the head before it from which it was judged names one of this log.
10. An SQLite file holds together (``PRAGMA integrity_check``): entries are also asked for by index, and an index can be
    made that hides some.

This shows that a ledger is consistent with itself, and no more. Whose it is, and what outsiders know of it, takes a
policy: :func:`affidavit.pipeline.verifying.examine` gives the whole verdict.

A leaf that is not in canonical form is not an error of its own: what was signed are its bytes, and step 2 leaves one
way to read them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from affidavit.errors import BlobAbsent, IntegrityError, NoteError
from affidavit.evidence import kinds
from affidavit.evidence.keychain import Keychain
from affidavit.ledger import bases, checking, erasures, keychain, log, scanning
from affidavit.ledger.blobs import Blobs
from affidavit.ledger.checking import Page
from affidavit.ledger.erasures import Erasing
from affidavit.ledger.log import REBUILD, head_of
from affidavit.ledger.places import shown
from affidavit.ledger.scanning import Scanned
from affidavit.ledger.tables import entries, nodes
from affidavit.projections.erasures import Erased
from affidavit.projections.reader import Head
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import Note, VerifierKey
from affidavit.tlog.tree import Frontier, Node

if TYPE_CHECKING:
    from affidavit.ledger.ledger import Ledger

RESTORE = "restore the ledger from a copy, and find out who changed it"


@dataclass(frozen=True)
class Verification:
    """What a whole and unchanged ledger was found to be.

    ``demonstrations`` are texts with the number of entries marked so, to be said first; ``keys`` are those that the
    log says it has, which proves nothing, and ``signing`` where the newest is declared to work. ``erased`` are the
    blobs that were erased as they may be, of ``lingering`` ones the bytes are still there. ``uncovered`` entries stand
    beyond the newest head: nobody was told of them yet, and nothing but their own hashes was checked.
    """

    head: Head
    entries: int
    heads: int
    blobs: int
    unknown: int
    uncovered: int
    erased: tuple[Erased, ...]
    lingering: tuple[Erased, ...]
    demonstrations: Mapping[str, int]
    keys: Keychain
    signing: str


def verify(ledger: Ledger, *, processes: int = 1) -> Verification:
    """Verify everything, in so many processes; see the module's docstring for the steps.

    Raises ``IntegrityError`` that names the first bad object and, for one entry, its index.
    """
    with ledger.snapshot() as connection:
        walk = _Walk(connection, ledger)
        head = walk.run(processes)
        _no_extra_nodes(connection, walk.edge.size)
        _streams_chain(connection, walk.first)
        erasing = walk.judge_erasures(head)
        bases.judge(connection, size=head.size)  # 9
        _holds_together(connection)
    keys = walk.keys.under(head.size)
    return Verification(
        head=head,
        entries=head.size,
        heads=walk.heads,
        blobs=walk.blobs,
        unknown=walk.unknown,
        uncovered=walk.edge.size - head.size,
        erased=erasing.erased,
        lingering=erasing.lingering,
        demonstrations=dict(walk.demonstrations),
        keys=keys,
        signing=f"{keys.links[-1].signing} (declared in entry {keys.links[-1].index})",
    )


class _Walk:
    """Steps 1 to 6 and 8: pages that are all right as a whole, and any other entry by entry.

    What is wrong with derived data is held back until the next head: only that tells whether the leaf or what was
    derived from it is the one that was changed.
    """

    def __init__(self, connection: Connection, ledger: Ledger) -> None:
        self.connection = connection
        self.ledger = ledger
        self.read = keychain.read(connection)
        self.keys = self.read.under(1)
        self.edge = Frontier()
        self.heads = self.blobs = self.unknown = self.first = 0
        self.demonstrations: Counter[str] = Counter()
        self.last: Head | None = None
        self.changed: int | None = None
        self.suspect: int | None = None
        self.between: tuple[int, int] | None = None
        self.finding: IntegrityError | None = None
        self.erased = erasures.claimed(connection)
        self.absent: IntegrityError | None = None

    def run(self, processes: int) -> Head:
        size = log.size(self.connection)
        place = replace(self.ledger.place(), keys=self.read.pairs)
        for page in checking.pages(self.connection, place, size=size, processes=processes):
            start, stop = self.edge.size, min(size, self.edge.size + checking.PAGE)
            # Rotations were found by a column that may be spoilt: here the leaves tell.
            if page is None or self.read.at(start) != self.keys.newest:
                self._closely(start, stop)
            else:
                self._page(page, start, stop)
        head, stranger = scanning.beyond(self.connection, size)
        if head is not None:
            # 2: an entry that a head covers is gone
            self._named_size(head)
            raise IntegrityError(f"entry {size}: absent", index=size, fix=RESTORE)
        if stranger is not None:
            # 2
            raise IntegrityError(f"entry {stranger[0]!r}: an index that cannot be", fix=RESTORE)
        if self.last is None:
            # 4
            raise IntegrityError("entry 0: no signed head covers it", index=0, fix=RESTORE)
        if self.finding is not None:
            raise self.finding
        return self.last

    def _page(self, page: Page, start: int, stop: int) -> None:
        before = self.edge.copy()
        there = scanning.stored_nodes(self.connection, start, stop, levels=range(checking.PAGE_LEVEL + 1, 63))
        self._nodes(self.edge.extend(page.edge), there)  # 3
        for head, previous, part in page.heads:
            edge = before.copy()
            edge.extend(part)
            self._follows(head, previous, edge)
        self.unknown += page.unknown
        self.blobs += page.blobs
        for digest, index in page.absent:
            self._gone(index, digest)
        self.first += page.first
        self.demonstrations.update(page.demonstrations)

    def _closely(self, start: int, stop: int) -> None:
        nodes_there = scanning.stored_nodes(self.connection, start, stop)
        rows = scanning.heads(self.connection, after=start, upto=stop)
        row = next(rows, None)
        for entry in scanning.page(self.connection, start, stop):
            self._entry(entry, nodes_there)
            while row is not None and row.size <= self.edge.size:
                self._head(row)
                row = next(rows, None)

    def _entry(self, entry: Scanned, nodes_there: Mapping[Node, bytes]) -> None:
        statement = entry.statement
        if entry.index == 0 and statement.kind != kinds.GENESIS.name:  # 1
            raise IntegrityError("entry 0: not a genesis entry", index=0, fix=RESTORE)
        if statement.kind == kinds.KEY_ROTATION.name:  # 4
            self._rotation(entry)
        if not statement.known:  # 2
            self.unknown += 1
        if statement.supersedes is None:
            self.first += 1
        if statement.demonstration is not None:
            self.demonstrations[str(statement.demonstration)] += 1
        self._columns(entry)
        self._nodes(self.edge.append(entry.leaf_hash), nodes_there)  # 3
        for digest in entry.blobs:  # 8
            self._blob(entry.index, digest)

    def _rotation(self, entry: Scanned) -> None:
        # 4
        try:
            self.keys = self.keys.follow(entry.index, entry.statement)
            keychain.comes_after(self.connection, self.keys)
        except IntegrityError as error:
            # What was found before may be why; the nodes under that head were compared with the leaves by now.
            raise self.finding or IntegrityError(
                f"entry {entry.index}: {error.problem}", index=entry.index, fix=RESTORE
            ) from error

    def _columns(self, entry: Scanned) -> None:
        # 5
        if entry.stored == entry.derived:
            return
        column = entry.wrong()[0]
        if self.suspect is None:
            self.suspect = entry.index
        if column == "leaf_hash" and self.changed is None:
            self.changed = entry.index
        self._hold(_derived(f"table entries, row {entry.index}, column {column}", index=entry.index))

    def _nodes(self, completed: Sequence[tuple[Node, bytes]], there: Mapping[Node, bytes]) -> None:
        # 6
        for node, digest in completed:
            if there.get(node) != digest:
                level, index = node
                if self.between is None:
                    self.between = (index << level, (index + 1) << level)
                state = "absent" if node not in there else "not what the leaves lead to"
                where = f"table nodes, row ({level}, {index}), column hash"
                self._hold(IntegrityError(state, where=where, fix=REBUILD))

    def _blob(self, index: int, digest: str) -> None:
        try:
            self.ledger.blob(digest)
        except BlobAbsent:
            self._gone(index, digest)
            return
        except IntegrityError as error:
            raise IntegrityError(
                f"{error.problem}; entry {index} names it", where=error.where, fix=error.fix, index=index
            ) from error
        self.blobs += 1

    def judge_erasures(self, head: Head) -> Erasing:
        # 8: only now is it known that the log is the one that was signed, and what it says of erasures with it
        if self.absent is not None:
            raise self.absent
        return erasures.judged(self.connection, Blobs(self.ledger.place().blobs), self.erased, size=head.size)

    def _gone(self, index: int, digest: str) -> None:
        if self.absent is None and self.erased.get(digest, -1) < index:
            where = shown(self.ledger.place().blobs)
            fix = "restore it from a copy; no erasure in the log says why it is gone"
            self.absent = IntegrityError(
                f"blob {digest}: absent; entry {index} names it", where=where, fix=fix, index=index
            )

    def _hold(self, finding: IntegrityError) -> None:
        if self.finding is None:
            self.finding = finding

    def _head(self, row: Row[Any]) -> None:
        what = f"checkpoint of size {row.size}"
        if self._moved(row.note):
            raise self._blame(self.last.size if self.last else 0, self.edge.size)
        head = self._named_size(row)
        try:  # 4
            signed = cosignature.verify(Note.parse(head.note), self.keys.at(head.size))
        except NoteError as error:
            raise IntegrityError(f"{what}: {error.problem}", fix=RESTORE) from error
        if head.origin != self.keys.origin:
            raise IntegrityError(f"{what}: it is of another log", fix=RESTORE)
        self._follows(head, row.previous, self.edge)
        for column, has, should in (("root", row.root, head.root), ("time", row.time, signed)):  # 5
            if has != should:
                raise _derived(f"table checkpoints, row {row.size}, column {column}", of="note")

    def _moved(self, data: object) -> bool:
        """Whether a key that signs only later here signed this note over other leaves, which moved the key's entry."""
        try:
            note = Note.parse(str(data))
            head = Checkpoint.parse(note.text)
        except NoteError:
            return False
        later = (link.key for link in self.read.links if link.index >= head.size)
        return head.root != self.edge.root() and any(_signed(note, key) for key in later)

    def _follows(self, head: Head, previous: int, edge: Frontier) -> None:
        what = f"checkpoint of size {head.size}"
        before = self.last.size if self.last else 0
        if (head.size, head.root) != (edge.size, edge.root()):  # 3
            raise self._blame(before, edge.size)
        if self.finding is not None:  # 5, 6: the leaves are those that were signed
            raise self.finding
        if previous != before:
            raise IntegrityError(
                f"{what}: it names size {previous} as the one before it, which is {before}", fix=RESTORE
            )
        if self.last is not None and head.time < self.last.time:
            raise IntegrityError(f"{what}: it was signed before the one before it", fix=RESTORE)
        self.heads += 1
        self.last = head

    def _named_size(self, row: Row[Any]) -> Head:
        what = f"checkpoint of size {row.size}"
        try:
            head = head_of(row.note, self.keys)
        except NoteError as error:
            raise IntegrityError(f"{what}: {error.problem}", fix=RESTORE) from error
        if head.size != row.size:
            raise IntegrityError(f"{what}: its note names size {head.size}", fix=RESTORE)
        return head

    def _blame(self, start: int, stop: int) -> IntegrityError:
        """The leaves since ``start`` do not lead to the signed root: which one was changed?"""
        low, high = self.between or (start, stop)
        low, high = max(low, start), min(high, stop)
        one = self.changed if self.changed is not None else self.suspect
        if one is None and high - low == 1:
            one = low
        if one is not None:
            return IntegrityError(f"entry {one}: its bytes are not those that were signed", index=one, fix=RESTORE)
        problem = f"entries {low} to {high - 1}: the bytes of one of them are not those that were signed"
        return IntegrityError(problem, index=low, fix=RESTORE)


def _signed(note: Note, key: VerifierKey) -> bool:
    try:
        cosignature.verify(note, key)
    except NoteError:
        return False
    return True


def _derived(where: str, *, index: int | None = None, of: str = "leaf") -> IntegrityError:
    return IntegrityError(f"a derived column that is not what the {of} says", where=where, index=index, fix=REBUILD)


def _holds_together(connection: Connection) -> None:
    # 10: last, since it names no entry; what was asked by an index before is only now known to be all of it
    if (found := scanning.contradiction(connection)) is not None:
        problem = f"its tables and indexes contradict each other ({found})"
        raise IntegrityError(problem, where="the database", fix=RESTORE)


def _no_extra_nodes(connection: Connection, size: int) -> None:
    # 6
    query = sa.select(nodes.c.level, nodes.c.index).where(scanning.extra_nodes(size)).limit(1)
    row = connection.execute(query).first()
    if row is not None:
        raise IntegrityError("no such node", where=f"table nodes, row ({row[0]}, {row[1]})", fix=REBUILD)


def _streams_chain(connection: Connection, first: int) -> None:
    # 7

    def before_it(column: sa.Column[Any], name: str) -> sa.Label[Any]:
        return sa.func.lag(column).over(partition_by=entries.c.stream, order_by=entries.c.index).label(name)

    # Most streams hold one entry: an index tells which hold more, and as many as there are streams supersede nothing.
    several = sa.select(entries.c.stream).group_by(entries.c.stream).having(sa.func.count() > 1)
    before = (
        sa.select(
            entries.c.index,
            entries.c.supersedes,
            entries.c.facts_digest,
            before_it(entries.c.leaf_hash, "leaf_before"),
            before_it(entries.c.facts_digest, "facts_before"),
        )
        .where(entries.c.stream.in_(several))
        .subquery()
    )
    wrong = sa.or_(
        before.c.supersedes.is_distinct_from(before.c.leaf_before), before.c.facts_digest == before.c.facts_before
    )
    index = connection.execute(sa.select(sa.func.min(before.c.index)).where(wrong)).scalar()
    if index is None and connection.execute(sa.select(sa.func.count(entries.c.stream.distinct()))).scalar() != first:
        alone = sa.select(sa.func.min(entries.c.index)).where(entries.c.supersedes.is_not(None))
        index = connection.execute(alone.where(entries.c.stream.not_in(several))).scalar()
    if index is not None:
        problem = f"entry {index}: it does not supersede the one before it in its stream, or says the same"
        raise IntegrityError(problem, index=index, fix=RESTORE)

"""Checking pages of a ledger quickly, in several processes.

A page is :data:`PAGE` entries, aligned, so that it is a subtree of its own: what is checked of it needs nothing that
stands before it. A page is either found to be all right, or it is not judged at all: then verification walks through
it entry by entry, in one process, and names what is wrong. Helpers therefore can be few, late or dead without any
effect on what is found.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import IO, Any, cast

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit.errors import AffidavitError, BlobAbsent
from affidavit.evidence import Statement, kinds
from affidavit.evidence.glimpse import glimpse
from affidavit.evidence.keychain import Keychain
from affidavit.evidence.naming import named_blobs
from affidavit.ledger import engine, scanning
from affidavit.ledger.blobs import Blobs
from affidavit.ledger.log import head_of
from affidavit.ledger.tables import DERIVED, derived
from affidavit.projections.reader import Head
from affidavit.tlog import cosignature
from affidavit.tlog.hashing import leaf_hash, node_hash
from affidavit.tlog.note import Note
from affidavit.tlog.tree import Frontier, Node, cover

PAGE_LEVEL = 10
PAGE = 1 << PAGE_LEVEL
"""Entries of a page."""

_ALONE = 16
"""Pages that are checked sooner than a helper has started."""

_FIRST_ROWS, _ROWS = (
    sa.text(
        f'SELECT "index", leaf, {", ".join(DERIVED)} FROM entries '  # noqa: S608 - names of columns
        f'WHERE "index" < :stop{also} ORDER BY "index"'
    )
    for also in ("", ' AND "index" >= :start')
)
_KIND, _SUPERSEDES = (2 + DERIVED.index(name) for name in ("kind", "supersedes"))


@dataclass(frozen=True)
class Page:
    """A page that is all right in itself.

    ``edge`` is its subtree; ``heads`` those that were signed within it, each with the size of the head that it names
    before it and the subtree as it then was. Whether the subtrees lead to the roots is left to be seen.
    """

    edge: Frontier = field(default_factory=Frontier)
    heads: list[tuple[Head, int, Frontier]] = field(default_factory=list)
    demonstrations: Counter[str] = field(default_factory=Counter)
    absent: list[tuple[str, int]] = field(default_factory=list)
    """Digests of blobs that are not there, each with the entry that names it."""
    blobs: int = 0
    unknown: int = 0
    first: int = 0
    """How many entries supersede nothing."""


@dataclass(frozen=True)
class Place:
    """What a process needs to check pages. ``database`` may hold a password."""

    database: str = field(repr=False)
    blobs: str = field(repr=False)
    keys: tuple[tuple[int, str], ...]
    """Each key of the log as a vkey, and the entry that names it."""
    covered: int = 0
    """The size of the newest head that is to be looked at."""


def pages(connection: Connection, place: Place, *, size: int, processes: int) -> Iterator[Page | None]:
    """Each page of the first ``size`` entries in order, None for one that is not simply all right.

    Page i is checked by process i modulo their number, of which this one is the first. The others see what was recorded
    since: entries are the same, and of heads they are told which are not yet to be looked at.
    """
    count = -(-size // PAGE)
    place = replace(place, covered=scanning.covered(connection))
    helping = min(processes, count // _ALONE) - 1
    with ExitStack() as stack:
        answers = [stack.enter_context(_helper(place, size, number + 1, helping + 1)) for number in range(helping)]
        check = _Checker(connection, place)
        for number in range(count):
            turn = number % (len(answers) + 1)
            yield _answer(answers[turn - 1]) if turn else check.page(number * PAGE, min(size, (number + 1) * PAGE))


class _Checker:
    def __init__(self, connection: Connection, place: Place) -> None:
        self._connection = connection
        self._blobs = Blobs(place.blobs)
        self._keys = Keychain.told(place.keys)
        self._covered = place.covered

    def page(self, start: int, stop: int) -> Page | None:
        """The entries ``start`` to before ``stop`` and the heads that end among them, if all is right."""
        try:
            return self._page(start, stop)
        except (AffidavitError, KeyError, TypeError, ValueError, AttributeError):
            return None

    def _page(self, start: int, stop: int) -> Page | None:
        counts: Counter[str] = Counter()
        demonstrations: Counter[str] = Counter()
        absent: list[tuple[str, int]] = []
        leaves = []
        for index, row in enumerate(self._rows(start, stop), start):
            leaf = row[1]
            digest = leaf_hash(leaf)
            if (found := glimpse(leaf)) is not None:
                *columns, demonstration = digest, *found
            else:
                statement = Statement.parse(leaf)
                columns = list(derived(statement, leaf_hash=digest, supersedes=statement.supersedes))
                demonstration = statement.demonstration
                counts["unknown"] += not statement.known
                for blob in named_blobs(statement):
                    if self._there(blob):
                        counts["blobs"] += 1
                    else:
                        absent.append((blob, index))
            if row != (index, leaf, *columns) or (index == 0 and row[_KIND] != kinds.GENESIS.name):
                return None
            if row[_KIND] == kinds.KEY_ROTATION.name:  # it says who signs from here on
                return None
            leaves.append(digest)
            if row[_SUPERSEDES] is None:
                counts["first"] += 1
            if demonstration is not None:
                demonstrations[str(demonstration)] += 1
        levels = _levels(leaves)
        stored = scanning.stored_nodes(self._connection, start, stop, levels=range(1, PAGE_LEVEL + 1))
        if len(leaves) != stop - start or stored != _nodes(levels, start):
            return None
        heads = [
            (*self._head(row), _edge(levels, row.size - start))
            for row in scanning.heads(self._connection, after=start, upto=min(stop, self._covered))
        ]
        return Page(_edge(levels, stop - start), heads, demonstrations, absent, **counts)

    def _there(self, blob: str) -> bool:
        try:
            self._blobs.get(blob)
        except BlobAbsent:
            return False
        return True

    def _rows(self, start: int, stop: int) -> Iterator[tuple[Any, ...]]:
        # What stands before entry 0, however far, spoils the first page.
        given = (_ROWS, {"start": start, "stop": stop}) if start else (_FIRST_ROWS, {"stop": stop})
        # The driver's own rows: SQLAlchemy's cost as much again.
        return cast("Iterator[tuple[Any, ...]]", self._connection.execute(*given).cursor)

    def _head(self, row: Any) -> tuple[Head, int]:
        head = head_of(row.note, self._keys)
        time = cosignature.verify(Note.parse(row.note), self._keys.at(row.size))
        if (head.origin, head.size, head.root, time) != (self._keys.origin, row.size, row.root, row.time):
            raise ValueError("not simply all right")
        return head, row.previous


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """The complete nodes of a page, by level from its leaves on, as far up as there are any."""
    levels = [leaves]
    while len(below := levels[-1]) > 1:
        levels.append([node_hash(left, right) for left, right in zip(below[::2], below[1::2], strict=False)])
    return levels


def _nodes(levels: list[list[bytes]], start: int) -> dict[Node, bytes]:
    """The nodes above a page's leaves."""
    return {
        (level, index): digest
        for level, digests in enumerate(levels[1:], 1)
        for index, digest in enumerate(digests, start >> level)
    }


def _edge(levels: list[list[bytes]], size: int) -> Frontier:
    return Frontier(size, [levels[level][index] for level, index in cover(0, size)])


@contextmanager
def _helper(place: Place, size: int, first: int, step: int) -> Iterator[IO[bytes]]:
    # Not multiprocessing: it would fork a process that has threads, or run the caller's main module again.
    task = json.dumps([place.database, place.blobs, place.keys, place.covered, size, first, step])
    with subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", f"from {__name__} import help_out; help_out()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            with suppress(BrokenPipeError), cast("IO[bytes]", process.stdin) as tell:
                tell.write(task.encode())
            yield cast("IO[bytes]", process.stdout)
        finally:
            process.kill()


def _answer(answers: IO[bytes]) -> Page | None:
    try:
        page: Page | None = pickle.load(answers)  # noqa: S301 - by our own child
    except (EOFError, pickle.UnpicklingError):
        return None
    return page


def help_out() -> None:
    """What a helper does: reads its task from standard input and writes its pages to standard output."""
    database, blobs, keys, covered, size, first, step = json.load(sys.stdin)
    opened = engine.connect(database, access="read")
    with engine.reading(opened) as connection:
        check = _Checker(connection, Place(database, blobs, keys, covered))
        for start in range(first * PAGE, size, step * PAGE):
            page = check.page(start, min(size, start + PAGE))
            pickle.dump(page, sys.stdout.buffer, protocol=pickle.HIGHEST_PROTOCOL)
            sys.stdout.buffer.flush()
